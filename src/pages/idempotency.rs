//! Idempotency: a form or button that is sent twice, by a double click or by a browser that tries again, is
//! carried out once.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::panic;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::OnceCell;
use tokio::time::Instant;

use crate::limits::{on_behalf_of, requester};
use crate::pages::submission::Done;
use crate::records::RecordsError;

/// The time for which an equal submission from the same session counts as a repetition.
const SAME_FOR: Duration = Duration::from_secs(5);

/// The outcomes of the last few seconds, by a hash of the submission. Clones share them.
#[derive(Clone, Debug, Default)]
pub(super) struct Repeats {
    /// The outcomes, each with the time at which its submission was first sent.
    kept: Arc<Mutex<HashMap<u64, (Instant, OutcomeCell)>>>,
    hasher: RandomState,
}

/// The outcome of work that is done or in progress. Repetitions wait on the same cell.
type OutcomeCell = Arc<OnceCell<Done>>;

impl Repeats {
    /// Does the work, unless the work for an equal submission `what` is in progress or was done within the last
    /// five seconds: then returns its outcome. Work that failed is done again.
    ///
    /// The work goes on if the request is cancelled, since a browser cancels the first request of a double
    /// click when it sends the second.
    ///
    /// # Errors
    /// Fails with the error of the work.
    pub(super) async fn once(
        &self,
        what: impl Hash,
        work: impl Future<Output = Result<Done, RecordsError>> + Send + 'static,
    ) -> Result<Done, RecordsError> {
        let deed = self.deed(self.hasher.hash_one(what));
        let doing = async move { deed.get_or_try_init(|| work).await.cloned() };
        // A task of its own survives the request. It still counts for the requester.
        let task = tokio::spawn(on_behalf_of(requester(), doing));
        match task.await {
            Ok(done) => done,
            Err(error) => panic::resume_unwind(error.into_panic()),
        }
    }

    /// Returns the cell for a hash. An old one is replaced.
    fn deed(&self, what: u64) -> OutcomeCell {
        // A poisoned lock is no fault: the map is consistent after each statement that may panic.
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        kept.retain(|_, (since, _)| now.duration_since(*since) < SAME_FOR);
        kept.entry(what).or_insert_with(|| (now, OutcomeCell::default())).1.clone()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    async fn work(count: Arc<AtomicUsize>) -> Result<Done, RecordsError> {
        tokio::task::yield_now().await;
        count.fetch_add(1, Ordering::SeqCst);
        Ok(Done { navigate: None, toast: "Saved".into() })
    }

    #[tokio::test(start_paused = true)]
    async fn the_same_is_done_once_for_a_while() {
        let (repeats, count) = (Repeats::default(), Arc::new(AtomicUsize::new(0)));
        let (first, second) = tokio::join!(
            repeats.once("a", work(count.clone())),
            repeats.once("a", work(count.clone()))
        );
        assert_eq!(first.unwrap(), second.unwrap());
        assert_eq!(count.load(Ordering::SeqCst), 1);
        repeats.once("b", work(count.clone())).await.unwrap();
        assert_eq!(count.load(Ordering::SeqCst), 2);
        tokio::time::advance(SAME_FOR).await;
        repeats.once("a", work(count.clone())).await.unwrap();
        assert_eq!(count.load(Ordering::SeqCst), 3);
    }

    #[tokio::test]
    async fn what_failed_is_tried_again() {
        let (repeats, count) = (Repeats::default(), Arc::new(AtomicUsize::new(0)));
        let failed = repeats.once("a", async { Err(RecordsError::Forbidden) }).await;
        assert!(failed.is_err());
        repeats.once("a", work(count.clone())).await.unwrap();
        assert_eq!(count.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn it_is_done_though_nobody_waits() {
        let (repeats, count) = (Repeats::default(), Arc::new(AtomicUsize::new(0)));
        let mut asked = Box::pin(repeats.once("a", work(count.clone())));
        assert!(futures_util::poll!(&mut asked).is_pending());
        drop(asked);
        repeats.once("a", work(count.clone())).await.unwrap();
        assert_eq!(count.load(Ordering::SeqCst), 1);
    }
}
