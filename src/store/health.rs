//! Whether the database is still the one that was opened, with the tables, triggers and history that
//! are told: other programs copy, restore and replace it, and make its tables anew.
//!
//! What can be mended is mended, and a new history begins: what happened meanwhile is in no line of the
//! log, so whoever listens is to read again. Until then the database is not fit to be served.

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
use crate::store::log::last_place;
use crate::store::readers::settled;
use crate::store::stamp::Stamp;
use crate::store::watch::CommitBell;
use crate::store::write::SystemStatement;
use crate::store::{Store, StoreError, connect_to, error, log, migrate, options};

mod files;
mod tables;

use tables::TableParts;

pub(super) use files::{DatabaseFiles, Displaced};

/// How long until the database is looked at where nothing seems to happen.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long until it is looked at again where a lot happens.
const LOOK_AT_MOST_EVERY: Duration = Duration::from_millis(250);
/// How long after a write it is folded into the file.
const FOLD_AFTER: Duration = Duration::from_millis(900);
/// How long those who read may take to make way for another file.
const MAKE_WAY: Duration = Duration::from_secs(10);

/// Notes when writing was tried.
const KEEP_TRIED: &str = "insert into _pagetide_meta (key, value) values ('tried', ?)
                          on conflict (key) do update set value = excluded.value";

/// What to do when the file is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deleted {
    /// Wait for it to come back.
    Wait,
    /// Begin anew with an empty one.
    BeginAnew,
}

/// What is known of the state of the database; all copies of a store share one.
pub(super) struct Health {
    /// Why it is not fit to be served.
    fault: Mutex<Option<String>>,
    pub(super) files: DatabaseFiles,
    pub(super) limits: Arc<Limits>,
    /// Whether the last write failed, and not for what it wrote.
    cannot_write: AtomicBool,
    watch: CommitBell,
    /// Taken by whoever looks.
    last: Arc<tokio::sync::Mutex<LastLook>>,
    /// When it was tried out last, and what was wrong then.
    tried: tokio::sync::Mutex<Option<(Instant, Option<String>)>>,
}

/// Held by whoever must not be mended behind, see [`Store::hold`].
pub struct Hold(OwnedMutexGuard<LastLook>);

/// What was found at the last look.
#[derive(Default)]
struct LastLook {
    connection: Option<SqliteConnection>,
    stamp: Option<Stamp>,
    schema: Option<TableParts>,
    /// The state in which everything is in the file itself.
    folded: Option<Stamp>,
    /// The state that was folded as far as readers and writers allowed, and when.
    tried: Option<(Option<Stamp>, Instant)>,
    /// Whether the last try to fold failed, which is said once.
    fold_failed: bool,
    /// When the file itself had been changed last as it was compared with what is read.
    modified: Option<SystemTime>,
    /// Whether the connections are to a file that is no longer, or not known to be, the database.
    is_astray: bool,
    /// Whether another app has taken over the tables.
    is_retired: bool,
}

impl Health {
    pub(super) fn new(files: DatabaseFiles, watch: CommitBell, limits: Arc<Limits>) -> Self {
        let (fault, last) = (Mutex::default(), Arc::default());
        let (cannot_write, tried) = (AtomicBool::default(), tokio::sync::Mutex::default());
        Self { fault, files, limits, cannot_write, watch, last, tried }
    }

    /// Whether there is room on the disk for records.
    pub(super) fn has_room(&self) -> bool {
        self.files.room().is_none_or(|room| room >= self.limits.size(Limit::FreeDiskBytes))
    }

    /// Notes whether what was to be written last is written, or was refused for what it is.
    pub(super) fn note_write(&self, is_done: bool) {
        self.cannot_write.store(!is_done, Ordering::Relaxed);
    }

    /// Something seems to be wrong.
    pub(super) fn look_soon(&self) {
        self.watch.sound();
    }

    /// Ends the checks of health and closes their connection.
    pub(super) async fn close(&self) {
        if let Some(connection) = self.last.lock().await.connection.take() {
            // Nothing can be done about a database that will not close.
            let _ = connection.close().await;
        }
    }

