//! The checks of a database that is served: whether it can be read and written, and is still the one that was
//! opened.

use crate::model::ids::Position;
use crate::store::sqlite::{SqliteEngine, SqliteHold};
use crate::store::{Store, StoreError, on};

/// The reaction to a deleted database file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deleted {
    /// The store waits for the file to come back, and writes nothing meanwhile.
    Wait,
    /// The store begins anew with an empty file.
    BeginAnew,
}

/// A guard that keeps the database from being repaired: see [`Store::hold`].
pub struct Hold(SqliteHold);

impl Store {
    /// Checks whether the database is fit to be served: the last check found no fault, every table can be
    /// read, and a write succeeds. Reads and writes at most once a second.
    ///
    /// # Errors
    /// [`StoreError::Unfit`] with the fault.
    pub async fn check(&self) -> Result<(), StoreError> {
        on!(self, engine => engine.check().await)
    }

    /// Manages the database for as long as it is open: folds the WAL into its file, and checks and repairs
    /// what other programs have changed. Never returns.
    pub async fn look_after(&self, deleted: Deleted) {
        on!(self, engine => engine.look_after(deleted).await);
    }

    /// Reports that a position of the feed is not in the log. Returns whether it is of the current history.
    /// Then the log has been changed, the database is opened anew, and another history has yet to begin.
    pub async fn go_astray(&self, position: &Position) -> bool {
        on!(self, engine => engine.go_astray(position).await)
    }

    /// Keeps the database from being repaired while another app migrates it, until the guard is dropped or
    /// given to [`retire`](Self::retire).
    pub async fn hold(&self) -> Hold {
        Hold(on!(self, engine => engine.hold().await))
    }

    /// Ends the checks and repairs of this store, since another app has taken over the database.
    pub fn retire(hold: Hold) {
        SqliteEngine::retire(hold.0);
    }
}
