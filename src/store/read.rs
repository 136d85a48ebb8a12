//! Reads of records: one by its id, the answers to queries, streams, and the records that links refer to.

use tokio::sync::mpsc;

use crate::model::filter::Filter;
use crate::model::ids::{RecordId, TableName};
use crate::model::query::{Query, Snapshot, Window};
use crate::model::record::Record;
use crate::model::table::Table;
use crate::store::{RelatedLoader, Store, StoreError, on};

/// A batch of records, or the error that ended the stream.
pub type Batched = Result<Vec<Record>, StoreError>;

impl Store {
    /// Returns one record. `None` if it does not exist.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn get(&self, table: &Table, id: RecordId) -> Result<Option<Record>, StoreError> {
        on!(self, engine => engine.get(table, id).await)
    }

    /// Answers all queries from one snapshot. Returns the answers with the position of the snapshot.
    ///
    /// All queries are one statement with one row: each row that the database's thread sends wakes the
    /// reader, which costs more than to pack and unpack the rows. `totals` holds for each query how many
    /// records pass its filter, or `None` if that must be counted.
    ///
    /// # Errors
    /// If the database does not answer, a query names a table that the app does not declare, or the answers
    /// are larger than a limit.
    pub async fn snapshot(
        &self,
        queries: &[&Query],
        totals: &[Option<u64>],
    ) -> Result<Snapshot, StoreError> {
        on!(self, engine => engine.snapshot(queries, totals).await)
    }

    /// Streams the records that pass a filter, in batches. The stream has a connection of its own, so that
    /// other readers do not wait for it. If its reader takes too long, the stream ends; after 15 minutes,
    /// with [`StoreError::TooSlow`].
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn walk(
        &self,
        table: &TableName,
        filter: &Filter,
        window: &Window,
    ) -> Result<mpsc::Receiver<Batched>, StoreError> {
        on!(self, engine => engine.walk(table, filter, window).await)
    }

    /// Reads all that a loader has requested: the related records, and whether the records of label changes
    /// are referred to.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn load(&self, leads: &mut RelatedLoader) -> Result<(), StoreError> {
        on!(self, engine => engine.load(leads).await)
    }
}
