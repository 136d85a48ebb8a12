//! `dataTable`: records as rows that can be searched, filtered, sorted and edited, and what a viewer chooses
//! about them.

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
    /// What stands above the table.
    pub title: Option<Arc<str>>,
    /// Which records, and how they stay current.
    pub data_source: DataSource,
    /// In which order, and how many at most.
    pub window: Window,
    /// What is shown of each record, from left to right.
    pub columns: Vec<Column>,
    /// In which fields words are looked for; nothing where there is no search.
    pub search: Option<Vec<FieldAt>>,
    /// The fields with a control above the table.
    pub filters: Vec<FieldAt>,
    /// How many rows at most a viewer may choose, beside what the author chose.
    pub page_sizes: Vec<u32>,
    /// Whether a viewer may turn to the rows beyond the first ones.
    pub pagination: bool,
    /// Where a row leads.
    pub row_link: Option<Vec<HrefPart>>,
    /// What stands at the end of each row.
    pub row_actions: Vec<RowAction>,
    /// What can be done to all rows that are chosen.
    pub bulk_actions: Vec<Action>,
    /// Which of these whoever looks may do; none while that is not known.
    pub open: OpenActions,
    /// What stands where the rows would, when there are none.
    pub empty_message: Arc<str>,
}

/// One column of a table.
#[derive(Clone, Debug)]
pub struct Column {
    /// The field it shows.
    pub field: FieldAt,
    /// What stands above it.
    pub label: Arc<str>,
    /// How wide it is, as CSS says it.
    pub width: Option<Arc<str>>,
    /// To which side its cells are aligned; absent: as suits the field.
    pub align: Option<Align>,
    /// How its values are written; absent: as suits the field.
    pub format: Option<ValueFormat>,
    /// Whether a viewer may sort by it.
    pub sortable: bool,
    /// The viewers who see the column.
    pub visible: Grant,
    /// Whether its cells can be edited in place, by those who may.
    pub editable: bool,
}

/// To which side cells are aligned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Align {
    /// Where a line begins.
    Left,
    /// Centred, as for short marks.
    Center,
    /// Where a line ends.
    Right,
}

/// What a viewer chose about a table: what of it they see, and in which order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// By what they sort; nothing for the author's order.
    pub sort: Vec<Sort>,
    /// The words they look for.
    pub search: Option<Arc<str>>,
    /// What they filter by: each name in the query string, without a prefix, and its value.
    pub filters: Vec<(Arc<str>, Arc<str>)>,
    /// What of it, or of the search, is not understood: its name, and why. It leaves no records, or
    /// people would take all of them for those that they asked for.
    pub unclear: Vec<(Arc<str>, Arc<str>)>,
    /// Which records that leaves.
    pub filter: Filter,
    /// How many rows at most.
    pub limit: u32,
    /// How many the author chose.
    pub usual_limit: u32,
    /// Which page of so many rows, from 1.
    pub page: u64,
}

/// A data table with what a viewer chose about it.
#[derive(Clone, Debug)]
pub struct Chosen {
    /// What they see of it, in the order that they chose.
    pub table: DataTable,
    /// The filter, order and page that the viewer chose.
    pub choice: Choice,
}

impl DataTable {
    /// Whether somebody may edit cells of it in place.
    pub fn is_editable(&self) -> bool {
        self.columns.iter().any(|column| column.editable)
    }

    /// Whether a viewer may choose something about it.
    pub fn is_browsable(&self) -> bool {
        self.has_tools() || self.pagination
    }

    /// Whether it has a form with controls.
    pub fn has_tools(&self) -> bool {
        let filtered = self.search.is_some() || !self.filters.is_empty();
        filtered || !self.page_sizes.is_empty() || self.is_sortable()
    }

    /// Whether a viewer may sort by one of its columns.
    pub fn is_sortable(&self) -> bool {
        self.columns.iter().any(|column| column.sortable)
    }

