//! The limits of a server: their names and sizes, how often each was met, and the requester that work is
//! done for.
//!
//! All limits are in one table ([`Limit`]). The option `--limit`, docs/limits.md and `/metrics` follow
//! from it. Limits that belong to a format of the product (the depth of a filter, the length of a name)
//! are declared with that format.

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
    /// Sets the size of one limit, in its unit.
    #[must_use]
    pub fn with(mut self, limit: Limit, size: u64) -> Self {
        self.sizes[limit as usize] = size;
        self
    }

    /// Returns the size of a limit, in its unit.
    pub fn size(&self, limit: Limit) -> u64 {
        self.sizes[limit as usize]
    }

    /// Returns the size of a limit that counts bytes or things.
    pub fn count(&self, limit: Limit) -> usize {
        usize::try_from(self.size(limit)).unwrap_or(usize::MAX)
    }

    /// Returns the size of a limit on time. Sizes of such limits are milliseconds.
    pub fn time(&self, limit: Limit) -> Duration {
        Duration::from_millis(self.size(limit))
    }

    /// Counts that a limit was met, and returns the error to answer with.
    pub fn refuse(&self, limit: Limit) -> Exceeded {
        self.met[limit as usize].fetch_add(1, Ordering::Relaxed);
        Exceeded { limit, size: self.size(limit), retry_after: limit.retry_after() }
    }

    /// Returns how often a limit was met since the start of the process.
    pub fn times_met(&self, limit: Limit) -> u64 {
        self.met[limit as usize].load(Ordering::Relaxed)
    }
}

/// The error of a request that exceeds a limit. Its text is the limit's message for users.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", limit.answer(*size))]
pub struct Exceeded {
    /// The limit that was met.
    pub limit: Limit,
    /// The size of the limit, in its unit.
    pub size: u64,
    /// How long to wait before a retry. `None` if a retry cannot help.
    pub retry_after: Option<Duration>,
}

impl Exceeded {
    /// Sets the time to wait before a retry.
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
