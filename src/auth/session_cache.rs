//! Sessions that were looked up lately, so that a request need not ask the database who sent it.

use std::sync::atomic::{AtomicU64, Ordering};

use quick_cache::sync::Cache;

use crate::auth::AuthenticatedViewer;

/// How many sessions are remembered, and how many tokens of guests.
const MAX_SEEN: usize = 10_000;

/// The viewers of sessions, by the hash of their token, until something about an account changes.
pub(super) struct SessionCache {
    round: AtomicU64,
    sessions: Cache<String, (Round, AuthenticatedViewer)>,
    /// The end of each guest's token whose signature was verified, in Unix seconds.
    guests: Cache<String, i64>,
}

/// The time between two changes of accounts. What was read in one does not hold in the next.
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
    /// The viewer of a session; if that is not known, the round in which to look it up.
    pub(super) fn get(&self, token_hash: &str) -> Result<AuthenticatedViewer, Round> {
        let now = Round(self.round.load(Ordering::SeqCst));
        match self.sessions.get(token_hash) {
            Some((round, known)) if round == now => Ok(known),
            _ => Err(now),
        }
    }

    /// Remembers the viewer of a session, who was looked up in this round.
    pub(super) fn put(&self, round: Round, token_hash: String, known: AuthenticatedViewer) {
        self.sessions.insert(token_hash, (round, known));
    }

    /// The end of a guest's token in Unix seconds, if its signature was verified before.
    pub(super) fn guest(&self, token: &str) -> Option<i64> {
        self.guests.get(token)
    }

    /// Remembers that a guest's token is ours. Nothing can change that.
    pub(super) fn put_guest(&self, token: &str, expires_at: i64) {
        self.guests.insert(token.to_owned(), expires_at);
    }

    /// Forgets all sessions: one has ended, or stands for another account.
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
