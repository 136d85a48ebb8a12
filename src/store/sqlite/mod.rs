//! The engine on SQLite: one file, one writing connection that groups the waiting writes into one commit, and
//! several connections that read. Triggers fill the change log in the transaction of each write, also for
//! writes of other processes.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Sqlite, SqliteConnection};

use crate::limits::{Limit, Limits, Shares};
use crate::model::ids::TableName;
use crate::model::table::Table;
use crate::model::value::Value;
use crate::store::StoreError;
use crate::store::migration::{Losses, Migrated};
use crate::store::own::{OwnRow, OwnStatement};
use crate::store::people::UserNames;
use crate::store::seal::PositionSeal;

mod cascade;
mod classes;
mod convert;
pub(super) mod error;
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
mod readers;
mod rebuild;
mod recent;
mod related;
mod renames;
mod row;
mod rules;
mod schema;
mod select;
mod snapshot;
mod stamp;
mod statements;
mod stream;
mod system_tables;
mod transaction;
mod triggers;
mod unrounded;
mod watch;
mod writer;

pub(super) use health::SqliteHold;
pub use log::LogPace;
pub(super) use log::SqliteLog;
pub use rebuild::FRESH;
pub use stamp::Stamp;

use health::{DatabaseFiles, Health};
use log::{CurrentEpoch, Pruner};
use readers::{Readers, settled};
use recent::Recent;
use stamp::Stamps;
use watch::CommitBell;
use writer::Writer;

/// How long a statement waits for another program's transaction before it fails.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// How many rows sqlx fetches ahead of its reader; the default of 50 costs a thread switch per page.
const ROW_BUFFER: usize = 1_024;

/// The database of one app, in a SQLite file.
#[derive(Clone)]
pub(super) struct SqliteEngine {
    tables: Arc<[Arc<Table>]>,
    readers: Readers,
    writer: Writer,
    pub(super) log: SqliteLog,
    pub(super) people: UserNames,
    health: Arc<Health>,
    pub(super) limits: Arc<Limits>,
    /// The bytes of lists that are in memory for requests, by requester: [`Limit::ListsBytes`].
    lists: Shares,
}

impl SqliteEngine {
    /// Opens the database, migrates its tables to the declared ones, and seeds the new ones.
    ///
    /// # Errors
    /// If the file cannot be opened, values would be lost and `losses` refuses that, records break a
    /// declared rule, or a seed row is refused; the database is then unchanged.
    pub async fn open(
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
        own_query(&PositionSeal::make_key()).execute(&mut connection).await?;
        let seal = PositionSeal::of(&own_rows(&mut connection, &PositionSeal::select_key()).await?);
        let read_only = options(&file).read_only(true).create_if_missing(false);
        let readers = Readers::open(read_only, limits.clone()).await?;
        let people = UserNames::default();
        people.replace_by(&own_rows(&mut connection, &UserNames::statement()).await?);
        let files = DatabaseFiles::of(&file);
        // If the path is a symbolic link, SQLite keeps the `-wal` and `-shm` files beside its target.
        let (watch, stamps) = (CommitBell::start(&files.real()), Stamps::of(&files.real()));
        let health = Arc::new(Health::new(files, watch.clone(), limits.clone()));
        let tables: Arc<[Arc<Table>]> = tables.into();
        let log = SqliteLog {
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

    /// Whether both are clones of one opened store, so that closing one closes the other.
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.tables, &other.tables)
    }

    /// Prunes the change log, again and again. Never returns.
    pub async fn prune(&self) {
        Pruner::default().run(self).await;
    }

    /// Returns the rows of a statement that reads our own tables.
    pub async fn own_rows(&self, statement: OwnStatement) -> Result<Vec<OwnRow>, StoreError> {
        Ok(settled!(self.readers.sessions(), reader => own_rows(reader, &statement)))
    }

    /// Finishes the writes under way and closes the database.
    pub async fn close(&self) {
        self.health.close().await;
        self.readers.close().await;
        // Readers are closed first: SQLite folds the WAL into the file and removes it when the last
        // connection closes, which must be one that can write.
        self.writer.close().await;
    }

    /// Returns the SQL of a query for the texts in a parameter that is a JSON array.
    pub fn texts_of(&self, parameter: &str) -> String {
        format!("select value from json_each({parameter})")
    }

    fn table(&self, name: &TableName) -> Result<&Arc<Table>, StoreError> {
        let found = self.tables.iter().find(|table| table.name == *name);
        found.ok_or_else(|| StoreError::UnknownTable(name.clone()))
    }
}

/// Returns the rows of a statement that reads our own tables.
async fn own_rows(
    connection: &mut SqliteConnection,
    statement: &OwnStatement,
) -> Result<Vec<OwnRow>, StoreError> {
    let rows = own_query(statement).fetch_all(connection).await?;
    Ok(rows.iter().map(row::own).collect())
}

/// A statement on our own tables with its values, ready to be run.
fn own_query(statement: &OwnStatement) -> Query<'_, Sqlite, SqliteArguments> {
    let query = sqlx::query(AssertSqlSafe(statement.sql.as_ref()));
    statement.values.iter().fold(query, |query, value| match value {
        Value::Integer(number) => query.bind(*number),
        Value::Text(text) => query.bind(text.to_string()),
        _ => query.bind(None::<String>),
    })
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
