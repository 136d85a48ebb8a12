//! The database of an app: its records, accounts and change log. The only module that knows SQL.
//!
//! [`Store`] is the face that all other modules know. Behind it stands an engine for each database system, in a
//! folder of its own; nothing outside that folder depends on which one it is.

use std::sync::Arc;

use crate::limits::Limits;
use crate::model::table::Table;

mod accounts;
mod error;
mod health;
mod log;
mod migration;
mod own;
mod people;
mod read;
mod related;
mod seal;
mod sessions;
mod sqlite;
mod write;

pub use accounts::{Account, AccountSummary, AccountsVersion, NewAccount};
pub use error::StoreError;
pub use health::{Deleted, Hold};
pub use log::{Batch, Log, LogRetention, ReadScope, Replay, ReplayPart};
pub use migration::{Losses, Migrated};
pub use related::{LabelChange, RelatedLoader};
pub use seal::PositionSeal;
pub use sessions::{ApiToken, NewSession, NewToken, SessionSeen};
pub use sqlite::{FRESH, LogPace, Stamp};
pub use write::{FieldValues, Intent, Outcomes, Upsert, Write, WriteOp, WriteOutcome};

use log::LogEngine;
use sqlite::SqliteEngine;

/// The database of one app.
#[derive(Clone)]
pub struct Store {
    engine: Engine,
    log: Log,
}

/// The database systems that there are.
#[derive(Clone)]
enum Engine {
    Sqlite(SqliteEngine),
}

/// Calls a method of the engine, whichever it is: `on!(store, engine => engine.method())`.
macro_rules! on {
    ($store:expr, $engine:ident => $call:expr) => {
        match &$store.engine {
            crate::store::Engine::Sqlite($engine) => $call,
        }
    };
}
use on;

impl Store {
    /// Opens the database, migrates its tables to the declared ones, and seeds the new ones.
    ///
    /// # Errors
    /// If the database cannot be opened, values would be lost and `losses` refuses that, records break a
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
        let (engine, migrated) = SqliteEngine::open(url, tables, losses, limits).await?;
        Ok((engine.into(), migrated))
    }

    /// Opens the database for its accounts alone. The tables of the app are not touched, so a server may
    /// use the database at the same time.
    ///
    /// # Errors
    /// If the database cannot be opened.
    pub async fn open_accounts(url: &str) -> Result<Self, StoreError> {
        Ok(SqliteEngine::open_accounts(url).await?.into())
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
        SqliteEngine::plan(url, tables, losses).await
    }

    /// The change log of the database.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// The limits on the requests to this store.
    pub fn limits(&self) -> &Arc<Limits> {
        on!(self, engine => &engine.limits)
    }

    /// Whether both are clones of one opened store, so that closing one closes the other.
    pub fn is(&self, other: &Self) -> bool {
        match (&self.engine, &other.engine) {
            (Engine::Sqlite(one), Engine::Sqlite(other)) => one.is(other),
        }
    }

    /// Prunes the change log, again and again. Never returns.
    pub async fn prune(&self) {
        on!(self, engine => engine.prune().await);
    }

    /// Finishes the writes under way and closes the database.
    pub async fn close(&self) {
        on!(self, engine => engine.close().await);
    }
}

impl From<SqliteEngine> for Store {
    fn from(engine: SqliteEngine) -> Self {
        let log = Log(LogEngine::Sqlite(engine.log.clone()));
        Self { engine: Engine::Sqlite(engine), log }
    }
}
