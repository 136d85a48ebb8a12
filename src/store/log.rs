//! The change log: what happened to the declared tables, in commit order.
//!
//! SQLite has one writer at a time, so the order of `seq` is the order of commits. A position names
//! the last line known: its `seq`, a mark of what it says, and the epoch of the log. A database can be
//! put back to what it was before, and go on from there with other lines of the same `seq`: then the
//! mark is another, and what such a position knows is not known here.

use std::sync::{Arc, PoisonError, RwLock};

use serde::Serialize;
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Connection, Row, SqliteConnection};

use crate::limits::Limit;
use crate::model::change::Change;
use crate::model::ids::{Position, RecordId, TableName, UserId};
use crate::model::table::Table;
use crate::model::value::UserRef;
use crate::store::people::UserNames;
use crate::store::readers::{Readers, ask, settled};
use crate::store::recent::{LogLine, Recent};
use crate::store::seal::PositionSeal;
use crate::store::stamp::{Stamp, Stamps};
use crate::store::watch::{CommitBell, Delay};
use crate::store::{Store, StoreError, row};

mod handed;
mod known;
mod part;
pub(super) mod place;
mod prune;

pub use handed::ReadScope;
pub use part::ReplayPart;
pub(super) use place::last_place;
use place::{LogPlace, PLACE};
pub use prune::Pruner;

/// How many changes are read at once.
const BATCH: usize = 1_000;
/// How many changes are looked through at once for one subscriber. Whoever missed more is told in
/// parts.
const MAX_REPLAY: usize = 1_000;
/// How many of the newest changes are looked through for the last one of a record.
const LOOKED_BACK: i64 = 20_000;
/// How many of the newest changes are read into memory at the start.
const REMEMBERED: i64 = 5_000;
/// How long the log keeps a change, in hours.
const KEPT_HOURS: i64 = 24;

/// Reads the change log.
#[derive(Clone)]
pub struct Log {
    pub(super) readers: Readers,
    pub(super) tables: Arc<[Arc<Table>]>,
    pub(super) people: UserNames,
    pub(super) epoch: CurrentEpoch,
    pub(super) seal: PositionSeal,
    pub(super) watch: CommitBell,
    pub(super) stamps: Stamps,
    pub(super) recent: Recent,
}

/// Which history the log tells, as positions name it.
#[derive(Clone, Debug)]
pub(super) struct Epoch(Arc<str>);

impl Epoch {
    /// What is known up to a line. The epoch must be from before the line was read, for another may
    /// begin meanwhile.
    pub(super) fn position(&self, place: LogPlace) -> Position {
        let LogPlace { seq, mark } = place;
        Position::new(format!("{}-{seq}-{mark:x}", self.0))
    }

