//! `dataTable`: records as rows that can be searched, filtered, sorted and edited, and a viewer's choice of
//! filter, order and page.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::access::View;
use crate::model::action::{Action, ActionKind, OnSuccess, OpenActions, RowAction};
use crate::model::components::component_type::ComponentType;
use crate::model::data_source::{DataSource, HrefPart};
use crate::model::field::{Field, FieldAt};
use crate::model::filter::Filter;
use crate::model::format::{ValueFormat, is_free_text};
use crate::model::operator::Operator;
use crate::model::permissions::Grant;
use crate::model::query::{Ask, Sort, Window};
use crate::model::record::{FieldSet, Record};
use crate::model::storage::Storage;

/// A `dataTable` component: records as rows that can be searched, filtered, sorted and edited.
#[derive(Clone, Debug)]
pub struct DataTable {
    /// The heading above the table; `None` if it has none.
    pub title: Option<Arc<str>>,
    /// The records that the table shows, and their refresh mode.
    pub data_source: DataSource,
    /// The author's order of the records, and the number of rows on a page.
    pub window: Window,
    /// The columns, from left to right.
    pub columns: Vec<Column>,
    /// The fields that the search looks in; `None` if the table has no search.
    pub search: Option<Vec<FieldAt>>,
    /// The fields to filter by, each with a control above the table.
    pub filters: Vec<FieldAt>,
    /// The page sizes, in rows, that a viewer may choose; empty if they may not.
    pub page_sizes: Vec<u32>,
    /// Whether viewers can turn to further pages.
    pub pagination: bool,
    /// The parts of the path that a row links to; `None` if it is no link.
    pub row_link: Option<Vec<HrefPart>>,
    /// The buttons and links at the end of each row.
    pub row_actions: Vec<RowAction>,
    /// The actions on the rows that a viewer has chosen with the checkboxes.
    pub bulk_actions: Vec<Action>,
    /// The actions that the viewer may run. Empty in the table as declared; [`seen_by`](Self::seen_by) sets it.
    pub open: OpenActions,
    /// The text in place of the rows if there are none.
    pub empty_message: Arc<str>,
}

/// A column of a data table.
#[derive(Clone, Debug)]
pub struct Column {
    /// The field whose values it shows.
    pub field: FieldAt,
    /// The heading of the column.
    pub label: Arc<str>,
    /// The width as a CSS length; `None` if the browser chooses it.
    pub width: Option<Arc<str>>,
    /// The alignment of its cells; `None` for the normal one of the field's type.
    pub align: Option<Align>,
    /// The format of its values; `None` for the normal one of the field's type.
    pub format: Option<ValueFormat>,
    /// Whether viewers may sort by the column.
    pub sortable: bool,
    /// The viewers who see the column, if they may read the field.
    pub visible: Grant,
    /// Whether its cells can be edited in place by viewers who may set the field.
    pub editable: bool,
}

/// The alignment of the cells of a column. By default it follows the type of the field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Align {
    /// At the left edge.
    Left,
    /// In the middle, as for a checkbox or another short sign.
    Center,
    /// At the right edge.
    Right,
}

/// A viewer's choice about a data table: search, filters, order and page, read from the query string.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The fields that the viewer sorts by. Empty for the author's order.
    pub sort: Vec<Sort>,
    /// The text that the viewer searches for; `None` if they do not search.
    pub search: Option<Arc<str>>,
    /// The viewer's filters: each name in the query string, without the table's prefix, and its value.
    pub filters: Vec<(Arc<str>, Arc<str>)>,
    /// The filters or search that could not be understood: the name and the reason. Then no records are shown,
    /// since viewers would take unfiltered ones for those that they asked for.
    pub unclear: Vec<(Arc<str>, Arc<str>)>,
    /// The filter of this choice. The records also have to pass the filter of the author.
    pub filter: Filter,
    /// The number of rows on a page.
    pub limit: u32,
    /// The number of rows on a page that the author chose.
    pub usual_limit: u32,
    /// The number of the page, from 1.
    pub page: u64,
}

/// A data table with a viewer's choice.
#[derive(Clone, Debug)]
pub struct Chosen {
    /// The table with the columns that the viewer sees, in the chosen order.
    pub table: DataTable,
    /// The filter, order and page that the viewer chose.
    pub choice: Choice,
}

impl DataTable {
    /// Whether the table has columns that can be edited in place, for any viewer.
    pub fn is_editable(&self) -> bool {
        self.columns.iter().any(|column| column.editable)
    }

    /// Whether viewers can choose anything about the table: search, filter, sort or turn pages.
    pub fn is_browsable(&self) -> bool {
        self.has_tools() || self.pagination
    }

    /// Whether the table has a form with controls for search, filters, order or page size.
    pub fn has_tools(&self) -> bool {
        let filtered = self.search.is_some() || !self.filters.is_empty();
        filtered || !self.page_sizes.is_empty() || self.is_sortable()
    }

    /// Whether viewers may sort by at least one column.
    pub fn is_sortable(&self) -> bool {
        self.columns.iter().any(|column| column.sortable)
    }

    /// Returns the table as a viewer sees it: with the columns that they may see, the order and page that they
    /// chose, and the actions that they may run.
    pub fn seen_by(&self, view: &View, choice: &Choice) -> Self {
        let mut seen = self.clone();
        seen.columns.retain(|column| {
            view.fields.contains(column.field) && column.visible.allows(&view.viewer)
        });
        seen.window = choice.window(&self.window);
        seen.open = self.open_actions(view);
        seen
    }

