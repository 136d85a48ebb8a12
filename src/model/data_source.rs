//! Which records a component shows or changes, and the paths that are made of a record.

use std::sync::Arc;

use crate::model::access::View;
use crate::model::field::FieldAt;
use crate::model::filter::Filter;
use crate::model::ids::TableName;
use crate::model::operand::Operand;
use crate::model::refresh::Refresh;
use crate::model::route::RouteValues;

/// Which records a component is about and how they stay current.
#[derive(Clone, Debug)]
pub struct DataSource {
    /// The table whose records are shown.
    pub table: TableName,
    /// Which of its records.
    pub filter: Filter<Operand>,
    /// How they stay current.
    pub refresh: Refresh,
}

impl DataSource {
    /// Which records this viewer sees of the table that they have this view of, at an address that
    /// gives these values.
    pub fn scope(&self, view: &View, values: &RouteValues) -> Filter {
        view.rows.clone().and(self.filter.fill(&view.viewer, values))
    }
}

/// A part of a path that is made for each record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HrefPart {
    /// The same for all.
    Text(Arc<str>),
    /// The record's value of a field.
    Field(FieldAt),
}

impl HrefPart {
    /// The field whose value stands there; nothing for a text.
    pub fn field(&self) -> Option<FieldAt> {
        match self {
            Self::Field(at) => Some(*at),
            Self::Text(_) => None,
        }
    }
}
