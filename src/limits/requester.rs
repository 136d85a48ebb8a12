//! Whom work is done for.
//!
//! It goes with the task, as a tracing span does: whoever takes a request in says it once, and whoever
//! spends something for it deep below (a connection of the database, memory) asks here. So no function
//! between them has to hand it on, and none can forget to.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::SemaphorePermit;
use tokio::task_local;

use crate::limits::Share;

task_local! {
    static REQUESTER: Requester;
    /// What a request holds until it is answered.
    static HELD: Mutex<HeldByRequest>;
}

#[derive(Default)]
struct HeldByRequest {
    shares: Vec<Share>,
    places: Vec<SemaphorePermit<'static>>,
}

/// Who shares what one requester may have.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Requester {
    /// The server itself: its feed, its sessions, its looks at its own health.
    House,
    /// An admin, by the id of the account.
    Admin(Arc<str>),
    /// Somebody else with an account, by its id.
    Account(Arc<str>),
    /// Guests from one network: an address of IPv4, a /64 of IPv6.
    Network(IpAddr),
}

impl Requester {
    /// Guests from an address.
    pub fn guest(address: IpAddr) -> Self {
        Self::Network(network(address))
    }

    /// Somebody with an account.
    pub fn account(id: &str, is_admin: bool) -> Self {
        if is_admin { Self::Admin(id.into()) } else { Self::Account(id.into()) }
    }
}

/// What one household or machine has: an address of IPv4, a whole /64 of IPv6.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
    }
}

/// Whom this task works for; the house where nobody said.
pub fn requester() -> Requester {
    REQUESTER.try_with(Clone::clone).unwrap_or(Requester::House)
}

/// Does some work on behalf of a requester.
pub async fn on_behalf_of<T>(requester: Requester, work: impl Future<Output = T>) -> T {
    REQUESTER.scope(requester, work).await
}

/// Does what one request asks for. What it [holds](hold) is given back when it is answered, or given up.
pub async fn answering<T>(work: impl Future<Output = T>) -> T {
    HELD.scope(Mutex::default(), work).await
}

/// Keeps a share until the request is answered that this task is at work on.
pub fn hold(share: Share) {
    // What goes on for long, as the house and streams do, holds nothing from one thing to the next.
    let _ = HELD.try_with(|held| lock(held).shares.push(share));
}

/// Keeps a place until the request is answered that this task is at work on.
pub fn keep(place: SemaphorePermit<'static>) {
    let _ = HELD.try_with(|held| lock(held).places.push(place));
}

/// How much the request holds that this task is at work on: most often so many bytes of records.
pub fn held() -> u64 {
    let sum = |held: &Mutex<HeldByRequest>| lock(held).shares.iter().map(Share::units).sum();
    HELD.try_with(sum).unwrap_or_default()
}

fn lock(held: &Mutex<HeldByRequest>) -> MutexGuard<'_, HeldByRequest> {
    // Both lists are whole between any two statements, whoever panicked.
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
