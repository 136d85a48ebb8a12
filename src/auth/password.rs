//! Passwords: the rules for new ones, and their hashes (Argon2id). Hashing is slow on purpose, so it runs on
//! threads that serve no requests.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use argon2::password_hash::rand_core::OsRng;
use argon2::password_hash::{self, Output, ParamsString, PasswordHash, SaltString};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use tokio::sync::Semaphore;
use tokio::time::sleep;

use crate::auth::AuthError;

/// The shortest password, in characters (NIST SP 800-63B, 5.1.1.2).
const MIN_PASSWORD: usize = 8;
/// The longest password, in bytes: hashing takes time by length.
pub(super) const MAX_PASSWORD: usize = 1_024;
/// The most passwords that are hashed at once: each takes a core and 19 MiB for some milliseconds.
const MAX_HASHERS: usize = 2;
/// The most passwords that are hashed or wait for it. So many are done within seconds.
const WAITING: usize = 100;
/// How long memory is kept for the next hash before it is freed.
const KEEP_MEMORY: Duration = Duration::from_secs(20);
/// The time that a client is told to wait if [`WAITING`] is reached.
const COME_BACK: Duration = Duration::from_secs(5);

/// Returns the fault of a new password. `None` if it has none.
pub(super) fn fault(password: &str) -> Option<&'static str> {
    if password.chars().count() < MIN_PASSWORD {
        return Some("a password needs at least 8 characters");
    }
    (password.len() > MAX_PASSWORD).then_some("a password may have at most 1,024 bytes")
}

/// Hashes and verifies passwords, at most [`MAX_HASHERS`] at a time.
#[derive(Clone)]
pub(super) struct Hashers {
    at_work: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    memory: HashMemory,
}

/// The memory in which hashes are made, 19 MiB each. It is used again for the next hash: if each allocated
/// its own, on any thread of the pool, the allocator would keep such a block for every thread.
#[derive(Clone, Default)]
struct HashMemory(Arc<Mutex<Vec<Vec<Block>>>>);

impl HashMemory {
    /// Calls `work` with this many blocks of memory, and keeps them for the next call.
    fn with<T>(&self, blocks: usize, work: impl FnOnce(&mut [Block]) -> T) -> T {
        let mut memory = self.lock().pop().unwrap_or_default();
        if memory.len() < blocks {
            memory.resize(blocks, Block::default());
        }
        let done = work(&mut memory[..blocks]);
        self.lock().push(memory);
        done
    }

