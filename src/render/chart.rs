//! A chart: points become shapes of a drawing that is stretched to the width it gets. Words stand
//! beside the drawing or go by percentages, so that they are never stretched.

use minijinja::{Value, context};

use crate::fields;
use crate::model::components::chart::{Chart, ChartKind};
use crate::model::field::Field;
use crate::model::query::{GroupBy, Groups, Measure};
use crate::model::storage::Storage;
use crate::render::component_html::{ComponentHtml, ComponentWriter};
use crate::render::scale::Scale;
use crate::render::series::{self, Point};
use crate::render::{ComponentData, RenderError};
impl ComponentHtml for Chart {
    fn html(&self, writer: &ComponentWriter<'_>) -> Result<String, RenderError> {
        let Some((data, groups)) = writer.groups() else { return Ok(String::new()) };
        let (template, inside) = context(self, data, groups);
        let drawing = writer.fill_with_data(template, data, inside.clone())?;
        let drawing = Value::from_safe_string(drawing);
        writer.fill_with_data("chart.html", data, context! { drawing, ..inside })
    }
}

/// How many labels an axis of time has at most.
const MOST_LABELS: usize = 6;
/// How wide a letter of such a label is and how much is left free between two, in their font's size.
const LETTER_EMS: f64 = 0.62;
const LABEL_GAP_EMS: f64 = 0.8;
/// How wide and how high a drawing is, in its own units; it is stretched to its frame.
const WIDTH: f64 = 1000.0;
const HEIGHT: f64 = 200.0;
/// How much of its place a bar takes.
const BAR_SHARE: f64 = 0.72;
/// How high the place of a lying bar is, in pixels.
const BAR_PITCH: usize = 36;
/// How many characters of a label stand above a lying bar, where it is long enough.
const MOST_LETTERS: usize = 80;
/// How many colours the stylesheet has for parts, and for options: those of their badges.
const COLOURS: usize = 8;
const BADGE_COLOURS: usize = 6;
/// What is left free between two parts of a ring, in hundredths of it.
const RING_GAP: f64 = 0.8;

/// The template of a chart's drawing, and what it and the template around it need beside what all
/// components have.
fn context(chart: &Chart, data: &ComponentData, groups: &Groups) -> (&'static str, Value) {
    let table = &data.table;
    let points = series::points(table, chart.grouping, groups);
    let measured = chart.grouping.measure.field().map(|at| table.field(at));
    let (template, drawn) = match (chart.kind, chart.grouping.by) {
        _ if points.is_empty() => ("chart_empty.html", context! {}),
        (ChartKind::Donut, _) => ("chart_ring.html", ring(&points, measured, groups)),
        (ChartKind::Bar, GroupBy::Value(_)) => ("chart_bars.html", bars(&points)),
        (kind, _) => ("chart_time.html", time(kind, &points, measured)),
    };
    let rows = points.iter().map(|point| {
        context! { label => point.label.as_str(), figure => safe(&point.figure) }
    });
    let by = table.field(chart.grouping.by.field());
    let around = context! {
        title => chart.title.as_ref(),
        empty_message => chart.empty_message.as_ref(),
        rows => rows.collect::<Vec<_>>(),
        group_label => by.label.as_ref(),
        figure_label => figure_label(chart.grouping.measure, measured),
    };
    (template, context! { ..drawn, ..around })
}

/// What the figures are, above their column.
fn figure_label(measure: Measure, measured: Option<&Field>) -> String {
    let label = measured.map_or("", |field| field.label.as_ref());
    match measure {
        Measure::Count => "Records".to_owned(),
        Measure::Sum(_) => format!("{label}, total"),
        Measure::Average(_) => format!("{label}, mean"),
        Measure::Min(_) => format!("{label}, least"),
        Measure::Max(_) => format!("{label}, greatest"),
    }
}

