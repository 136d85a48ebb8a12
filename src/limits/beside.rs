//! Runs long computations without blocking the other tasks of the thread.

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task::block_in_place;

use crate::limits::held;

/// Work on up to so many bytes runs directly: that takes less time than moving the other tasks.
const SHORT: u64 = 256 * 1024;

/// Runs `work` on the data that the request of this task [holds](crate::limits::hold). If the request
/// holds much (over 256 KiB), another thread takes over the other tasks of this one meanwhile.
pub fn beside<T>(work: impl FnOnce() -> T) -> T {
    let has_others = || {
        let here = Handle::try_current();
        here.is_ok_and(|here| here.runtime_flavor() == RuntimeFlavor::MultiThread)
    };
    if held() > SHORT && has_others() { block_in_place(work) } else { work() }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::limits::{Limit, Limits, Requester, Shares, answering, hold};

    /// Runs `work` for a requester that holds more than `SHORT` bytes.
    async fn heavy<T>(work: impl FnOnce() -> T) -> T {
        let (all, each) = (Limit::ListsBytes, Limit::ListsBytesPerRequester);
        let shares = Shares::new(Arc::new(Limits::default()), all, each);
        let guest = Requester::guest([192, 0, 2, 1].into());
        answering(async {
            hold(shares.take(guest, SHORT + 1).unwrap());
            beside(work)
        })
        .await
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn others_are_served_meanwhile() {
        let (tell, told) = std::sync::mpsc::channel();
        let other = tokio::spawn(async move { tell.send(7).unwrap() });
        // There is but one thread, and it waits here.
        let heard = tokio::spawn(heavy(move || told.recv()));
        assert_eq!(heard.await.unwrap(), Ok(7));
        other.await.unwrap();
    }

    #[tokio::test]
    async fn where_there_is_one_thread_it_does_all() {
        assert_eq!(heavy(|| 7).await, 7);
    }
}
