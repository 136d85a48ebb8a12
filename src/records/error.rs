//! Why a record could not be read or written.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::fields::filter::FilterFault;
use crate::model::ids::FieldName;
use crate::records::{LineFault, Stale};
use crate::store::StoreError;

/// Why a record could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum RecordsError {
    /// The table or record does not exist, or this viewer may not know that it does.
    #[error("not found")]
    NotFound,
    /// The viewer is a guest, and guests may not do this.
    #[error("sign in first")]
    Unauthenticated,
    /// The viewer has an account, but not the permission for this operation.
    #[error("you may not do this")]
    Forbidden,
    /// A row rule forbids the write: for the record as it is, or for the record that the write would make of it.
    #[error("you may not do this to this record, or not make this of it")]
    Barred,
    /// The request sets fields that the viewer may know of, but not set.
    #[error("{}", sentence(.0))]
    NotToSet(Vec<FieldFault>),
    /// The request is malformed. Holds the message.
    #[error("{0}")]
    Malformed(String),
    /// The request names fields that do not exist, or that this viewer may not know of.
    #[error("unknown field {}", .0.iter().map(|fault| format!("`{}`", fault.field)).collect::<Vec<_>>().join(", "))]
    UnknownFields(Vec<FieldFault>),
    /// The filter is malformed, or names a field that this viewer may not know of. Holds its faults.
    #[error("{}", faults_sentence(.0))]
    BadFilter(Vec<FilterFault>),
    /// Values do not fit their fields. Holds a fault for each.
    #[error("{}", sentence(.0))]
    Unfit(Vec<FieldFault>),
    /// Some records of a batch could not be written, so none was. Holds the reason for the first of them, and the
    /// faults of all.
    #[error("{}", sentence(.1))]
    Batch(WriteObstacle, Vec<FieldFault>),
    /// Another record has the same value in a unique field.
    #[error("another record already has this value in {0}")]
    NotUnique(FieldName),
    /// The record cannot be removed, since others refer to it.
    #[error("other records refer to this one")]
    Referred,
    /// A trigger or a CHECK that others have put into the database forbids it. Holds its words.
    #[error("{0}")]
    Refused(String),
    /// Another writer changed the record first.
    #[error("somebody else changed this record first")]
    Conflict(Box<Stale>),
    /// Lines of a CSV file are malformed or hold values that do not fit. Holds the faults of all lines.
    #[error("{}; nothing was changed", not_taken(.0))]
    BadLines(Vec<LineFault>),
    /// The page that sent the request was rendered before the app was changed, and its component means something
    /// else now.
    #[error("the page has changed since it was opened; load it anew")]
    PageChanged,
    /// Lines of a CSV file are valid, but a trigger or a CHECK in the database refused them. Holds their faults.
    #[error("{}; nothing was changed", not_taken(.0))]
    RefusedLines(Vec<LineFault>),
    /// The limit of exports in progress is reached, of this requester or of all together.
    #[error("too many exports are in progress; try again in a moment")]
    TooManyExports,
    /// The database refused a statement and will refuse it again: its tables or triggers have a fault.
    #[error("the database cannot do this as it is; it has been noted")]
    Faulty(#[source] StoreError),
    /// The database does not answer, or a limit of the server is met.
    #[error("{}", .0.told())]
    Store(#[source] StoreError),
}

/// The reason why one record of a batch was not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteObstacle {
    /// There is no such record that the viewer may read.
    Missing,
    /// A row rule forbids the write.
    Barred,
    /// A value does not fit its field, or a required one is missing.
    Unfit,
    /// Another record has the same value in a unique field.
    NotUnique,
    /// Other records refer to it.
    Referred,
    /// A trigger or a CHECK that others have put into the database forbids it.
    Refused,
    /// The record is not in the expected state: another writer has changed it.
    Stale,
}

