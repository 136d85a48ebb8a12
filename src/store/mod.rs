//! The database of an app: its records, accounts and change log. The only module that knows SQL.
//!
//! One connection writes and groups the waiting writes into one commit; several connections read.
//! Triggers fill the change log in the transaction of each write, also for writes of other processes.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, SqliteConnection};

use crate::limits::{Limit, Limits, Shares};
use crate::model::ids::TableName;
use crate::model::table::Table;

mod accounts;
mod cascade;
mod classes;
mod convert;
mod error;
mod execute;
mod figures;
mod health;
mod literals;
mod log;
mod long;
mod make_way;
mod marks;
mod meaning;
mod migrate;
mod people;
mod readers;
mod rebuild;
mod recent;
mod related;
mod renames;
mod row;
mod rules;
mod schema;
mod seal;
mod select;
mod sessions;
mod snapshot;
mod stamp;
mod statements;
mod stream;
mod system_tables;
mod transaction;
mod triggers;
mod unrounded;
mod watch;
mod write;
mod writer;

pub use accounts::{Account, AccountSummary, AccountsVersion, NewAccount};
pub use error::StoreError;
pub use health::{Deleted, Hold};
pub use log::{Batch, Log, LogPace, LogRetention, Pruner, ReadScope, Replay, ReplayPart};
pub use migrate::{Losses, Migrated};
pub use rebuild::FRESH;
pub use related::{LabelChange, RelatedLoader};
pub use seal::PositionSeal;
pub use sessions::{ApiToken, NewSession, NewToken, SessionSeen};
pub use stamp::Stamp;
pub use write::{FieldValues, Intent, Outcomes, Upsert, Write, WriteOp, WriteOutcome};

use health::{DatabaseFiles, Health};
use log::CurrentEpoch;
use people::UserNames;
use readers::Readers;
use recent::Recent;
use stamp::Stamps;
use watch::CommitBell;
use writer::Writer;

/// How long a statement waits for another program's transaction before it fails.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// How many rows sqlx fetches ahead of its reader; the default of 50 costs a thread switch per page.
const ROW_BUFFER: usize = 1_024;

/// The database of one app.
#[derive(Clone)]
pub struct Store {
    tables: Arc<[Arc<Table>]>,
    readers: Readers,
    writer: Writer,
    log: Log,
    people: UserNames,
    health: Arc<Health>,
    limits: Arc<Limits>,
    /// The bytes of lists that are in memory for requests, by requester: [`Limit::ListsBytes`].
    lists: Shares,
}

impl Store {
    /// Opens the database, migrates its tables to the declared ones, and seeds the new ones.
    ///
    /// # Errors
    /// If the file cannot be opened, values would be lost and `losses` refuses that, records break a
    /// declared rule, or a seed row is refused; the database is then unchanged.
    pub async fn open(
        url: &str,
        tables: &[Arc<Table>],
        losses: Losses,
    ) -> Result<(Self, Migrated), StoreError> {
        Self::open_within(url, tables, losses, Arc::default()).await
    }

    /// Opens the database as [`open`](Self::open) does, with other limits than the default ones.
    ///
    /// # Errors
    /// As for [`open`](Self::open).
    pub async fn open_within(
        url: &str,
        tables: &[Arc<Table>],
        losses: Losses,
        limits: Arc<Limits>,
    ) -> Result<(Self, Migrated), StoreError> {
        let (mut connection, file) = connect(url).await?;
        let migrated = migrate::apply(&mut connection, tables, losses).await?;
        Ok((Self::over(connection, file, tables, limits).await?, migrated))
    }

    /// Opens the database for its accounts alone. The tables of the app are not touched, so a server may
    /// use the database at the same time.
    ///
    /// # Errors
    /// If the file cannot be opened.
    pub async fn open_accounts(url: &str) -> Result<Self, StoreError> {
        let (mut connection, file) = connect(url).await?;
        migrate::apply_own(&mut connection).await?;
        Self::over(connection, file, &[], Arc::default()).await
    }

