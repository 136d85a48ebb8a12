//! `value`: one figure over many records, as an author writes it in `kpi` and `chart`, and its checks.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use validator::Validate;

use crate::components::{CheckContext, visibility};
use crate::model::field::{FieldAt, FieldKind};
use crate::model::problem::Place;
use crate::model::query::Measure;
use crate::model::storage::Storage;
use crate::model::table::Table;

/// One figure over many records, as in `{aggregate: sum, field: total}`.
#[derive(Deserialize, Serialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Value", deny_unknown_fields)]
pub(super) struct RawMeasure {
    /// The way to compute the figure, as in `count`.
    #[validate(required)]
    aggregate: Option<RawAggregate>,
    /// The field whose values are used, as in `total`. `count` takes no field. Records without a value there
    /// are left out.
    field: Option<String>,
}

/// The ways to compute one figure from many records.
#[derive(Clone, Copy, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
enum RawAggregate {
    /// The number of records.
    Count,
    /// The sum of the values.
    Sum,
    /// The mean of the values.
    Avg,
    /// The smallest value, or the earliest date or time.
    Min,
    /// The greatest value, or the latest date or time.
    Max,
}

/// The fields that a component accepts for its figure.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Suits {
    /// Numbers, and dates and times with `min` and `max`: a figure that is only written.
    AnyFigure,
    /// Numbers alone: a figure that is drawn to scale.
    Numbers,
}

/// Checks a figure over the records of a table and returns it. `None` if it is faulty (that is reported).
pub(super) fn check(
    raw: RawMeasure,
    table: &Table,
    place: &Place,
    suits: Suits,
    around: &mut dyn CheckContext,
) -> Option<Measure> {
    let aggregate = raw.aggregate?;
    let make: fn(FieldAt) -> Measure = match aggregate {
        RawAggregate::Count => {
            if raw.field.is_some() {
                let problem = around.problems().report(place.key("field"), "count takes no field");
                problem.at_key().help("remove it; a filter says which records are counted");
            }
            return Some(Measure::Count);
        }
        RawAggregate::Sum => Measure::Sum,
        RawAggregate::Avg => Measure::Average,
        RawAggregate::Min => Measure::Min,
        RawAggregate::Max => Measure::Max,
    };
    let word = aggregate.word();
    let Some(name) = raw.field else {
        let problem = around.problems().report(place.clone(), format!("{word} needs a `field`"));
        problem.help(format!("as in `{{aggregate: {word}, field: total}}`"));
        return None;
    };
    let at = visibility::field(table, &name, place.key("field"), around)?;
    // Dates have an earliest and a latest, but neither a sum nor a mean. They have no zero to draw bars from.
    let times_too = aggregate.takes_times() && suits == Suits::AnyFigure;
    let suits = is_number(table, at) || times_too && is_time(table, at);
    if !suits {
        let wanted = if times_too { "numbers, dates and times" } else { "numbers" };
        let message = format!("{word} does not suit the field `{name}`");
        let problem = around.problems().report(place.key("field"), message);
        problem.help(format!("{word} takes {wanted} here; `count` takes no field"));
        return None;
    }
    Some(make(at))
}

/// Returns whether the field holds amounts, which can be added up. Ids and autonumbers are integers, but
/// only names.
fn is_number(table: &Table, at: FieldAt) -> bool {
    let kind = &table.field(at).kind;
    let number = matches!(kind.storage(), Storage::Integer | Storage::Decimal(_));
    number && !matches!(kind, FieldKind::Id | FieldKind::Autonumber(_))
}

/// Returns whether the field holds dates or instants. Times of day are not included.
pub(super) fn is_time(table: &Table, at: FieldAt) -> bool {
    table.field(at).kind.storage().is_calendar()
}

impl RawAggregate {
    fn word(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Sum => "sum",
            Self::Avg => "avg",
            Self::Min => "min",
            Self::Max => "max",
        }
    }

    fn takes_times(self) -> bool {
        matches!(self, Self::Min | Self::Max)
    }
}