    /// Returns the actions that the viewer may run, with the row rules by which rows show them.
    pub fn open_actions(&self, view: &View) -> OpenActions {
        let row = self.row_actions.iter().enumerate().filter(|(_, action)| action.is_open(view));
        let bulk = self.bulk_actions.iter().enumerate().filter(|(_, action)| action.is_open(view));
        let row: Vec<_> = row.map(|(index, _)| index).collect();
        let bulk: Vec<_> = bulk.map(|(index, _)| index).collect();
        let deeds: Vec<_> = self.actions(&row, &bulk).map(|action| &action.deed).collect();
        let edits = self.columns.iter().any(|column| column.editable && view.may_set(column.field));
        let sets = edits || deeds.iter().any(|deed| matches!(deed, ActionKind::Set(..)));
        let deletes = deeds.iter().any(|deed| matches!(deed, ActionKind::Delete));
        // A rule that no row depends on is dropped: viewers with other rules then share the rendered rows.
        let rules = view.rules();
        let seen = |rule, is_seen: bool| if is_seen { rule } else { Filter::all() };
        let (update, delete) = (seen(rules.update, sets), seen(rules.delete, deletes));
        OpenActions { row, bulk, update, delete }
    }

    /// Whether the viewer may run a bulk action on this record, so that its row has a checkbox.
    pub fn may_be_chosen(&self, record: &Record) -> bool {
        self.actions(&[], &self.open.bulk).any(|action| action.is_for(record, &self.open))
    }

    /// Whether the viewer may do the same with two states of a record. If not, its row must be rendered again
    /// even if no visible value has changed.
    pub fn may_do_the_same(&self, one: &Record, other: &Record) -> bool {
        let OpenActions { row, bulk, update, .. } = &self.open;
        let is_same =
            |action: &Action| action.is_for(one, &self.open) == action.is_for(other, &self.open);
        update.matches(one) == update.matches(other) && self.actions(row, bulk).all(is_same)
    }

    /// Returns the row actions and bulk actions at these indexes.
    fn actions(&self, row: &[usize], bulk: &[usize]) -> impl Iterator<Item = &Action> {
        let row = row.iter().filter_map(|index| self.row_actions.get(*index)?.action());
        row.chain(bulk.iter().filter_map(|index| self.bulk_actions.get(*index)))
    }

    /// Whether a parameter of the query string, without the table's prefix, is a choice about this table,
    /// such as `sort` or `filter.status`.
    pub fn knows(&self, name: &str) -> bool {
        match name {
            "sort" => self.is_sortable(),
            "search" => self.search.is_some(),
            "page" => self.pagination,
            "limit" => !self.page_sizes.is_empty(),
            _ => name == FILTER || name.strip_prefix(FILTER_BY).is_some(),
        }
    }
}

/// The parameter of the query string with a filter in the form that the API takes.
pub const FILTER: &str = "filter";
/// The beginning of the parameter with the filter by one field: `filter.status`.
pub const FILTER_BY: &str = "filter.";

/// Returns the operator that a filter uses if it names none: `contains` for free text, else `eq`.
pub fn usual_operator(field: &Field) -> Operator {
    if is_free_text(field) { Operator::Contains } else { Operator::Eq }
}

/// Whether there is a control to filter by the field.
pub fn has_control(field: &Field) -> bool {
    let storage = field.kind.storage();
    storage.is_ordered() || matches!(storage, Storage::Boolean | Storage::Link)
}

impl Choice {
    /// Returns the choice of a viewer who has chosen nothing: the author's order and page size.
    pub fn none(table: &DataTable) -> Self {
        let limit = table.window.limit;
        Self {
            sort: Vec::new(),
            search: None,
            filters: Vec::new(),
            unclear: Vec::new(),
            filter: Filter::all(),
            limit,
            usual_limit: limit,
            page: 1,
        }
    }

    /// Returns the window of the page. Records that the chosen order leaves equal follow the author's order.
    pub fn window(&self, authors: &Window) -> Window {
        let is_chosen = |field| self.sort.iter().any(|chosen| chosen.field == field);
        let rest = authors.sort.iter().filter(|sort| !is_chosen(sort.field));
        let sort = self.sort.iter().chain(rest).copied().collect();
        let offset = (self.page - 1).saturating_mul(u64::from(self.limit));
        Window { sort, limit: self.limit, offset, after: None }
    }

    /// Whether a search or a filter may hide records.
    pub fn narrows(&self) -> bool {
        self.search.is_some() || !self.filters.is_empty()
    }
}

impl ComponentType for DataTable {
    fn data_source(&self) -> Option<&DataSource> {
        Some(&self.data_source)
    }

    fn ask(&self) -> Option<Ask> {
        Some(Ask::Rows(self.window.clone()))
    }

    fn shown_fields(&self, view: &View) -> Vec<FieldAt> {
        // Any readable field can stand in the link of a row.
        view.fields.iter().collect()
    }

    fn labelled_fields(&self, _: &View) -> Vec<FieldAt> {
        self.columns.iter().map(|column| column.field).collect()
    }

    fn chosen_fields(&self, _: &View) -> Vec<FieldAt> {
        self.filters.clone()
    }

    fn editable_fields(&self, view: &View) -> FieldSet {
        let editable = self.columns.iter().filter(|column| column.editable);
        FieldSet::new(editable.map(|column| column.field).filter(|field| view.may_set(*field)))
    }

    fn open_actions(&self, view: &View) -> OpenActions {
        DataTable::open_actions(self, view)
    }

    fn action(&self, list: &str, index: usize) -> Option<(&Action, Option<&OnSuccess>)> {
        let action = match list {
            "row" => self.row_actions.get(index)?.action()?,
            "bulk" => self.bulk_actions.get(index)?,
            _ => return None,
        };
        Some((action, None))
    }

    fn changes_records(&self) -> bool {
        !self.row_actions.is_empty() || !self.bulk_actions.is_empty()
    }
}
