//! The newest changes, kept in memory: whoever comes back after a moment costs no query.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::model::change::Change;
use crate::model::ids::TableName;

/// How many changes are kept at most: what a busy app does in some minutes.
const MAX_CHANGES: usize = 5_000;
/// How long they may be in the log together, in bytes.
const MAX_BYTES: usize = 4 * 1024 * 1024;

/// A change with its place in the log and its length there.
#[derive(Clone, Debug)]
pub(super) struct Logged {
    pub(super) seq: i64,
    pub(super) bytes: usize,
    pub(super) change: Arc<Change>,
}

/// Every change of the app's tables within one stretch of the log, without a gap.
#[derive(Clone, Debug, Default)]
pub(super) struct Recent(Arc<Mutex<Stretch>>);

#[derive(Debug, Default)]
struct Stretch {
    /// The stretch begins after this `seq` …
    after: i64,
    /// … and goes up to this one, which it includes.
    until: i64,
    changes: VecDeque<Logged>,
    bytes: usize,
}

impl Recent {
    /// Takes in what was read from one `seq` to another. What does not follow on what is kept takes
    /// its place.
    pub(super) fn note(&self, after: i64, until: i64, changes: impl IntoIterator<Item = Logged>) {
        let mut stretch = self.lock();
        if stretch.until != after {
            *stretch = Stretch { after, until: after, ..Stretch::default() };
        }
        stretch.until = until;
        for logged in changes {
            stretch.bytes += logged.bytes;
            stretch.changes.push_back(logged);
        }
        stretch.shorten();
    }

    /// The changes of a table after one `seq` up to and including another; nothing if they are not
    /// all here.
    pub(super) fn between(
        &self,
        since: i64,
        until: i64,
        table: &TableName,
    ) -> Option<Vec<Arc<Change>>> {
        let stretch = self.lock();
        if since < stretch.after || until < since || stretch.until < until {
            return None;
        }
        let first = stretch.changes.partition_point(|logged| logged.seq <= since);
        let wanted = stretch.changes.range(first..).take_while(|logged| logged.seq <= until);
        let of_table = wanted.filter(|logged| logged.change.table == *table);
        Some(of_table.map(|logged| logged.change.clone()).collect())
    }

    fn lock(&self) -> MutexGuard<'_, Stretch> {
        // Whoever panicked while it was locked did so before or after a change was put in.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stretch {
    fn shorten(&mut self) {
        while self.changes.len() > MAX_CHANGES || self.bytes > MAX_BYTES {
            let Some(oldest) = self.changes.pop_front() else { return };
            self.bytes -= oldest.bytes;
            self.after = oldest.seq;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ids::Position;

    fn logged(seq: i64, table: &str, bytes: usize) -> Logged {
        let change = Change {
            position: Position::new(format!("e-{seq}")),
            table: table.parse().unwrap(),
            record_id: seq.into(),
            old: None,
            new: None,
            by: None,
            at: "2026-04-05T12:00:00.000Z".into(),
        };
        Logged { seq, bytes, change: Arc::new(change) }
    }

    /// Which changes of `orders` are known to have happened between two places.
    #[track_caller]
    fn check(recent: &Recent, since: i64, until: i64, expected: Option<&[i64]>) {
        let found = recent.between(since, until, &"orders".parse().unwrap());
        let ids = found.map(|found| found.iter().map(|c| c.record_id.get()).collect::<Vec<_>>());
        assert_eq!(ids.as_deref(), expected, "{since} to {until}");
    }

    fn orders(seqs: impl IntoIterator<Item = i64>) -> impl Iterator<Item = Logged> {
        seqs.into_iter().map(|seq| logged(seq, "orders", 100))
    }

    #[test]
    fn a_stretch_answers_for_what_it_holds_and_for_nothing_else() {
        let recent = Recent::default();
        recent.note(10, 14, orders([11, 12, 14]));
        check(&recent, 10, 14, Some(&[11, 12, 14]));
        check(&recent, 11, 12, Some(&[12]));
        check(&recent, 12, 13, Some(&[]));
        check(&recent, 14, 14, Some(&[]));
        check(&recent, 9, 14, None);
        check(&recent, 10, 15, None);
        check(&recent, 14, 12, None);
    }

    #[test]
    fn what_follows_makes_it_longer_and_what_does_not_takes_its_place() {
        let recent = Recent::default();
        recent.note(0, 2, orders([1, 2]));
        recent.note(2, 3, orders([3]));
        check(&recent, 0, 3, Some(&[1, 2, 3]));
        // Nobody knows what 4 and 5 were.
        recent.note(5, 6, orders([6]));
        check(&recent, 5, 6, Some(&[6]));
        check(&recent, 3, 6, None);
        check(&recent, 0, 3, None);
    }

    #[test]
    fn a_stretch_without_changes_of_a_table_still_answers_for_it() {
        let recent = Recent::default();
        // 2 was of a table that the app no longer has.
        recent.note(0, 3, [logged(1, "notes", 1), logged(3, "notes", 1)]);
        check(&recent, 0, 3, Some(&[]));
        recent.note(3, 4, []);
        check(&recent, 0, 4, Some(&[]));
    }

    #[test]
    fn the_oldest_go_first_and_are_no_longer_answered_for() {
        let recent = Recent::default();
        let last = MAX_CHANGES as i64 + 3;
        recent.note(0, last, orders(1..=last));
        check(&recent, 2, 4, None);
        check(&recent, 3, 5, Some(&[4, 5]));
        check(&recent, last - 1, last, Some(&[last]));
    }

    #[test]
    fn a_change_that_is_too_long_is_not_kept_and_leaves_no_hole() {
        let recent = Recent::default();
        recent.note(0, 2, [logged(1, "orders", 1), logged(2, "orders", MAX_BYTES + 1)]);
        check(&recent, 0, 2, None);
        check(&recent, 1, 2, None);
        check(&recent, 2, 2, Some(&[]));
        recent.note(2, 3, orders([3]));
        check(&recent, 2, 3, Some(&[3]));
    }
}
