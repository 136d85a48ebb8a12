//! Writes that are only tried out, such as an import before it is meant. SQLite has one writer, and whoever
//! means it does not wait for them: after a moment they make way, and begin again when it is quieter.

use std::time::Duration;

use tokio::time::sleep;

use crate::limits::Limit;
use crate::store::write::{Outcomes, Write};
use crate::store::{Store, StoreError};

/// How often a trial is begun, and how long it waits in between.
const TRIALS: usize = 20;
const BETWEEN: Duration = Duration::from_millis(300);

impl Store {
    /// Finds out what would become of a write.
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
