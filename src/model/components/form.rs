//! `form`: controls that add a record or change one.

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

/// A `form` component: controls that add a record or change one.
#[derive(Clone, Debug)]
pub struct Form {
    /// What stands above the form.
    pub title: Option<Arc<str>>,
    /// What it is for.
    pub purpose: Purpose,
    /// The record that is changed: the first of these. None for a new one.
    pub data_source: DataSource,
    /// In which order the first is looked for.
    pub sort: Vec<Sort>,
    /// What it asks for, from top to bottom.
    pub fields: Vec<FormField>,
    /// What stands on its button.
    pub submit_label: Arc<str>,
    /// What happens once it is saved.
    pub on_success: OnSuccess,
}

/// What a form is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// It adds a record.
    Create,
    /// It changes a record that is there.
    Update,
}

/// One field of a form.
#[derive(Clone, Debug)]
pub struct FormField {
    /// The field of the table.
    pub field: FieldAt,
    /// What stands above it.
    pub label: Arc<str>,
    /// What stands below it.
    pub help: Option<Arc<str>>,
    /// What stands in it while it is empty.
    pub placeholder: Option<Arc<str>>,
    /// What a new record has there if nobody changes it; for a hidden field, what it is set to.
    pub default: Value,
    /// Whether nobody sees it, and the form sets it by itself.
    pub hidden: bool,
    /// Whether the form is saved only with this box ticked.
    pub must_be_true: bool,
}

impl Form {
    /// The fields that this viewer sets by it; none if it is not for them. Where they could not give
    /// what every record must have, or not set what it sets by itself, it would only ever fail.
    pub fn open_fields(&self, view: &View) -> FieldSet {
        let may = |at| match self.purpose {
            Purpose::Create => view.may_give(at),
            Purpose::Update => view.may_set(at),
        };
        let is_open = self.fields.iter().all(|field| !field.hidden || may(field.field))
            && self.needed(view).all(|at| may(at) && self.field(at).is_some());
        FieldSet::new(self.fields.iter().map(|field| field.field).filter(|at| is_open && may(*at)))
    }

    /// The one record that it changes.
    pub fn window(&self) -> Window {
        Window::first(1, self.sort.clone())
    }

    /// The field of the form that sets this field of the table.
    pub fn field(&self, at: FieldAt) -> Option<&FormField> {
        self.fields.iter().find(|field| field.field == at)
    }

    /// What a new record cannot be without.
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
        // A record that they may not change is none for them to edit.
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
