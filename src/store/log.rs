//! The change log: what happened to the declared tables, in commit order.
//!
//! SQLite has one writer at a time, so the order of `seq` is the order of commits. A position is
//! the last `seq` known, with a mark of the database it belongs to.

use std::sync::Arc;

use serde::Serialize;
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Row, SqliteConnection, SqlitePool};

use crate::model::change::Change;
use crate::model::ids::{Position, RecordId, TableName, UserId};
use crate::model::table::Table;
use crate::model::value::{Person, Value};
use crate::store::people::People;
use crate::store::recent::{Logged, Recent};
use crate::store::stamp::{Stamp, Stamps};
use crate::store::watch::{Delay, Watch};
use crate::store::writer::Statement;
use crate::store::{Store, StoreError, row};

/// How many changes are read at once.
const BATCH: i64 = 1_000;
/// How many changes are looked through at once for one subscriber. Whoever missed more is told in
/// parts.
const MAX_REPLAY: i64 = 1_000;
/// How long the changes of such a part may be in the log together, in bytes; one is always among
/// them.
const PART_BYTES: usize = 256 * 1024;
/// How many of the newest changes are looked through for the last one of a record.
const LOOKED_BACK: i64 = 20_000;
/// How many of the newest changes are read into memory at the start.
const REMEMBERED: i64 = 5_000;
/// How many changes the log keeps at most.
const KEPT_CHANGES: i64 = 1_000_000;
/// How long the log keeps a change, in hours.
const KEPT_HOURS: i64 = 24;
/// How many changes one step of pruning removes, so that no writer waits long for it.
const PRUNED_AT_ONCE: i64 = 1_000;

/// The newest change; null if there never was one.
pub(super) const LAST_SEQ: &str = "select max(seq) from _pagetide_changes";

/// Reads the change log.
#[derive(Clone)]
pub struct Log {
    pub(super) readers: SqlitePool,
    pub(super) tables: Arc<[Arc<Table>]>,
    pub(super) people: People,
    pub(super) epoch: Arc<str>,
    pub(super) watch: Watch,
    pub(super) stamps: Stamps,
    pub(super) recent: Recent,
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
    /// All of it, in order.
    Changes(Vec<Arc<Change>>),
    /// The log does not reach back that far, or the position is of another database.
    Gone,
    /// Too much to be told at once: see [`Log::part`].
    Much,
    /// The later position is before the earlier one.
    Ahead,
}

/// A part of what happened, read for one who is far behind.
#[derive(Debug)]
pub struct Part {
    /// In order; may be none, for other tables changed too.
    pub changes: Vec<Arc<Change>>,
    /// Whoever has applied them knows everything up to here.
    pub position: Position,
}

/// How long the log keeps changes: whichever is over first.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Kept {
    /// A change is kept for so many hours.
    pub hours: i64,
    /// So many changes are kept, of all records together.
    pub changes: i64,
}

/// How long the log keeps changes.
pub const KEPT: Kept = Kept { hours: KEPT_HOURS, changes: KEPT_CHANGES };

