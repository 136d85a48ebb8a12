//! How often somebody may do something, or how much of it in a time: a token bucket for each who asks
//! (governor's, the generic cell rate algorithm).

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hash};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant};

use governor::clock::Clock;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};

use crate::limits::{Exceeded, Limit, Limits, Requester};

/// Into so many places those who ask are sorted, by chance anew in every process. Two may share one,
/// which is rare; and however many ask, what is kept of them does not grow past it.
const PLACES: u64 = 1 << 16;

/// How fast each of many may go.
pub struct Pace {
    limiter: RateLimiter<u16, HashMapStateStore<u16>, Passing>,
    sorter: RandomState,
    burst: NonZeroU32,
}

impl Pace {
    /// So many at once, and then one more after each such time.
    pub fn new(burst: NonZeroU32, every: Duration) -> Self {
        let every = every.max(Duration::from_nanos(1));
        let quota = Quota::with_period(every).expect("it is not zero").allow_burst(burst);
        let limiter = RateLimiter::hashmap_with_clock(quota, Passing);
        Self { limiter, sorter: RandomState::new(), burst }
    }

    /// Notes that somebody does it once.
    ///
    /// # Errors
    /// If they may not, how long they must wait.
    pub fn check(&self, who: &impl Hash) -> Result<(), Duration> {
        self.check_many(who, 1)
    }

    /// Notes that somebody does it so many times; more than may be done at once count as so many.
    ///
    /// # Errors
    /// If they may not, how long they must wait.
    pub fn check_many(&self, who: &impl Hash, times: u32) -> Result<(), Duration> {
        let Some(times) = NonZeroU32::new(times) else { return Ok(()) };
        let place = self.sorter.hash_one(who) % PLACES;
        let place = u16::try_from(place).expect("there are so many places");
        let checked = self.limiter.check_key_n(&place, times.min(self.burst));
        let checked = checked.expect("no more than may be at once");
        checked.map_err(|until| until.wait_time_from(Passing.now()))
    }

    /// How many places are in use.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.limiter.len()
    }
}

/// How much of something each requester may have over time, and all together. The house has all it needs.
pub struct Flow {
    limits: Arc<Limits>,
    each: (Limit, Pace),
    all: (Limit, Pace),
    /// How large one unit is, in the unit of the limits.
    unit: u64,
}

impl Flow {
    /// What is bounded by these limits, each of what may be had at once, and of what may be had again after
    /// each `period`. It is counted in steps of `unit`.
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

    /// Notes that a requester has so much of it.
    ///
    /// # Errors
    /// When that is more than they may have by now.
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

/// Time as tokio has it, which tests can let pass.
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
