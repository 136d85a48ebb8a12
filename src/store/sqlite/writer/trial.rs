//! Writes that are only tried out, such as the preview of an import. SQLite has one writer, and real writes
//! must not wait for a trial: if it takes too long while others wait, it is stopped, and begun again later.

use std::time::Duration;

use tokio::time::sleep;

use crate::limits::Limit;
use crate::store::StoreError;
use crate::store::sqlite::SqliteEngine;
use crate::store::write::{Outcomes, Write};

/// How often a trial is begun at most, and how long it waits in between.
const TRIALS: usize = 20;
const BETWEEN: Duration = Duration::from_millis(300);

impl SqliteEngine {
    /// Returns the outcomes that a write would have, without changing anything. Fails with
    /// [`Limit::TrialTime`] if other writes stopped each try.
    pub(super) async fn try_out_write(&self, write: Write) -> Result<Outcomes, StoreError> {
        for _ in 0..TRIALS {
            match self.send(write.clone()).await {
                Err(StoreError::MadeWay) => sleep(BETWEEN).await,
                outcomes => return outcomes,
            }
        }
        Err(self.limits.refuse(Limit::TrialTime).into())
    }
}