impl Log {
    /// The position of everything committed so far.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn position(&self) -> Result<Position, StoreError> {
        let mut connection = self.readers.acquire().await?;
        Ok(self.write_position(last_seq(&mut connection).await?))
    }

    /// Reads the newest changes into memory, and says up to where: whoever goes on from there with
    /// [`Log::after`] keeps what is in memory whole.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn remember(&self) -> Result<Position, StoreError> {
        let mut transaction = self.readers.begin().await?;
        let last = last_seq(&mut transaction).await?;
        let mut from = pruned(&mut transaction).await?.max(last - REMEMBERED);
        while from < last {
            let (changes, read) = self.read(&mut transaction, from, last).await?;
            self.recent.note(from, read, changes);
            from = read;
        }
        Ok(self.write_position(last))
    }

    /// The next changes after a position, in order; none if there are none yet. They stay in memory
    /// for a while.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn after(&self, position: &Position) -> Result<Batch, StoreError> {
        let after = self.read_position(position).unwrap_or_default();
        let mut connection = self.readers.acquire().await?;
        let (logged, last) = self.read(&mut connection, after, i64::MAX).await?;
        let changes = logged.iter().map(|logged| Change::clone(&logged.change)).collect();
        self.recent.note(after, last, logged);
        Ok(Batch { changes, position: self.write_position(last) })
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
        let row = sqlx::query(
            "select seq, table_name, key, old, new, by, at from _pagetide_changes
             where seq > (select max(seq) from _pagetide_changes) - ? and table_name = ? and key = ?
             order by seq desc limit 1",
        )
        .bind(LOOKED_BACK)
        .bind(table.as_str())
        .bind(id.get())
        .fetch_optional(&self.readers)
        .await?;
        Ok(row.and_then(|row| self.change(&row)))
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
        let rows = sqlx::query(
            "select seq, table_name, key, old, new, by, at from _pagetide_changes
             where table_name = ? and key = ? order by seq desc limit ?",
        )
        .bind(table.as_str())
        .bind(id.get())
        .bind(limit)
        .fetch_all(&self.readers)
        .await?;
        Ok(rows.iter().filter_map(|row| self.change(row)).collect())
    }

    /// The state of the database now; nothing where it cannot be told.
    pub fn stamp(&self) -> Option<Stamp> {
        self.stamps.now()
    }

    /// Waits until the log should be looked at again.
    pub async fn wait(&self, pace: &mut Pace) {
        self.watch.wait(&mut pace.0).await;
    }

    /// Everything that happened to a table after one position, up to and including another. The
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
        let (Some(since), Some(until)) = (self.read_position(since), self.read_position(until))
        else {
            return Ok(Replay::Gone);
        };
        if until - since > MAX_REPLAY {
            return Ok(Replay::Much);
        }
        if let Some(changes) = self.recent.between(since, until, table) {
            return Ok(Replay::Changes(changes));
        }
        let mut transaction = self.readers.begin().await?;
        if since > last_seq(&mut transaction).await? || since < pruned(&mut transaction).await? {
            return Ok(Replay::Gone);
        }
        if since > until {
            return Ok(Replay::Ahead);
        }
        let (batch, _) = self.read(&mut transaction, since, until).await?;
        let changes = batch.into_iter().map(|logged| logged.change);
        Ok(Replay::Changes(changes.filter(|change| change.table == *table).collect()))
    }

    /// The next changes of a table after a position that is far back; nothing if the log does not
    /// reach back that far, or the position is of another database.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn part(
        &self,
        since: &Position,
        table: &TableName,
    ) -> Result<Option<Part>, StoreError> {
        let Some(since) = self.read_position(since) else { return Ok(None) };
        let mut transaction = self.readers.begin().await?;
        if since < pruned(&mut transaction).await? {
            return Ok(None);
        }
        let (batch, mut last) = self.read(&mut transaction, since, i64::MAX).await?;
        let (mut changes, mut bytes) = (Vec::new(), 0);
        for Logged { seq, bytes: length, change } in batch {
            if change.table != *table {
                continue;
            }
            bytes += length;
            changes.push(change);
            if bytes > PART_BYTES {
                last = seq;
                break;
            }
        }
        Ok(Some(Part { changes, position: self.write_position(last) }))
    }

    /// Changes of the app's tables, and the last `seq` looked at: tables that the app no longer has
    /// may still be written.
    async fn read(
        &self,
        connection: &mut SqliteConnection,
        after: i64,
        until: i64,
    ) -> Result<(Vec<Logged>, i64), StoreError> {
        // The limit stands in the text: see `select::limited`.
        let sql = format!(
            "select seq, table_name, key, old, new, by, at from _pagetide_changes
             where seq > ? and seq <= ? order by seq limit {BATCH}"
        );
        let rows = sqlx::query(AssertSqlSafe(sql)).bind(after).bind(until);
        let rows = rows.fetch_all(connection).await?;
        let last = rows.last().map_or(after, |row| row.get("seq"));
        Ok((rows.iter().filter_map(|row| self.logged(row)).collect(), last))
    }

    fn logged(&self, row: &SqliteRow) -> Option<Logged> {
        let length = |column| row::text(row, column).map_or(0, |text| text.len());
        let bytes = length("old") + length("new");
        let change = Arc::new(self.change(row)?);
        Some(Logged { seq: row.try_get("seq").ok()?, bytes, change })
    }

    /// Nothing for a table that the app no longer has, nor for a line that no trigger of ours wrote.
    fn change(&self, row: &SqliteRow) -> Option<Change> {
        let name: TableName = row::text(row, "table_name")?.parse().ok()?;
        let table = self.tables.iter().find(|table| table.name == name)?;
        let logged = |column| row::logged(table, &row::text(row, column)?, &self.people);
        Some(Change {
            position: self.write_position(row.try_get("seq").ok()?),
            table: name,
            record_id: row.try_get::<i64, _>("key").ok()?.into(),
            old: logged("old"),
            new: logged("new"),
            by: self.author(row),
            at: row::text(row, "at")?.into(),
        })
    }

    fn author(&self, row: &SqliteRow) -> Option<Person> {
        let id = UserId::new(row::text(row, "by")?);
        Some(Person { name: self.people.name(&id), id })
    }

    pub(super) fn write_position(&self, seq: i64) -> Position {
        Position::new(format!("{}-{seq}", self.epoch))
    }

    fn read_position(&self, position: &Position) -> Option<i64> {
        let (epoch, seq) = position.as_str().split_once('-')?;
        (epoch == self.epoch.as_ref()).then(|| seq.parse().ok().filter(|seq| *seq >= 0))?
    }
}

