//! The transaction of the connection that writes, begun and ended by plain SQL.
//!
//! SQLite ends a transaction by itself where a trigger says `raise(rollback)` or the disk is full. The
//! driver's count of open transactions does not follow that, so it is never used here: after a failure
//! the database itself is asked.

use sqlx::SqliteConnection;

/// Begins a transaction that writes. A transaction that a failure has left open is rolled back first.
pub(super) async fn begin(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    match run(connection, "begin immediate").await {
        Err(_) if run(connection, "rollback").await.is_ok() => {
            run(connection, "begin immediate").await
        }
        begun => begun,
    }
}

/// Commits the transaction. Rolls it back if that fails.
pub(super) async fn commit(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    let committed = run(connection, "commit").await;
    if committed.is_err() {
        roll_back(connection).await;
    }
    committed
}

/// Rolls the transaction back, if there is one.
pub(super) async fn roll_back(connection: &mut SqliteConnection) {
    // This only fails if SQLite has ended the transaction by itself.
    let _ = run(connection, "rollback").await;
}

/// Whether the transaction still stands. If it does, SQLite refuses to begin another one.
pub(super) async fn is_open(connection: &mut SqliteConnection) -> bool {
    match run(connection, "begin").await {
        Ok(()) => {
            roll_back(connection).await;
            false
        }
        Err(error) => error.as_database_error().is_some(),
    }
}

/// Sets a savepoint in the transaction, to which [`undo`] goes back.
pub(super) async fn mark(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    run(connection, "savepoint marked").await
}

/// Keeps the changes since the savepoint. They are on disk when the transaction is committed.
pub(super) async fn keep(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    run(connection, "release marked").await
}

/// Undoes the changes since the savepoint.
pub(super) async fn undo(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    run(connection, "rollback to marked; release marked").await
}

async fn run(connection: &mut SqliteConnection, sql: &'static str) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(sql).execute(connection).await.map(drop)
}
