//! Sessions that were looked up lately, so that a request need not ask the database who sent it.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::auth::AuthenticatedViewer;

/// How many sessions are remembered. Past it all are looked up anew.
const MAX_SEEN: usize = 10_000;

/// What is known of sessions by the hash of their token, until something changes.
#[derive(Default)]
pub(super) struct SessionCache(Mutex<SessionCacheState>);

#[derive(Default)]
struct SessionCacheState {
    round: Round,
    known: HashMap<String, AuthenticatedViewer>,
    /// When each guest's token ends whose signature was found to be ours, in Unix seconds.
    guests: HashMap<String, i64>,
}

/// What was read before a change must not be remembered after it; rounds tell the two apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Round(u64);

impl SessionCache {
    /// What is known of a session, or else the round in which to read it.
    pub(super) fn get(&self, token_hash: &str) -> Result<AuthenticatedViewer, Round> {
        let state = self.lock();
        state.known.get(token_hash).cloned().ok_or(state.round)
    }

    /// Remembers what was read, unless something has changed since.
    pub(super) fn put(&self, round: Round, token_hash: String, known: AuthenticatedViewer) {
        let mut state = self.lock();
        if state.round != round {
            return;
        }
        if state.known.len() >= MAX_SEEN {
            state.known.clear();
        }
        state.known.insert(token_hash, known);
    }

    /// When a guest's token ends, if its signature was found to be ours before.
    pub(super) fn guest(&self, token: &str) -> Option<i64> {
        self.lock().guests.get(token).copied()
    }

    /// Remembers a guest's token that is ours. Nothing can change that.
    pub(super) fn put_guest(&self, token: &str, expires_at: i64) {
        let mut state = self.lock();
        if state.guests.len() >= MAX_SEEN {
            state.guests.clear();
        }
        state.guests.insert(token.to_owned(), expires_at);
    }

    /// Forgets what was known of accounts: a session has ended, or stands for somebody else.
    pub(super) fn forget(&self) {
        let mut state = self.lock();
        state.round.0 += 1;
        state.known.clear();
    }

    fn lock(&self) -> MutexGuard<'_, SessionCacheState> {
        // The state is whole between any two statements, whoever panicked.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
