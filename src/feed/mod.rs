//! All changes after a position, in commit order; waits when there are none.
//!
//! It reads the change log and nothing else, so it does not matter who made a change.

use crate::model::ids::Position;
use crate::store::{Batch, Pace, Store, StoreError};

mod versions;

pub use versions::{Version, Versions};

/// A reader of the change log, at some position.
pub struct Feed {
    store: Store,
    position: Position,
    versions: Versions,
    pace: Pace,
}

impl Feed {
    /// A feed of everything that is committed from now on.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn from_now(store: Store) -> Result<Self, StoreError> {
        let position = store.log().position().await?;
        let versions = Versions::new(store.log().clone(), position.clone());
        Ok(Self { store, position, versions, pace: Pace::default() })
    }

    /// The version of each table; goes on as changes are given out.
    pub fn versions(&self) -> Versions {
        self.versions.clone()
    }

    /// Everything up to here has been given out.
    pub fn position(&self) -> &Position {
        &self.position
    }

    /// The next changes. A database that does not answer is asked again, so this only waits.
    pub async fn next(&mut self) -> Batch {
        loop {
            let state = self.store.log().stamp();
            match self.store.log().after(&self.position).await {
                Ok(batch) if batch.position != self.position => {
                    self.pace.quicken();
                    self.position = batch.position.clone();
                    self.versions.note(&batch);
                    return batch;
                }
                Ok(_) => self.versions.settle(state),
                Err(error) => tracing::warn!("cannot read the change log, trying again: {error}"),
            }
            self.store.log().wait(&mut self.pace).await;
        }
    }
}