/// How soon a reader of the log looks again; each reader keeps one.
#[derive(Debug, Default)]
pub struct Pace(Delay);

impl Pace {
    /// Something was found: more may follow soon.
    pub fn quicken(&mut self) {
        self.0.reset();
    }
}

impl Store {
    /// Removes some of the changes that are older than the log keeps, and says how many.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn prune_log(&self) -> Result<u64, StoreError> {
        let sql = "delete from _pagetide_changes where seq in (
                     select seq from _pagetide_changes
                     where (at < strftime('%Y-%m-%dT%H:%M:%fZ', 'now', format('-%d hours', ?))
                       or seq <= (select max(seq) from _pagetide_changes) - ?)
                       and seq < (select max(seq) from _pagetide_changes)
                     order by seq limit ?)";
        let values = vec![
            Value::Integer(KEPT_HOURS),
            Value::Integer(KEPT_CHANGES),
            Value::Integer(PRUNED_AT_ONCE),
        ];
        self.execute(Statement { sql, values }).await
    }
}

/// The mark of this database, made once: a position of another one means nothing here.
pub(super) async fn epoch(connection: &mut SqliteConnection) -> Result<Arc<str>, StoreError> {
    sqlx::query(
        "insert or ignore into _pagetide_meta (key, value)
         values ('epoch', lower(hex(randomblob(4))))",
    )
    .execute(&mut *connection)
    .await?;
    let epoch: String = sqlx::query_scalar("select value from _pagetide_meta where key = 'epoch'")
        .fetch_one(connection)
        .await?;
    Ok(epoch.into())
}

async fn last_seq(connection: &mut SqliteConnection) -> Result<i64, StoreError> {
    let seq: Option<i64> = sqlx::query_scalar(LAST_SEQ).fetch_one(connection).await?;
    Ok(seq.unwrap_or(0))
}

