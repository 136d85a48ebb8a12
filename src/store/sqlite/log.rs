//! The change log: all changes of the declared tables, in commit order.
//!
//! SQLite has one writer at a time, so the order of `seq` is the order of commits. A position names the
//! last line that a reader knows: its `seq`, a mark (a hash of its content), and the epoch of the log. If a
//! database is restored from a backup, it goes on with other lines of the same `seq`. Their marks differ, so
//! a position from before the restore is recognised as one of another history.

use std::sync::{Arc, PoisonError, RwLock};

use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Connection, Row, SqliteConnection};

use crate::model::change::Change;
use crate::model::ids::{Position, RecordId, TableName, UserId};
use crate::model::table::Table;
use crate::model::value::UserRef;
use crate::store::StoreError;
use crate::store::log::{Batch, Replay};
use crate::store::people::UserNames;
use crate::store::seal::PositionSeal;
use crate::store::sqlite::readers::{Readers, ask, settled};
use crate::store::sqlite::recent::{LogLine, Recent};
use crate::store::sqlite::row;
use crate::store::sqlite::stamp::{Stamp, Stamps};
use crate::store::sqlite::watch::{CommitBell, Delay};

mod handed;
mod known;
mod part;
pub(super) mod place;
mod prune;

pub(super) use place::last_place;
use place::{LogPlace, PLACE};
pub(super) use prune::Pruner;

/// How many lines are read at once.
const BATCH: usize = 1_000;
/// How many lines are searched at once for one subscriber. A subscriber who missed more receives the
/// replay in parts: see [`Log::part`].
const MAX_REPLAY: usize = 1_000;
/// How many of the newest lines are searched for the last change of a record.
const LOOKED_BACK: i64 = 20_000;
/// How many of the newest lines are read into memory at the start.
const REMEMBERED: i64 = 5_000;

/// The change log of a SQLite database, for its readers.
#[derive(Clone)]
pub struct SqliteLog {
    pub(super) readers: Readers,
    pub(super) tables: Arc<[Arc<Table>]>,
    pub(super) people: UserNames,
    pub(super) epoch: CurrentEpoch,
    pub(super) seal: PositionSeal,
    pub(super) watch: CommitBell,
    pub(super) stamps: Stamps,
    pub(super) recent: Recent,
}

/// The name of the history that the log holds. Each position begins with the one of its history.
#[derive(Clone, Debug)]
pub(super) struct Epoch(Arc<str>);

impl Epoch {
    /// The position of a reader who knows everything up to a line. The epoch must have been read before the
    /// line, since another one may begin in between.
    pub(super) fn position(&self, place: LogPlace) -> Position {
        let LogPlace { seq, mark } = place;
        Position::new(format!("{}-{seq}-{mark:x}", self.0))
    }

    /// The line up to which a position knows everything. `None` if the position is of another history.
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

/// The epoch that the log has now. Clones share it.
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

impl SqliteLog {
    /// The seal that encrypts positions for clients, and opens them again.
    pub fn seal(&self) -> &PositionSeal {
        &self.seal
    }

    /// Returns the position after the last committed change.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn position(&self) -> Result<Position, StoreError> {
        let mut reader = self.readers.house().await?;
        let epoch = self.epoch.now();
        let place = last_place(&mut reader).await;
        Ok(epoch.position(reader.settle(place)?))
    }

    /// Whether changes were committed between two positions, `told` and the later `now`. `false` if one of them is of
    /// another history.
    pub fn is_ahead(&self, now: &Position, told: &Position) -> bool {
        let epoch = self.epoch.now();
        let (now, told) = (epoch.place(now), epoch.place(told));
        now.zip(told).is_some_and(|(now, told)| now.seq > told.seq)
    }

