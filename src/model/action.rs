//! Actions on records that a viewer starts with a button, as declared, and what follows when one succeeds.

use std::sync::Arc;

use crate::model::access::View;
use crate::model::data_source::HrefPart;
use crate::model::field::FieldAt;
use crate::model::filter::Filter;
use crate::model::permissions::Operation;
use crate::model::record::Record;
use crate::model::value::Value;

/// The operation of an action on its record.
#[derive(Clone, Debug)]
pub enum ActionKind {
    /// Deletes the record from its table.
    Delete,
    /// Sets one field of the record to a value.
    Set(FieldAt, Value),
}

/// An action that a button offers for one record, or for all records that a viewer has chosen.
#[derive(Clone, Debug)]
pub struct Action {
    /// The operation on the record.
    pub deed: ActionKind,
    /// The text on its button.
    pub label: Arc<str>,
    /// The question that the browser asks before it runs the action; `None` if it does not ask.
    pub confirm: Option<Arc<str>>,
}

/// A button or link at the end of each row of a data table.
#[derive(Clone, Debug)]
pub enum RowAction {
    /// A button that runs an action on the record of the row.
    Act(Action),
    /// A link to another page.
    Link {
        /// The text of the link.
        label: Arc<str>,
        /// The parts of its path, some of which are values of the record.
        href: Vec<HrefPart>,
    },
}

/// The actions of a component that a viewer may run, and the records that they may run them on.
///
/// A row rule is kept only where the rows look different by it (see [`DataTable::open_actions`]), else it
/// is [`Filter::all`]. So viewers with different rules still share one rendering where no row depends on them.
///
/// [`DataTable::open_actions`]: crate::model::components::data_table::DataTable::open_actions
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OpenActions {
    /// The indexes of the actions for one record, in the component's list of row actions.
    pub row: Vec<usize>,
    /// The indexes of the actions for chosen records, in the component's list of bulk actions.
    pub bulk: Vec<usize>,
    /// The row rule for updates; all records if no row shows an edit or an action that sets a field.
    pub update: Filter,
    /// The row rule for deletes; all records if no row shows an action that deletes.
    pub delete: Filter,
}

impl Default for OpenActions {
    fn default() -> Self {
        Self { row: Vec::new(), bulk: Vec::new(), update: Filter::all(), delete: Filter::all() }
    }
}

impl Action {
    /// Whether the viewer may run the action on any record at all. The row rules are not asked.
    pub fn is_open(&self, view: &View) -> bool {
        match &self.deed {
            ActionKind::Delete => view.table.allows(&view.viewer, Operation::Delete),
            ActionKind::Set(field, _) => view.may_set(*field),
        }
    }

    /// The row rule for the action: the filter that a record must pass before it.
    pub fn scope(&self, view: &View) -> Filter {
        match &self.deed {
            ActionKind::Delete => view.rules().delete,
            ActionKind::Set(..) => view.rules().update,
        }
    }

    /// Whether the viewer may run the action on this record. To set a field, the record must pass the rule for
    /// updates both as it is and as it would become.
    pub fn is_for(&self, record: &Record, open: &OpenActions) -> bool {
        match &self.deed {
            ActionKind::Delete => open.delete.matches(record),
            // Most tables have no such rule, and then the record need not be copied.
            ActionKind::Set(..) if open.update == Filter::all() => true,
            ActionKind::Set(field, value) => {
                let mut after = record.clone();
                after.values[field.index()] = value.clone();
                open.update.matches(record) && open.update.matches(&after)
            }
        }
    }

    /// Whether the record already has the value that the action sets. Never true for a delete.
    pub fn is_done(&self, record: &Record) -> bool {
        match &self.deed {
            ActionKind::Delete => false,
            ActionKind::Set(field, value) => record[*field] == *value,
        }
    }

    /// The message after success, for an author who gives none: "Deleted" or "Saved".
    pub fn toast(&self) -> Arc<str> {
        match &self.deed {
            ActionKind::Delete => "Deleted".into(),
            ActionKind::Set(..) => "Saved".into(),
        }
    }
}

impl OpenActions {
    /// Whether the viewer may run none of the component's actions.
    pub fn is_empty(&self) -> bool {
        self.row.is_empty() && self.bulk.is_empty()
    }
}

impl RowAction {
    /// The action of a button; `None` for a link.
    pub fn action(&self) -> Option<&Action> {
        match self {
            Self::Act(action) => Some(action),
            Self::Link { .. } => None,
        }
    }

    /// Whether the viewer gets the button or link. A link needs every field in its path to be readable.
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

/// The path to open and the message to show after a form is saved or an action has run.
#[derive(Clone, Debug)]
pub struct OnSuccess {
    /// The parts of the path to open; `None` to stay on the page.
    pub navigate: Option<Vec<HrefPart>>,
    /// The text of the message that is shown.
    pub toast: Arc<str>,
}