    /// The line up to which everything is known at a position; nothing if it is of another history.
    fn place(&self, position: &Position) -> Option<LogPlace> {
        let (place, _) = position.as_str().split_once(':').unwrap_or((position.as_str(), ""));
        let (epoch, place) = place.split_once('-')?;
        let (seq, mark) = place.split_once('-')?;
        let mark = u32::from_str_radix(mark, 16).ok()?;
        let seq = seq.parse().ok().filter(|seq| *seq >= 0)?;
        (epoch == &*self.0).then_some(LogPlace { seq, mark })
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for Epoch {
    fn from(epoch: String) -> Self {
        Self(epoch.into())
    }
}

/// The epoch that the log has now; all copies are one.
#[derive(Clone, Debug)]
pub(super) struct CurrentEpoch(Arc<RwLock<Epoch>>);

impl CurrentEpoch {
    pub(super) fn new(epoch: Epoch) -> Self {
        Self(Arc::new(RwLock::new(epoch)))
    }

    pub(super) fn now(&self) -> Epoch {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set(&self, epoch: Epoch) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = epoch;
    }
}

/// The next changes of the log.
#[derive(Debug)]
pub struct Batch {
    /// In order; may be none although the position moved on.
    pub changes: Vec<Change>,
    /// Whoever has applied them knows everything up to here.
    pub position: Position,
}

/// What happened between two positions.
#[derive(Debug)]
pub enum Replay {
    /// What became of each record, in the order of their last changes.
    Changes(Vec<Change>),
    /// The log does not reach back that far, or the position is of another database.
    Gone,
    /// Too much to be told at once: see [`Log::part`].
    Much,
    /// The later position is before the earlier one.
    Ahead,
}

/// How much the log keeps: whichever is met first, and no more bytes than [`Limit::LogBytes`].
#[derive(Clone, Copy, Debug, Serialize)]
pub struct LogRetention {
    /// A change is kept for so many hours.
    pub hours: i64,
    /// So many changes are kept, of all records together.
    pub changes: u64,
}

impl Log {
    /// What makes positions into what clients hold, and back.
    pub fn seal(&self) -> &PositionSeal {
        &self.seal
    }

    /// The position of everything committed so far.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn position(&self) -> Result<Position, StoreError> {
        let mut reader = self.readers.house().await?;
        let epoch = self.epoch.now();
        let place = last_place(&mut reader).await;
        Ok(epoch.position(reader.settle(place)?))
    }

    /// Whether something happened between two positions of this history, the later of which is `now`. No, if either is
    /// of another history.
    pub fn is_ahead(&self, now: &Position, told: &Position) -> bool {
        let epoch = self.epoch.now();
        let (now, told) = (epoch.place(now), epoch.place(told));
        now.zip(told).is_some_and(|(now, told)| now.seq > told.seq)
    }

    /// Reads the newest changes into memory, and says up to where: whoever goes on from there with
    /// [`Log::after`] keeps what is in memory whole.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn remember(&self) -> Result<Position, StoreError> {
        Ok(settled!(self.readers.house(), reader => self.remember_on(reader)))
    }

    async fn remember_on(&self, reader: &mut SqliteConnection) -> Result<Position, StoreError> {
        let mut transaction = reader.begin().await?;
        let epoch = self.epoch.now();
        let last = last_place(&mut transaction).await?;
        let from = (pruned(&mut transaction).await? + 1).max(last.seq - REMEMBERED);
        self.recent.forget();
        let mut lines = self.read(&mut transaction, &epoch, (from, last.seq)).await?;
        // What the first one says is only known as the place where the others begin.
        let is_cut = from > 1 && !lines.is_empty();
        let mut after = if is_cut { lines.remove(0).place } else { LogPlace::default() };
        while let Some(newest) = lines.last().map(|line| line.place) {
            self.recent.note(after, lines);
            after = newest;
            lines = self.read(&mut transaction, &epoch, (after.seq + 1, last.seq)).await?;
        }
        Ok(epoch.position(last))
    }

