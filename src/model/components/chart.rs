//! `chart`: figures over groups of records, drawn.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::access::View;
use crate::model::components::component_type::ComponentType;
use crate::model::data_source::DataSource;
use crate::model::field::FieldAt;
use crate::model::query::{Ask, Grouping};

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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
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

impl ComponentType for Chart {
    fn data_source(&self) -> Option<&DataSource> {
        Some(&self.data_source)
    }

    fn ask(&self) -> Option<Ask> {
        Some(Ask::Groups(self.grouping))
    }

    fn needed_fields(&self) -> Vec<FieldAt> {
        let Grouping { by, measure, .. } = self.grouping;
        std::iter::once(by.field()).chain(measure.field()).collect()
    }

    fn labelled_fields(&self, _: &View) -> Vec<FieldAt> {
        self.needed_fields()
    }
}
