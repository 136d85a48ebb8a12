//! Writes that are only tried out, such as an import before it is meant. SQLite has one writer, and whoever
//! means it does not wait for them: after a moment they make way, and begin again when it is quieter.

use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::task_local;
use tokio::time::sleep;

use super::{Intent, Job, Outcomes, Store, StoreError, Write};
use crate::limits::Limit;

/// How often a trial is begun, and how long it waits in between.
const TRIALS: usize = 20;
const BETWEEN: Duration = Duration::from_millis(300);

task_local! {
    static WAY: TrialWriter;
}

/// The way to whoever writes here.
struct TrialWriter {
    jobs: mpsc::WeakSender<Job>,
    /// How long a trial may keep others waiting.
    time: Duration,
}

/// Does what the writer does, knowing who waits for it.
pub(super) async fn writing(
    jobs: mpsc::WeakSender<Job>,
    time: Duration,
    work: impl Future<Output = ()>,
) {
    WAY.scope(TrialWriter { jobs, time }, work).await;
}

/// Whether a write is a trial that has taken its time, while others wait.
pub(in crate::store) fn must_make_way(write: &Write, begun: Instant) -> bool {
    let others_wait = |TrialWriter { jobs, time }: &TrialWriter| {
        let others_wait = |jobs: mpsc::Sender<Job>| jobs.capacity() < jobs.max_capacity();
        begun.elapsed() > *time && jobs.upgrade().is_some_and(others_wait)
    };
    write.intent == Intent::Try && WAY.try_with(others_wait).unwrap_or_default()
}

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
