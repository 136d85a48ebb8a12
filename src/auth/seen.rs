//! Sessions that were looked up lately, so that a request need not ask the database who sent it.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::auth::Known;

/// How many sessions are remembered. Past it all are looked up anew.
const MAX_SEEN: usize = 10_000;

/// What is known of sessions by the hash of their token, until something changes.
#[derive(Default)]
pub(super) struct Seen(Mutex<State>);

#[derive(Default)]
struct State {
    round: Round,
    known: HashMap<String, Known>,
}

/// What was read before a change must not be remembered after it; rounds tell the two apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Round(u64);

impl Seen {
    /// What is known of a session, or else the round in which to read it.
    pub(super) fn get(&self, token_hash: &str) -> Result<Known, Round> {
        let state = self.lock();
        state.known.get(token_hash).cloned().ok_or(state.round)
    }

    /// Remembers what was read, unless something has changed since.
    pub(super) fn put(&self, round: Round, token_hash: String, known: Known) {
        let mut state = self.lock();
        if state.round != round {
            return;
        }
        if state.known.len() >= MAX_SEEN {
            state.known.clear();
        }
        state.known.insert(token_hash, known);
    }

    /// Forgets everything: a session has ended, or stands for somebody else.
    pub(super) fn forget(&self) {
        let mut state = self.lock();
        state.round.0 += 1;
        state.known.clear();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // The state is whole between any two statements, whoever panicked.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::access::Viewer;

    fn known() -> Known {
        Known { viewer: Viewer::Guest, expires_at: 0 }
    }

    #[test]
    fn what_was_read_before_a_change_is_not_remembered_after_it() {
        let seen = Seen::default();
        let round = seen.get("a").unwrap_err();
        seen.put(round, "a".to_owned(), known());
        assert!(seen.get("a").is_ok());
        let round = seen.get("b").unwrap_err();
        seen.forget();
        seen.put(round, "b".to_owned(), known());
        assert!(seen.get("a").is_err() && seen.get("b").is_err());
    }
}
