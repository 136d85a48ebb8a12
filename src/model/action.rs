//! What can be done to records at a press, as declared, and what happens then.

use std::sync::Arc;

use crate::model::access::View;
use crate::model::data_source::HrefPart;
use crate::model::field::FieldAt;
use crate::model::filter::Filter;
use crate::model::permissions::Operation;
use crate::model::record::Record;
use crate::model::value::Value;

/// What is done to a record.
#[derive(Clone, Debug)]
pub enum ActionKind {
    /// The record is removed.
    Delete,
    /// One of its fields is set to this.
    Set(FieldAt, Value),
}

/// One thing that can be done to a record, or to several.
#[derive(Clone, Debug)]
pub struct Action {
    /// What is done to the record.
    pub deed: ActionKind,
    /// The words on its button.
    pub label: Arc<str>,
    /// What people are asked before it is done.
    pub confirm: Option<Arc<str>>,
}

/// One thing in each row of a table.
#[derive(Clone, Debug)]
pub enum RowAction {
    /// It is done to the record.
    Act(Action),
    /// A press opens another page.
    Link {
        /// The words on it.
        label: Arc<str>,
        /// The parts of the path that it leads to.
        href: Vec<HrefPart>,
    },
}

/// Which actions of a component are for a viewer, by their places in its lists, and for which records.
/// Of rows that are the same whatever the rules say, the rules are not kept: viewers share them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OpenActions {
    /// Those for one record.
    pub row: Vec<usize>,
    /// The actions that several records can be chosen for, by number.
    pub bulk: Vec<usize>,
    /// The records that the viewer may change, where that is to be seen in the rows.
    pub update: Filter,
    /// The records that they may remove, where that is to be seen in the rows.
    pub delete: Filter,
}

impl Default for OpenActions {
    fn default() -> Self {
        Self { row: Vec::new(), bulk: Vec::new(), update: Filter::all(), delete: Filter::all() }
    }
}

impl Action {
    /// Whether the viewer may do it to some records.
    pub fn is_open(&self, view: &View) -> bool {
        match &self.deed {
            ActionKind::Delete => view.table.allows(&view.viewer, Operation::Delete),
            ActionKind::Set(field, _) => view.may_set(*field),
        }
    }

    /// The records that the viewer may do it to.
    pub fn scope(&self, view: &View) -> Filter {
        match &self.deed {
            ActionKind::Delete => view.rules().delete,
            ActionKind::Set(..) => view.rules().update,
        }
    }

    /// Whether it may be done to this record: to set a field, the record must pass as it becomes, too.
    pub fn is_for(&self, record: &Record, open: &OpenActions) -> bool {
        match &self.deed {
            ActionKind::Delete => open.delete.matches(record),
            // Most tables have no such rule, and then there is nothing to be tried out.
            ActionKind::Set(..) if open.update == Filter::all() => true,
            ActionKind::Set(field, value) => {
                let mut after = record.clone();
                after.values[field.index()] = value.clone();
                open.update.matches(record) && open.update.matches(&after)
            }
        }
    }

    /// Whether it would change nothing.
    pub fn is_done(&self, record: &Record) -> bool {
        match &self.deed {
            ActionKind::Delete => false,
            ActionKind::Set(field, value) => record[*field] == *value,
        }
    }

    /// What people are told once it is done, where the author does not say.
    pub fn toast(&self) -> Arc<str> {
        match &self.deed {
            ActionKind::Delete => "Deleted".into(),
            ActionKind::Set(..) => "Saved".into(),
        }
    }
}

impl OpenActions {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.row.is_empty() && self.bulk.is_empty()
    }
}

impl RowAction {
    /// The action; nothing for a link.
    pub fn action(&self) -> Option<&Action> {
        match self {
            Self::Act(action) => Some(action),
            Self::Link { .. } => None,
        }
    }

    /// Whether it is for this viewer.
    pub fn is_open(&self, view: &View) -> bool {
        match self {
            Self::Act(action) => action.is_open(view),
            Self::Link { href, .. } => href.iter().all(|part| match part {
                HrefPart::Field(at) => view.fields.contains(*at),
                HrefPart::Text(_) => true,
            }),
        }
    }
}

/// What happens once something is saved.
#[derive(Clone, Debug)]
pub struct OnSuccess {
    /// Where people are led; nowhere if they stay.
    pub navigate: Option<Vec<HrefPart>>,
    /// What they are told.
    pub toast: Arc<str>,
}
