//! `details`: the fields of one record.

use std::sync::Arc;

use crate::model::access::View;
use crate::model::components::component_type::ComponentType;
use crate::model::data_source::DataSource;
use crate::model::field::FieldAt;
use crate::model::format::ValueFormat;
use crate::model::permissions::Grant;
use crate::model::query::{Ask, Window};
use crate::model::record::FieldSet;

/// A `details` component: the fields of one record.
#[derive(Clone, Debug)]
pub struct Details {
    /// The field whose value is the heading; `None` if there is no heading.
    pub title_field: Option<FieldAt>,
    /// Whether this heading is also the title of the page, written as `<h1>`.
    pub is_title: bool,
    /// The records among which the first is shown, and their refresh mode.
    pub data_source: DataSource,
    /// The order in which the first record is found, with a limit of 1.
    pub window: Window,
    /// The fields that are shown of the record.
    pub fields: Vec<Detail>,
    /// The text in place of the record if there is none.
    pub empty_message: Arc<str>,
}

/// A field that is shown with its label, in `details` or on a card of a `gallery`.
#[derive(Clone, Debug)]
pub struct Detail {
    /// The field that is shown.
    pub field: FieldAt,
    /// The label of the value.
    pub label: Arc<str>,
    /// The format of the value; `None` for the normal one of its type.
    pub format: Option<ValueFormat>,
    /// The viewers who see the field, if they may read it.
    pub visible: Grant,
}

/// Returns the fields among `fields` that the viewer sees: those visible to them that they may read.
pub(super) fn seen_fields(fields: &[Detail], view: &View) -> FieldSet {
    let seen = fields.iter().filter(|detail| detail.visible.allows(&view.viewer));
    FieldSet::new(seen.map(|detail| detail.field).filter(|at| view.fields.contains(*at)))
}

impl ComponentType for Details {
    fn data_source(&self) -> Option<&DataSource> {
        Some(&self.data_source)
    }

    fn ask(&self) -> Option<Ask> {
        Some(Ask::Rows(self.window.clone()))
    }

    fn shown_fields(&self, view: &View) -> Vec<FieldAt> {
        self.entry_fields(view).iter().chain(self.title_field).collect()
    }

    fn entry_fields(&self, view: &View) -> FieldSet {
        seen_fields(&self.fields, view)
    }

    fn labelled_fields(&self, view: &View) -> Vec<FieldAt> {
        self.shown_fields(view)
    }
    fn needs_its_record(&self) -> bool {
        true
    }
}
