//! Checks again and again whether the database is still the one that was opened, with its tables, triggers
//! and history: other programs copy, restore and replace database files, and create tables anew.
//!
//! What can be repaired is repaired, and a new history begins: changes that happened meanwhile are in no line
//! of the log, so clients must read again. Until then the database is not fit to be served.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, Connection, Row, SqliteConnection};
use tokio::sync::OwnedMutexGuard;
use tokio::time::{sleep, timeout};

use crate::limits::{Limit, LimitUnit, Limits};
use crate::model::ids::Position;
use crate::model::value::Value;
use crate::store::StoreError;
use crate::store::health::Deleted;
use crate::store::migration::Losses;
use crate::store::own::OwnStatement;
use crate::store::people::UserNames;
use crate::store::sqlite::error;
use crate::store::sqlite::log::last_place;
use crate::store::sqlite::readers::settled;
use crate::store::sqlite::stamp::Stamp;
use crate::store::sqlite::watch::CommitBell;
use crate::store::sqlite::{SqliteEngine, connect_to, log, migrate, options, own_rows};

mod files;
mod tables;

use tables::TableParts;

pub(super) use files::{DatabaseFiles, Displaced};

/// The time between two checks if nothing seems to happen to the database.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The least time between two checks.
const LOOK_AT_MOST_EVERY: Duration = Duration::from_millis(250);
/// How long after a write the WAL is folded into the database file.
const FOLD_AFTER: Duration = Duration::from_millis(900);
/// How long readers may take to give up their connections when another file is opened.
const MAKE_WAY: Duration = Duration::from_secs(10);

/// Writes the time of the last try to write.
const KEEP_TRIED: &str = "insert into _pagetide_meta (key, value) values ('tried', ?)
                          on conflict (key) do update set value = excluded.value";

/// The state of the database, as the checks found it. All clones of a store share one.
pub(super) struct Health {
    /// Why the database is not fit to be served. `None` if it is fit.
    fault: Mutex<Option<String>>,
    pub(super) files: DatabaseFiles,
    pub(super) limits: Arc<Limits>,
    /// Whether the last write failed for another reason than its content.
    cannot_write: AtomicBool,
    watch: CommitBell,
    /// The results of the last check; locked during a check.
    last: Arc<tokio::sync::Mutex<LastLook>>,
    /// When [`Store::check`] last read and wrote, and what failed then.
    tried: tokio::sync::Mutex<Option<(Instant, Option<String>)>>,
}

/// A guard that keeps the database from being repaired: see [`Store::hold`].
pub struct SqliteHold(OwnedMutexGuard<LastLook>);

/// The results of the last check, against which the next one compares.
#[derive(Default)]
struct LastLook {
    connection: Option<SqliteConnection>,
    stamp: Option<Stamp>,
    schema: Option<TableParts>,
    /// The state of the database in which the whole WAL was folded into the file.
    folded: Option<Stamp>,
    /// The state of the database at the last try to fold the WAL, and the time of that try.
    tried: Option<(Option<Stamp>, Instant)>,
    /// Whether the last try to fold failed. It is logged once.
    fold_failed: bool,
    /// The modification time of the file when it was last compared with the pages that are read.
    modified: Option<SystemTime>,
    /// Whether the open connections may belong to a file that is no longer the database.
    is_astray: bool,
    /// Whether another app has taken over the tables.
    is_retired: bool,
}

impl Health {
    pub(super) fn new(files: DatabaseFiles, watch: CommitBell, limits: Arc<Limits>) -> Self {
        let (fault, last) = (Mutex::default(), Arc::default());
        let cannot_write = AtomicBool::default();
        let tried = tokio::sync::Mutex::default();
        Self { fault, files, limits, cannot_write, watch, last, tried }
    }

    /// Whether the disk has room for records: at least [`Limit::FreeDiskBytes`]. True if the system does not
    /// say.
    pub(super) fn has_room(&self) -> bool {
        self.files.room().is_none_or(|room| room >= self.limits.size(Limit::FreeDiskBytes))
    }

    /// Notes whether the last write succeeded (`true`), or the connection or disk failed (`false`).
    pub(super) fn note_write(&self, is_done: bool) {
        self.cannot_write.store(!is_done, Ordering::Relaxed);
    }

