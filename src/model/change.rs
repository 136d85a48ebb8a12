//! One change of one record, as the feed tells it.

use std::sync::Arc;

use crate::model::ids::{Position, RecordId, TableName};
use crate::model::record::Record;
use crate::model::value::UserRef;

/// A committed change. `old` and `new` say what happened: an insert has no old row, a delete no new.
#[derive(Clone, Debug)]
pub struct Change {
    /// Whoever has applied this change knows everything up to here.
    pub position: Position,
    /// The table it happened to.
    pub table: TableName,
    /// The record it happened to.
    pub record_id: RecordId,
    /// The row before, absent on insert.
    pub old: Option<Record>,
    /// The row after, absent on delete.
    pub new: Option<Record>,
    /// Who did it, where the database knows.
    pub by: Option<UserRef>,
    /// When it was committed, as `2026-04-05T12:00:00.000Z`.
    pub at: Arc<str>,
}
