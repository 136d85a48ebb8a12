//! The requester that a task works for.
//!
//! The requester is task-local, as the span of `tracing` is. The code that accepts a request sets it, and
//! the code that spends something on the request (a database connection, memory) reads it. No function
//! between the two has to pass it on, so none can forget to.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::SemaphorePermit;
use tokio::task_local;

use crate::limits::Share;

task_local! {
    static REQUESTER: Requester;
    /// The shares and permits that a request holds until it is answered.
    static HELD: Mutex<HeldByRequest>;
}

#[derive(Default)]
struct HeldByRequest {
    shares: Vec<Share>,
    places: Vec<SemaphorePermit<'static>>,
}

/// An owner of work. Each requester has its own part of every scarce resource.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Requester {
    /// The server itself: its feed, its sessions, its health checks.
    House,
    /// An account with the role `admin`, by its id.
    Admin(Arc<str>),
    /// An account with another role, by its id.
    Account(Arc<str>),
    /// The guests of one network: see [`network`].
    Network(IpAddr),
}

impl Requester {
    /// Returns the requester for a guest who connects from this address.
    pub fn guest(address: IpAddr) -> Self {
        Self::Network(network(address))
    }

    /// Returns the requester for the account with this id.
    pub fn account(id: &str, is_admin: bool) -> Self {
        if is_admin { Self::Admin(id.into()) } else { Self::Account(id.into()) }
    }
}

/// Returns the network of an address: an IPv4 address itself, or the /64 prefix of an IPv6 address, which
/// is what one household or machine has.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
    }
}

/// Returns the requester that this task works for, [`Requester::House`] if none was set.
pub fn requester() -> Requester {
    REQUESTER.try_with(Clone::clone).unwrap_or(Requester::House)
}

/// Runs `work` for a requester: within it, [`requester`] returns this one.
pub async fn on_behalf_of<T>(requester: Requester, work: impl Future<Output = T>) -> T {
    REQUESTER.scope(requester, work).await
}

/// Runs the work of one request. The shares and permits that it [holds](hold) are released when the work
/// is done or cancelled.
pub async fn answering<T>(work: impl Future<Output = T>) -> T {
    HELD.scope(Mutex::default(), work).await
}

/// Keeps a share until the request of this task is answered.
pub fn hold(share: Share) {
    // Outside of a request (the feed, streams) the share is released at once: long-running work keeps
    // nothing from one step to the next.
    let _ = HELD.try_with(|held| lock(held).shares.push(share));
}

/// Keeps a permit until the request of this task is answered. Outside of a request it is released at
/// once.
pub fn keep(place: SemaphorePermit<'static>) {
    let _ = HELD.try_with(|held| lock(held).places.push(place));
}

/// Returns how many units the request of this task holds. Most often they are bytes of records.
pub fn held() -> u64 {
    let sum = |held: &Mutex<HeldByRequest>| lock(held).shares.iter().map(Share::units).sum();
    HELD.try_with(sum).unwrap_or_default()
}

fn lock(held: &Mutex<HeldByRequest>) -> MutexGuard<'_, HeldByRequest> {
    // A poisoned lock is no fault: a panic cannot leave the lists inconsistent.
    held.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::{Limit, Limits, Shares};

    #[tokio::test]
    async fn work_knows_whom_it_is_for() {
        assert_eq!(requester(), Requester::House);
        let guest = Requester::guest([192, 0, 2, 1].into());
        assert_eq!(on_behalf_of(guest.clone(), async { requester() }).await, guest);
    }

    #[tokio::test]
    async fn what_a_request_holds_is_given_back_when_it_is_answered() {
        let (all, each) = (Limit::BodiesBytes, Limit::BodiesBytesPerRequester);
        let shares = Shares::new(Arc::new(Limits::default()), all, each);
        let guest = Requester::guest([192, 0, 2, 1].into());
        let request = answering(async {
            hold(shares.take(requester(), 7).unwrap());
            hold(shares.take(requester(), 8).unwrap());
            shares.held()
        });
        let during = on_behalf_of(guest, request);
        assert_eq!((during.await, shares.held()), (15, 0));
        hold(shares.take(Requester::House, 7).unwrap());
        assert_eq!(shares.held(), 0);
    }

    #[test]
    fn a_household_is_one_requester() {
        let guest = |address: &str| Requester::guest(address.parse().unwrap());
        assert_eq!(guest("2001:db8::1"), guest("2001:db8::ffff:2"));
        assert_ne!(guest("2001:db8::1"), guest("2001:db8:0:1::1"));
        assert_eq!(guest("::ffff:192.0.2.1"), guest("192.0.2.1"));
    }
}