    async fn over(
        mut connection: SqliteConnection,
        file: PathBuf,
        tables: &[Arc<Table>],
        limits: Arc<Limits>,
    ) -> Result<Self, StoreError> {
        let epoch = log::epoch(&mut connection).await?;
        let seal = PositionSeal::of(&mut connection).await?;
        let read_only = options(&file).read_only(true).create_if_missing(false);
        let readers = Readers::open(read_only, limits.clone()).await?;
        let people = UserNames::load(&readers).await?;
        let files = DatabaseFiles::of(&file);
        // If the path is a symbolic link, SQLite keeps the `-wal` and `-shm` files beside its target.
        let (watch, stamps) = (CommitBell::start(&files.real()), Stamps::of(&files.real()));
        let health = Arc::new(Health::new(files, watch.clone(), limits.clone()));
        let tables: Arc<[Arc<Table>]> = tables.into();
        let log = Log {
            readers: readers.clone(),
            tables: tables.clone(),
            people: people.clone(),
            epoch: CurrentEpoch::new(epoch),
            seal,
            watch: watch.clone(),
            stamps,
            recent: Recent::default(),
        };
        let writer = Writer::start(connection, people.clone(), watch, health.clone());
        let (all, each) = (Limit::ListsBytes, Limit::ListsBytesPerRequester);
        let lists = Shares::new(limits.clone(), all, each);
        Ok(Self { tables, readers, writer, log, people, health, limits, lists })
    }

    /// Returns the changes that [`open`](Self::open) would make to the tables, without making them.
    ///
    /// # Errors
    /// As for `open`.
    pub async fn plan(
        url: &str,
        tables: &[Arc<Table>],
        losses: Losses,
    ) -> Result<Migrated, StoreError> {
        let (mut connection, _) = connect(url).await?;
        let planned = migrate::plan(&mut connection, tables, losses).await;
        connection.close().await?;
        planned
    }

    /// The change log of the database.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// The limits on the requests to this store.
    pub fn limits(&self) -> &Arc<Limits> {
        &self.limits
    }

    /// Whether both are clones of one opened store, so that closing one closes the other.
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.tables, &other.tables)
    }

    /// Finishes the writes under way and closes the database.
    pub async fn close(&self) {
        self.health.close().await;
        self.readers.close().await;
        // Readers are closed first: SQLite folds the WAL into the file and removes it when the last
        // connection closes, which must be one that can write.
        self.writer.close().await;
    }

    fn table(&self, name: &TableName) -> Result<&Arc<Table>, StoreError> {
        let found = self.tables.iter().find(|table| table.name == *name);
        found.ok_or_else(|| StoreError::UnknownTable(name.clone()))
    }
}

/// Opens a writing connection to the database of this URL. Returns it with the path of the file.
async fn connect(url: &str) -> Result<(SqliteConnection, PathBuf), StoreError> {
    let file = database_file(url)?;
    Ok((connect_to(&file).await?, file))
}

/// Opens a writing connection to a file. Creates the file and its folder if they do not exist.
async fn connect_to(file: &Path) -> Result<SqliteConnection, StoreError> {
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)
            .map_err(|cause| StoreError::Folder(folder.to_owned(), cause))?;
    }
    Ok(SqliteConnection::connect_with(&options(file)).await?)
}

/// Returns the path in a database URL: `sqlite:path`, `sqlite://path` or a bare path.
fn database_file(url: &str) -> Result<PathBuf, StoreError> {
    let path = url.strip_prefix("sqlite://").or_else(|| url.strip_prefix("sqlite:")).unwrap_or(url);
    if path.is_empty() || path.contains("://") || path.starts_with(':') {
        return Err(StoreError::BadUrl(url.to_owned()));
    }
    Ok(Path::new(path).to_owned())
}

fn options(file: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT)
        .row_buffer_size(ROW_BUFFER)
        .pragma("recursive_triggers", "off")
        // sqlx would warn of slow statements, but a large export is slow by nature.
        .disable_statement_logging()
}
