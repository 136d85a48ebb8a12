//! `chart`: the figures of groups of records as a drawing.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::access::View;
use crate::model::components::component_type::ComponentType;
use crate::model::data_source::DataSource;
use crate::model::field::FieldAt;
use crate::model::query::{Ask, Grouping};

/// A `chart` component: the figures of groups of records as a drawing.
#[derive(Clone, Debug)]
pub struct Chart {
    /// The kind of drawing.
    pub kind: ChartKind,
    /// The title above the chart.
    pub title: Arc<str>,
    /// The records that the figures are computed from, and their refresh mode.
    pub data_source: DataSource,
    /// The grouping of the records, and the figure that is computed for each group.
    pub grouping: Grouping,
    /// The text in place of the chart if there are no records.
    pub empty_message: Arc<str>,
}

/// The kind of drawing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ChartKind {
    /// A line over time. The chart must group by time.
    Line,
    /// One bar for each group.
    Bar,
    /// A line over time with a filled area below it. The chart must group by time.
    Area,
    /// A ring with one part for each group. The chart must group by a field other than a date or time, and the
    /// figure must be a count or a sum.
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
