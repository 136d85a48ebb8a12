//! `kpi`: one figure over the records of a table.

use std::sync::Arc;

use crate::model::components::component_type::ComponentType;
use crate::model::data_source::DataSource;
use crate::model::field::FieldAt;
use crate::model::query::{Ask, Measure};

/// A `kpi` component: one figure over the records of a table.
#[derive(Clone, Debug)]
pub struct Kpi {
    /// What the figure is.
    pub label: Arc<str>,
    /// Which records it is made of, and how it stays current.
    pub data_source: DataSource,
    /// How it is made of them.
    pub measure: Measure,
    /// What stands below it.
    pub hint: Option<Arc<str>>,
}

impl ComponentType for Kpi {
    fn data_source(&self) -> Option<&DataSource> {
        Some(&self.data_source)
    }

    fn ask(&self) -> Option<Ask> {
        Some(Ask::Figure(self.measure))
    }

    fn needed_fields(&self) -> Vec<FieldAt> {
        self.measure.field().into_iter().collect()
    }
}
