//! The change log: all changes of the declared tables in commit order, whichever program made them.

use std::sync::Arc;

use serde::Serialize;

use crate::limits::Limit;
use crate::model::change::Change;
use crate::model::filter::Filter;
use crate::model::ids::{Position, RecordId, SealedPosition, TableName};
use crate::model::record::{FieldSet, Record};
use crate::model::related::Related;
use crate::model::table::Table;
use crate::store::seal::PositionSeal;
use crate::store::sqlite::{LogPace, SqliteLog, Stamp};
use crate::store::{LabelChange, Store, StoreError};

/// How long the log keeps a change, in hours.
pub(super) const KEPT_HOURS: i64 = 24;

/// The change log of a database, for its readers.
#[derive(Clone)]
pub struct Log(pub(super) LogEngine);

/// The log of each engine.
#[derive(Clone)]
pub(super) enum LogEngine {
    Sqlite(SqliteLog),
}

/// Calls a method of the engine's log, whichever engine it is.
macro_rules! on_log {
    ($log:expr, $engine:ident => $call:expr) => {
        match &$log.0 {
            LogEngine::Sqlite($engine) => $call,
        }
    };
}

/// The next changes of the log.
#[derive(Debug)]
pub struct Batch {
    /// The changes, in commit order. May be empty although the position moved on.
    pub changes: Vec<Arc<Change>>,
    /// The position of a reader who has applied these changes.
    pub position: Position,
}

/// The changes between two positions, or why they cannot be given.
#[derive(Debug)]
pub enum Replay {
    /// One change for each record, from its state at the first position to that at the second, in the order
    /// of the records' last changes.
    Changes(Vec<Change>),
    /// The log does not reach back that far, or a position is of another history.
    Gone,
    /// There are too many changes to return at once: see [`Log::part`].
    Much,
    /// The second position is before the first one.
    Ahead,
}

/// How long the log keeps changes: until one of these bounds is met, or that of [`Limit::LogBytes`].
#[derive(Clone, Copy, Debug, Serialize)]
pub struct LogRetention {
    /// How many hours a change is kept.
    pub hours: i64,
    /// How many changes are kept, of all records together.
    pub changes: u64,
}

/// A part of the changes between two positions.
#[derive(Debug)]
pub struct ReplayPart {
    /// One change for each record, in the order of their keys. May be empty.
    pub changes: Vec<Change>,
    /// The last record that was looked up for this part. `None` if this is the last part.
    pub last: Option<RecordId>,
}

/// The records and fields of a table that a client reads. Decides which changes the client can see.
#[derive(Clone, Copy, Debug)]
pub struct ReadScope<'a> {
    /// The table that the client reads.
    pub table: &'a Table,
    /// The filter that matches the records which the client reads.
    pub rows: &'a Filter,
    /// The fields of these records that the client reads.
    pub fields: &'a FieldSet,
    /// The related records whose labels are shown, by the field that refers to them.
    pub related: &'a [Related],
}

impl<'a> ReadScope<'a> {
    /// The tables that the client reads, the related ones included.
    pub(super) fn tables(self) -> impl Iterator<Item = &'a TableName> {
        let related = self.related.iter().map(|related| &related.table.name);
        std::iter::once(&self.table.name).chain(related)
    }

    /// Whether a client of this scope can see a change: a record is added, removed or has another value in a
    /// field, or a related record has another label.
    pub(super) fn shows(&self, change: &Change) -> bool {
        let Change { old, new, .. } = change;
        let is_read = |record: &&Record| self.rows.matches(record);
        let is_seen = change.table == self.table.name
            && match (old.as_ref().filter(is_read), new.as_ref().filter(is_read)) {
                (None, None) => false,
                (Some(old), Some(new)) => self.fields.iter().any(|at| old[at] != new[at]),
                (Some(_), None) | (None, Some(_)) => true,
            };
        let is_relabelled = |related| LabelChange::of(related, change, self.table).is_some();
        is_seen || self.related.iter().any(is_relabelled)
    }
}

impl Log {
    /// The seal that encrypts positions for clients, and opens them again.
    pub fn seal(&self) -> &PositionSeal {
        on_log!(self, engine => engine.seal())
    }

    /// Returns the position after the last committed change.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn position(&self) -> Result<Position, StoreError> {
        on_log!(self, engine => engine.position().await)
    }

    /// Whether changes were committed between two positions, `told` and the later `now`. `false` if one of them is of
    /// another history.
    pub fn is_ahead(&self, now: &Position, told: &Position) -> bool {
        on_log!(self, engine => engine.is_ahead(now, told))
    }

    /// Reads the newest lines into memory, and returns the position after them. A caller that reads on from
    /// there with [`Log::after`] keeps the lines in memory without a gap.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn remember(&self) -> Result<Position, StoreError> {
        on_log!(self, engine => engine.remember().await)
    }

    /// Returns the next changes after a position, in order: an empty list if there are none yet. They are
    /// kept in memory for a while. `None` if the position is not in the log: it was pruned, or is of another
    /// history.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn after(&self, position: &Position) -> Result<Option<Batch>, StoreError> {
        on_log!(self, engine => engine.after(position).await)
    }

    /// Returns the last change of a record. `None` if it is not among the newest 20,000 lines of the log.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn last_change(
        &self,
        table: &TableName,
        id: RecordId,
    ) -> Result<Option<Change>, StoreError> {
        on_log!(self, engine => engine.last_change(table, id).await)
    }

    /// Returns the last changes of a record, at most `limit`, the newest first, as far back as the log
    /// reaches.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn history(
        &self,
        table: &TableName,
        id: RecordId,
        limit: u32,
    ) -> Result<Vec<Change>, StoreError> {
        on_log!(self, engine => engine.history(table, id, limit).await)
    }

    /// The state of the database now. `None` if it cannot be read, as while it is being written.
    pub fn stamp(&self) -> Option<Stamp> {
        on_log!(self, engine => engine.stamp())
    }

    /// Waits until the log should be read again: after a commit, or when the time of `pace` is over.
    pub async fn wait(&self, pace: &mut LogPace) {
        on_log!(self, engine => engine.wait(pace).await);
    }

    /// Returns what became of the records of a table after the position `since`, up to and including
    /// `until`. The database is asked only for lines that are not in memory.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn between(
        &self,
        since: &Position,
        until: &Position,
        table: &TableName,
    ) -> Result<Replay, StoreError> {
        on_log!(self, engine => engine.between(since, until, table).await)
    }

    /// Returns what became of the records of a table after the position `since`, up to and including `until`,
    /// for the next records in the order of their keys: those after `last`, or the first ones if that is
    /// `None`. Returns `None` if the log does not reach back that far, or a position is of another history.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn part(
        &self,
        (since, until): (&Position, &Position),
        last: Option<RecordId>,
        table: &TableName,
    ) -> Result<Option<ReplayPart>, StoreError> {
        on_log!(self, engine => engine.part((since, until), last, table).await)
    }

    /// Returns the position for a client of this scope: that of the last change up to `position` which the
    /// client can see. If none of the newest lines has such a change, it is a place that moves on once in
    /// many lines.
    pub async fn hand_out(&self, position: &Position, scope: ReadScope<'_>) -> SealedPosition {
        on_log!(self, engine => engine.hand_out(position, scope).await)
    }
}

impl Store {
    /// How long the log keeps changes, as the limits of this store say.
    pub fn kept(&self) -> LogRetention {
        LogRetention { hours: KEPT_HOURS, changes: self.limits().size(Limit::LogChanges) }
    }
}
