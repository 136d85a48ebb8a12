//! `dataTable`: records as rows.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use validator::Validate;

use crate::components::action::{self, RawAction, RawRowAction};
use crate::components::column::{self, RawColumn};
use crate::components::data_source::{self, NO_RECORDS, RawDataSource};
use crate::components::field_ref::Named;
use crate::components::search::RawSearch;
use crate::components::{CheckContext, ComponentSpec, href, visibility};
use crate::model::action::OpenActions;
use crate::model::components::component::ComponentKind;
use crate::model::components::data_table::{DataTable, has_control};
use crate::model::field::FieldAt;
use crate::model::problem::Place;
use crate::model::query::Window;
use crate::model::table::Table;

/// How many rows are shown where the author does not say.
const DEFAULT_PAGE_SIZE: u32 = 50;
/// The most rows that a page of a table may have.
const MAX_PAGE_SIZE: i64 = 200;

/// Records as rows of a table.
#[derive(Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct RawDataTable {
    /// What stands above the table.
    title: Option<String>,
    /// Which records are shown and how they stay current, as in `{table: orders}`.
    #[validate(required, nested)]
    data_source: Option<RawDataSource>,
    /// What is shown of each record, from left to right: names of fields, or
    /// `{field, label, width, align, format, sortable, visible, editable}`.
    /// Every field that the viewer may read if you do not say.
    #[validate(
        length(
            min = 1,
            message = "must name at least one field\nwithout `columns` every field is shown"
        ),
        nested
    )]
    columns: Option<Vec<Named<RawColumn>>>,
    /// Whether viewers may sort by the columns that do not say so themselves; `false` if you do not
    /// say.
    sortable: Option<bool>,
    /// Whether viewers may look for words: `true` for all fields of text that they may read, or
    /// some of these, as in `{fields: [customer, city]}`.
    #[validate(nested)]
    search: Option<RawSearch>,
    /// The fields that viewers may filter by, each with a control above the table. What is typed
    /// there and not understood shows no rows, and says so; days and times are those of UTC.
    filters: Option<Vec<String>>,
    /// What stands where the rows would, when there are none; `Nothing here yet.` if you do not say.
    empty_message: Option<String>,
    /// How many rows are shown at most; 50, or the first of `pageSizes`, if you do not say.
    #[validate(range(min = 1, max = 200, message = "must be from 1 to 200"))]
    page_size: Option<i64>,
    /// How many rows viewers may choose to see at most, as in `[25, 50, 100]`.
    #[schemars(inner(range(min = 1, max = 200)))]
    page_sizes: Option<Vec<i64>>,
    /// Whether viewers may turn to the rows beyond the first ones; `true` if you do not say.
    pagination: Option<bool>,
    /// Where a row leads: a path of this app, with fields in braces, as in `/orders/{id}`.
    row_link: Option<String>,
    /// What stands at the end of each row, as in `{type: delete}`.
    #[validate(nested)]
    row_actions: Option<Vec<RawRowAction>>,
    /// What can be done to all rows that are chosen, as in `{type: set, label: Done, field: status,
    /// value: done}`.
    #[validate(nested)]
    bulk_actions: Option<Vec<RawAction>>,
}

impl ComponentSpec for RawDataTable {
    fn check(self, around: &mut dyn CheckContext) -> Option<ComponentKind> {
        let place = around.place();
        let (limit, page_sizes) = self.check_sizes(&place, around);
        let at = place.key("dataSource");
        let (data_source, table, sort) = data_source::check(self.data_source?, &at, around)?;
        let sortable = self.sortable.unwrap_or(false);
        let columns = match self.columns {
            Some(columns) => column::check(columns, &table, sortable, around),
            None => column::visible_columns(&table, &around.audience(), sortable),
        };
        let search = self.search.and_then(|search| search.check(&table, &place, around));
        let filters = self.filters.unwrap_or_default();
        let filters = check_filters(filters, &table, &place.key("filters"), around);
        let at = place.key("rowLink");
        let row_link = self.row_link.and_then(|path| href::check(&path, &table, &at, around));
        let raw = self.row_actions.unwrap_or_default().into_iter().enumerate();
        let at = place.key("rowActions");
        let row_actions =
            raw.filter_map(|(index, raw)| action::check_row(raw, &table, &at.item(index), around));
        let row_actions = row_actions.collect();
        let raw = self.bulk_actions.unwrap_or_default().into_iter().enumerate();
        let at = place.key("bulkActions");
        let bulk_actions = raw
            .filter_map(|(index, raw)| action::check(raw, None, &table, &at.item(index), around));
        let bulk_actions = bulk_actions.collect();
        let empty_message = self.empty_message.as_deref().unwrap_or(NO_RECORDS).into();
        Some(ComponentKind::from(DataTable {
            title: self.title.map(Into::into),
            data_source,
            window: Window::first(limit, sort),
            columns,
            search,
            filters,
            page_sizes,
            pagination: self.pagination.unwrap_or(true),
            row_link,
            row_actions,
            bulk_actions,
            open: OpenActions::default(),
            empty_message,
        }))
    }
}

impl RawDataTable {
    /// How many rows are shown at most, and how many may be chosen.
    fn check_sizes(&self, place: &Place, around: &mut dyn CheckContext) -> (u32, Vec<u32>) {
        let at = place.key("pageSizes");
        let mut sizes: Vec<u32> = Vec::new();
        for (index, size) in self.page_sizes.iter().flatten().enumerate() {
            match u32::try_from(*size) {
                Ok(fine) if (1..=MAX_PAGE_SIZE).contains(size) && !sizes.contains(&fine) => {
                    sizes.push(fine);
                }
                Ok(twice) if sizes.contains(&twice) => {
                    around.problems().report(at.item(index), format!("{size} is listed already"));
                }
                _ => {
                    let message = format!("a page has from 1 to {MAX_PAGE_SIZE} rows, got {size}");
                    around.problems().report(at.item(index), message);
                }
            }
        }
        let given = self.page_size.and_then(|size| u32::try_from(size).ok());
        if let Some(size) = given.filter(|size| !sizes.is_empty() && !sizes.contains(size)) {
            let problem = around.problems().report(at, format!("{size}, the pageSize, is missing"));
            problem.help("viewers could not choose it again");
        } else if !sizes.is_empty() && self.pagination == Some(false) {
            let message = "pageSizes has no effect with `pagination: false`";
            around.problems().warn(at, message).at_key().help("remove one of the two");
        }
        let usual = sizes.first().copied().unwrap_or(DEFAULT_PAGE_SIZE);
        (given.unwrap_or(usual), sizes)
    }
}

/// The fields that viewers may filter by.
fn check_filters(
    names: Vec<String>,
    table: &Arc<Table>,
    place: &Place,
    around: &mut dyn CheckContext,
) -> Vec<FieldAt> {
    let mut filters: Vec<FieldAt> = Vec::with_capacity(names.len());
    for (index, name) in names.iter().enumerate() {
        let place = place.item(index);
        let Some(at) = visibility::field(table, name, place.clone(), around) else { continue };
        if filters.contains(&at) {
            around.problems().report(place, format!("`{name}` is listed already"));
        } else if has_control(table.field(at)) {
            filters.push(at);
        } else {
            let message = format!("there is no control to filter by `{name}`");
            let problem = around.problems().report(place, message);
            problem.help("there are controls for texts, options, numbers, dates, checkboxes and relationships");
        }
    }
    filters
}
