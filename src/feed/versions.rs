//! How far each table has come: what is derived from a table is good for as long as this stands.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

use crate::model::ids::{Position, TableName};
use crate::store::{Batch, Log, Stamp};

/// How long to wait for the feed to tell what a commit was about. It takes about a millisecond,
/// which is less than to render anew.
const PATIENCE: Duration = Duration::from_millis(20);

/// The versions of all tables, as the feed has told them.
#[derive(Clone)]
pub struct Versions {
    log: Log,
    told: Arc<RwLock<LastChanges>>,
    /// The state of the database in which nothing is left to be told.
    settled: watch::Sender<Option<Stamp>>,
}

/// How far the tables have come.
struct LastChanges {
    /// Where the feed began.
    start: Position,
    /// The last change of each table that has changed since.
    changed: HashMap<TableName, Position>,
}

/// A state of some tables: what is read after asking for it is at least as new, and while it is the
/// same, none of them has changed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Version {
    /// The last change of each of the tables.
    Tables(Vec<Position>),
    /// The state of the whole database, while the feed has yet to tell what it means.
    Database(Stamp),
}

impl Version {
    /// Whether it stands for as long as the tables do not change. While the feed has yet to tell what
    /// was committed, it does not.
    pub fn is_settled(&self) -> bool {
        matches!(self, Self::Tables(_))
    }
}

impl Versions {
    pub(super) fn new(log: Log, start: Position) -> Self {
        let told = LastChanges { start, changed: HashMap::new() };
        Self { log, told: Arc::new(RwLock::new(told)), settled: watch::Sender::default() }
    }

    /// The version of these tables now, commits of other programs included; nothing where it cannot
    /// be told.
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

    /// Waits until the feed has told everything that is committed.
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

    /// Nothing that was made before is good any more.
    pub(super) fn begin_anew(&self, start: Position) {
        let mut told = self.told.write().unwrap_or_else(PoisonError::into_inner);
        *told = LastChanges { start, changed: HashMap::new() };
    }

    /// Nothing is left to be told of what was committed when the database was in this state.
    pub(super) fn settle(&self, state: Option<Stamp>) {
        self.settled.send_if_modified(|settled| std::mem::replace(settled, state) != state);
    }
}
