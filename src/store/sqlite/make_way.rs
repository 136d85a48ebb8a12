//! Stops a write that is only tried out when other writes wait. The trial checks for that between its
//! actions.

use std::time::{Duration, Instant};

use tokio::task_local;

use crate::store::write::{Intent, Write};

task_local! {
    static QUEUE: WriteQueue;
}

/// The queue of writes that wait behind the running one.
struct WriteQueue {
    has_others: Box<dyn Fn() -> bool + Send + Sync>,
    /// How long a trial may keep others waiting.
    time: Duration,
}

/// Runs the task of the writer. `has_others` returns whether further writes wait, and `time` is how long a
/// trial may keep them waiting.
pub(super) async fn writing(
    has_others: impl Fn() -> bool + Send + Sync + 'static,
    time: Duration,
    work: impl Future<Output = ()>,
) {
    QUEUE.scope(WriteQueue { has_others: Box::new(has_others), time }, work).await;
}

/// Whether a write is a trial that has used up its time while other writes wait.
pub(super) fn must_make_way(write: &Write, begun: Instant) -> bool {
    let is_over = |queue: &WriteQueue| begun.elapsed() > queue.time && (queue.has_others)();
    write.intent == Intent::Try && QUEUE.try_with(is_over).unwrap_or_default()
}
