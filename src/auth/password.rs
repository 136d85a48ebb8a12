//! Passwords: what they must be, and their hashes (Argon2id), made and compared beside the threads that
//! serve.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use crate::auth::AuthError;

/// The shortest password, in characters (NIST SP 800-63B, 5.1.1.2).
const MIN_PASSWORD: usize = 8;
/// The longest password, in bytes: hashing takes time by length.
pub(super) const MAX_PASSWORD: usize = 1_024;
/// How many passwords are hashed at once at most: each takes a core and 19 MiB for some milliseconds.
const MAX_HASHERS: usize = 4;
/// How many may wait for it: as many as are done within seconds.
const WAITING: usize = 100;
/// When to come back where more wait than that.
const COME_BACK: Duration = Duration::from_secs(5);

/// Why a password cannot be one; nothing if it can.
pub(super) fn fault(password: &str) -> Option<&'static str> {
    if password.chars().count() < MIN_PASSWORD {
        return Some("a password needs at least 8 characters");
    }
    (password.len() > MAX_PASSWORD).then_some("a password may have at most 1,024 bytes")
}

/// Hashes passwords, few at a time.
#[derive(Clone)]
pub(super) struct Hashers {
    at_work: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
}

impl Default for Hashers {
    fn default() -> Self {
        // Half the cores at most: the others serve those who are in already.
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let at_work = Arc::new(Semaphore::new((cores / 2).clamp(1, MAX_HASHERS)));
        Self { at_work, waiting: Arc::new(Semaphore::new(WAITING)) }
    }
}

impl Hashers {
    /// Whether a password is the one that was hashed. No hash costs as much time as one, so nobody can
    /// ask who has an account.
    pub(super) async fn verify(
        &self,
        password: String,
        hash: Option<Arc<str>>,
    ) -> Result<bool, AuthError> {
        let work = move || match hash {
            Some(hash) => password_auth::verify_password(password, &hash).is_ok(),
            None => {
                password_auth::generate_hash(password);
                false
            }
        };
        self.aside(work).await
    }

    pub(super) async fn hash(&self, password: String) -> Result<String, AuthError> {
        self.aside(move || password_auth::generate_hash(password)).await
    }

    /// Runs slow work beside the threads that serve; few at a time, and not after a long queue.
    async fn aside<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, AuthError> {
        let busy = || AuthError::TooMany(COME_BACK);
        let _place = self.waiting.try_acquire().map_err(|_| busy())?;
        let at_work = self.at_work.clone().acquire_owned().await.map_err(|_| busy())?;
        let done = tokio::task::spawn_blocking(move || {
            // Until it is done, even if nobody waits for it any more.
            let _at_work = at_work;
            work()
        });
        done.await.map_err(|_| busy())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_neither_short_nor_endless() {
        assert!(fault("1234567").is_some() && fault("12345678").is_none());
        assert!(fault("äöüäöüä").is_some() && fault("\0\0\0\0\0\0\0\0").is_none());
        assert!(fault(&"x".repeat(1_024)).is_none() && fault(&"x".repeat(1_025)).is_some());
    }

    #[tokio::test]
    async fn whoever_comes_after_a_long_queue_is_told_to_come_back() {
        let hashers = Hashers::default();
        let all = hashers.at_work.available_permits();
        let held = hashers.at_work.clone().acquire_many_owned(all as u32).await.unwrap();
        let waiting: Vec<_> = (0..WAITING)
            .map(|_| {
                let hashers = hashers.clone();
                tokio::spawn(async move { hashers.aside(|| ()).await })
            })
            .collect();
        while hashers.waiting.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        assert!(matches!(hashers.aside(|| ()).await, Err(AuthError::TooMany(_))));
        drop(held);
        for one in waiting {
            one.await.unwrap().unwrap();
        }
        assert!(hashers.aside(|| ()).await.is_ok());
    }
}
