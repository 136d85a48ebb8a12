//! `chart`: figures of groups of records, drawn.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use validator::Validate;

use crate::components::data_source::{self, RawDataSource};
use crate::components::measure::{self, RawMeasure, Suits};
use crate::components::{CheckContext, ComponentSpec, visibility};
use crate::model::components::chart::{Chart, ChartKind};
use crate::model::components::component::ComponentKind;
use crate::model::problem::Place;
use crate::model::query::{GroupBy, Grouping, Measure, TimeBucket};
use crate::model::storage::Storage;
use crate::model::table::Table;

/// How many groups are drawn where the author does not say.
const DEFAULT_GROUPS: u32 = 12;
/// How many stretches of time are drawn where the author does not say.
const DEFAULT_STEPS: u32 = 60;
/// What stands in the chart's place, where the author does not say.
const DEFAULT_EMPTY_MESSAGE: &str = "Nothing to draw yet.";

/// Figures of groups of records, drawn.
#[derive(Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct RawChart {
    /// How it is drawn, as in `bar`.
    #[validate(required)]
    kind: Option<ChartKind>,
    /// What stands above it, as in `Orders by day`.
    #[validate(required, length(min = 1, message = "must not be empty"))]
    title: Option<String>,
    /// Which records it is made of and how it stays current, as in `{table: orders}`. It takes no
    /// `sort`.
    #[validate(required, nested)]
    data_source: Option<RawDataSource>,
    /// How the records are grouped, as in `{field: status}`.
    #[validate(required, nested)]
    x: Option<RawX>,
    /// The figure of each group; how many records it has if you do not say.
    #[validate(nested)]
    value: Option<RawMeasure>,
    /// How many groups are drawn at most; 12 values or 60 stretches of time if you do not say. Of
    /// values the greatest are drawn, and the rest as one where that makes sense; of time the latest.
    #[validate(range(min = 1, max = 366, message = "must be from 1 to 366"))]
    limit: Option<i64>,
    /// What stands in its place, when there are no records; `Nothing to draw yet.` if you do not say.
    empty_message: Option<String>,
}

/// How the records of a chart are grouped.
#[derive(Deserialize, Serialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "X", deny_unknown_fields)]
struct RawX {
    /// The field whose values make the groups.
    #[validate(required)]
    field: Option<String>,
    /// How much time makes one group, for dates and times; `day` if you do not say. Days are
    /// those of UTC.
    by: Option<TimeBucket>,
}

impl ComponentSpec for RawChart {
    fn check(self, around: &mut dyn CheckContext) -> Option<ComponentKind> {
        let place = around.place();
        let kind = self.kind;
        let at = place.key("dataSource");
        let (data_source, table) = data_source::check_unsorted(self.data_source?, &at, around)?;
        let by = check_x(self.x?, kind, &table, &place.key("x"), around);
        let measure = match self.value {
            None => Some(Measure::Count),
            Some(value) => {
                let at = place.key("value");
                let measure = measure::check(value, &table, &at, Suits::Numbers, around);
                measure.filter(|measure| check_parts(kind, *measure, &at, around))
            }
        };
        let (by, measure) = (by?, measure?);
        let default = match by {
            GroupBy::Value(_) => DEFAULT_GROUPS,
            GroupBy::Time(..) => DEFAULT_STEPS,
        };
        let limit = self.limit.and_then(|limit| u32::try_from(limit).ok()).unwrap_or(default);
        let empty_message = self.empty_message.as_deref().unwrap_or(DEFAULT_EMPTY_MESSAGE).into();
        Some(ComponentKind::from(Chart {
            kind: kind?,
            title: self.title?.into(),
            data_source,
            grouping: Grouping { by, measure, limit },
            empty_message,
        }))
    }
}

fn check_x(
    raw: RawX,
    kind: Option<ChartKind>,
    table: &Table,
    place: &Place,
    around: &mut dyn CheckContext,
) -> Option<GroupBy> {
    let name = raw.field?;
    let at = visibility::field(table, &name, place.key("field"), around)?;
    let is_time = measure::is_time(table, at);
    let fault = match (kind, raw.by) {
        (_, Some(_)) if !is_time => {
            let message = format!("`by` is for dates and times, and `{name}` holds neither");
            Some(("by", message, "remove it: each value is a group of its own"))
        }
        _ if matches!(table.field(at).kind.storage(), Storage::List | Storage::Json) => {
            let message = format!("`{name}` holds too much to be grouped by");
            Some(("field", message, "name a field that holds one value"))
        }
        (Some(ChartKind::Line | ChartKind::Area), _) if !is_time => {
            let message = format!("a line runs through time, and `{name}` holds no dates or times");
            Some(("field", message, "name a date or time, or use `kind: bar`"))
        }
        (Some(ChartKind::Donut), _) if is_time => {
            let message = format!("a donut shows parts of a whole, and `{name}` holds times");
            Some(("field", message, "name another field, or use `kind: bar`"))
        }
        _ => None,
    };
    if let Some((key, message, help)) = fault {
        around.problems().report(place.key(key), message).help(help);
        return None;
    }
    let step = raw.by.unwrap_or(TimeBucket::Day);
    Some(if is_time { GroupBy::Time(at, step) } else { GroupBy::Value(at) })
}

/// Whether the figures can be the parts that a donut shows.
fn check_parts(
    kind: Option<ChartKind>,
    measure: Measure,
    place: &Place,
    around: &mut dyn CheckContext,
) -> bool {
    let fine = kind != Some(ChartKind::Donut) || measure.adds_up();
    if !fine {
        let message = "a donut shows parts of a whole, which only count and sum make";
        let problem = around.problems().report(place.key("aggregate"), message);
        problem.help("use `count` or `sum`, or `kind: bar`");
    }
    fine
}
