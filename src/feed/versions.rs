//! How far each table has come: what is derived from a table is good for as long as this stands.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use crate::model::ids::{Position, TableName};
use crate::store::Batch;

/// The position of each table's last change, as far as the feed has told it.
#[derive(Clone, Debug)]
pub struct Versions {
    start: Position,
    changed: Arc<RwLock<HashMap<TableName, Position>>>,
}

impl Versions {
    pub(super) fn new(start: Position) -> Self {
        Self { start, changed: Arc::default() }
    }

    /// The table's version. Rows read after this was asked are at least as new.
    pub fn of(&self, table: &TableName) -> Position {
        let changed = self.changed.read().unwrap_or_else(PoisonError::into_inner);
        changed.get(table).unwrap_or(&self.start).clone()
    }

    pub(super) fn note(&self, batch: &Batch) {
        let mut changed = self.changed.write().unwrap_or_else(PoisonError::into_inner);
        for change in &batch.changes {
            changed.insert(change.table.clone(), change.position.clone());
        }
    }
}
