//! The description of a write, and its outcome.

use std::sync::Arc;

use crate::model::field::FieldAt;
use crate::model::ids::{RecordId, UserId};
use crate::model::permissions::RowRules;
use crate::model::record::Record;
use crate::model::related::Related;
use crate::model::table::Table;
use crate::model::value::Value;
use crate::store::{Store, StoreError, on};

/// Changes to records of one table, of which all are made or none.
#[derive(Clone, Debug)]
pub struct Write {
    /// The table that is written to.
    pub table: Arc<Table>,
    /// The row rules of the writer: which records they may read, create, update and delete.
    pub rules: RowRules,
    /// The changes, in the order in which they are made.
    pub actions: Vec<WriteOp>,
    /// For each relationship field, the records that it may be set to.
    pub related: Vec<Related>,
    /// The account that writes, for the change log. `None` if there is none, as for a guest.
    pub by: Option<UserId>,
    /// Whether the changes are made or only tried out.
    pub intent: Intent,
}

#[cfg(test)]
impl Write {
    /// A write of one action, without an author and without row rules.
    pub(super) fn of(table: &Arc<Table>, action: WriteOp) -> Self {
        Self {
            table: table.clone(),
            rules: RowRules::default(),
            actions: vec![action],
            related: Vec::new(),
            by: None,
            intent: Intent::Keep,
        }
    }
}

/// The purpose of a write: to change records, or to learn its outcomes beforehand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intent {
    /// The changes are made.
    Keep,
    /// The changes are tried out and undone; only their outcomes are wanted.
    Try,
}

/// The fields of a record that a write sets, with their new values.
pub type FieldValues = Vec<(FieldAt, Value)>;

/// One action of a write, on one record.
#[derive(Clone, Debug)]
pub enum WriteOp {
    /// Inserts a record with these values.
    Insert(FieldValues),
    /// Sets fields of a record, at least one. If a list of `updated-at` values is given, only if the record
    /// still has one of them.
    Update(RecordId, FieldValues, Option<Vec<Value>>),
    /// Removes a record. If a list of `updated-at` values is given, only if the record still has one of them.
    Delete(RecordId, Option<Vec<Value>>),
    /// Updates the record that has a value in a unique field, or inserts one if there is none.
    Upsert(Box<Upsert>),
}

/// An update of the record with a key, or the insert of a new one.
#[derive(Clone, Debug)]
pub struct Upsert {
    /// The unique field that holds the key.
    pub on: FieldAt,
    /// The value by which the record is found.
    pub key: Value,
    /// The fields to set if the record exists.
    pub known: FieldValues,
    /// The values of a new record. `None` if the given values are not enough to make one.
    pub new: Option<FieldValues>,
}

/// The outcome of a [`WriteOp`].
#[derive(Clone, Debug)]
pub enum WriteOutcome {
    /// A record was added; holds the new record.
    Made(Record),
    /// The record was updated or removed; holds it as it is now, or as it was before its removal.
    Done(Record),
    /// No change: the record was changed since the expected `updated-at`. Holds the record as it is now.
    Stale(Record),
    /// No change: there is no such record, or the writer may not read it.
    Missing,
    /// No change: a row rule forbids it.
    Barred,
}

/// The outcome of each action of a write. Unless all of them are `Made` or `Done`, no action stands.
pub type Outcomes = Vec<Result<WriteOutcome, StoreError>>;

impl Store {
    /// Performs all actions of a write, or none of them. When it returns, the changes are on disk and in the
    /// change log. A trial ([`Intent::Try`]) returns the outcomes that the write would have, and changes
    /// nothing.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn write(&self, write: Write) -> Result<Outcomes, StoreError> {
        on!(self, engine => engine.write(write).await)
    }
}
