//! Why a record could not be read or written.

use serde::Serialize;

use crate::fields::filter::FilterFault;
use crate::model::ids::FieldName;
use crate::records::{Stale, told};
use crate::store::StoreError;

/// Why a record could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum RecordsError {
    /// It does not exist, or this viewer may not know that it does.
    #[error("not found")]
    NotFound,
    /// Nobody has signed in, and what was asked needs it.
    #[error("sign in first")]
    Unauthenticated,
    /// The viewer may read this, but not do what was asked.
    #[error("you may not do this")]
    Forbidden,
    /// What was sent cannot be understood.
    #[error("{0}")]
    Malformed(String),
    /// Fields that do not exist, or that this viewer may not know of.
    #[error("unknown field {}", .0.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "))]
    UnknownFields(Vec<String>),
    /// The filter cannot be understood.
    #[error("{}", told(.0))]
    BadFilter(Vec<FilterFault>),
    /// Values that do not fit their fields, all of them.
    #[error("{}", .0.iter().map(|fault| format!("{} {}", fault.field, fault.message)).collect::<Vec<_>>().join("; "))]
    Unfit(Vec<FieldFault>),
    /// Another record has the same value in a unique field.
    #[error("another record already has this value in {0}")]
    NotUnique(FieldName),
    /// Somebody changed the record first.
    #[error("somebody else changed this record first")]
    Conflict(Box<Stale>),
    /// The database failed.
    #[error("the database does not answer")]
    Store(#[source] StoreError),
}

impl RecordsError {
    /// What kind of error this is, for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "NOT_FOUND",
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::Forbidden => "FORBIDDEN",
            Self::Malformed(_) | Self::UnknownFields(_) | Self::BadFilter(_) => "BAD_REQUEST",
            Self::Unfit(_) => "VALIDATION_FAILED",
            Self::NotUnique(_) => "NOT_UNIQUE",
            Self::Conflict(_) => "CONFLICT",
            Self::Store(_) => "UNAVAILABLE",
        }
    }
}

/// A value that does not fit its field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldFault {
    /// The field.
    pub field: String,
    /// What is wrong with its value, as a fragment: `must be a whole number, got "abc"`.
    pub message: String,
}

impl FieldFault {
    pub(super) fn new(field: &str, message: impl Into<String>) -> Self {
        Self { field: field.to_owned(), message: message.into() }
    }

    /// From the name of a rule in the database: `total must be at least 0`.
    pub(super) fn from_rule(rule: &str) -> Self {
        let (field, message) = rule.split_once(' ').unwrap_or(("", rule));
        Self::new(field, message)
    }
}
