//! `dataSource`: the records of a component and how they stay current, as an author writes it.
//!
//! [`check`] reports what does not fit the table or the page's viewers. The checked form is
//! `model::data_source`.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use validator::Validate;

use crate::components::CheckContext;
use crate::components::filter::{self, RawFilter};
use crate::fields::filter::FilterContext;
use crate::model::data_source::DataSource;
use crate::model::filter::Filter;
use crate::model::operand::Operand;
use crate::model::permissions::Operation;
use crate::model::problem::Place;
use crate::model::query::{Direction, Sort};
use crate::model::refresh::{DEFAULT_POLL_INTERVAL_MS, MIN_POLL_INTERVAL_MS, Refresh};
use crate::model::table::Table;

/// The text in place of the records where there are none and the author gives no `emptyMessage`.
pub(super) const NO_RECORDS: &str = "Nothing here yet.";

/// The records that a component shows, and how they stay current, as in
/// `{table: orders, refreshMode: realtime}`.
#[derive(Deserialize, Serialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct RawDataSource {
    /// The table whose records are shown, as in `orders`.
    #[validate(required)]
    table: Option<String>,
    /// The conditions that a record must meet to be shown, as in
    /// `[{field: status, operator: eq, value: open}]`. All of them must hold; every record is shown if you do
    /// not say.
    #[schemars(with = "Option<RawFilter>")]
    filter: Option<Json>,
    /// The order of the records, the most important field first, as in
    /// `[{field: total, direction: desc}]`. Missing values come last in either direction.
    sort: Option<Vec<RawSort>>,
    /// The way in which an open page learns of changes; `static` if you do not say.
    refresh_mode: Option<RawRefreshMode>,
    /// The time between two polls in milliseconds, at least 1000, for `refreshMode: poll`; 30000 if you do
    /// not say.
    #[validate(range(
        min = 1000,
        message = "must be at least 1000 (1 second)\nraise this to 1000 or more; without it the interval is 30000"
    ))]
    poll_interval_ms: Option<i64>,
}

// The attribute above repeats the two numbers, because its message must be a literal. This keeps them equal.
const _: () = assert!(MIN_POLL_INTERVAL_MS == 1000 && DEFAULT_POLL_INTERVAL_MS == 30_000);

/// A field to sort by and the direction, as in `{field: total, direction: desc}`.
#[derive(Deserialize, Serialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct RawSort {
    /// The field to sort by, as in `total`.
    #[validate(required)]
    field: Option<String>,
    /// The direction: `asc` puts the smallest value first, `desc` the greatest; `asc` if you do not say.
    direction: Option<Direction>,
}

/// The ways in which an open page learns of changes.
#[derive(Clone, Copy, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
enum RawRefreshMode {
    /// The records stay as they were when the page was loaded.
    Static,
    /// The browser fetches them again every `pollIntervalMs` milliseconds.
    Poll,
    /// The server sends each change to the browser as it happens.
    Realtime,
}

/// Checks a data source. Returns it with its table and its order, or `None` if the table cannot be used
/// (that is reported). A faulty filter or sort is reported too, but the rest of the component is still
/// checked.
pub(super) fn check(
    raw: RawDataSource,
    place: &Place,
    around: &mut dyn CheckContext,
) -> Option<(DataSource, Arc<Table>, Vec<Sort>)> {
    let refresh = check_refresh(&raw, place, around);
    let table = around.table(&raw.table?, place.key("table"))?;
    check_access(&table, place, around);
    let filter = raw.filter.map(|json| check_filter(&table, &json, &place.key("filter"), around));
    let sort = check_sort(raw.sort.unwrap_or_default(), &table, &place.key("sort"), around);
    let filter = filter.unwrap_or_else(Filter::all);
    Some((DataSource { table: table.name.clone(), filter, refresh }, table, sort))
}