/// A line, an area or bars through time.
fn time(kind: ChartKind, points: &[Point], measured: Option<&Field>) -> Value {
    let whole = measured.is_none_or(|field| field.kind.storage() == Storage::Integer);
    let scale = Scale::new(points.iter().filter_map(|point| point.amount), whole);
    let band = WIDTH / points.len().max(1) as f64;
    let middle = |nth: usize| (nth as f64 + 0.5) * band;
    let height = |amount: f64| HEIGHT * (1.0 - scale.share(amount));
    let zero = height(0.0);
    let ticks = scale.ticks.iter().rev().map(|tick| {
        let mut text = String::new();
        fields::write_tick(measured, *tick, &mut text);
        safe(&text)
    });
    let lines = scale.ticks.len().saturating_sub(1).max(1);
    let grid = (0..=lines).map(|nth| round(HEIGHT * nth as f64 / lines as f64));
    let bands = points.iter().enumerate().map(|(nth, point)| {
        let top = point.amount.map(|amount| height(amount).min(zero));
        let tall = point.amount.map(|amount| (height(amount) - zero).abs());
        context! {
            label => point.label.as_str(),
            figure => safe(&point.figure),
            left => round(nth as f64 * band),
            width => round(band),
            bar_left => round(middle(nth) - band * BAR_SHARE / 2.0),
            bar_width => round(band * BAR_SHARE),
            top => top.map(round),
            tall => tall.filter(|tall| *tall > 0.0).map(round),
        }
    });
    let runs = runs(points).into_iter().map(|run| {
        let ends = (middle(run[0].0), middle(run[run.len() - 1].0));
        let steps = run
            .iter()
            .map(|(nth, amount)| format!("{} {}", round(middle(*nth)), round(height(*amount))));
        let line = format!("M{}h0", steps.collect::<Vec<_>>().join("L"));
        let area = format!(
            "{}L{} {zero}L{} {zero}Z",
            line.trim_end_matches("h0"),
            round(ends.1),
            round(ends.0),
            zero = round(zero)
        );
        // A point without neighbours is no line: it is drawn as a dot that can be seen.
        context! { line, area, alone => run.len() == 1 }
    });
    context! {
        shape => match kind { ChartKind::Area => "area", ChartKind::Bar => "bar", _ => "line" },
        ticks => ticks.collect::<Vec<_>>(),
        grid => grid.collect::<Vec<_>>(),
        zero => round(zero),
        bands => bands.collect::<Vec<_>>(),
        runs => runs.collect::<Vec<_>>(),
        labels => labels(points),
    }
}

/// The stretches of points without a gap between them.
fn runs(points: &[Point]) -> Vec<Vec<(usize, f64)>> {
    let mut runs: Vec<Vec<(usize, f64)>> = Vec::new();
    let mut after_gap = true;
    for (nth, point) in points.iter().enumerate() {
        match (point.amount, runs.last_mut()) {
            (Some(amount), Some(run)) if !after_gap => run.push((nth, amount)),
            (Some(amount), _) => runs.push(vec![(nth, amount)]),
            (None, _) => {}
        }
        after_gap = point.amount.is_none();
    }
    runs
}

/// A few labels for an axis of time, the last point's among them. An axis is as wide as its place on the
/// page, so each label says from which width on it has room; where only every second one has, it is as if
/// there were half as many.
fn labels(points: &[Point]) -> Vec<Value> {
    let count = points.len() as f64;
    let every = points.len().div_ceil(MOST_LABELS).max(1);
    let from_last = |nth: usize| points.len() - 1 - nth;
    let wanted = (0..points.len()).filter(|nth| from_last(*nth).is_multiple_of(every));
    let letters = points.iter().map(|point| point.short.chars().count()).max().unwrap_or_default();
    let wide = letters as f64 * LETTER_EMS;
    wanted
        .map(|nth| {
            // How far it is to the next of those that are shown wherever this one is.
            let away = match from_last(nth) / every {
                0 => f64::INFINITY,
                step => (every << step.trailing_zeros()) as f64,
            };
            // One at an end is moved inwards, by half of itself at the most.
            let apart = (wide + LABEL_GAP_EMS) / away;
            let at_end = (1.5 * wide + LABEL_GAP_EMS) / (away + 0.5);
            context! {
                text => points[nth].short.as_str(),
                place => round((nth as f64 + 0.5) / count * 100.0),
                half => round(wide / 2.0),
                from => round((count * apart.max(at_end)).max(wide)),
            }
        })
        .collect()
}

