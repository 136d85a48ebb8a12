//! The newest lines of the change log, kept in memory: a client that reconnects after a short time costs no
//! query.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::model::change::Change;
use crate::model::ids::TableName;
use crate::store::sqlite::log::place::LogPlace;

/// How many lines are kept at most: the changes of a busy app in some minutes.
const MAX_CHANGES: usize = 5_000;
/// How many bytes the kept lines may take in the log together.
const MAX_BYTES: usize = 4 * 1024 * 1024;

/// How many of the newest lines are searched for one that a reader can see.
const LOOKED_BACK: usize = 512;
/// The distance between milestones: each line whose `seq` is a multiple of this is one.
const MILESTONE: i64 = 512;
/// How many milestones are kept. One of them is always among the searched lines.
const MILESTONES: usize = 4;

/// A line of the change log.
#[derive(Clone, Debug)]
pub(super) struct LogLine {
    pub(super) place: LogPlace,
    /// The length of the line in the log, in bytes.
    pub(super) bytes: usize,
    /// The change in this line. `None` if its table is no longer declared.
    pub(super) change: Option<Arc<Change>>,
}

/// The newest lines of the log, without a gap. Clones share them.
#[derive(Clone, Debug, Default)]
pub(super) struct Recent(Arc<Mutex<RecentLines>>);

#[derive(Debug, Default)]
struct RecentLines {
    /// The line after which the first line was noted. Unlike `after`, it does not move on.
    begun: LogPlace,
    /// The newest line of each table after `begun`, even if it is no longer kept.
    newest: HashMap<TableName, LogPlace>,
    /// The line before the oldest kept one.
    after: LogPlace,
    lines: VecDeque<LogLine>,
    bytes: usize,
    /// The newest [`MILESTONES`] lines whose `seq` is a multiple of [`MILESTONE`].
    milestones: VecDeque<LogPlace>,
}

impl Recent {
    /// Adds the lines that follow the place `after`. If that is not the newest kept line, the kept lines are
    /// dropped first, since there would be a gap.
    pub(super) fn note(&self, after: LogPlace, lines: impl IntoIterator<Item = LogLine>) {
        let mut stretch = self.lock();
        if stretch.until() != after {
            *stretch = RecentLines { begun: after, after, ..RecentLines::default() };
        }
        for line in lines {
            stretch.bytes += line.bytes;
            if let Some(change) = &line.change {
                stretch.newest.insert(change.table.clone(), line.place);
            }
            if line.place.seq % MILESTONE == 0 {
                stretch.milestones.push_back(line.place);
            }
            stretch.lines.push_back(line);
        }
        stretch.shorten();
    }

    /// Returns the changes of a table after a place, up to and including the line `until`. `None` if not all
    /// of these lines are in memory, or the place names another line than the log has there.
    pub(super) fn between(
        &self,
        since: LogPlace,
        until: i64,
        table: &TableName,
    ) -> Option<Vec<Arc<Change>>> {
        let stretch = self.lock();
        if until < since.seq || stretch.until().seq < until {
            return None;
        }
        if stretch.is_newest(since) && stretch.newest([table]).seq <= since.seq {
            // The lines after `since` may be dropped by now, but none of them is of this table.
            return Some(Vec::new());
        }
        if since.seq < stretch.after.seq {
            return None;
        }
        let first = stretch.lines.partition_point(|line| line.place.seq <= since.seq);
        let begun = first.checked_sub(1).map_or(stretch.after, |last| stretch.lines[last].place);
        if begun != since {
            return None;
        }
        let wanted = stretch.lines.range(first..).take_while(|line| line.place.seq <= until);
        let changes = wanted.filter_map(|line| line.change.clone());
        Some(changes.filter(|change| change.table == *table).collect())
    }

    /// The place of the newest line that is kept.
    pub(super) fn until(&self) -> LogPlace {
        self.lock().until()
    }

    /// Returns the place of the last line up to `until` with a change of these tables for which `shows` is
    /// true. If none of the newest lines has one, returns a place among them that moves on only once in
    /// [`MILESTONE`] lines.
    pub(super) fn last_shown(
        &self,
        until: i64,
        tables: &[&TableName],
        shows: &dyn Fn(&Change) -> bool,
    ) -> LogPlace {
        let (lines, otherwise) = self.lock().newest_of(until, tables);
        // Not while the lines are locked: a row rule may have to search long texts.
        let seen = lines.iter().rev().find(|(_, change)| shows(change));
        seen.map_or(otherwise, |(place, _)| *place)
    }