    fn fault(&self) -> Option<String> {
        self.fault.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes what is wrong, and says so in the log if that is news.
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

impl Store {
    /// Whether the database is what it should be.
    ///
    /// # Errors
    /// What is wrong with it.
    pub async fn check(&self) -> Result<(), StoreError> {
        if let Some(fault) = self.health.fault() {
            return Err(StoreError::Unfit(fault));
        }
        // Whoever asks may ask often.
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

    /// Reads of every table, and sees whether something could be written.
    async fn try_out(&self) -> Result<(), StoreError> {
        let reads = self.tables.iter().map(|table| {
            format!(", (select count(*) from (select * from \"{}\" limit 1))", table.name)
        });
        let read = format!("select 1{}", reads.collect::<String>());
        settled!(self.readers.house(), house => sqlx::query(AssertSqlSafe(read)).fetch_one(house));
        // Writing nothing finds out whether a transaction can be begun and ended, and wakes nobody. Whether
        // the disk takes anything only shows when something is written: SQLite leaves out what would change
        // no byte.
        let statement = match self.health.cannot_write.load(Ordering::Relaxed) {
            true => {
                let now = jiff::Timestamp::now().as_nanosecond().to_string();
                SystemStatement { sql: KEEP_TRIED, values: vec![Value::text(now)] }
            }
            false => SystemStatement {
                sql: "delete from _pagetide_replaced where 0",
                values: Vec::new(),
            },
        };
        let write = self.execute(statement);
        // Another program may be writing for a long while, which is no fault.
        timeout(LOOK_EVERY, write).await.map_or(Ok(()), |done| done.map(|_| ()))
    }

    /// Looks after the database, for ever: folds what was written into its file, notices what others did
    /// to it, and mends that.
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

    /// Keeps the database from being mended while another app brings it to what it declares.
    pub async fn hold(&self) -> Hold {
        Hold(self.health.last.clone().lock_owned().await)
    }

    /// Another app has taken over: this one has nothing to mend any more.
    pub fn retire(hold: Hold) {
        let mut last = hold.0;
        last.is_retired = true;
        last.connection = None;
    }

    /// A position is not in the log: its history is over, or is found to be now. Whether another one
    /// has yet to begin.
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
                    // Whoever moved it has all of it, and what comes in its place finds nothing of it.
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

    /// Begins a history in which nothing of the one before can be resumed from.
    async fn begin_history(&self, last: &mut LastLook) -> Result<(), StoreError> {
        let before = self.log.epoch.now();
        let epoch = log::begin_epoch(self.connection(last).await?, before.as_str()).await?;
        self.people.reload(&self.readers).await?;
        self.log.epoch.set(epoch);
        self.log.watch.ring();
        Ok(())
    }

    /// The connection of whoever looks.
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

    /// Whether something else was written over the file: no cached page is what it says any more.
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
            // Something may be committed meanwhile.
            let is_between = before.seq <= now.seq && now.seq <= after.seq;
            Ok::<_, StoreError>(!is_between || before == after && now != before)
        };
        match look.await {
            Ok(is_other) => is_other,
            Err(StoreError::Unavailable(error)) => error.as_database_error().is_some(),
            Err(_) => false,
        }
    }

    /// Puts everything that was written into the file that is open, and takes away what would be
    /// taken for a part of whatever comes in its place.
    async fn set_down(&self, last: &mut LastLook) {
        if let Ok(connection) = self.connection(last).await {
            let folded = sqlx::query("pragma wal_checkpoint(truncate)").fetch_one(connection).await;
            if folded.is_ok_and(|row| row.get::<i64, _>(0) == 0) {
                self.health.files.remove_beside();
            }
        }
    }

    /// Opens what is now at the path, as at a start.
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
            // It may be to a file that is no more.
            let _ = old.close().await;
        }
        let files = &self.health.files;
        let mut writer = connect_to(files.path()).await?;
        migrate::apply(&mut writer, &self.tables, migrate::Losses::Refused).await?;
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
        // Nobody waits for it if the writer has ended.
        let _ = lent.back.send(writer);
        Ok(())
    }

    /// Moves what was written into the file itself, so that a copy of it alone has it too. Neither
    /// writers nor readers wait for that.
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
            // All is there by now, so this takes no time; whoever reads or writes keeps it off.
            sqlx::raw_sql("pragma busy_timeout = 0").execute(&mut *connection).await?;
            let emptied =
                sqlx::query("pragma wal_checkpoint(truncate)").fetch_one(&mut *connection).await;
            sqlx::raw_sql("pragma busy_timeout = 10000").execute(&mut *connection).await?;
            if emptied?.get::<i64, _>(0) == 0 {
                let stamp = self.log.stamp();
                // Unless something was written since.
                last.folded = stamp.filter(|_| self.health.files.is_all_in_one());
                self.log.watch.ring();
            }
        }
        // The file has changed by that, or by a copy that came in just then: the next look finds out.
        Ok(())
    }
}

/// An error with what caused it.
fn in_full(error: &StoreError) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}
