//! The transaction of the connection that writes, begun and ended by plain SQL.
//!
//! SQLite ends a transaction by itself where a trigger says `raise(rollback)` or the disk is full. The
//! driver's count of open transactions does not hear of it, so it is never used here: after a failure
//! the database itself is asked.

use sqlx::SqliteConnection;

/// Begins a transaction that writes. What a failure may have left open is undone.
pub(super) async fn begin(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    match run(connection, "begin immediate").await {
        Err(_) if run(connection, "rollback").await.is_ok() => {
            run(connection, "begin immediate").await
        }
        begun => begun,
    }
}

/// Puts the transaction on disk; if that cannot be, it is undone.
pub(super) async fn commit(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    let committed = run(connection, "commit").await;
    if committed.is_err() {
        roll_back(connection).await;
    }
    committed
}

/// Undoes the transaction, if there is one.
pub(super) async fn roll_back(connection: &mut SqliteConnection) {
    // It only fails where SQLite has ended the transaction before.
    let _ = run(connection, "rollback").await;
}

/// Whether the transaction still stands: no other can be begun within it.
pub(super) async fn is_open(connection: &mut SqliteConnection) -> bool {
    match run(connection, "begin").await {
        Ok(()) => {
            roll_back(connection).await;
            false
        }
        Err(error) => error.as_database_error().is_some(),
    }
}

/// Marks a point within the transaction that can be gone back to.
pub(super) async fn mark(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    run(connection, "savepoint marked").await
}

/// Keeps what was done since the point was marked, as far as the transaction is kept.
pub(super) async fn keep(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    run(connection, "release marked").await
}

/// Undoes what was done since the point was marked.
pub(super) async fn undo(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    run(connection, "rollback to marked; release marked").await
}

async fn run(connection: &mut SqliteConnection, sql: &'static str) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(sql).execute(connection).await.map(drop)
}