    /// Asks for a check soon, since something seems to be wrong.
    pub(super) fn look_soon(&self) {
        self.watch.sound();
    }

    /// Closes the connection of the checks.
    pub(super) async fn close(&self) {
        if let Some(connection) = self.last.lock().await.connection.take() {
            // Nothing can be done about a database that will not close.
            let _ = connection.close().await;
        }
    }

    fn fault(&self) -> Option<String> {
        self.fault.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sets the fault of the database, and logs it if it has changed.
    fn set(&self, fault: Option<String>) {
        let before = std::mem::replace(
            &mut *self.fault.lock().unwrap_or_else(PoisonError::into_inner),
            fault.clone(),
        );
        match (before, fault) {
            (before, Some(fault)) if before.as_ref() != Some(&fault) => {
                tracing::error!("not ready: {fault}");
            }
            (Some(_), None) => tracing::warn!("the database is fit to be served again"),
            _ => {}
        }
    }
}

impl SqliteEngine {
    /// Checks whether the database is fit to be served: the last check found no fault, every table can be
    /// read, and a write succeeds. Reads and writes at most once a second.
    ///
    /// # Errors
    /// [`StoreError::Unfit`] with the fault.
    pub async fn check(&self) -> Result<(), StoreError> {
        if let Some(fault) = self.health.fault() {
            return Err(StoreError::Unfit(fault));
        }
        // This may be called often, so a recent result is used again.
        let mut tried = self.health.tried.lock().await;
        let is_fresh = tried.as_ref().is_some_and(|(at, _)| at.elapsed() < LOOK_EVERY);
        if !is_fresh {
            let before = tried.take().and_then(|(_, fault)| fault);
            let found = self.try_out().await.err();
            match (&before, &found) {
                (None, Some(error)) => tracing::error!("not ready: {}", in_full(error)),
                (Some(_), None) => tracing::warn!("the database can be read and written again"),
                _ => {}
            }
            *tried = Some((Instant::now(), found.map(|error| error.told())));
        }
        match tried.as_ref().and_then(|(_, fault)| fault.clone()) {
            Some(fault) => Err(StoreError::Unfit(fault)),
            None => Ok(()),
        }
    }

    /// Reads from every table, and tries a write.
    async fn try_out(&self) -> Result<(), StoreError> {
        let reads = self.tables.iter().map(|table| {
            format!(", (select count(*) from (select * from \"{}\" limit 1))", table.name)
        });
        let read = format!("select 1{}", reads.collect::<String>());
        settled!(self.readers.house(), house => sqlx::query(AssertSqlSafe(read)).fetch_one(house));
        // A statement that deletes nothing shows whether a transaction can be begun and committed, and wakes
        // no reader of the log. Whether the disk accepts data only shows when a byte changes, so after a
        // failed write the time is written.
        let statement = match self.health.cannot_write.load(Ordering::Relaxed) {
            true => {
                let now = jiff::Timestamp::now().as_nanosecond().to_string();
                OwnStatement::new(KEEP_TRIED, vec![Value::text(now)])
            }
            false => OwnStatement::new("delete from _pagetide_replaced where 0", Vec::new()),
        };
        let write = self.execute(statement);
        // Another program may be writing for a long while, which is no fault.
        timeout(LOOK_EVERY, write).await.map_or(Ok(()), |done| done.map(|_| ()))
    }

    /// Manages the database for as long as it is open: folds the WAL into its file, and checks and repairs
    /// what other programs have changed. Never returns.
    pub async fn look_after(&self, deleted: Deleted) {
        loop {
            let mut last = self.health.last.clone().lock_owned().await;
            if !last.is_retired {
                let looked = self.look(&mut last, deleted).await;
                self.health.set(looked.err().map(|error| in_full(&error)));
            }
            drop(last);
            sleep(LOOK_AT_MOST_EVERY).await;
            self.log.watch.alarm(LOOK_EVERY - LOOK_AT_MOST_EVERY).await;
        }
    }

    /// Keeps the database from being repaired while another app migrates it, until the guard is dropped or
    /// given to [`retire`](Self::retire).
    pub async fn hold(&self) -> SqliteHold {
        SqliteHold(self.health.last.clone().lock_owned().await)
    }