    /// Reads the newest lines into memory, and returns the position after them. A caller that reads on from
    /// there with [`Log::after`] keeps the lines in memory without a gap.
    ///
    /// # Errors
    /// If the database does not answer.
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
        // The first line is read only for its place, after which the others begin.
        let is_cut = from > 1 && !lines.is_empty();
        let mut after = if is_cut { lines.remove(0).place } else { LogPlace::default() };
        while let Some(newest) = lines.last().map(|line| line.place) {
            self.recent.note(after, lines);
            after = newest;
            lines = self.read(&mut transaction, &epoch, (after.seq + 1, last.seq)).await?;
        }
        Ok(epoch.position(last))
    }

    /// Returns the next changes after a position, in order: an empty list if there are none yet. They are
    /// kept in memory for a while. `None` if the position is not in the log: it was pruned, or is of another
    /// history.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn after(&self, position: &Position) -> Result<Option<Batch>, StoreError> {
        let epoch = self.epoch.now();
        let Some(after) = epoch.place(position) else { return Ok(None) };
        let mut reader = self.readers.house().await?;
        let lines = self.follow(&mut reader, &epoch, (after, i64::MAX)).await;
        let Some(lines) = reader.settle(lines)? else {
            return Ok(None);
        };
        let last = lines.last().map_or(after, |line| line.place);
        let changes = lines.iter().filter_map(|line| line.change.clone()).collect();
        self.recent.note(after, lines);
        Ok(Some(Batch { changes, position: epoch.position(last) }))
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

    /// The state of the database now. `None` if it cannot be read, as while it is being written.
    pub fn stamp(&self) -> Option<Stamp> {
        self.stamps.now()
    }

    /// Waits until the log should be read again: after a commit, or when the time of `pace` is over.
    pub async fn wait(&self, pace: &mut LogPace) {
        self.watch.wait(&mut pace.0).await;
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

    /// Reads the lines after the place `since`, up to the number `until`. `None` if that place is not in the
    /// log (pruned, or of another history) or a line after it is missing.
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

    /// Reads the lines from one `seq` to another, [`BATCH`] and one at most. Lines of tables that are no
    /// longer declared have no change.
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

    /// Reads the change in a line. `None` if its table is no longer declared, or the line was not written by
    /// a trigger of ours.
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

    /// The name of the current history.
    pub(in crate::store) fn epoch_name(&self) -> Arc<str> {
        self.epoch.now().0
    }

    /// Whether a position is of the current history of the log.
    pub(super) fn is_current(&self, position: &Position) -> bool {
        self.epoch.now().place(position).is_some()
    }
}

/// The time after which a reader of the log looks again. Each reader keeps one of its own.
#[derive(Debug, Default)]
pub struct LogPace(Delay);

impl LogPace {
    /// Makes the next wait short again, since a change was found and more may follow soon.
    pub fn quicken(&mut self) {
        self.0.reset();
    }
}

/// Whether the lines after the number `before` have no gap. A rolled-back transaction leaves none, so a gap
/// means that lines were removed.
fn follow_each_other(before: i64, lines: &[LogLine]) -> bool {
    lines.iter().zip(before + 1..).all(|(line, seq)| line.place.seq == seq)
}

/// Returns the epoch of the log. Makes one if the database has none.
pub(super) async fn epoch(connection: &mut SqliteConnection) -> Result<Epoch, StoreError> {
    begin_epoch(connection, "").await
}

/// Returns the epoch of the database. `None` if it has none.
pub(super) async fn known_epoch(
    connection: &mut SqliteConnection,
) -> Result<Option<String>, StoreError> {
    let sql = "select value from _pagetide_meta where key = 'epoch'";
    Ok(sqlx::query_scalar(sql).fetch_optional(connection).await?)
}

/// Begins another epoch than `before` and returns it. If the database has another one already, that is
/// returned.
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

/// Returns the `seq` up to which lines may have been pruned. The newest line always stays, so an empty log
/// never had a line, and 0 is returned.
async fn pruned(connection: &mut SqliteConnection) -> Result<i64, StoreError> {
    let first: Option<i64> =
        sqlx::query_scalar("select min(seq) from _pagetide_changes").fetch_one(connection).await?;
    Ok(first.map_or(0, |first| first - 1))
}

#[cfg(test)]
mod tests;
