//! A cache of the viewers of sessions, so that most requests are authenticated without the database.

use std::sync::atomic::{AtomicU64, Ordering};

use quick_cache::sync::Cache;

use crate::auth::AuthenticatedViewer;

/// The most sessions that the cache holds, and the most guest tokens.
const MAX_SEEN: usize = 10_000;

/// The viewers of sessions and API tokens, by the hash of the token. All are forgotten when any account changes.
pub(super) struct SessionCache {
    round: AtomicU64,
    sessions: Cache<String, (Round, AuthenticatedViewer)>,
    /// The end of each guest token whose signature was verified, in Unix seconds.
    guests: Cache<String, i64>,
}

/// The number of the time between two changes of accounts. Entries of an earlier round are not valid. A
/// lookup in the database keeps the round in which it began, since an account may change before it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Round(u64);

impl Default for SessionCache {
    fn default() -> Self {
        Self {
            round: AtomicU64::default(),
            sessions: Cache::new(MAX_SEEN),
            guests: Cache::new(MAX_SEEN),
        }
    }
}

impl SessionCache {
    /// Returns the viewer of a session. `Err` holds the current round if the viewer must be looked up.
    pub(super) fn get(&self, token_hash: &str) -> Result<AuthenticatedViewer, Round> {
        let now = Round(self.round.load(Ordering::SeqCst));
        match self.sessions.get(token_hash) {
            Some((round, known)) if round == now => Ok(known),
            _ => Err(now),
        }
    }

    /// Keeps the viewer of a session, whose lookup began in this round.
    pub(super) fn put(&self, round: Round, token_hash: String, known: AuthenticatedViewer) {
        self.sessions.insert(token_hash, (round, known));
    }

    /// Returns the end of a guest token in Unix seconds. `None` if its signature was not verified yet.
    pub(super) fn guest(&self, token: &str) -> Option<i64> {
        self.guests.get(token)
    }

    /// Keeps the end of a guest token whose signature was verified. It stays valid, since the secret never
    /// changes.
    pub(super) fn put_guest(&self, token: &str, expires_at: i64) {
        self.guests.insert(token.to_owned(), expires_at);
    }

    /// Forgets all sessions, since one has ended or an account has changed.
    pub(super) fn forget(&self) {
        self.round.fetch_add(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::viewer::Viewer;

    fn known() -> AuthenticatedViewer {
        AuthenticatedViewer { viewer: Viewer::Guest, expires_at: 0 }
    }

    #[test]
    fn what_was_read_before_a_change_is_not_remembered_after_it() {
        let seen = SessionCache::default();
        let round = seen.get("a").unwrap_err();
        seen.put(round, "a".to_owned(), known());
        assert!(seen.get("a").is_ok());
        let round = seen.get("b").unwrap_err();
        seen.forget();
        seen.put(round, "b".to_owned(), known());
        assert!(seen.get("a").is_err() && seen.get("b").is_err());
    }
}