    /// The next changes after a position, in order; none if there are none yet. They stay in memory
    /// for a while. `None` if the log no longer tells the history that the position belongs to.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn after(&self, position: &Position) -> Result<Option<Batch>, StoreError> {
        let epoch = self.epoch.now();
        let Some(after) = epoch.place(position) else { return Ok(None) };
        let mut reader = self.readers.house().await?;
        let lines = self.follow(&mut reader, &epoch, (after, i64::MAX)).await;
        let Some(lines) = reader.settle(lines)? else {
            return Ok(None);
        };
        let last = lines.last().map_or(after, |line| line.place);
        let changes = lines.iter().filter_map(|line| line.change.as_deref().cloned()).collect();
        self.recent.note(after, lines);
        Ok(Some(Batch { changes, position: epoch.position(last) }))
    }

    /// The last change of a record; nothing if it is not among the newest.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn last_change(
        &self,
        table: &TableName,
        id: RecordId,
    ) -> Result<Option<Change>, StoreError> {
        let row = ask!(self.readers, connection => {
            let row = sqlx::query(AssertSqlSafe(format!(
                "select table_name, key, old, new, by, at, {PLACE} as place from _pagetide_changes
                 where seq > (select max(seq) from _pagetide_changes) - ? and table_name = ? and key = ?
                 order by seq desc limit 1"
            )));
            let row = row.bind(LOOKED_BACK).bind(table.as_str()).bind(id.get());
            row.fetch_optional(connection).await.map_err(StoreError::from)
        })?;
        Ok(row.and_then(|row| self.change(&row, &self.epoch.now())))
    }

    /// The last changes of a record, the newest first, as far back as the log reaches.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn history(
        &self,
        table: &TableName,
        id: RecordId,
        limit: u32,
    ) -> Result<Vec<Change>, StoreError> {
        let rows = ask!(self.readers, connection => {
            let rows = sqlx::query(AssertSqlSafe(format!(
                "select table_name, key, old, new, by, at, {PLACE} as place from _pagetide_changes
                 where table_name = ? and key = ? order by seq desc limit ?"
            )));
            let rows = rows.bind(table.as_str()).bind(id.get()).bind(limit);
            rows.fetch_all(connection).await.map_err(StoreError::from)
        })?;
        Ok(rows.iter().filter_map(|row| self.change(row, &self.epoch.now())).collect())
    }

    /// The state of the database now; nothing where it cannot be told.
    pub fn stamp(&self) -> Option<Stamp> {
        self.stamps.now()
    }

    /// Waits until the log should be looked at again.
    pub async fn wait(&self, pace: &mut LogPace) {
        self.watch.wait(&mut pace.0).await;
    }

    /// What became of the records of a table after one position, up to and including another. The
    /// database is asked only for what is not in memory.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn between(
        &self,
        since: &Position,
        until: &Position,
        table: &TableName,
    ) -> Result<Replay, StoreError> {
        let epoch = self.epoch.now();
        let (Some(known), Some(until)) = (epoch.read(since, table), epoch.place(until)) else {
            return Ok(Replay::Gone);
        };
        let since = known.since;
        if known.told.is_empty()
            && let Some(changes) = self.recent.between(since, until.seq, table)
        {
            return Ok(match changes.len() > MAX_REPLAY {
                true => Replay::Much,
                false => Replay::Changes(known.compact(&epoch, &changes, until)),
            });
        }
        if until.seq - since.seq > MAX_REPLAY as i64 {
            return Ok(Replay::Much);
        }
        let stretch = (since, until.seq.max(since.seq));
        let lines =
            ask!(self.readers, connection => self.follow(connection, &epoch, stretch).await);
        let Some(lines) = lines? else {
            return Ok(Replay::Gone);
        };
        let mut told = known.told.iter().map(|told| told.until);
        if since.seq > until.seq || told.any(|known| known.seq > until.seq) {
            return Ok(Replay::Ahead);
        }
        let is_line =
            |place: LogPlace| place == since || lines.iter().any(|line| line.place == place);
        if !known.told.iter().all(|told| is_line(told.until)) {
            return Ok(Replay::Gone);
        }
        let changes = lines.into_iter().filter_map(|line| line.change);
        let changes: Vec<_> = changes.filter(|change| change.table == *table).collect();
        Ok(Replay::Changes(known.compact(&epoch, &changes, until)))
    }

    /// The lines after a place; nothing if that place is not in the log: it may be pruned, or the log
    /// tell another history.
    async fn follow(
        &self,
        connection: &mut SqliteConnection,
        epoch: &Epoch,
        (since, until): (LogPlace, i64),
    ) -> Result<Option<Vec<LogLine>>, StoreError> {
        if since.seq == 0 {
            let is_whole = since == LogPlace::default() && pruned(connection).await? == 0;
            let mut lines = self.read(connection, epoch, (1, until)).await?;
            lines.truncate(BATCH);
            return Ok((is_whole && follow_each_other(0, &lines)).then_some(lines));
        }
        let mut lines = self.read(connection, epoch, (since.seq, until)).await?;
        let is_known = lines.first().is_some_and(|line| line.place == since);
        let is_whole = is_known && follow_each_other(since.seq - 1, &lines);
        Ok(is_whole.then(|| lines.split_off(1)))
    }

    /// The lines from one `seq` to another. Those of tables that the app no longer has hold nothing.
    async fn read(
        &self,
        connection: &mut SqliteConnection,
        epoch: &Epoch,
        (from, until): (i64, i64),
    ) -> Result<Vec<LogLine>, StoreError> {
        // The limit stands in the text: see `select::limited`.
        let sql = format!(
            "select table_name, key, old, new, by, at, {PLACE} as place from _pagetide_changes
             where seq >= ? and seq <= ? order by seq limit {BATCH} + 1"
        );
        let rows = sqlx::query(AssertSqlSafe(sql)).bind(from).bind(until);
        let rows = rows.fetch_all(connection).await?;
        Ok(rows.iter().map(|row| self.line(row, epoch)).collect())
    }

    fn line(&self, row: &SqliteRow, epoch: &Epoch) -> LogLine {
        let length = |column| row::text(row, column).map_or(0, |text| text.len());
        let change = self.change(row, epoch).map(Arc::new);
        LogLine { place: LogPlace::of(row), bytes: length("old") + length("new"), change }
    }

    /// Nothing for a table that the app no longer has, nor for a line that no trigger of ours wrote.
    fn change(&self, row: &SqliteRow, epoch: &Epoch) -> Option<Change> {
        let name: TableName = row::text(row, "table_name")?.parse().ok()?;
        let table = self.tables.iter().find(|table| table.name == name)?;
        let (old, new) = (row::text(row, "old"), row::text(row, "new"));
        Some(Change {
            position: epoch.position(LogPlace::of(row)),
            table: name,
            record_id: row.try_get::<i64, _>("key").ok()?.into(),
            old: row::logged_before(table, old.as_deref(), new.as_deref(), &self.people),
            new: row::logged(table, new.as_deref(), &self.people),
            by: self.author(row),
            at: row::text(row, "at")?.into(),
        })
    }

    fn author(&self, row: &SqliteRow) -> Option<UserRef> {
        let id = UserId::new(row::text(row, "by")?);
        Some(UserRef { name: self.people.name(&id), id })
    }

    /// Whether a position is of the history that the log tells now.
    pub(super) fn is_current(&self, position: &Position) -> bool {
        self.epoch.now().place(position).is_some()
    }
}