    /// The table with those columns only that the viewer sees, in the order that they chose.
    pub fn seen_by(&self, view: &View, choice: &Choice) -> Self {
        let mut seen = self.clone();
        seen.columns.retain(|column| {
            view.fields.contains(column.field) && column.visible.allows(&view.viewer)
        });
        seen.window = choice.window(&self.window);
        seen.open = self.open_actions(view);
        seen
    }

    /// Which of its actions are for this viewer.
    pub fn open_actions(&self, view: &View) -> OpenActions {
        let row = self.row_actions.iter().enumerate().filter(|(_, action)| action.is_open(view));
        let bulk = self.bulk_actions.iter().enumerate().filter(|(_, action)| action.is_open(view));
        let row: Vec<_> = row.map(|(index, _)| index).collect();
        let bulk: Vec<_> = bulk.map(|(index, _)| index).collect();
        let deeds: Vec<_> = self.actions(&row, &bulk).map(|action| &action.deed).collect();
        let edits = self.columns.iter().any(|column| column.editable && view.may_set(column.field));
        let sets = edits || deeds.iter().any(|deed| matches!(deed, ActionKind::Set(..)));
        let deletes = deeds.iter().any(|deed| matches!(deed, ActionKind::Delete));
        let rules = view.rules();
        let seen = |rule, is_seen: bool| if is_seen { rule } else { Filter::all() };
        let (update, delete) = (seen(rules.update, sets), seen(rules.delete, deletes));
        OpenActions { row, bulk, update, delete }
    }

    /// Whether anything may be done to all of several records, this one among them.
    pub fn may_be_chosen(&self, record: &Record) -> bool {
        self.actions(&[], &self.open.bulk).any(|action| action.is_for(record, &self.open))
    }

    /// Whether the same may be done to both states of a record.
    pub fn may_do_the_same(&self, one: &Record, other: &Record) -> bool {
        let OpenActions { row, bulk, update, .. } = &self.open;
        let is_same =
            |action: &Action| action.is_for(one, &self.open) == action.is_for(other, &self.open);
        update.matches(one) == update.matches(other) && self.actions(row, bulk).all(is_same)
    }

    /// The actions at these places in its lists.
    fn actions(&self, row: &[usize], bulk: &[usize]) -> impl Iterator<Item = &Action> {
        let row = row.iter().filter_map(|index| self.row_actions.get(*index)?.action());
        row.chain(bulk.iter().filter_map(|index| self.bulk_actions.get(*index)))
    }

    /// Whether a name in the query string, without its prefix, is one of those by which viewers
    /// choose.
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

/// The name of a filter as the API takes it.
pub const FILTER: &str = "filter";
/// What the name of one field's filter begins with.
pub const FILTER_BY: &str = "filter.";

/// How a field is filtered by where nothing is said: free text by what it holds.
pub fn usual_operator(field: &Field) -> Operator {
    if is_free_text(field) { Operator::Contains } else { Operator::Eq }
}

/// Whether a viewer can be given a control to filter by the field.
pub fn has_control(field: &Field) -> bool {
    let storage = field.kind.storage();
    storage.is_ordered() || matches!(storage, Storage::Boolean | Storage::Link)
}

impl Choice {
    /// What an author chose for all.
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

    /// In which order, and which of the records. The author's order decides what is left equal.
    pub fn window(&self, authors: &Window) -> Window {
        let is_chosen = |field| self.sort.iter().any(|chosen| chosen.field == field);
        let rest = authors.sort.iter().filter(|sort| !is_chosen(sort.field));
        let sort = self.sort.iter().chain(rest).copied().collect();
        let offset = (self.page - 1).saturating_mul(u64::from(self.limit));
        Window { sort, limit: self.limit, offset, after: None }
    }

    /// Whether they look for something, so that there may be more than they see.
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
        // A row links to its record by any of them.
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
