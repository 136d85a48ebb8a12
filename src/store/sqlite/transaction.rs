//! The transaction of the connection that writes, begun and ended by plain SQL.
//!
//! SQLite ends a transaction by itself where a trigger says `raise(rollback)` or the disk is full. The
//! driver's count of open transactions does not follow that, so it is never used here: after a failure
//! the database itself is asked.

use sqlx::SqliteConnection;

/// Begins a transaction that writes. A transaction that a failure has left open is rolled back first.
pub(super) async fn begin(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    match run_sql(connection, "begin immediate").await {
        Err(_) if run_sql(connection, "rollback").await.is_ok() => {
            run_sql(connection, "begin immediate").await
        }
        begun => begun,
    }
}

/// Commits the transaction. Rolls it back if that fails.
pub(super) async fn commit(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    let committed = run_sql(connection, "commit").await;
    if committed.is_err() {
        roll_back(connection).await;
    }
    committed
}

/// Rolls the transaction back, if there is one.
pub(super) async fn roll_back(connection: &mut SqliteConnection) {
    // This only fails if SQLite has ended the transaction by itself.
    let _ = run_sql(connection, "rollback").await;
}

/// Whether the transaction still stands. If it does, SQLite refuses to begin another one.
pub(super) async fn is_open(connection: &mut SqliteConnection) -> bool {
    match run_sql(connection, "begin").await {
        Ok(()) => {
            roll_back(connection).await;
            false
        }
        Err(error) => error.as_database_error().is_some(),
    }
}

/// Sets a savepoint in the transaction, to which [`roll_back_to_savepoint`] goes back.
pub(super) async fn set_savepoint(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    run_sql(connection, "savepoint marked").await
}

/// Keeps the changes since the savepoint. They are on disk when the transaction is committed.
pub(super) async fn release_savepoint(
    connection: &mut SqliteConnection,
) -> Result<(), sqlx::Error> {
    run_sql(connection, "release marked").await
}

/// Undoes the changes since the savepoint.
pub(super) async fn roll_back_to_savepoint(
    connection: &mut SqliteConnection,
) -> Result<(), sqlx::Error> {
    run_sql(connection, "rollback to marked; release marked").await
}

async fn run_sql(connection: &mut SqliteConnection, sql: &'static str) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(sql).execute(connection).await.map(drop)
}
