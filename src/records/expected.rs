//! The state in which a record must be for a write.

use serde_json::Value as Json;

use crate::fields;
use crate::model::access::View;
use crate::model::value::Value;
use crate::records::RecordsError;

/// The state in which a record must be for a write, named by its `updated-at` field.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum ExpectedState {
    /// Any state: the last write wins.
    #[default]
    Any,
    /// A state whose `updated-at` is one of these values; with none of them, no state at all.
    OneOf(Vec<Value>),
}

impl ExpectedState {
    /// The state that a client last saw, by its `updatedAt`.
    ///
    /// # Errors
    /// If the text is no time, or the table has no `updated-at` field.
    pub fn updated_at(view: &View, text: &str) -> Result<Self, RecordsError> {
        let at = view.table.updated_at().ok_or_else(|| {
            let table = &view.table.name;
            let message = format!("table `{table}` has no updated-at field to compare with");
            RecordsError::Malformed(message)
        })?;
        let value = fields::parse(view.table.field(at), &Json::from(text))
            .map_err(|misfit| RecordsError::Malformed(format!("updatedAt {misfit}")))?;
        Ok(Self::OneOf(vec![value]))
    }

    /// The values of `updated-at` of which the record must have one; `None` if any will do.
    pub(super) fn values(self) -> Option<Vec<Value>> {
        match self {
            Self::Any => None,
            Self::OneOf(values) => Some(values),
        }
    }
}
