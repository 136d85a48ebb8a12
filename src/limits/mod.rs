//! The limits of a server: what each is called, its size, how often it was met, and whom work is done
//! for.
//!
//! All of them stand in one table ([`Limit`]), from which the option `--limit`, docs/limits.md and
//! `/metrics` follow. What belongs to the formats of the product (how deep a filter may nest, how long a
//! name may be) stands with those.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

mod beside;
mod pace;
mod reading;
mod requester;
mod shares;
mod table;

pub use beside::beside;
pub use pace::{Flow, Pace};
pub use reading::BadLimit;
pub use requester::{Requester, answering, held, hold, keep, network, on_behalf_of, requester};
pub use shares::{Share, Shares};
pub use table::{Limit, LimitUnit, Refusal};

/// The size of every limit of one server, and how often each was met.
#[derive(Debug)]
pub struct Limits {
    sizes: [u64; Limit::ALL.len()],
    met: [AtomicU64; Limit::ALL.len()],
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            sizes: Limit::ALL.map(Limit::default_size),
            met: std::array::from_fn(|_| AtomicU64::new(0)),
        }
    }
}

impl Limits {
    /// The same with another size for one of them, in its unit.
    #[must_use]
    pub fn with(mut self, limit: Limit, size: u64) -> Self {
        self.sizes[limit as usize] = size;
        self
    }

    /// The size of a limit in its unit.
    pub fn size(&self, limit: Limit) -> u64 {
        self.sizes[limit as usize]
    }

    /// The size of a limit on bytes or on a number of things.
    pub fn count(&self, limit: Limit) -> usize {
        usize::try_from(self.size(limit)).unwrap_or(usize::MAX)
    }

    /// The size of a limit on time.
    pub fn time(&self, limit: Limit) -> Duration {
        Duration::from_millis(self.size(limit))
    }

    /// Notes that a limit was met, and returns the refusal.
    pub fn refuse(&self, limit: Limit) -> Exceeded {
        self.met[limit as usize].fetch_add(1, Ordering::Relaxed);
        Exceeded { limit, size: self.size(limit), retry_after: limit.retry_after() }
    }

    /// How often a limit was met since the start.
    pub fn times_met(&self, limit: Limit) -> u64 {
        self.met[limit as usize].load(Ordering::Relaxed)
    }
}

/// A request asked for more than a limit allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", limit.answer(*size))]
pub struct Exceeded {
    /// The limit that was met.
    pub limit: Limit,
    /// Its size in its unit.
    pub size: u64,
    /// When the same request may succeed, where waiting helps.
    pub retry_after: Option<Duration>,
}

impl Exceeded {
    /// The same refusal with a known time to wait.
    #[must_use]
    pub fn after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_that_was_met_is_counted_and_told_with_its_size() {
        let limits = Limits::default().with(Limit::BodiesBytesPerRequester, 2 << 20);
        let refused = limits.refuse(Limit::BodiesBytesPerRequester);
        assert!(refused.to_string().contains("2 MiB"), "{refused}");
        assert_eq!(limits.times_met(Limit::BodiesBytesPerRequester), 1);
        assert_eq!(limits.times_met(Limit::StatementTime), 0);
    }
}
