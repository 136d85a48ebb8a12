//! `dataTable`: records as rows of a table, as an author writes it, and its checks.

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

/// The number of rows on a page where the author gives neither `pageSize` nor `pageSizes`.
const DEFAULT_PAGE_SIZE: u32 = 50;
/// The most rows that a page of a table may have.
const MAX_PAGE_SIZE: i64 = 200;

/// Shows records as rows of a table. Viewers can sort, search, filter, edit cells and act on rows where you
/// allow it.
#[derive(Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct RawDataTable {
    /// The heading above the table. By default, there is none.
    title: Option<String>,
    /// The records to show and how they stay current, as in `{table: orders}`.
    #[validate(required, nested)]
    data_source: Option<RawDataSource>,
    /// The columns from left to right: names of fields, or
    /// `{field, label, width, align, format, sortable, visible, editable}`;
    /// every field that the viewer may read except `id` if you do not say.
    #[validate(
        length(
            min = 1,
            message = "must name at least one field\nwithout `columns` every field is shown"
        ),
        nested
    )]
    columns: Option<Vec<Named<RawColumn>>>,
    /// `true` lets viewers sort by every column that does not say `sortable` itself; `false` if you do not
    /// say.
    sortable: Option<bool>,
    /// A search box above the table: `true` searches all text fields that the viewer may read, and
    /// `{fields: [customer, city]}` searches some of them; `false` if you do not say.
    #[validate(nested)]
    search: Option<RawSearch>,
    /// The fields that viewers may filter by, as in `[status, total]`. Each has a control above the table.
    /// If a viewer enters something that is not a value of the field, the table shows no rows and a
    /// message. Days and times are in UTC.
    filters: Option<Vec<String>>,
    /// The text in place of the rows when there are none; `Nothing here yet.` if you do not say.
    empty_message: Option<String>,
    /// The most rows on a page, from 1 to 200; the first of `pageSizes`, or else 50, if you do not say.
    #[validate(range(min = 1, max = 200, message = "must be from 1 to 200"))]
    page_size: Option<i64>,
    /// The page sizes that viewers can choose from, each from 1 to 200, as in `[25, 50, 100]`. By default,
    /// they cannot choose.
    #[schemars(inner(range(min = 1, max = 200)))]
    page_sizes: Option<Vec<i64>>,
    /// `false` shows the first page of rows only; `true` if you do not say.
    pagination: Option<bool>,
    /// The page that a row opens: a path of this app, with fields of the record in braces, as in
    /// `/orders/{id}`. By default, rows open nothing.
    row_link: Option<String>,
    /// The buttons and links at the end of each row, as in `[{type: delete}]`.
    #[validate(nested)]
    row_actions: Option<Vec<RawRowAction>>,
    /// The actions on all rows that a viewer has selected, as in
    /// `[{type: set, label: Done, field: status, value: done}]`.
    #[validate(nested)]
    bulk_actions: Option<Vec<RawAction>>,
}

impl ComponentSpec for RawDataTable {
    fn check(self, around: &mut dyn CheckContext) -> Option<ComponentKind> {
        let place = around.place();
        // Checked first, because a faulty data source ends the check of the other keys.
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
    /// Returns the page size and the sizes that viewers may choose from. Reports sizes out of range, sizes
    /// listed twice, and a `pageSize` that is not among `pageSizes`.
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
        // A viewer who chose another size must be able to return to the first one.
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

/// Returns the fields that viewers may filter by. Reports fields that no viewer may read, that are listed
/// twice, or whose values have no control.
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
