//! Data sources, which say what records a component shows or changes, and paths with values of a record.

use std::sync::Arc;

use crate::model::access::View;
use crate::model::field::FieldAt;
use crate::model::filter::Filter;
use crate::model::ids::TableName;
use crate::model::operand::Operand;
use crate::model::refresh::Refresh;
use crate::model::route::RouteValues;

/// The records that a component shows or changes, and the mode in which they are refreshed.
#[derive(Clone, Debug)]
pub struct DataSource {
    /// The table of the records.
    pub table: TableName,
    /// The filter that records pass, with variables.
    pub filter: Filter<Operand>,
    /// How the component learns of changes.
    pub refresh: Refresh,
}

impl DataSource {
    /// Returns the filter for the viewer of this view: the row rule for reading, and the filter of the data
    /// source with the values of the viewer and the address filled in.
    pub fn scope(&self, view: &View, values: &RouteValues) -> Filter {
        view.rows.clone().and(self.filter.fill(&view.viewer, values))
    }
}

/// A part of a path such as `/orders/{id}`, which is made for each record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HrefPart {
    /// A text that stands for itself.
    Text(Arc<str>),
    /// The record's value of a field: `{id}`.
    Field(FieldAt),
}

impl HrefPart {
    /// The field whose value is inserted; `None` for literal text.
    pub fn field(&self) -> Option<FieldAt> {
        match self {
            Self::Field(at) => Some(*at),
            Self::Text(_) => None,
        }
    }
}