    /// Ends the checks and repairs of this store, since another app has taken over the database.
    pub fn retire(hold: SqliteHold) {
        let mut last = hold.0;
        last.is_retired = true;
        last.connection = None;
    }

    /// Reports that a position of the feed is not in the log. Returns whether it is of the current history.
    /// Then the log has been changed, the database is opened anew, and another history has yet to begin.
    pub async fn go_astray(&self, position: &Position) -> bool {
        let mut last = self.health.last.lock().await;
        let is_current = self.log.is_current(position);
        last.is_astray |= is_current;
        self.health.look_soon();
        is_current
    }

    async fn look(&self, last: &mut LastLook, deleted: Deleted) -> Result<(), StoreError> {
        let displaced = self.health.files.displaced();
        last.is_astray |= displaced.is_some();
        if !last.is_astray && self.is_overwritten(last).await {
            last.is_astray = true;
        }
        if last.is_astray {
            match displaced {
                Some(Displaced::Gone) if deleted == Deleted::Wait => {
                    // The moved file is then complete, and the next file at the path finds no WAL of this
                    // one.
                    self.set_down(last).await;
                    return Err(StoreError::Misplaced);
                }
                Some(Displaced::Replaced) => self.health.files.expect_whole()?,
                Some(Displaced::Gone | Displaced::Beside) | None => {}
            }
            return self.open_anew(last, displaced.is_some()).await;
        }
        let stamp = self.log.stamp();
        let is_changed = last.stamp.is_none() || last.stamp != stamp || last.schema.is_none();
        if is_changed || self.health.fault().is_some() {
            let looked = self.look_at_tables(last).await;
            if looked.as_ref().is_err_and(error::is_broken) {
                last.connection = None;
            }
            looked?;
            last.stamp = stamp;
        }
        if let Err(error) = self.fold(last).await
            && !std::mem::replace(&mut last.fold_failed, true)
        {
            tracing::warn!("cannot fold what was written into the file: {}", in_full(&error));
        }
        if !self.health.has_room() {
            let floor = LimitUnit::Bytes.shown(self.health.limits.size(Limit::FreeDiskBytes));
            return Err(StoreError::Unfit(format!(
                "less than {floor} are left on the disk, so no record is written; make room, or set \
                 --limit free-disk-bytes=…"
            )));
        }
        Ok(())
    }

    /// Begins a new history of the log: positions of the one before are no longer valid.
    async fn begin_history(&self, last: &mut LastLook) -> Result<(), StoreError> {
        let before = self.log.epoch.now();
        let epoch = log::begin_epoch(self.connection(last).await?, before.as_str()).await?;
        let names = own_rows(self.connection(last).await?, &UserNames::statement()).await?;
        self.people.replace_by(&names);
        self.log.epoch.set(epoch);
        self.log.watch.ring();
        Ok(())
    }

