//! One committed change of one record, as the feed delivers it.

use std::sync::Arc;

use crate::model::ids::{Position, RecordId, TableName};
use crate::model::record::Record;
use crate::model::value::UserRef;

/// A committed insert, update or delete. An insert has no `old` record, a delete no `new` one, an update both.
#[derive(Clone, Debug)]
pub struct Change {
    /// The position of the change in the log: a reader who has applied it knows all changes up to here.
    pub position: Position,
    /// The table of the record.
    pub table: TableName,
    /// The id of the record that was changed.
    pub record_id: RecordId,
    /// The record before the change; `None` for an insert.
    pub old: Option<Record>,
    /// The record after the change; `None` for a delete.
    pub new: Option<Record>,
    /// The user who made the change; `None` for another program, a guest, or if it is not known.
    pub by: Option<UserRef>,
    /// The time of the change, in UTC: `2026-04-05T12:00:00.000Z`.
    pub at: Arc<str>,
}
