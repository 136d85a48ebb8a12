//! Preconditions of a write: the state in which a record must be (optimistic concurrency control).

use serde_json::Value as Json;

use crate::fields;
use crate::model::access::View;
use crate::model::value::Value;
use crate::records::{RecordView, RecordsError};

/// The state in which a record must be for a write, by the value of its `updated-at` field.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum ExpectedState {
    /// Any state: the last write wins.
    #[default]
    Any,
    /// A state whose `updated-at` is one of these values. With an empty list, every write is a conflict.
    OneOf(Vec<Value>),
}

impl ExpectedState {
    /// The state that a client last saw, by its `updatedAt`.
    ///
    /// # Errors
    /// If the text is no time, or the table has no `updated-at` field.
    pub fn updated_at(view: &View, text: &str) -> Result<Self, RecordsError> {
        Ok(Self::OneOf(vec![read(view, text)?]))
    }

    /// One of the states with these values of `updatedAt`, as in `If-Match`. A text that is no time matches no state.
    pub fn one_of<'a>(view: &View, texts: impl IntoIterator<Item = &'a str>) -> Self {
        Self::OneOf(texts.into_iter().filter_map(|text| read(view, text).ok()).collect())
    }

    /// The state that a record is in. [`ExpectedState::Any`] if it has no value of `updated-at`.
    pub fn of(shown: &RecordView) -> Self {
        match shown.view.table.updated_at().map(|at| &shown.record[at]) {
            Some(value @ Value::Text(_)) => Self::OneOf(vec![value.clone()]),
            _ => Self::Any,
        }
    }

    /// The values of `updated-at` of which the record must have one. `None` if any state is accepted.
    pub(super) fn values(self) -> Option<Vec<Value>> {
        match self {
            Self::Any => None,
            Self::OneOf(values) => Some(values),
        }
    }
}

/// Reads the `updatedAt` of a record, as a client sends it. [`RecordsError::Malformed`] if it is no time, or the
/// table has no `updated-at` field.
fn read(view: &View, text: &str) -> Result<Value, RecordsError> {
    let at = view.table.updated_at().ok_or_else(|| {
        let table = &view.table.name;
        let message = format!("table `{table}` has no updated-at field to compare with");
        RecordsError::Malformed(message)
    })?;
    fields::parse(view.table.field(at), &Json::from(text))
        .map_err(|misfit| RecordsError::Malformed(format!("updatedAt {misfit}")))
}
