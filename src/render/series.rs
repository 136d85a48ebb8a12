//! Turns the groups of a chart into points to draw: in order, without holes, with a label for each.

use jiff::ToSpan;
use jiff::civil::Date;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use crate::fields;
use crate::model::field::Field;
use crate::model::query::{Group, GroupBy, Grouping, Groups, Measure, TimeBucket};
use crate::model::table::Table;
use crate::model::value::Value;

/// The label of the group of records without a value.
const NO_VALUE: &str = "No value";
/// The label of the groups that are not drawn separately.
const OTHER: &str = "Other";

/// One group to draw.
#[derive(Debug)]
pub(super) struct Point {
    /// The full label of the group.
    pub(super) label: String,
    /// The label of the group beside an axis.
    pub(super) short: String,
    /// The size to draw, `None` for a gap.
    pub(super) amount: Option<f64>,
    /// The figure of the group, as HTML without tags.
    pub(super) figure: String,
    /// The index of the group among the options of its field. `None` if it is not an option.
    pub(super) option: Option<usize>,
    /// Whether the point stands for all groups that are not drawn separately.
    pub(super) rest: bool,
}

/// Returns the points of a chart.
pub(super) fn points(table: &Table, grouping: Grouping, groups: &Groups) -> Vec<Point> {
    let measured = grouping.measure.field().map(|at| table.field(at));
    match grouping.by {
        GroupBy::Time(_, step) => times(measured, grouping, step, &groups.groups),
        GroupBy::Value(at) => values(measured, grouping, table.field(at), groups),
    }
}

/// Returns the number to draw, `None` if the value is not a number.
fn amount(value: &Value) -> Option<f64> {
    number(value)?.to_f64()
}

pub(super) fn number(value: &Value) -> Option<Decimal> {
    match value {
        Value::Integer(number) => Some(Decimal::from(*number)),
        Value::Decimal(number) => Some(*number),
        _ => None,
    }
}

/// Returns the points of groups by value: the greatest first, but options in the order of the author.
fn values(
    measured: Option<&Field>,
    grouping: Grouping,
    field: &Field,
    groups: &Groups,
) -> Vec<Point> {
    let options = field.kind.options();
    let option_of = |key: &Value| match key {
        Value::Text(text) => options.iter().position(|option| option == text),
        _ => None,
    };
    let mut points: Vec<_> = groups
        .groups
        .iter()
        .map(|group| {
            let label = label(&group.key);
            let option = option_of(&group.key);
            Point { option, ..point(measured, label.clone(), label, &group.figure) }
        })
        .collect();
    if !options.is_empty() {
        points.sort_by_key(|point| point.option.unwrap_or(usize::MAX));
    }
    if let Some(rest) = rest(grouping.measure, groups) {
        points.push(Point { rest: true, ..point(measured, OTHER.into(), OTHER.into(), &rest) });
    }
    points
}

/// Returns the figure of all records outside the groups. `None` if there are none, or if the measure
/// cannot be added up.
fn rest(measure: Measure, groups: &Groups) -> Option<Value> {
    if !groups.more || !measure.adds_up() {
        return None;
    }
    let shown = groups.groups.iter().filter_map(|group| number(&group.figure));
    let shown = shown.reduce(|sum, next| sum.checked_add(next).unwrap_or(sum));
    let rest = number(&groups.all)?.checked_sub(shown.unwrap_or_default())?;
    Some(Value::Decimal(rest.normalize()))
}

/// Returns a point for every period from the first to the last, also for those without records, but no
/// more than the chart shows.
fn times(
    measured: Option<&Field>,
    grouping: Grouping,
    step: TimeBucket,
    latest_first: &[Group],
) -> Vec<Point> {
    let day = |group: &Group| match &group.key {
        Value::Text(text) => text.parse::<Date>().ok(),
        _ => None,
    };
    let mut known = latest_first.iter().filter_map(|group| Some((day(group)?, &group.figure)));
    let known: Vec<_> = known.by_ref().collect();
    let (Some((last, _)), Some((first, _))) = (known.first(), known.last()) else {
        return Vec::new();
    };
    let nothing = grouping.measure.of_nothing(measured);
    let mut points = Vec::new();
    let mut at = *last;
    let mut known = known.iter().peekable();
    for _ in 0..grouping.limit {
        let found = known.next_if(|(day, _)| *day == at);
        let figure = found.map_or(&nothing, |(_, figure)| *figure);
        points.push(point(measured, long(at, step), short(at, step), figure));
        match before(at, step).filter(|earlier| earlier >= first) {
            Some(earlier) => at = earlier,
            None => break,
        }
    }
    points.reverse();
    points
}

fn before(day: Date, step: TimeBucket) -> Option<Date> {
    let span = match step {
        TimeBucket::Day => 1.day(),
        TimeBucket::Week => 1.week(),
        TimeBucket::Month => 1.month(),
        TimeBucket::Year => 1.year(),
    };
    day.checked_sub(span).ok()
}

fn long(day: Date, step: TimeBucket) -> String {
    let form = match step {
        TimeBucket::Day => "%-d %b %Y",
        TimeBucket::Week => "Week of %-d %b %Y",
        TimeBucket::Month => "%B %Y",
        TimeBucket::Year => "%Y",
    };
    day.strftime(form).to_string()
}

fn short(day: Date, step: TimeBucket) -> String {
    let form = match step {
        TimeBucket::Day | TimeBucket::Week => "%-d %b",
        TimeBucket::Month => "%b %Y",
        TimeBucket::Year => "%Y",
    };
    day.strftime(form).to_string()
}

fn point(measured: Option<&Field>, label: String, short: String, value: &Value) -> Point {
    let mut figure = String::new();
    if value.is_null() {
        figure.push('–');
    } else {
        fields::write_figure(measured, value, &mut figure);
    }
    Point { label, short, amount: amount(value), figure, option: None, rest: false }
}

/// Returns the label for a value of a group.
fn label(value: &Value) -> String {
    match value {
        Value::Null => NO_VALUE.to_owned(),
        Value::Boolean(true) => "Yes".to_owned(),
        Value::Boolean(false) => "No".to_owned(),
        Value::Integer(number) => number.to_string(),
        Value::Decimal(number) => number.to_string(),
        Value::Text(text) | Value::Json(text) => text.to_string(),
        Value::List(chosen) => chosen.join(", "),
        Value::Link(link) => link.to_string(),
        Value::Person(person) => person.name.as_deref().unwrap_or("Someone").to_owned(),
    }
}
