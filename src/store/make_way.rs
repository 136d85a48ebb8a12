//! How a write that is only tried out makes way: it asks, between its statements, whether others wait to write.

use std::time::{Duration, Instant};

use tokio::task_local;

use crate::store::write::{Intent, Write};

task_local! {
    static QUEUE: WriteQueue;
}

/// The writes that wait behind the one that is under way.
struct WriteQueue {
    has_others: Box<dyn Fn() -> bool + Send + Sync>,
    /// How long a trial may keep others waiting.
    time: Duration,
}

/// Does what the writer does; `has_others` says whether somebody waits for it.
pub(super) async fn writing(
    has_others: impl Fn() -> bool + Send + Sync + 'static,
    time: Duration,
    work: impl Future<Output = ()>,
) {
    QUEUE.scope(WriteQueue { has_others: Box::new(has_others), time }, work).await;
}

/// Whether a write is a trial that has taken its time, while others wait.
pub(super) fn must_make_way(write: &Write, begun: Instant) -> bool {
    let is_over = |queue: &WriteQueue| begun.elapsed() > queue.time && (queue.has_others)();
    write.intent == Intent::Try && QUEUE.try_with(is_over).unwrap_or_default()
}
