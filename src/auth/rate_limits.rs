//! Rate limits of signing in, of signing up and of stating the current password.
//!
//! Attempts at a password are counted by network, by account and by both together. So a guesser gains nothing from
//! many networks or many accounts, and a guesser in one network cannot lock the owner out of an account: the
//! limit of both together is met long before that of the account.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use crate::limits::{Pace, network};

/// A rate limit: `burst` attempts are allowed at once, and one more after each `every`.
struct Allowance {
    burst: NonZeroU32,
    every: Duration,
}

const fn allowance(burst: u32, every_secs: u64) -> Allowance {
    let burst = NonZeroU32::new(burst).expect("it is not zero");
    Allowance { burst, every: Duration::from_secs(every_secs) }
}

/// Attempts from one network, at all accounts.
const BY_ADDRESS: Allowance = allowance(60, 2);
/// Attempts from one network at one account.
const BY_BOTH: Allowance = allowance(10, 30);
/// Attempts at one account from all networks. NIST SP 800-63B, section 5.2.2, allows at most 100 failures in
/// a row.
const BY_ACCOUNT: Allowance = allowance(90, 60);
/// New accounts from one network.
const SIGN_UPS: Allowance = allowance(20, 60);

/// The rate limits of attempts, with the counts of each network and account.
pub(super) struct Attempts {
    by_address: Pace,
    by_both: Pace,
    by_account: Pace,
    sign_ups: Pace,
}

impl Default for Attempts {
    fn default() -> Self {
        Self {
            by_address: pace(&BY_ADDRESS),
            by_both: pace(&BY_BOTH),
            by_account: pace(&BY_ACCOUNT),
            sign_ups: pace(&SIGN_UPS),
        }
    }
}

impl Attempts {
    /// Counts an attempt at the password of an account. Fails with the time to wait if a limit is met.
    pub(super) fn tries(&self, email: &str, address: IpAddr) -> Result<(), Duration> {
        let email = email.trim().to_ascii_lowercase();
        let address = network(address);
        self.by_address.check(&address)?;
        self.by_both.check(&(&email, address))?;
        self.by_account.check(&email)
    }

    /// Counts an attempt to sign up. Fails with the time to wait if the limit is met.
    pub(super) fn signs_up(&self, address: IpAddr) -> Result<(), Duration> {
        self.sign_ups.check(&network(address))
    }
}

fn pace(allowance: &Allowance) -> Pace {
    Pace::new(allowance.burst, allowance.every)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> IpAddr {
        [192, 0, 2, last].into()
    }

    #[tokio::test(start_paused = true)]
    async fn a_guesser_is_slowed_and_the_owner_is_not_kept_out() {
        let limits = Attempts::default();
        for _ in 0..10 {
            assert!(limits.tries("ada@example.org", address(1)).is_ok());
        }
        let wait = limits.tries(" ADA@example.org", address(1)).unwrap_err();
        assert!(wait <= Duration::from_secs(30) && wait > Duration::from_secs(29), "{wait:?}");
        assert!(limits.tries("ada@example.org", address(2)).is_ok());
        assert!(limits.tries("bob@example.org", address(1)).is_ok());
        tokio::time::advance(wait).await;
        assert!(limits.tries("ada@example.org", address(1)).is_ok());
        assert!(limits.tries("ada@example.org", address(1)).is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn many_accounts_do_not_help_a_guesser() {
        let limits = Attempts::default();
        let tries = (0..10_000).filter(|i| limits.tries(&format!("{i}@x"), address(1)).is_ok());
        assert_eq!(tries.count(), 60);
        tokio::time::advance(Duration::from_secs(20)).await;
        let tries = (0..10_000).filter(|i| limits.tries(&format!("{i}@x"), address(1)).is_ok());
        assert_eq!(tries.count(), 10);
    }

    #[tokio::test(start_paused = true)]
    async fn many_addresses_do_not_help_a_guesser() {
        let limits = Attempts::default();
        let from = |i: u32| IpAddr::from(i.to_be_bytes());
        let tries = (0..10_000).filter(|i| limits.tries("ada@example.org", from(*i)).is_ok());
        assert_eq!(tries.count(), 90);
        // Those of one /64 are one. Apart, since two networks may share a place among so many.
        let limits = Attempts::default();
        let from = |i: u16| IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, i]);
        let tries = (0..1_000).filter(|i| limits.tries(&format!("{i}@x"), from(*i)).is_ok());
        assert_eq!(tries.count(), 60);
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_written_as_ipv6_is_the_same_one() {
        let limits = Attempts::default();
        let mapped = IpAddr::from([0, 0, 0, 0, 0, 0xffff, 0xc000, 0x0201]);
        for from in [mapped, address(1)].into_iter().cycle().take(20) {
            assert!(limits.signs_up(from).is_ok());
        }
        assert!(limits.signs_up(mapped).is_err() && limits.signs_up(address(1)).is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_kept_does_not_grow_with_those_who_try() {
        let limits = Attempts::default();
        for i in 0..300_000_u32 {
            let from = IpAddr::from(i.to_be_bytes());
            let _ = limits.tries(&format!("{i}@x"), from);
        }
        assert!(limits.by_both.len() <= 1 << 16);
    }
}