    /// Returns the connection of the checks. Opens it if it is closed.
    async fn connection<'a>(
        &self,
        last: &'a mut LastLook,
    ) -> Result<&'a mut SqliteConnection, StoreError> {
        let connection = match last.connection.take() {
            Some(connection) => connection,
            None => {
                let options = options(self.health.files.path()).create_if_missing(false);
                SqliteConnection::connect_with(&options).await?
            }
        };
        Ok(last.connection.insert(connection))
    }

    /// Whether another database was written over the file, so that the cached pages of the open connections
    /// are no longer those of the file. If the file was modified, a new connection looks whether it sees the
    /// same last line of the log as a cached one.
    async fn is_overwritten(&self, last: &mut LastLook) -> bool {
        let modified = self.health.files.modified();
        if last.modified == modified {
            return false;
        }
        last.modified = modified;
        let options = self.readers.options();
        let look = async {
            let before = settled!(self.readers.house(), house => last_place(house));
            let mut fresh = SqliteConnection::connect_with(options).await?;
            let now = last_place(&mut fresh).await?;
            fresh.close().await?;
            let after = settled!(self.readers.house(), house => last_place(house));
            // The line that the new connection sees may be newer, if something is committed meanwhile.
            let is_between = before.seq <= now.seq && now.seq <= after.seq;
            Ok::<_, StoreError>(!is_between || before == after && now != before)
        };
        match look.await {
            Ok(is_other) => is_other,
            Err(StoreError::Unavailable(error)) => error.as_database_error().is_some(),
            Err(_) => false,
        }
    }

    /// Folds the WAL into the file that is open, and removes the WAL, which SQLite would take for a part of
    /// the next file at the path.
    async fn set_down(&self, last: &mut LastLook) {
        if let Ok(connection) = self.connection(last).await {
            let folded = sqlx::query("pragma wal_checkpoint(truncate)").fetch_one(connection).await;
            if folded.is_ok_and(|row| row.get::<i64, _>(0) == 0) {
                self.health.files.remove_beside();
            }
        }
    }

    /// Opens the file that is now at the path, migrates it as at a start, and gives its connections to the
    /// readers and the writer.
    async fn open_anew(&self, last: &mut LastLook, is_displaced: bool) -> Result<(), StoreError> {
        tracing::warn!("the database was replaced, restored or deleted: opening it anew");
        if is_displaced {
            self.set_down(last).await;
        }
        let lent = self.writer.lend().await?;
        // No connection to the new file may stand beside one to the old: they could share a log.
        let nothing = SqliteConnectOptions::new().in_memory(true);
        let mut readers = self.readers.take_all(MAKE_WAY).await?;
        for reader in &mut readers {
            self.readers.replace(reader, &nothing).await?;
        }
        for old in [last.connection.take(), lent.connection].into_iter().flatten() {
            // It may belong to a file that was deleted, so an error says nothing.
            let _ = old.close().await;
        }
        let files = &self.health.files;
        let mut writer = connect_to(files.path()).await?;
        migrate::apply(&mut writer, &self.tables, Losses::Refused).await?;
        let read_only = options(files.path()).read_only(true).create_if_missing(false);
        for reader in &mut readers {
            self.readers.replace(reader, &read_only).await?;
            last_place(reader).await?;
        }
        drop(readers);
        files.turn_to();
        self.log.stamps.turn_to(&files.real());
        self.log.watch.turn_to(&files.real());
        *last = LastLook { modified: files.modified(), ..LastLook::default() };
        self.begin_history(last).await?;
        // This only fails if the writer has ended.
        let _ = lent.back.send(writer);
        Ok(())
    }

    /// Folds the WAL into the database file, so that a copy of the file alone is complete. Neither writers
    /// nor readers wait for that.
    ///
    /// A passive checkpoint copies as much as readers and writers allow. When the database has not changed
    /// since the last one, a second checkpoint empties the WAL.
    async fn fold(&self, last: &mut LastLook) -> Result<(), StoreError> {
        let stamp = self.log.stamp();
        if last.folded.is_some() && last.folded == stamp {
            return Ok(());
        }
        let Some((before, at)) = last.tried else {
            last.tried = Some((None, Instant::now()));
            return Ok(());
        };
        if at.elapsed() < FOLD_AFTER {
            return Ok(());
        }
        last.tried = Some((stamp, Instant::now()));
        let is_quiet = before == stamp;
        let connection = self.connection(last).await?;
        sqlx::query("pragma wal_checkpoint(passive)").execute(&mut *connection).await?;
        last.fold_failed = false;
        let connection = self.connection(last).await?;
        if is_quiet {
            // The pages are copied by now, so this is quick. With no timeout, it gives up at once if another
            // connection reads or writes.
            sqlx::raw_sql("pragma busy_timeout = 0").execute(&mut *connection).await?;
            let emptied =
                sqlx::query("pragma wal_checkpoint(truncate)").fetch_one(&mut *connection).await;
            sqlx::raw_sql("pragma busy_timeout = 10000").execute(&mut *connection).await?;
            if emptied?.get::<i64, _>(0) == 0 {
                let stamp = self.log.stamp();
                // Only if nothing was written since.
                last.folded = stamp.filter(|_| self.health.files.is_all_in_one());
                self.log.watch.ring();
            }
        }
        // `modified` stays as it is: folding has changed the file, but so may another program have at the
        // same time, and the next check compares them.
        Ok(())
    }
}

/// Returns the message of an error with that of its source.
fn in_full(error: &StoreError) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}
