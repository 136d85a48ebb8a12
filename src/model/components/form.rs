//! `form`: controls with which viewers add a record or change one.

use std::sync::Arc;

use crate::model::access::View;
use crate::model::action::OnSuccess;
use crate::model::components::component_type::ComponentType;
use crate::model::data_source::DataSource;
use crate::model::field::FieldAt;
use crate::model::filter::Filter;
use crate::model::query::{Ask, Sort, Window};
use crate::model::record::FieldSet;
use crate::model::value::Value;

/// A `form` component: controls with which viewers add a record or change one.
#[derive(Clone, Debug)]
pub struct Form {
    /// The heading above the form; `None` if it has none.
    pub title: Option<Arc<str>>,
    /// Whether the form adds a record or changes one.
    pub purpose: Purpose,
    /// The records, of which the first is changed. For a form that adds a record, only the table counts.
    pub data_source: DataSource,
    /// The order in which the first record is found.
    pub sort: Vec<Sort>,
    /// The fields of the form, from top to bottom.
    pub fields: Vec<FormField>,
    /// The text on the button that saves.
    pub submit_label: Arc<str>,
    /// The path to open and the message to show after the record is saved.
    pub on_success: OnSuccess,
}

/// The purpose of a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// It adds a record.
    Create,
    /// It changes an existing record.
    Update,
}

/// One field of a form.
#[derive(Clone, Debug)]
pub struct FormField {
    /// The field of the table that it sets.
    pub field: FieldAt,
    /// The label above the control.
    pub label: Arc<str>,
    /// The help text below the control; `None` if it has none.
    pub help: Option<Arc<str>>,
    /// The placeholder in the empty control; `None` if it has none.
    pub placeholder: Option<Arc<str>>,
    /// The value that the control for a new record starts with. For a hidden field, the value that is set.
    pub default: Value,
    /// Whether the field has no control, and the form itself sets it to `default`.
    pub hidden: bool,
    /// Whether the form can be saved only if this checkbox is ticked, as for consent to terms.
    pub must_be_true: bool,
}

impl Form {
    /// Returns the fields that the viewer can set with the form. Empty if they cannot use the form: it would
    /// always fail for a viewer who may not set a required field of a new record, or a hidden field.
    pub fn open_fields(&self, view: &View) -> FieldSet {
        let may = |at| match self.purpose {
            Purpose::Create => view.may_give(at),
            Purpose::Update => view.may_set(at),
        };
        // A form that sets a hidden field to the author's value must not save without it.
        let is_open = self.fields.iter().all(|field| !field.hidden || may(field.field))
            && self.needed(view).all(|at| may(at) && self.field(at).is_some());
        FieldSet::new(self.fields.iter().map(|field| field.field).filter(|at| is_open && may(*at)))
    }

    /// The window of the first record in the order, which a form changes.
    pub fn window(&self) -> Window {
        Window::first(1, self.sort.clone())
    }

    /// Returns the form's field for this field of the table. `None` if the form does not set it.
    pub fn field(&self, at: FieldAt) -> Option<&FormField> {
        self.fields.iter().find(|field| field.field == at)
    }

    /// The fields that a new record needs a value for; none if the form changes a record.
    fn needed(&self, view: &View) -> impl Iterator<Item = FieldAt> {
        let needed = match self.purpose {
            Purpose::Create => view.table.needed().collect(),
            Purpose::Update => Vec::new(),
        };
        needed.into_iter()
    }
}

impl ComponentType for Form {
    fn data_source(&self) -> Option<&DataSource> {
        Some(&self.data_source)
    }

    fn ask(&self) -> Option<Ask> {
        Some(Ask::Rows(self.window()))
    }

    fn narrow(&self, scope: Filter, view: &View) -> Option<Filter> {
        // A viewer who may not change a record gets no form filled with it.
        (!self.open_fields(view).is_empty()).then(|| scope.and(view.rules().update))
    }

    fn labelled_fields(&self, view: &View) -> Vec<FieldAt> {
        self.open_fields(view).iter().collect()
    }

    fn chosen_fields(&self, view: &View) -> Vec<FieldAt> {
        self.open_fields(view).iter().collect()
    }

    fn editable_fields(&self, view: &View) -> FieldSet {
        self.open_fields(view)
    }

    fn adds_records(&self) -> bool {
        self.purpose == Purpose::Create
    }

    fn changes_records(&self) -> bool {
        true
    }
    fn needs_its_record(&self) -> bool {
        self.purpose == Purpose::Update
    }
}
