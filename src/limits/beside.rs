//! Work that takes long, done so that whoever else is served need not wait for it.

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task::block_in_place;

use crate::limits::held;

/// Work on so many bytes is done where it stands: it takes less than handing it over.
const SHORT: u64 = 256 * 1024;

/// Does some work on what a request [holds](crate::limits::hold). Where that is a lot, another
/// thread takes over what else this one would serve.
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

    /// Some work of somebody who holds a lot.
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
