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
    /// The field that names the record.
    pub title_field: Option<FieldAt>,
    /// Whether that is the title of the page too.
    pub is_title: bool,
    /// Which record, and how it stays current.
    pub data_source: DataSource,
    /// The first of those in this order.
    pub window: Window,
    /// What is shown of it.
    pub fields: Vec<Detail>,
    /// What stands where the record would, when there is none.
    pub empty_message: Arc<str>,
}

/// A field of a record that is shown by itself.
#[derive(Clone, Debug)]
pub struct Detail {
    /// The field that is shown.
    pub field: FieldAt,
    /// What stands above its value.
    pub label: Arc<str>,
    /// How its value is written; absent: as suits the field.
    pub format: Option<ValueFormat>,
    /// The viewers who see it.
    pub visible: Grant,
}

/// The fields that are shown to the viewer, of those that they may read.
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
