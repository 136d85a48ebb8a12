//! `chart`: figures over groups of records, drawn. As an author writes it, and its checks.

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

/// The number of groups drawn where `x` groups by values and the author gives no `limit`.
const DEFAULT_GROUPS: u32 = 12;
/// The number of periods drawn where `x` groups by time and the author gives no `limit`.
const DEFAULT_STEPS: u32 = 60;
/// The text in place of the chart where there are no records and the author gives no `emptyMessage`.
const DEFAULT_EMPTY_MESSAGE: &str = "Nothing to draw yet.";

/// Draws one figure for each group of records, such as the number of orders by status.
#[derive(Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct RawChart {
    /// The kind of chart, as in `bar`.
    #[validate(required)]
    kind: Option<ChartKind>,
    /// The heading above the chart, as in `Orders by day`.
    #[validate(required, length(min = 1, message = "must not be empty"))]
    title: Option<String>,
    /// The records that count and how the chart stays current, as in `{table: orders}`. It takes no `sort`.
    #[validate(required, nested)]
    data_source: Option<RawDataSource>,
    /// The field whose values make the groups, as in `{field: status}` or `{field: createdAt, by: month}`.
    #[validate(required, nested)]
    x: Option<RawX>,
    /// The figure of each group, as in `{aggregate: sum, field: total}`; the number of records if you do not
    /// say.
    #[validate(nested)]
    value: Option<RawMeasure>,
    /// The most groups that are drawn, from 1 to 366. Of times, the latest are drawn. Of values, those with the
    /// greatest figures are drawn, and with `count` and `sum` also the rest together; 12 values or 60 periods
    /// if you do not say.
    #[validate(range(min = 1, max = 366, message = "must be from 1 to 366"))]
    limit: Option<i64>,
    /// The text in place of the chart when there are no records; `Nothing to draw yet.` if you do not say.
    empty_message: Option<String>,
}

/// The groups of a chart: a field, and for dates and times the length of a period.
#[derive(Deserialize, Serialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "X", deny_unknown_fields)]
struct RawX {
    /// The field whose values make the groups, as in `status`. Records with the same value are one group.
    #[validate(required)]
    field: Option<String>,
    /// For dates and times: the length of the period that makes one group, in UTC; `day` if you do not say.
    by: Option<TimeBucket>,
}

impl ComponentSpec for RawChart {
    fn check(self, around: &mut dyn CheckContext) -> Option<ComponentKind> {
        let place = around.place();
        let kind = self.kind;
        let at = place.key("dataSource");
        let (data_source, table) = data_source::check_unsorted(self.data_source?, &at, around)?;
        // Groups and figure are both checked before either is required, so that one report names all faults.
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

/// Checks the groups against the field and the kind of chart, and returns them. `None` if they do not fit (that
/// is reported).
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
    // The first fault that applies is reported. A missing kind was reported before and matches none of those
    // about kinds.
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

/// Returns whether the kind of chart can show this figure, and reports it if not. The parts of a donut must
/// add up to a whole, which means and extremes do not.
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
