//! How much time each requester may take on the quick connections: a budget that refills as time passes.
//!
//! A requester who has used up the budget is not refused, but each of their statements gets a tenth of the
//! usual time before it moves to the slow lane. The quick statements of one requester run one after the
//! other, so that other requesters never wait behind many of them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::limits::{Limit, Limits, Requester};

/// The budget refills by the time that passes, divided by this: a quarter of one connection.
const EARNED: u32 = 4;
/// By how much the time of a statement is divided if its requester has used up the budget.
const IN_DEBT: u32 = 10;
/// The full budget of a requester.
const MOST: Duration = Duration::from_secs(1);
/// How many requesters are remembered before those whose budget is full again are forgotten.
const REMEMBERED: usize = 1_024;

/// The budgets of all requesters.
pub(super) struct Credit {
    limits: Arc<Limits>,
    spent: Mutex<HashMap<Requester, Balance>>,
    /// For each requester the permit to run a quick statement.
    turns: Mutex<HashMap<Requester, Arc<Semaphore>>>,
}

/// The permission for one statement to run on a quick connection.
pub(super) struct Moment {
    pub(super) time: Duration,
    /// The requester's permit. The next statement of the requester waits until it is dropped.
    pub(super) turn: Option<OwnedSemaphorePermit>,
}

/// The budget that a requester had left at an instant.
#[derive(Clone, Copy)]
struct Balance {
    left: Duration,
    at: Instant,
}

impl Balance {
    fn full(at: Instant) -> Self {
        Self { left: MOST, at }
    }

    fn earned(self, now: Instant) -> Self {
        let earned = now.saturating_duration_since(self.at) / EARNED;
        Self { left: self.left.saturating_add(earned).min(MOST), at: now }
    }
}

impl Credit {
    pub(super) fn new(limits: Arc<Limits>) -> Self {
        Self { limits, spent: Mutex::default(), turns: Mutex::default() }
    }

    /// Waits until no other quick statement of this requester runs, then returns how long the next one may
    /// take.
    pub(super) async fn moment(&self, requester: &Requester) -> Moment {
        let turns = {
            let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
            if turns.len() >= REMEMBERED {
                turns.retain(|_, turns| Arc::strong_count(turns) > 1);
            }
            turns.entry(requester.clone()).or_insert_with(|| Arc::new(Semaphore::new(1))).clone()
        };
        let turn = turns.acquire_owned().await.ok();
        Moment { time: self.time(requester), turn }
    }

    fn time(&self, requester: &Requester) -> Duration {
        let moment = self.limits.time(Limit::QuickStatementTime);
        let spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let account = spent.get(requester).copied().unwrap_or(Balance::full(now));
        let has_some = account.earned(now).left >= moment.min(MOST);
        if has_some { moment } else { moment / IN_DEBT }
    }

    /// Takes the time of a statement from the requester's budget.
    pub(super) fn spend(&self, requester: &Requester, time: Duration) {
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if spent.len() >= REMEMBERED {
            spent.retain(|_, account| account.earned(now).left < MOST);
        }
        let account = spent.entry(requester.clone()).or_insert(Balance::full(now));
        let earned = account.earned(now);
        *account = Balance { left: earned.left.saturating_sub(time), ..earned };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_takes_long_waits_among_the_slow_and_nobody_else_does() {
        let credit = Credit::new(Arc::default());
        let guest = |last| Requester::guest([192, 0, 2, last].into());
        let moment = Limits::default().time(Limit::QuickStatementTime);
        let mut times = 0;
        while credit.time(&guest(1)) == moment {
            credit.spend(&guest(1), moment);
            times += 1;
        }
        assert!(moment * times >= MOST - moment, "{times}");
        assert!(credit.time(&guest(1)) > Duration::ZERO);
        assert_eq!(credit.time(&guest(2)), moment);
    }

    #[tokio::test]
    async fn whoever_asks_a_lot_waits_for_themselves() {
        let credit = Credit::new(Arc::default());
        let (one, other) =
            (Requester::guest([192, 0, 2, 1].into()), Requester::guest([192, 0, 2, 2].into()));
        let first = credit.moment(&one).await;
        let mut second = std::pin::pin!(credit.moment(&one));
        assert!(futures_util::poll!(&mut second).is_pending());
        credit.moment(&other).await;
        drop(first);
        second.await;
    }

    #[test]
    fn what_is_remembered_is_bounded_by_those_who_owe() {
        let credit = Credit::new(Arc::default());
        for last in 0..u32::from(u16::MAX) {
            credit.spend(&Requester::guest(last.to_be_bytes().into()), Duration::ZERO);
        }
        assert!(credit.spent.lock().unwrap().len() <= REMEMBERED);
    }

    #[test]
    fn time_that_passes_is_earned_up_to_a_bound() {
        let now = Instant::now();
        let broke = Balance { left: Duration::ZERO, at: now };
        assert_eq!(broke.earned(now + Duration::from_secs(4)).left, Duration::from_secs(1));
        assert_eq!(broke.earned(now + Duration::from_secs(400)).left, MOST);
    }
}
