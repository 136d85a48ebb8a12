//! Renders charts: points become shapes of an SVG that is stretched to its width. Texts are HTML beside
//! it or are placed by percentages, so that they are never stretched.

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

/// The most labels of a time axis.
const MOST_LABELS: usize = 6;
/// The width of a letter of such a label and the least gap between two labels, in `em`.
const LETTER_EMS: f64 = 0.62;
const LABEL_GAP_EMS: f64 = 0.8;
/// The size of a drawing in its own units. It is stretched to its frame.
const WIDTH: f64 = 1000.0;
const HEIGHT: f64 = 200.0;
/// The part of its place that a bar fills.
const BAR_SHARE: f64 = 0.72;
/// The height of a horizontal bar's place, in pixels.
const BAR_PITCH: usize = 36;
/// The most characters of the label above a horizontal bar.
const MOST_LETTERS: usize = 80;
/// The number of colours in the stylesheet: for parts of a ring, and for options, which have the colours
/// of their badges.
const COLOURS: usize = 8;
const BADGE_COLOURS: usize = 6;
/// The gap between two parts of a ring, in hundredths of the ring.
const RING_GAP: f64 = 0.8;

/// Returns the template of a chart's drawing, and what it and the template around it need in addition to
/// what all components have.
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

/// Returns the heading of the figures in the chart's table.
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

/// Returns the drawing of a line, an area or bars over time.
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
        // A point without neighbours makes no line. It is drawn as a dot.
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

/// Returns the runs of points that have no gap between them.
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

/// Returns a few labels for a time axis, among them that of the last point. An axis is as wide as its
/// place on the page, which is not known here. So each label says from which width on it is shown. Where
/// only every second label has room, the axis looks as if there were half as many.
fn labels(points: &[Point]) -> Vec<Value> {
    let count = points.len() as f64;
    let every = points.len().div_ceil(MOST_LABELS).max(1);
    let from_last = |nth: usize| points.len() - 1 - nth;
    let wanted = (0..points.len()).filter(|nth| from_last(*nth).is_multiple_of(every));
    let letters = points.iter().map(|point| point.short.chars().count()).max().unwrap_or_default();
    let wide = letters as f64 * LETTER_EMS;
    wanted
        .map(|nth| {
            // The distance to the next label that is shown whenever this one is.
            let away = match from_last(nth) / every {
                0 => f64::INFINITY,
                step => (every << step.trailing_zeros()) as f64,
            };
            // A label at an end is moved inwards, by half of its width at most.
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

/// Returns the drawing of horizontal bars below their labels.
fn bars(points: &[Point]) -> Value {
    // The rest has no bar: it may be many times the others, which would look like nothing beside it.
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

/// Returns the drawing of a ring, with the total in its middle.
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

/// Formats a share for people. One that is not zero never reads as 0%, and one that is not the whole
/// never as 100%.
fn percent(share: f64) -> String {
    match share {
        share if share > 0.0 && share < 0.5 => "<1%".to_owned(),
        share if share > 99.5 && share < 100.0 => ">99%".to_owned(),
        share => format!("{share:.0}%"),
    }
}

/// Cuts a long label.
fn cut(label: &str) -> String {
    match label.char_indices().nth(MOST_LETTERS) {
        Some((end, _)) => format!("{}…", label[..end].trim_end()),
        None => label.to_owned(),
    }
}

/// Formats a length with one digit after the point, which is finer than any screen.
fn round(number: f64) -> String {
    // Adding zero turns a negative zero into a plain one.
    ((number * 10.0).round() / 10.0 + 0.0).to_string()
}

fn safe(html: &str) -> Value {
    Value::from_safe_string(html.to_owned())
}
