//! The cache of replays. After a restart of the server or a broken network, many clients come back at once with
//! the same scope and the same position. Their replay is read and encoded once for all of them.

use quick_cache::unsync::Cache;

use crate::live::matcher::GroupId;
use crate::live::message::Name;
use crate::live::outbox::Burst;
use crate::model::ids::Position;

/// The most replays that are kept: enough for the components of a few pages.
const MAX_KEPT: usize = 64;
/// The longest replay that is kept, in bytes.
const MAX_LENGTH: usize = 128 * 1024;

/// The key of a replay: the group, the name of the subscription, and the positions that it begins and ends at.
pub(super) type ReplayKey = (GroupId, Name, Position, Position);

/// The replays that were sent since the last change.
pub(super) struct ReplayCache(Cache<ReplayKey, Burst>);

impl Default for ReplayCache {
    fn default() -> Self {
        Self(Cache::new(MAX_KEPT))
    }
}

impl ReplayCache {
    /// Returns the messages of a replay. `None` if it is not kept.
    pub(super) fn get(&self, replay: &ReplayKey) -> Option<Burst> {
        self.0.get(replay).cloned()
    }

    /// Keeps the messages of a replay, unless they are longer than [`MAX_LENGTH`].
    pub(super) fn keep(&mut self, replay: ReplayKey, burst: &Burst) {
        if burst.length() <= MAX_LENGTH {
            self.0.insert(replay, burst.clone());
        }
    }

    /// Removes all replays. After a change, every replay ends at a later position.
    pub(super) fn forget(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::message::Message;

    fn stretch(group: GroupId, until: &str) -> ReplayKey {
        (group, Name::Given("a".into()), Position::new("1"), Position::new(until))
    }

    fn burst(length: usize) -> Burst {
        Burst::new(vec![Message::reconnecting(&"x".repeat(length))])
    }

    #[test]
    fn what_was_told_is_told_again_only_for_the_same_stretch() {
        let mut past = ReplayCache::default();
        past.keep(stretch(1, "2"), &burst(1));
        assert!(past.get(&stretch(1, "2")).is_some());
        assert!(past.get(&stretch(1, "3")).is_none());
        assert!(past.get(&stretch(2, "2")).is_none());
        past.forget();
        assert!(past.get(&stretch(1, "2")).is_none());
    }

    #[test]
    fn what_is_kept_is_bounded_in_number_and_length() {
        let mut past = ReplayCache::default();
        past.keep(stretch(0, "2"), &burst(MAX_LENGTH));
        assert!(past.0.is_empty());
        (0..1_000).for_each(|group| past.keep(stretch(group, "2"), &burst(1)));
        assert!(past.0.len() <= MAX_KEPT);
    }
}
