//! `kpi`: one figure over the records of a table.

use std::sync::Arc;

use crate::model::components::component_type::ComponentType;
use crate::model::data_source::DataSource;
use crate::model::field::FieldAt;
use crate::model::query::{Ask, Measure};

/// A `kpi` component: one figure over the records of a table.
#[derive(Clone, Debug)]
pub struct Kpi {
    /// The name of the figure, shown above it.
    pub label: Arc<str>,
    /// The records that the figure is computed from, and their refresh mode.
    pub data_source: DataSource,
    /// The computation: a count, a sum, an average, a minimum or a maximum.
    pub measure: Measure,
    /// The text below the figure; `None` if there is none.
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
