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
    /// It does not exist, or this viewer may not know that it does.
    #[error("not found")]
    NotFound,
    /// Nobody has signed in, and what was asked needs it.
    #[error("sign in first")]
    Unauthenticated,
    /// The viewer may read this, but not do what was asked.
    #[error("you may not do this")]
    Forbidden,
    /// The viewer may do this to other records of the table, not to this one or not so.
    #[error("you may not do this to this record, or not make this of it")]
    Barred,
    /// Fields that the viewer may read, and not set.
    #[error("{}", sentence(.0))]
    NotToSet(Vec<FieldFault>),
    /// The request is malformed. Holds the message.
    #[error("{0}")]
    Malformed(String),
    /// Fields that do not exist, or that this viewer may not know of.
    #[error("unknown field {}", .0.iter().map(|fault| format!("`{}`", fault.field)).collect::<Vec<_>>().join(", "))]
    UnknownFields(Vec<FieldFault>),
    /// The filter cannot be understood.
    #[error("{}", faults_sentence(.0))]
    BadFilter(Vec<FilterFault>),
    /// Values that do not fit their fields, all of them.
    #[error("{}", sentence(.0))]
    Unfit(Vec<FieldFault>),
    /// Some of many records could not be written, so none was. All of them, and what the first is
    /// about.
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
    /// Lines of a file that cannot be records, all of them.
    #[error("{}; nothing was changed", not_taken(.0))]
    BadLines(Vec<LineFault>),
    /// The page that this came from was made by another state of the app: what it shows means
    /// something else there.
    #[error("the page has changed since it was opened; load it anew")]
    PageChanged,
    /// Lines of a file that the database has refused, though each is a record.
    #[error("{}; nothing was changed", not_taken(.0))]
    RefusedLines(Vec<LineFault>),
    /// As many files are being written as may be.
    #[error("too many exports are in progress; try again in a moment")]
    TooManyExports,
    /// The database cannot do it, now or later.
    #[error("the database cannot do this as it is; it has been noted")]
    Faulty(#[source] StoreError),
    /// The database refused or did not answer.
    #[error("{}", .0.told())]
    Store(#[source] StoreError),
}

/// The reason why one record of a batch was not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteObstacle {
    /// It is not there.
    Missing,
    /// A rule about rows is against it.
    Barred,
    /// A value does not fit.
    Unfit,
    /// Another record has the same value.
    NotUnique,
    /// Others refer to it.
    Referred,
    /// A trigger or a CHECK that others have put into the database forbids it.
    Refused,
    /// The record was changed by another since it was read.
    Stale,
}

impl RecordsError {
    /// The code of the error, as programs read it.
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

    /// A field of this name does not exist, or not for this viewer.
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

/// Something wrong with one field of what was sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldFault {
    /// Which of many records, counted from 0; absent where there is only one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record: Option<usize>,
    /// The field; empty where it is about the whole record.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub field: String,
    /// The fault of its value, as a fragment: `must be a whole number, got "abc"`.
    pub message: String,
}

impl FieldFault {
    /// A fault of this field; of the whole record, if the name is empty. The message is a fragment: `must be a date`.
    pub fn new(field: &str, message: impl Into<String>) -> Self {
        Self { record: None, field: field.to_owned(), message: message.into() }
    }

    /// The same fault of one record of a batch, by its index from 0.
    #[must_use]
    pub fn of(self, record: Option<usize>) -> Self {
        Self { record, ..self }
    }

    /// The field with what is wrong with it.
    fn words(&self) -> String {
        match self.field.as_str() {
            "" => self.message.clone(),
            field => format!("{field} {}", self.message),
        }
    }

    /// A value that names no record, for this viewer. The table is not named: it may be closed to them.
    pub(super) fn no_related(field: &FieldName) -> Self {
        Self::new(field.as_str(), "names no record")
    }

    /// From the name of a rule in the database: `total must be at least 0`.
    pub(super) fn from_rule(rule: &str) -> Self {
        let (field, message) = rule.split_once(' ').unwrap_or(("", rule));
        Self::new(field, message)
    }
}

/// The most faults that a message lists; the details have all of them.
const TOLD: usize = 5;

/// The first faults in one sentence.
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

/// How many lines of a file have something wrong with them.
fn not_taken(faults: &[LineFault]) -> String {
    let lines: BTreeSet<_> = faults.iter().map(|fault| fault.line).collect();
    match lines.len() {
        1 => "1 line cannot be taken".to_owned(),
        several => format!("{several} lines cannot be taken"),
    }
}
