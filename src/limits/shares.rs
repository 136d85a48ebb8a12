//! Shares of a scarce resource, such as memory for request bodies: each requester may hold a limited
//! number of units, and all requesters together too.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::limits::{Exceeded, Limit, Limits, Requester};

/// The accounts of one scarce resource: how many units all requesters hold, bounded for each requester
/// and in total. Clones share one account.
#[derive(Clone, Debug)]
pub struct Shares(Arc<SharesInner>);

#[derive(Debug)]
struct SharesInner {
    limits: Arc<Limits>,
    all: Limit,
    each: Limit,
    held: Mutex<HeldShares>,
}

#[derive(Debug, Default)]
struct HeldShares {
    total: u64,
    /// The units that each requester holds. A requester that holds none has no entry.
    by_requester: HashMap<Requester, u64>,
}

/// The units that one piece of work holds. They are released when the share is dropped.
#[derive(Debug)]
pub struct Share {
    of: Shares,
    requester: Requester,
    units: u64,
}

impl Shares {
    /// Creates the accounts of a resource: `all` bounds what all requesters hold together, `each` what
    /// one requester holds. Neither bounds [`Requester::House`].
    pub fn new(limits: Arc<Limits>, all: Limit, each: Limit) -> Self {
        Self(Arc::new(SharesInner { limits, all, each, held: Mutex::default() }))
    }

    /// Returns a share of zero units, which can [grow](Share::grow).
    pub fn begin(&self, requester: Requester) -> Share {
        Share { of: self.clone(), requester, units: 0 }
    }

    /// Returns a share of `units`.
    ///
    /// # Errors
    /// Fails with the limit that would be exceeded.
    pub fn take(&self, requester: Requester, units: u64) -> Result<Share, Exceeded> {
        let mut share = self.begin(requester);
        share.grow(units)?;
        Ok(share)
    }

    /// Returns how many units all requesters hold.
    pub fn held(&self) -> u64 {
        self.0.lock().total
    }
}

impl SharesInner {
    fn lock(&self) -> MutexGuard<'_, HeldShares> {
        // A poisoned lock is no fault: a panic cannot leave the counts inconsistent.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Share {
    /// Adds `units` to the share.
    ///
    /// # Errors
    /// Fails with the limit that would be exceeded; the share stays as it was.
    pub fn grow(&mut self, units: u64) -> Result<(), Exceeded> {
        let SharesInner { limits, all, each, .. } = &*self.of.0;
        let mut held = self.of.0.lock();
        let mine = held.by_requester.get(&self.requester).copied().unwrap_or_default();
        if self.requester != Requester::House {
            // The requester's own limit is checked first, so that a requester who holds too much learns
            // of it even if the resource is exhausted as well.
            if mine.saturating_add(units) > limits.size(*each) {
                return Err(limits.refuse(*each));
            }
            if held.total.saturating_add(units) > limits.size(*all) {
                return Err(limits.refuse(*all));
            }
        }
        held.total += units;
        if mine + units > 0 {
            held.by_requester.insert(self.requester.clone(), mine + units);
        }
        self.units += units;
        Ok(())
    }

    /// Releases all but `units` of the share.
    pub fn shrink_to(&mut self, units: u64) {
        let surplus = self.units.saturating_sub(units);
        self.units -= surplus;
        let mut held = self.of.0.lock();
        held.total -= surplus;
        if let Entry::Occupied(mut mine) = held.by_requester.entry(self.requester.clone()) {
            *mine.get_mut() -= surplus;
            if *mine.get() == 0 {
                mine.remove();
            }
        }
    }

    /// Returns how many units the share holds.
    pub fn units(&self) -> u64 {
        self.units
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.shrink_to(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares() -> Shares {
        let limits = Limits::default()
            .with(Limit::BodiesBytes, 100)
            .with(Limit::BodiesBytesPerRequester, 60);
        Shares::new(Arc::new(limits), Limit::BodiesBytes, Limit::BodiesBytesPerRequester)
    }

    fn guest(last: u8) -> Requester {
        Requester::guest([192, 0, 2, last].into())
    }

    #[test]
    fn each_requester_has_a_part_and_all_have_no_more_than_there_is() {
        let shares = shares();
        let mut first = shares.take(guest(1), 60).unwrap();
        assert_eq!(shares.take(guest(1), 1).unwrap_err().limit, Limit::BodiesBytesPerRequester);
        let second = shares.take(guest(2), 40).unwrap();
        assert_eq!(shares.take(guest(3), 1).unwrap_err().limit, Limit::BodiesBytes);
        assert!(shares.take(Requester::House, 1_000).is_ok());
        drop(second);
        first.shrink_to(10);
        assert!(shares.take(guest(1), 50).is_ok());
        drop(first);
        assert_eq!(shares.held(), 0);
        assert!(shares.0.lock().by_requester.is_empty());
    }

    #[test]
    fn a_share_that_cannot_grow_stays_as_it_was() {
        let shares = shares();
        let mut share = shares.take(guest(1), 50).unwrap();
        assert!(share.grow(20).is_err());
        assert_eq!((share.units(), shares.held()), (50, 50));
        assert!(share.grow(10).is_ok());
    }
}