/// Checks the data source of a component that aggregates all its records, as `kpi` and `chart` do.
/// Reports a `sort`, since it would have no effect.
pub(super) fn check_unsorted(
    raw: RawDataSource,
    place: &Place,
    around: &mut dyn CheckContext,
) -> Option<(DataSource, Arc<Table>)> {
    if raw.sort.is_some() {
        let message = "sort has no effect here: all records count the same";
        around.problems().report(place.key("sort"), message).at_key().help("remove it");
    }
    let (data_source, table, _) = check(RawDataSource { sort: None, ..raw }, place, around)?;
    Some((data_source, table))
}

/// Returns the refresh mode. Warns of a `pollIntervalMs` in any mode but `poll`.
fn check_refresh(raw: &RawDataSource, place: &Place, around: &mut dyn CheckContext) -> Refresh {
    // A `refreshMode` with a fault of its own may be a misspelt `poll`, so there is no warning about it.
    let is_poll = raw.refresh_mode == Some(RawRefreshMode::Poll)
        || around.problems().concern(&place.key("refreshMode"));
    if raw.poll_interval_ms.is_some() && !is_poll {
        let message = "pollIntervalMs has no effect without `refreshMode: poll`";
        let problem = around.problems().warn(place.key("pollIntervalMs"), message);
        problem.at_key().help("add `refreshMode: poll`, or remove this");
    }
    match raw.refresh_mode {
        None | Some(RawRefreshMode::Static) => Refresh::Static,
        Some(RawRefreshMode::Realtime) => Refresh::Realtime,
        Some(RawRefreshMode::Poll) => {
            let interval = raw.poll_interval_ms.and_then(|given| u64::try_from(given).ok());
            Refresh::Poll { interval_ms: interval.unwrap_or(DEFAULT_POLL_INTERVAL_MS) }
        }
    }
}

/// Compares the viewers of the page with the readers of the table. Reports a fault if no viewer of the
/// page may read the table, and a warning if the page is open to everyone and the table is not.
fn check_access(table: &Table, place: &Place, around: &mut dyn CheckContext) {
    let may_read = |viewer| table.allows(viewer, Operation::Read);
    let audience = around.audience();
    if !audience.iter().any(may_read) {
        let message = format!("nobody who may open this page may read `{}`", table.name);
        let problem = around.problems().report(place.key("table"), message);
        problem.help("open the table to them under its `permissions`, or the page to others");
    } else if around.is_public() && !audience.iter().all(may_read) {
        // The author wrote `require: all`. Without it, a page is open to those who may read some of its data.
        let message = format!("this page is open to everyone, but `{}` is not", table.name);
        let problem = around.problems().warn(place.key("table"), message);
        problem.help("who may not read the table sees no records; `read: all` opens it");
    }
}

/// Checks the filter of a data source and returns it. Returns a filter that passes all records after a
/// fault, which is reported.
///
/// An author's filter may use fields that viewers may not read, unlike a filter that a viewer sends.
fn check_filter(
    table: &Table,
    json: &Json,
    place: &Place,
    around: &mut dyn CheckContext,
) -> Filter<Operand> {
    let mut unknown = Vec::new();
    let params = around.params();
    let at = (FilterContext::Page(&params), place);
    let filter = filter::check(table, json, at, around.problems(), &mut unknown);
    // `field` reports the name, unless the table has a field of this name with problems of its own.
    for (name, place) in unknown {
        around.field(table, &name, place);
    }
    filter
}

/// Returns the order. Reports fields that do not exist and fields named twice.
fn check_sort(
    raw: Vec<RawSort>,
    table: &Table,
    place: &Place,
    around: &mut dyn CheckContext,
) -> Vec<Sort> {
    let mut sort: Vec<Sort> = Vec::with_capacity(raw.len());
    for (index, term) in raw.into_iter().enumerate() {
        let Some(name) = term.field else { continue };
        let place = place.item(index).key("field");
        let Some(field) = around.field(table, &name, place.clone()) else { continue };
        // A second term for the same field could never decide the order.
        if sort.iter().any(|earlier| earlier.field == field) {
            around.problems().report(place, format!("`{name}` is sorted by already"));
            continue;
        }
        let direction = term.direction.unwrap_or(Direction::Asc);
        sort.push(Sort { field, direction });
    }
    sort
}