    /// Frees the memory that is not in use.
    fn give_back(&self) {
        *self.lock() = Vec::new();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Vec<Block>>> {
        // A panic elsewhere cannot leave the list half changed, so a poisoned lock is no reason to stop.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns a hash of a password with a new salt, in the PHC string format.
fn hashed(password: &[u8], memory: &HashMemory) -> password_hash::Result<String> {
    let argon2 = Argon2::default();
    let salt = SaltString::generate(OsRng);
    let hash = output(&argon2, password, &salt, Params::DEFAULT_OUTPUT_LEN, memory)?;
    let whole = PasswordHash {
        algorithm: Algorithm::default().ident(),
        version: Some(Version::default().into()),
        params: ParamsString::try_from(argon2.params())?,
        salt: Some(salt.as_salt()),
        hash: Some(hash),
    };
    Ok(whole.to_string())
}

/// Whether a hash is that of this password. It is computed with the parameters that the hash itself names, which
/// other versions of the program may have chosen.
fn matches(password: &[u8], hash: &str, memory: &HashMemory) -> password_hash::Result<bool> {
    let hash = PasswordHash::new(hash)?;
    let (Some(salt), Some(expected)) = (hash.salt, hash.hash) else { return Ok(false) };
    let version = hash.version.map(Version::try_from).transpose()?.unwrap_or_default();
    let algorithm = Algorithm::try_from(hash.algorithm)?;
    let params = Params::try_from(&hash)?;
    let argon2 = Argon2::new(algorithm, version, params);
    let salt = SaltString::from_b64(salt.as_str())?;
    // `Output` compares in constant time, so the time does not show where the hashes differ.
    Ok(output(&argon2, password, &salt, expected.len(), memory)? == expected)
}

fn output(
    argon2: &Argon2<'_>,
    password: &[u8],
    salt: &SaltString,
    length: usize,
    memory: &HashMemory,
) -> password_hash::Result<Output> {
    let mut room = [0; 64];
    let salt = salt.decode_b64(&mut room)?;
    memory.with(argon2.params().block_count(), |blocks| {
        let fill = |out: &mut [u8]| {
            Ok(argon2.hash_password_into_with_memory(password, salt, out, blocks)?)
        };
        Output::init_with(length, fill)
    })
}

impl Default for Hashers {
    fn default() -> Self {
        // At most half of the cores, so that an attack on sign-in leaves the others to serve requests.
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let at_work = Arc::new(Semaphore::new((cores / 2).clamp(1, MAX_HASHERS)));
        let waiting = Arc::new(Semaphore::new(WAITING));
        Self { at_work, waiting, memory: HashMemory::default() }
    }
}

impl Hashers {
    /// Whether a hash is that of this password. Without a hash it returns false, after the same time: how long it
    /// takes does not show who has an account. [`AuthError::TooMany`] if [`WAITING`] is reached.
    pub(super) async fn verify(
        &self,
        password: String,
        hash: Option<Arc<str>>,
    ) -> Result<bool, AuthError> {
        let memory = self.memory.clone();
        let work = move || match hash {
            Some(hash) => matches(password.as_bytes(), &hash, &memory).unwrap_or(false),
            None => {
                let _ = hashed(password.as_bytes(), &memory);
                false
            }
        };
        self.aside(work).await
    }

    /// Returns the hash of a new password, to store. [`AuthError::TooMany`] if [`WAITING`] is reached.
    pub(super) async fn hash(&self, password: String) -> Result<String, AuthError> {
        let memory = self.memory.clone();
        let hash = self.aside(move || hashed(password.as_bytes(), &memory)).await?;
        hash.map_err(|error| {
            tracing::error!("a password could not be hashed: {error}");
            AuthError::TooMany(COME_BACK)
        })
    }

    /// Runs slow work on a thread that serves no requests, at most [`MAX_HASHERS`] at a time.
    /// [`AuthError::TooMany`] if the queue is full.
    async fn aside<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, AuthError> {
        let busy = || AuthError::TooMany(COME_BACK);
        let _place = self.waiting.try_acquire().map_err(|_| busy())?;
        let at_work = self.at_work.clone().acquire_owned().await.map_err(|_| busy())?;
        let done = tokio::task::spawn_blocking(move || {
            // The permit is held until the work is done, even if its request has been given up.
            let _at_work = at_work;
            work()
        });
        let done = done.await.map_err(|_| busy());
        self.give_back_later();
        done
    }

    /// Frees the memory after [`KEEP_MEMORY`], unless passwords are being hashed then.
    fn give_back_later(&self) {
        let (waiting, memory) = (self.waiting.clone(), self.memory.clone());
        tokio::spawn(async move {
            sleep(KEEP_MEMORY).await;
            if waiting.available_permits() == WAITING {
                memory.give_back();
            }
        });
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
    async fn a_hash_is_that_of_its_password_alone() {
        let hashers = Hashers::default();
        let hash: Arc<str> = hashers.hash("correct horse".to_owned()).await.unwrap().into();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        let is = async |password: &str, hash: &str| {
            hashers.verify(password.to_owned(), Some(hash.into())).await.unwrap()
        };
        assert!(is("correct horse", &hash).await && !is("correct horsf", &hash).await);
        // As `password-auth` wrote it, with other parameters, and what is none.
        let other = "$argon2id$v=19$m=16,t=2,p=1$c2FsdHNhbHQ$";
        let made = {
            let argon2 = Argon2::new(
                Algorithm::Argon2id,
                Version::V0x13,
                Params::new(16, 2, 1, None).unwrap(),
            );
            let mut out = [0; 32];
            argon2.hash_password_into(b"other", b"saltsalt", &mut out).unwrap();
            format!("{other}{}", Output::new(&out).unwrap())
        };
        assert!(is("other", &made).await && !is("correct horse", &made).await);
        for broken in ["", "$argon2id$", "plain", other, "$scrypt$ln=1$c2FsdHNhbHQ$aGFzaGhhc2g"] {
            assert!(!is("", broken).await, "{broken}");
        }
        assert!(!hashers.verify("x".to_owned(), None).await.unwrap());
    }

    #[tokio::test(start_paused = true)]
    async fn hashes_use_the_same_memory_and_give_it_back() {
        let hashers = Hashers::default();
        for _ in 0..3 {
            hashers
                .aside({
                    let memory = hashers.memory.clone();
                    move || memory.with(16, |_| ())
                })
                .await
                .unwrap();
            assert_eq!(hashers.memory.lock().len(), 1);
        }
        // Time passes once every task waits: first for those that give it back, then for this one.
        sleep(KEEP_MEMORY * 2).await;
        assert!(hashers.memory.lock().is_empty());
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