/// Everything up to here may be gone. The newest change always stays, so there is a first one
/// as soon as there ever was any.
async fn pruned(connection: &mut SqliteConnection) -> Result<i64, StoreError> {
    let first: Option<i64> =
        sqlx::query_scalar("select min(seq) from _pagetide_changes").fetch_one(connection).await?;
    Ok(first.map_or(0, |first| first - 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Action, Losses, Write};

    async fn open(folder: &std::path::Path) -> (Store, Arc<Table>) {
        let table = Arc::new(crate::model::table::tests::table("orders", &["customer"]));
        let url = folder.join("data.db").display().to_string();
        let (store, _) =
            Store::open(&url, std::slice::from_ref(&table), Losses::Refused).await.unwrap();
        (store, table)
    }

    async fn add(store: &Store, table: &Arc<Table>, customer: &str) {
        let at = table.at("customer").unwrap();
        let action = Action::Insert(vec![(at, Value::text(customer))]);
        store.write(Write::of(table, action)).await.unwrap();
    }

    async fn told(store: &Store, since: &Position, until: &Position) -> Replay {
        store.log().between(since, until, &"orders".parse().unwrap()).await.unwrap()
    }

    #[track_caller]
    fn check(replay: &Replay, expected: &[i64]) {
        let Replay::Changes(changes) = replay else { panic!("{replay:?}") };
        let ids: Vec<_> = changes.iter().map(|change| change.record_id.get()).collect();
        assert_eq!(ids, expected);
    }

    #[tokio::test]
    async fn what_was_read_a_moment_ago_is_told_again_without_the_database() {
        let folder = tempfile::tempdir().unwrap();
        let (store, table) = open(folder.path()).await;
        let start = store.log().remember().await.unwrap();
        add(&store, &table, "Ada").await;
        add(&store, &table, "Grace").await;
        let first = store.log().after(&start).await.unwrap();
        let between = first.changes[0].position.clone();
        // From here on the database cannot be asked.
        store.readers.close().await;
        check(&told(&store, &start, &first.position).await, &[1, 2]);
        check(&told(&store, &between, &first.position).await, &[2]);
        check(&told(&store, &first.position, &first.position).await, &[]);
        let other = Position::new("other-1");
        assert!(matches!(told(&store, &other, &first.position).await, Replay::Gone));
    }

    #[tokio::test]
    async fn what_happened_before_the_start_is_remembered_too() {
        let folder = tempfile::tempdir().unwrap();
        let (store, table) = open(folder.path()).await;
        let start = store.log().position().await.unwrap();
        for _ in 0..BATCH + 5 {
            add(&store, &table, "Ada").await;
        }
        store.close().await;
        let (store, table) = open(folder.path()).await;
        let now = store.log().remember().await.unwrap();
        // Nothing is lost between what was remembered and what is read on.
        add(&store, &table, "Grace").await;
        let next = store.log().after(&now).await.unwrap();
        let part = store.log().part(&start, &table.name).await.unwrap().unwrap();
        store.readers.close().await;
        assert!(matches!(told(&store, &start, &next.position).await, Replay::Much));
        let rest: Vec<_> = (BATCH + 1..=BATCH + 6).collect();
        assert_eq!(part.changes.len(), BATCH as usize);
        check(&told(&store, &part.position, &next.position).await, &rest);
    }

    #[tokio::test]
    async fn what_is_no_longer_in_memory_is_asked_of_the_database() {
        let folder = tempfile::tempdir().unwrap();
        let (store, table) = open(folder.path()).await;
        let start = store.log().position().await.unwrap();
        add(&store, &table, "Ada").await;
        // Nobody has read it into memory.
        let until = store.log().position().await.unwrap();
        check(&told(&store, &start, &until).await, &[1]);
        assert!(matches!(told(&store, &until, &start).await, Replay::Ahead));
        let beyond = store.log().write_position(7);
        assert!(matches!(told(&store, &beyond, &until).await, Replay::Gone));
    }
}