    /// Drops all lines, since the log has begun another history.
    pub(super) fn forget(&self) {
        *self.lock() = RecentLines::default();
    }

    fn lock(&self) -> MutexGuard<'_, RecentLines> {
        // A panic elsewhere cannot leave the lines half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RecentLines {
    /// The place of the newest line.
    fn until(&self) -> LogPlace {
        self.lines.back().map_or(self.after, |line| line.place)
    }

    fn newest<'a>(&self, tables: impl IntoIterator<Item = &'a TableName>) -> LogPlace {
        let newest = tables.into_iter().filter_map(|table| self.newest.get(table));
        newest.copied().max_by_key(|place| place.seq).unwrap_or(self.begun)
    }

    /// Returns the changes of these tables among the newest [`LOOKED_BACK`] lines up to `until`, in order,
    /// and the place to hand out to a reader who can see none of them.
    fn newest_of(
        &self,
        until: i64,
        tables: &[&TableName],
    ) -> (Vec<(LogPlace, Arc<Change>)>, LogPlace) {
        let newest = self.newest(tables.iter().copied());
        let last = self.lines.partition_point(|line| line.place.seq <= until);
        let first = last.saturating_sub(LOOKED_BACK);
        let oldest = self.lines.get(first).map_or(self.after.seq, |line| line.place.seq);
        if newest.seq < oldest {
            // None of the searched lines is of these tables.
            return (Vec::new(), newest);
        }
        let changes = self.lines.range(first..last).filter_map(|line| {
            let change = line.change.as_ref().filter(|change| tables.contains(&&change.table))?;
            Some((line.place, change.clone()))
        });
        // If all of these lines are closed to the reader, any place among them is as good. A milestone moves
        // on rarely, so that it gives away little of what is written.
        let among = |place: &&LogPlace| (oldest..=until).contains(&place.seq);
        let start = first.checked_sub(1).map_or(self.after, |before| self.lines[before].place);
        let otherwise = self.milestones.iter().rev().find(among).copied().unwrap_or(start);
        (changes.collect(), otherwise)
    }

    /// Whether a line is the newest one of some table, or the one after which the lines begin.
    fn is_newest(&self, line: LogPlace) -> bool {
        line == self.begun || self.newest.values().any(|newest| *newest == line)
    }

    fn shorten(&mut self) {
        while self.lines.len() > MAX_CHANGES || self.bytes > MAX_BYTES {
            let Some(oldest) = self.lines.pop_front() else { return };
            self.bytes -= oldest.bytes;
            self.after = oldest.place;
        }
        while self.milestones.len() > MILESTONES {
            self.milestones.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ids::Position;

    fn place(seq: i64) -> LogPlace {
        LogPlace { seq, mark: u32::try_from(seq).unwrap() }
    }

    fn line(seq: i64, table: &str, bytes: usize) -> LogLine {
        let change = Change {
            position: Position::new(format!("e-{seq}")),
            table: table.parse().unwrap(),
            record_id: seq.into(),
            old: None,
            new: None,
            by: None,
            at: "2026-04-05T12:00:00.000Z".into(),
        };
        LogLine { place: place(seq), bytes, change: Some(Arc::new(change)) }
    }

    /// Checks the ids of the changes of `orders` between two lines; `None` if they are not all in memory.
    #[track_caller]
    fn check(recent: &Recent, since: i64, until: i64, expected: Option<&[i64]>) {
        check_from(recent, place(since), until, expected);
    }

    #[track_caller]
    fn check_from(recent: &Recent, since: LogPlace, until: i64, expected: Option<&[i64]>) {
        let found = recent.between(since, until, &"orders".parse().unwrap());
        let ids = found.map(|found| found.iter().map(|c| c.record_id.get()).collect::<Vec<_>>());
        assert_eq!(ids.as_deref(), expected, "{since:?} to {until}");
    }

    fn orders(seqs: impl IntoIterator<Item = i64>) -> impl Iterator<Item = LogLine> {
        seqs.into_iter().map(|seq| line(seq, "orders", 100))
    }

    #[test]
    fn a_stretch_answers_for_what_it_holds_and_for_nothing_else() {
        let recent = Recent::default();
        recent.note(place(10), orders([11, 12, 13, 14]));
        check(&recent, 10, 14, Some(&[11, 12, 13, 14]));
        check(&recent, 11, 12, Some(&[12]));
        check(&recent, 14, 14, Some(&[]));
        check(&recent, 9, 14, None);
        check(&recent, 10, 15, None);
        check(&recent, 14, 12, None);
    }

    #[test]
    fn a_line_that_says_something_else_is_of_another_history() {
        let recent = Recent::default();
        recent.note(place(10), orders([11, 12]));
        check_from(&recent, LogPlace { seq: 11, mark: 7 }, 12, None);
        check_from(&recent, LogPlace { seq: 10, mark: 7 }, 12, None);
        recent.forget();
        check(&recent, 11, 12, None);
    }

    #[test]
    fn what_follows_makes_it_longer_and_what_does_not_takes_its_place() {
        let recent = Recent::default();
        recent.note(place(0), orders([1, 2]));
        recent.note(place(2), orders([3]));
        check(&recent, 0, 3, Some(&[1, 2, 3]));
        // The lines 4 and 5 are missing.
        recent.note(place(5), orders([6]));
        check(&recent, 5, 6, Some(&[6]));
        check(&recent, 3, 6, None);
        check(&recent, 0, 3, None);
    }

    #[test]
    fn a_stretch_without_changes_of_a_table_still_answers_for_it() {
        let recent = Recent::default();
        // The line 2 is of a table that is no longer declared.
        let gone = LogLine { change: None, ..line(2, "gone", 1) };
        recent.note(place(0), [line(1, "notes", 1), gone, line(3, "notes", 1)]);
        check(&recent, 0, 3, Some(&[]));
        check(&recent, 2, 3, Some(&[]));
    }

    #[test]
    fn the_last_line_that_is_seen_is_found_among_the_newest() {
        let recent = Recent::default();
        let (orders_name, notes): (TableName, TableName) =
            ("orders".parse().unwrap(), "notes".parse().unwrap());
        // The reader can see every thousandth order and no note.
        let shows = |change: &Change| change.record_id.get() % 1_000 == 0;
        let last = |until: i64, table: &TableName| recent.last_shown(until, &[table], &shows).seq;
        recent.note(place(0), [line(1, "notes", 1)]);
        assert_eq!(last(1, &orders_name), 0, "there was none");
        recent.note(place(1), orders(2..=1_200));
        assert_eq!(last(1_200, &orders_name), 1_000);
        assert_eq!(last(1_000, &orders_name), 1_000, "in a snapshot of that time");
        assert_eq!(last(999, &orders_name), 512, "before that, a place among closed ones");
        assert_eq!(last(1_200, &notes), 1, "however long ago");
        // After many lines that are not seen, the place moves on once in `MILESTONE` lines.
        let mut places: Vec<_> = Vec::new();
        for seq in 1_201..1_990 {
            recent.note(place(seq - 1), orders([seq]));
            places.push(last(seq, &orders_name));
        }
        assert!(places.is_sorted(), "{places:?}");
        places.dedup();
        assert_eq!(places, [1_000, 1_024, 1_536]);
    }

    #[test]
    fn the_oldest_go_first_and_are_no_longer_answered_for() {
        let recent = Recent::default();
        let last = MAX_CHANGES as i64 + 3;
        recent.note(place(0), orders(1..=last));
        check(&recent, 2, 4, None);
        check(&recent, 3, 5, Some(&[4, 5]));
        check(&recent, last - 1, last, Some(&[last]));
    }

    #[test]
    fn a_change_that_is_too_long_is_not_kept_and_leaves_no_hole() {
        let recent = Recent::default();
        recent.note(place(0), [line(1, "orders", 1), line(2, "orders", MAX_BYTES + 1)]);
        check(&recent, 0, 2, None);
        check(&recent, 1, 2, None);
        check(&recent, 2, 2, Some(&[]));
        recent.note(place(2), orders([3]));
        check(&recent, 2, 3, Some(&[3]));
    }
}
