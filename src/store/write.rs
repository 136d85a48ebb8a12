//! What is to be written, and its outcome.

use std::sync::Arc;

use crate::model::field::FieldAt;
use crate::model::ids::{RecordId, UserId};
use crate::model::permissions::RowRules;
use crate::model::record::Record;
use crate::model::related::Related;
use crate::model::table::Table;
use crate::model::value::Value;
use crate::store::StoreError;

/// Changes of records of one table: all of them, or none.
#[derive(Clone, Debug)]
pub struct Write {
    /// The table that is written to.
    pub table: Arc<Table>,
    /// Which of its records whoever writes may do what to.
    pub rules: RowRules,
    /// What to do, in this order.
    pub actions: Vec<WriteOp>,
    /// Which records its fields may be set to refer to.
    pub related: Vec<Related>,
    /// Who does it, for the change log.
    pub by: Option<UserId>,
    /// Whether it is meant.
    pub intent: Intent,
}

#[cfg(test)]
impl Write {
    /// One change, by nobody, to whom everything is allowed.
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

/// Whether a write is meant, or only to be tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intent {
    /// It is to stand.
    Keep,
    /// What would become of it is asked; nothing is changed.
    Try,
}

/// The fields of a record that a write sets.
pub type FieldValues = Vec<(FieldAt, Value)>;

/// What to do to a record.
#[derive(Clone, Debug)]
pub enum WriteOp {
    /// Adds a record with these values.
    Insert(FieldValues),
    /// Set these fields of one, at least one; only if its `updated-at` is still one of these, where
    /// any are given.
    Update(RecordId, FieldValues, Option<Vec<Value>>),
    /// Remove one; only if its `updated-at` is still one of these, where any are given.
    Delete(RecordId, Option<Vec<Value>>),
    /// Change the one that has this value in a unique field; add one where none has it.
    Upsert(Box<Upsert>),
}

/// A record that is there, or is to be.
#[derive(Clone, Debug)]
pub struct Upsert {
    /// The field that it is known by.
    pub on: FieldAt,
    /// The value by which the record is found.
    pub key: Value,
    /// What to set if it is there.
    pub known: FieldValues,
    /// What to set if it is not; nothing where that would not make a record.
    pub new: Option<FieldValues>,
}

/// The outcome of a [`WriteOp`].
#[derive(Clone, Debug)]
pub enum WriteOutcome {
    /// A record was added. This is it.
    Made(Record),
    /// The record as it now stands; as it stood, if it was removed.
    Done(Record),
    /// Nothing: somebody changed the record first. This is what they made of it.
    Stale(Record),
    /// Nothing: there is no such record.
    Missing,
    /// Nothing: a rule about rows is against it.
    Barred,
}

/// What became of each action; none of them stands unless all are made or done.
pub type Outcomes = Vec<Result<WriteOutcome, StoreError>>;

/// A fixed statement on our own tables with its values, and how many rows it changed.
pub(super) struct SystemStatement {
    pub(super) sql: &'static str,
    pub(super) values: Vec<Value>,
}