/// Bars that lie below their labels.
fn bars(points: &[Point]) -> Value {
    // The rest is no bar: it may be many times the others, and would make them look like nothing.
    let drawn = points.iter().filter(|point| !point.rest);
    let greatest = drawn.filter_map(|point| point.amount.map(f64::abs)).fold(0.0, f64::max);
    let bar = |(nth, point): (usize, &Point)| {
        let share = point.amount.map_or(0.0, f64::abs) / greatest.max(f64::MIN_POSITIVE);
        let top = nth * BAR_PITCH;
        context! {
            label => cut(&point.label),
            full => point.label.as_str(),
            figure => safe(&point.figure),
            width => round(share * 100.0),
            words => top,
            top => top + 23,
            rest => point.rest,
            colour => match point.option {
                Some(option) => format!("pt-series-{}", option % BADGE_COLOURS),
                None => "pt-series-main".to_owned(),
            },
        }
    };
    let height = points.len() * BAR_PITCH;
    context! { height, bars => points.iter().enumerate().map(bar).collect::<Vec<_>>() }
}

/// A ring of parts, the whole in its middle.
fn ring(points: &[Point], measured: Option<&Field>, groups: &Groups) -> Value {
    let amount = |point: &Point| point.amount.unwrap_or_default().max(0.0);
    let whole: f64 = points.iter().map(amount).sum();
    let mut start = 0.0;
    let parts: Vec<_> = points
        .iter()
        .enumerate()
        .map(|(nth, point)| {
            let share = amount(point) / whole.max(f64::MIN_POSITIVE) * 100.0;
            let gap = if share > 2.0 * RING_GAP && share < 100.0 { RING_GAP } else { 0.0 };
            let from = start;
            start += share;
            context! {
                label => point.label.as_str(),
                figure => safe(&point.figure),
                share => percent(share),
                drawn => (share > 0.0).then(|| round(share - gap)),
                from => round(-from),
                colour => match point.option {
                    _ if point.rest => "pt-series-rest".to_owned(),
                    Some(option) => format!("pt-series-{}", option % BADGE_COLOURS),
                    None => format!("pt-series-{}", nth % COLOURS),
                },
            }
        })
        .collect();
    let mut middle = String::new();
    if let Some(number) = series::number(&groups.all) {
        fields::write_tick(measured, number, &mut middle);
    }
    context! { parts, middle => safe(&middle) }
}

/// A share as people read it: what is there is more than nothing, and less than all if there is more.
fn percent(share: f64) -> String {
    match share {
        share if share > 0.0 && share < 0.5 => "<1%".to_owned(),
        share if share > 99.5 && share < 100.0 => ">99%".to_owned(),
        share => format!("{share:.0}%"),
    }
}

/// The beginning of a label, where it is long.
fn cut(label: &str) -> String {
    match label.char_indices().nth(MOST_LETTERS) {
        Some((end, _)) => format!("{}…", label[..end].trim_end()),
        None => label.to_owned(),
    }
}

/// A length as it is written: one digit after the point is finer than any screen.
fn round(number: f64) -> String {
    // Adding zero turns the zero with a sign into the plain one.
    ((number * 10.0).round() / 10.0 + 0.0).to_string()
}

fn safe(html: &str) -> Value {
    Value::from_safe_string(html.to_owned())
}