impl RecordsError {
    /// The code of the error in answers of the API, such as `NOT_FOUND`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound | Self::Batch(WriteObstacle::Missing, _) => "NOT_FOUND",
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::Forbidden
            | Self::Barred
            | Self::NotToSet(_)
            | Self::Batch(WriteObstacle::Barred, _) => "FORBIDDEN",
            Self::Malformed(_) | Self::UnknownFields(_) | Self::BadFilter(_) => "BAD_REQUEST",
            Self::Unfit(_) | Self::BadLines(_) | Self::Batch(WriteObstacle::Unfit, _) => {
                "VALIDATION_FAILED"
            }
            Self::TooManyExports => "TOO_MANY_EXPORTS",
            Self::NotUnique(_) | Self::Batch(WriteObstacle::NotUnique, _) => "NOT_UNIQUE",
            Self::Referred | Self::Batch(WriteObstacle::Referred, _) => "REFERRED",
            Self::Refused(_) | Self::RefusedLines(_) | Self::Batch(WriteObstacle::Refused, _) => {
                "REFUSED"
            }
            Self::Conflict(_) | Self::Batch(WriteObstacle::Stale, _) => "CONFLICT",
            Self::PageChanged => "PAGE_CHANGED",
            Self::Faulty(_) => "INTERNAL",
            Self::Store(_) => "UNAVAILABLE",
        }
    }

    /// The error for one name that is no field of the table, or none that this viewer may know of.
    pub fn unknown_field(name: &str) -> Self {
        Self::UnknownFields(vec![FieldFault::new(name, "is unknown")])
    }
}

impl From<StoreError> for RecordsError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotUnique(field) => Self::NotUnique(field),
            StoreError::BreaksRule(rule) => Self::Unfit(vec![FieldFault::from_rule(&rule)]),
            StoreError::Refused(words) => Self::Refused(words),
            error @ StoreError::TooDeep => Self::Refused(error.to_string()),
            error @ StoreError::Faulty(_) => Self::Faulty(error),
            StoreError::NoRelated { field, .. } => {
                Self::Unfit(vec![FieldFault::no_related(&field)])
            }
            StoreError::Referred => Self::Referred,
            other => Self::Store(other),
        }
    }
}

/// The fault of one value that was sent, or of a whole record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldFault {
    /// The index of the record in its batch, from 0. Absent if the request is about one record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record: Option<usize>,
    /// The name of the field. Empty if the fault is of the whole record.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub field: String,
    /// The fault, as a fragment of a sentence: `must be a whole number, got "abc"`.
    pub message: String,
}

impl FieldFault {
    /// Makes the fault of a field, or of the whole record if `field` is empty. The message is a fragment of a
    /// sentence: `must be a date`.
    pub fn new(field: &str, message: impl Into<String>) -> Self {
        Self { record: None, field: field.to_owned(), message: message.into() }
    }

    /// The same fault with the index of its record in a batch, from 0.
    #[must_use]
    pub fn of(self, record: Option<usize>) -> Self {
        Self { record, ..self }
    }

    /// The name of the field and the message, as one fragment.
    fn words(&self) -> String {
        match self.field.as_str() {
            "" => self.message.clone(),
            field => format!("{field} {}", self.message),
        }
    }

    /// The fault of a relationship to a record that does not exist or that this viewer may not read. The message
    /// does not name the table, which may be closed to them.
    pub(super) fn no_related(field: &FieldName) -> Self {
        Self::new(field.as_str(), "names no record")
    }

    /// The fault that a CHECK in the database reports. Its name is the field and the message: `total must be at
    /// least 0`.
    pub(super) fn from_rule(rule: &str) -> Self {
        let (field, message) = rule.split_once(' ').unwrap_or(("", rule));
        Self::new(field, message)
    }
}

/// The most faults that a message lists; the details have all of them.
const TOLD: usize = 5;

/// The first [`TOLD`] faults in one sentence, with the number of the others.
fn sentence(faults: &[FieldFault]) -> String {
    let told = faults.iter().take(TOLD).map(|fault| match fault.record {
        Some(record) => format!("record {record}: {}", fault.words()),
        None => fault.words(),
    });
    let told = told.collect::<Vec<_>>().join("; ");
    match faults.len().saturating_sub(TOLD) {
        0 => told,
        more => format!("{told}; and {more} more"),
    }
}

/// All faults of a filter in one sentence.
fn faults_sentence(faults: &[FilterFault]) -> String {
    faults.iter().map(|fault| fault.message.as_str()).collect::<Vec<_>>().join("; ")
}

/// A sentence with the number of lines that have a fault.
fn not_taken(faults: &[LineFault]) -> String {
    let lines: BTreeSet<_> = faults.iter().map(|fault| fault.line).collect();
    match lines.len() {
        1 => "1 line cannot be taken".to_owned(),
        several => format!("{several} lines cannot be taken"),
    }
}
