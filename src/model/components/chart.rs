//! `chart`: figures over groups of records, drawn.

use std::sync::Arc;

use crate::model::data_source::DataSource;
use crate::model::query::Grouping;

/// A `chart` component: figures over groups of records, drawn.
#[derive(Clone, Debug)]
pub struct Chart {
    /// How it is drawn.
    pub kind: ChartKind,
    /// What stands above it.
    pub title: Arc<str>,
    /// Which records it is made of, and how it stays current.
    pub data_source: DataSource,
    /// How they are grouped, and the figure of each group.
    pub grouping: Grouping,
    /// What stands in its place when there are no records.
    pub empty_message: Arc<str>,
}

/// How a chart is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChartKind {
    /// A line through time.
    Line,
    /// A bar for each group.
    Bar,
    /// A line through time, filled below.
    Area,
    /// A ring of parts.
    Donut,
}
