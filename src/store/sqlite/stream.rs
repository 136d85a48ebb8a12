//! Streams the records of one snapshot, in memory that does not grow with their number.

use std::time::Duration;

use futures_util::TryStreamExt;
use sea_query_sqlx::SqlxValues;
use sqlx::{AssertSqlSafe, Connection, Executor, SqlSafeStr, SqliteConnection};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::model::filter::Filter;
use crate::model::ids::TableName;
use crate::model::query::Window;
use crate::model::record::Record;
use crate::store::StoreError;
use crate::store::read::Batched;
use crate::store::sqlite::readers::{Leash, Length};
use crate::store::sqlite::{SqliteEngine, row, select};

/// How many records and how many bytes make a batch. A single record may have more bytes.
const BATCH: usize = 500;
const BATCH_BYTES: usize = 512 * 1024;
/// How many rows are fetched ahead. Each stream may hold as many in memory, of any length.
const ROWS_AHEAD: usize = 64;
/// How many batches may wait for the reader.
const AHEAD: usize = 2;
/// How long a reader may take for a batch. Meanwhile the WAL grows, since the snapshot is held.
const STALLED: Duration = Duration::from_secs(30);
/// How long a stream may take in all.
const LONGEST: Duration = Duration::from_secs(15 * 60);

impl SqliteEngine {
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
        let table = self.table(table)?.clone();
        let (options, stop) = (self.readers.options(), self.readers.stop());
        let options = options.clone().row_buffer_size(ROWS_AHEAD);
        let mut connection = SqliteConnection::connect_with(&options).await?;
        let leash = Leash::on(&mut connection, stop).await?;
        leash.let_out(Length::Time(LONGEST));
        let rows = select::window(&table, filter, window);
        let (sql, values) = select::limited(&rows, window.limit.into(), window.offset);
        // A statement that cannot be run fails here, before any record is sent.
        connection.prepare(AssertSqlSafe(sql.clone()).into_sql_str()).await?;
        let people = self.people.clone();
        let (batches, receiver) = mpsc::channel(AHEAD);
        tokio::spawn(async move {
            let walk = async {
                let mut rows =
                    sqlx::query_with(AssertSqlSafe(sql), SqlxValues(values)).fetch(&mut connection);
                let mut batch = Vec::with_capacity(BATCH);
                let mut bytes = 0;
                while let Some(row) = rows.try_next().await? {
                    let record = row::record(&table, &row, &people);
                    bytes += record.length();
                    batch.push(record);
                    if batch.len() == BATCH || bytes >= BATCH_BYTES {
                        hand_on(&batches, &mut batch).await?;
                        bytes = 0;
                    }
                }
                hand_on(&batches, &mut batch).await
            };
            let done = tokio::select! {
                done = timeout(LONGEST, walk) => done,
                // The reader has gone, perhaps while the first records are still searched for.
                () = batches.closed() => Ok(Ok(())),
            };
            leash.cut();
            // The reader may take the end late: it holds no connection until then.
            drop(connection);
            let failed = match done {
                Ok(Ok(())) => return,
                Ok(Err(error)) => error,
                Err(_) => StoreError::TooSlow,
            };
            // The reader may be gone.
            let _ = batches.send(Err(failed)).await;
        });
        Ok(receiver)
    }
}

/// Sends a batch to the reader. Fails with [`StoreError::TooSlow`] if the reader does not take it in time: the stream
/// ends with an error, so that what was cut off is never taken for the whole.
async fn hand_on(
    batches: &mpsc::Sender<Batched>,
    batch: &mut Vec<Record>,
) -> Result<(), StoreError> {
    let full = std::mem::replace(batch, Vec::with_capacity(BATCH));
    match timeout(STALLED, batches.send(Ok(full))).await {
        // A reader that has gone ends the walk by itself.
        Ok(_) => Ok(()),
        Err(_) => Err(StoreError::TooSlow),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_takes_nothing_for_long_gets_an_error_at_the_end() {
        let (batches, mut receiver) = mpsc::channel(1);
        hand_on(&batches, &mut Vec::new()).await.unwrap();
        let stalled = hand_on(&batches, &mut Vec::new()).await;
        assert!(matches!(stalled, Err(StoreError::TooSlow)));
        receiver.close();
        hand_on(&batches, &mut Vec::new()).await.unwrap();
    }
}
