//! Rate limits: how often a caller may do something, or how much of it per time. Each caller has a token
//! bucket (of the crate `governor`, which implements the generic cell rate algorithm).

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hash};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant};

use governor::clock::Clock;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};

use crate::limits::{Exceeded, Limit, Limits, Requester};

/// The number of buckets. Callers are assigned to them by a hash with a random key for each process. Two
/// callers may share a bucket, which is rare; in return, memory is bounded however many callers there
/// are.
const PLACES: u64 = 1 << 16;

/// A rate limit with a bucket for each caller.
pub struct Pace {
    limiter: RateLimiter<u16, HashMapStateStore<u16>, Passing>,
    sorter: RandomState,
    burst: NonZeroU32,
}

impl Pace {
    /// Creates a rate limit that allows `burst` actions at once, and then one more per `every`.
    pub fn new(burst: NonZeroU32, every: Duration) -> Self {
        let every = every.max(Duration::from_nanos(1));
        let quota = Quota::with_period(every).expect("it is not zero").allow_burst(burst);
        let limiter = RateLimiter::hashmap_with_clock(quota, Passing);
        Self { limiter, sorter: RandomState::new(), burst }
    }

    /// Counts one action of a caller.
    ///
    /// # Errors
    /// Fails with the time to wait if the action is not allowed yet.
    pub fn check(&self, who: &impl Hash) -> Result<(), Duration> {
        self.check_many(who, 1)
    }

    /// Counts several actions of a caller. More of them than the burst count as the burst.
    ///
    /// # Errors
    /// Fails with the time to wait if the action is not allowed yet.
    pub fn check_many(&self, who: &impl Hash, times: u32) -> Result<(), Duration> {
        let Some(times) = NonZeroU32::new(times) else { return Ok(()) };
        let place = self.sorter.hash_one(who) % PLACES;
        let place = u16::try_from(place).expect("there are so many places");
        let checked = self.limiter.check_key_n(&place, times.min(self.burst));
        let checked = checked.expect("no more than may be at once");
        checked.map_err(|until| until.wait_time_from(Passing.now()))
    }

    /// The number of buckets in use.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.limiter.len()
    }
}

/// A limit on an amount per time, such as bytes per second: one for each requester and one for all
/// together. Neither applies to [`Requester::House`].
pub struct Flow {
    limits: Arc<Limits>,
    each: (Limit, Pace),
    all: (Limit, Pace),
    /// How much one token of the buckets stands for, in the unit of the limits.
    unit: u64,
}

impl Flow {
    /// Creates a limit from the sizes of `each` and `all`: so much is allowed at once, and so much again
    /// per `period`. Amounts are counted in steps of `unit`.
    pub fn new(
        limits: &Arc<Limits>,
        (each, all): (Limit, Limit),
        unit: u64,
        period: Duration,
    ) -> Self {
        let pace = |limit| {
            let units = u32::try_from(limits.size(limit) / unit).unwrap_or(u32::MAX);
            let units = NonZeroU32::new(units).unwrap_or(NonZeroU32::MIN);
            (limit, Pace::new(units, period / units.get()))
        };
        Self { limits: limits.clone(), each: pace(each), all: pace(all), unit }
    }

    /// Counts an amount that a requester uses.
    ///
    /// # Errors
    /// Fails with the limit that was exceeded and the time to wait.
    pub fn take(&self, requester: &Requester, amount: u64) -> Result<(), Exceeded> {
        if *requester == Requester::House {
            return Ok(());
        }
        let units = u32::try_from(amount.div_ceil(self.unit)).unwrap_or(u32::MAX);
        let (limit, pace) = &self.each;
        let refuse = |limit, wait| self.limits.refuse(limit).after(wait);
        pace.check_many(requester, units).map_err(|wait| refuse(*limit, wait))?;
        let (limit, pace) = &self.all;
        pace.check_many(&(), units).map_err(|wait| refuse(*limit, wait))
    }
}

/// The clock of `tokio`, which tests can pause and advance.
#[derive(Clone, Debug)]
struct Passing;

impl Clock for Passing {
    type Instant = Instant;

    fn now(&self) -> Instant {
        tokio::time::Instant::now().into_std()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn each_has_so_much_a_second_and_all_no_more_than_there_is() {
        let limits = Limits::default()
            .with(Limit::MatchingBytesPerRequester, 10 << 10)
            .with(Limit::MatchingBytes, 15 << 10);
        let (each, all) = (Limit::MatchingBytesPerRequester, Limit::MatchingBytes);
        let flow = Flow::new(&Arc::new(limits), (each, all), 1 << 10, Duration::from_secs(1));
        let guest = |last| Requester::guest([192, 0, 2, last].into());
        assert!(flow.take(&guest(1), 10 << 10).is_ok());
        assert_eq!(flow.take(&guest(1), 1).unwrap_err().limit, each);
        assert!(flow.take(&guest(2), 5 << 10).is_ok());
        assert_eq!(flow.take(&guest(3), 1 << 10).unwrap_err().limit, all);
        assert!(flow.take(&Requester::House, 1 << 30).is_ok());
        tokio::time::advance(Duration::from_millis(500)).await;
        assert!(flow.take(&guest(1), 5 << 10).is_ok());
    }
}
