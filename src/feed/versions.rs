//! The versions of tables. Whatever is derived from a table, such as a rendered page, is valid for as long
//! as its version stays the same.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

use crate::model::ids::{Position, TableName};
use crate::store::{Batch, Log, Stamp};

/// How long to wait for the feed to read a new commit. The feed takes about a millisecond, which is less than
/// rendering a page again.
const PATIENCE: Duration = Duration::from_millis(20);

/// The versions of all tables, from the changes that the feed has read. Clones share them.
#[derive(Clone)]
pub struct Versions {
    log: Log,
    told: Arc<RwLock<LastChanges>>,
    /// The last state of the database whose commits the feed has read all.
    settled: watch::Sender<Option<Stamp>>,
}

/// The positions of the tables' last changes.
struct LastChanges {
    /// The position at which the feed began.
    start: Position,
    /// The last change of each table that has changed since then.
    changed: HashMap<TableName, Position>,
}

/// The version of some tables. While it stays the same, none of them has changed. Records that are read after
/// the version are at least as new as it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Version {
    /// The position of the last change of each table.
    Tables(Vec<Position>),
    /// The state of the whole database, if the feed has not read its last commits yet.
    Database(Stamp),
}

impl Version {
    /// Whether the version stays the same for as long as these tables do not change. A version of the whole
    /// database also changes with other tables.
    pub fn is_settled(&self) -> bool {
        matches!(self, Self::Tables(_))
    }
}

impl Versions {
    pub(super) fn new(log: Log, start: Position) -> Self {
        let told = LastChanges { start, changed: HashMap::new() };
        Self { log, told: Arc::new(RwLock::new(told)), settled: watch::Sender::default() }
    }

    /// Returns the version of these tables now, with the commits of other programs. `None` if the state of
    /// the database cannot be read.
    pub async fn of<'a>(&self, tables: impl Iterator<Item = &'a TableName>) -> Option<Version> {
        let now = self.log.stamp()?;
        let is_told = *self.settled.borrow() == Some(now);
        if !is_told && timeout(PATIENCE, self.all_told()).await.is_err() {
            return Some(Version::Database(now));
        }
        let told = self.told.read().unwrap_or_else(PoisonError::into_inner);
        let version = |table| told.changed.get(table).unwrap_or(&told.start).clone();
        Some(Version::Tables(tables.map(version).collect()))
    }

    /// Waits until the feed has read all commits.
    async fn all_told(&self) {
        let mut settled = self.settled.subscribe();
        while self.log.stamp() != *settled.borrow_and_update() {
            // It cannot fail: `self` holds the sender.
            let _ = settled.changed().await;
        }
    }

    pub(super) fn note(&self, batch: &Batch) {
        let mut told = self.told.write().unwrap_or_else(PoisonError::into_inner);
        for change in &batch.changes {
            told.changed.insert(change.table.clone(), change.position.clone());
        }
    }

    /// Begins new versions of all tables, since another history of the log has begun.
    pub(super) fn begin_anew(&self, start: Position) {
        let mut told = self.told.write().unwrap_or_else(PoisonError::into_inner);
        *told = LastChanges { start, changed: HashMap::new() };
    }

    /// Notes that the feed has read all commits up to this state of the database.
    pub(super) fn settle(&self, state: Option<Stamp>) {
        self.settled.send_if_modified(|settled| std::mem::replace(settled, state) != state);
    }
}