/// How soon a reader of the log looks again; each reader keeps one.
#[derive(Debug, Default)]
pub struct LogPace(Delay);

impl LogPace {
    /// Something was found: more may follow soon.
    pub fn quicken(&mut self) {
        self.0.reset();
    }
}

impl Store {
    /// How much the log keeps.
    pub fn kept(&self) -> LogRetention {
        LogRetention { hours: KEPT_HOURS, changes: self.limits.size(Limit::LogChanges) }
    }
}

/// Whether no line is missing among those after a `seq`: what is rolled back leaves no hole, so somebody
/// has taken out what was there.
fn follow_each_other(before: i64, lines: &[LogLine]) -> bool {
    lines.iter().zip(before + 1..).all(|(line, seq)| line.place.seq == seq)
}

/// The epoch of the log, made once: a position of another one means nothing here.
pub(super) async fn epoch(connection: &mut SqliteConnection) -> Result<Epoch, StoreError> {
    begin_epoch(connection, "").await
}

/// The epoch of the database; nothing if there is none.
pub(super) async fn known_epoch(
    connection: &mut SqliteConnection,
) -> Result<Option<String>, StoreError> {
    let sql = "select value from _pagetide_meta where key = 'epoch'";
    Ok(sqlx::query_scalar(sql).fetch_optional(connection).await?)
}

/// Another epoch than the one before. The database may have another already.
pub(super) async fn begin_epoch(
    connection: &mut SqliteConnection,
    before: &str,
) -> Result<Epoch, StoreError> {
    let known = known_epoch(connection).await?;
    if let Some(known) = known.filter(|known| known != before) {
        return Ok(known.into());
    }
    let epoch: String = sqlx::query_scalar(
        "insert or replace into _pagetide_meta (key, value)
         values ('epoch', lower(hex(randomblob(4)))) returning value",
    )
    .fetch_one(connection)
    .await?;
    Ok(epoch.into())
}

/// Everything up to here may be gone. The newest change always stays, so there is a first one
/// as soon as there ever was any.
async fn pruned(connection: &mut SqliteConnection) -> Result<i64, StoreError> {
    let first: Option<i64> =
        sqlx::query_scalar("select min(seq) from _pagetide_changes").fetch_one(connection).await?;
    Ok(first.map_or(0, |first| first - 1))
}

#[cfg(test)]
mod tests;
