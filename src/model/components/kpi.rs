//! `kpi`: one figure over the records of a table.

use std::sync::Arc;

use crate::model::data_source::DataSource;
use crate::model::query::Measure;

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
