//! What a client knows that goes on from a position: everything up to a line of the log and, where a
//! replay broke off, of some records more than that.
//!
//! A replay tells each record once, as it is by now: what it was between its first and its last change
//! is nobody's to read any more. So whoever breaks off in the middle knows some records as they are at
//! the end of the stretch, others as they were at its beginning. The position of each message says which,
//! and nothing is told twice or left out to whoever comes back with it.

use std::collections::HashMap;
use std::sync::Arc;

use super::Epoch;
use super::place::LogPlace;
use crate::model::change::Change;
use crate::model::ids::{Position, RecordId, TableName};

/// How often in a row a replay may break off before the client is told to read again.
const MAX_BROKEN: usize = 4;

/// What is known of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::store) struct TableHistory {
    /// Every line up to this one.
    pub(super) since: LogPlace,
    /// What replays told that began there and broke off, the first one first.
    pub(super) told: Vec<ReplayProgress>,
}

/// What a replay told before it broke off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ReplayProgress {
    /// Where its stretch ends.
    pub(super) until: LogPlace,
    pub(super) last: Last,
}

/// Up to where the records of a stretch were told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Last {
    /// In the order of their last lines there, up to this line.
    Line(i64),
    /// In the order of their keys, up to this one.
    Record(RecordId),
}

impl TableHistory {
    /// What is known after some more of a stretch was told.
    pub(super) fn and(&self, until: LogPlace, last: Last) -> Self {
        let mut more = self.clone();
        more.told.push(ReplayProgress { until, last });
        more
    }

    /// The first line of a record that is not known, of all its lines after `since`, which stand in
    /// their order.
    pub(super) fn first_unknown(&self, record: RecordId, lines: &[i64]) -> Option<i64> {
        let mut known = self.since.seq;
        for ReplayProgress { until, last } in &self.told {
            let newest = lines.iter().rfind(|seq| **seq <= until.seq);
            let is_told = match last {
                Last::Line(last) => newest.is_none_or(|newest| newest <= last),
                Last::Record(last) => record.get() <= last.get(),
            };
            if is_told {
                known = until.seq;
            }
        }
        lines.iter().copied().find(|seq| *seq > known)
    }

    /// What is not known of a stretch, given all the changes of the table after `since`: each record once,
    /// from what it was when it was last known to what it is at the end, in the order of the last lines.
    /// A record that came and went is not among them.
    pub(super) fn compact(
        &self,
        epoch: &Epoch,
        changes: &[Arc<Change>],
        until: LogPlace,
    ) -> Vec<Change> {
        let seq = |change: &Change| epoch.place(&change.position).map_or(0, |place| place.seq);
        let mut lines: HashMap<RecordId, Vec<(i64, &Change)>> = HashMap::new();
        for change in changes {
            lines.entry(change.record_id).or_default().push((seq(change), change));
        }
        let mut last: Vec<_> = lines
            .values()
            .filter_map(|lines| {
                let (at, newest) = lines.last()?;
                let seqs: Vec<_> = lines.iter().map(|(seq, _)| *seq).collect();
                let first = self.first_unknown(newest.record_id, &seqs)?;
                let (_, first) = lines.iter().find(|(seq, _)| *seq == first)?;
                Some((*at, between(first, newest)?))
            })
            .collect();
        last.sort_unstable_by_key(|(at, _)| *at);
        let Some((_, mut newest)) = last.pop() else { return Vec::new() };
        let told = last.into_iter().map(|(at, change)| {
            let known = self.and(until, Last::Line(at));
            Change { position: epoch.known(&known, &change.table), ..change }
        });
        let mut told: Vec<_> = told.collect();
        // With the last of all lines everything is known; it may be of a record that is not told.
        newest.position = changes.last().map_or(newest.position, |line| line.position.clone());
        told.push(newest);
        told
    }
}

/// What two changes of a record come to, the earlier one first; nothing if there is no record before or
/// after.
pub(super) fn between(earlier: &Change, later: &Change) -> Option<Change> {
    let is_told = earlier.old.is_some() || later.new.is_some();
    is_told.then(|| Change { old: earlier.old.clone(), ..later.clone() })
}

impl Epoch {
    /// The position of whoever knows this of a table.
    pub(super) fn known(&self, known: &TableHistory, table: &TableName) -> Position {
        let since = self.position(known.since);
        let told = known.told.iter().map(|ReplayProgress { until, last }| {
            let (how, last) = match last {
                Last::Line(seq) => ('l', *seq),
                Last::Record(id) => ('r', id.get()),
            };
            format!(":{}-{:x}{how}{last}", until.seq, until.mark)
        });
        Position::new(format!("{}:{table}{}", since.as_str(), told.collect::<String>()))
    }

    /// What whoever holds a position knows of a table; nothing if it is of another history, or of a client
    /// that had better read again.
    pub(super) fn read(&self, position: &Position, table: &TableName) -> Option<TableHistory> {
        let since = self.place(position)?;
        let mut parts = position.as_str().split(':').skip(1);
        if parts.next().is_none_or(|of| of != table.as_str()) {
            // Of other tables nothing more is known.
            return Some(TableHistory { since, told: Vec::new() });
        }
        let told = parts.map(ReplayProgress::read).collect::<Option<Vec<_>>>()?;
        (told.len() <= MAX_BROKEN).then_some(TableHistory { since, told })
    }
}

impl ReplayProgress {
    fn read(text: &str) -> Option<Self> {
        let (seq, rest) = text.split_once('-')?;
        let at = rest.find(['l', 'r'])?;
        let (mark, last) = rest.split_at(at);
        let last = match last.split_at(1) {
            ("l", seq) => Last::Line(seq.parse().ok()?),
            (_, id) => Last::Record(id.parse::<i64>().ok()?.into()),
        };
        let mark = u32::from_str_radix(mark, 16).ok()?;
        Some(Self { until: LogPlace { seq: seq.parse().ok()?, mark }, last })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use rand::rngs::StdRng;
    use rand::{RngExt, SeedableRng};

    use super::*;
    use crate::model::record::Record;
    use crate::model::value::Value;

    const TABLE: &str = "posts";

    fn epoch() -> Epoch {
        "abcdef01".to_owned().into()
    }

    fn place(seq: i64) -> LogPlace {
        LogPlace { seq, mark: 7 }
    }

    /// A log in which some records come, change and go, and what it leads to after each line.
    fn log(random: &mut StdRng, length: i64) -> (Vec<Arc<Change>>, Vec<BTreeMap<i64, i64>>) {
        let (mut now, mut changes, mut states) = (BTreeMap::new(), Vec::new(), Vec::new());
        states.push(now.clone());
        for seq in 1..=length {
            let id = random.random_range(-2..4_i64);
            let record = |number: &i64| Record { values: vec![Value::Integer(*number)] };
            let old = now.get(&id).map(record);
            if old.is_some() && random.random_bool(0.4) {
                now.remove(&id);
            } else {
                now.insert(id, seq);
            }
            let new = now.get(&id).map(record);
            let (table, at) = (TABLE.parse().unwrap(), "now".into());
            let position = epoch().position(place(seq));
            changes.push(Arc::new(Change {
                position,
                table,
                record_id: id.into(),
                old,
                new,
                by: None,
                at,
            }));
            states.push(now.clone());
        }
        (changes, states)
    }

    /// Applies a change as a client that holds just what it was told; nothing may come twice.
    fn apply(held: &mut BTreeMap<i64, i64>, change: &Change) {
        let number = |record: &Record| match record.values[0] {
            Value::Integer(number) => number,
            _ => unreachable!("only integers are in the log"),
        };
        let id = change.record_id.get();
        assert_eq!(held.get(&id).copied(), change.old.as_ref().map(number), "{change:?}");
        match &change.new {
            Some(record) => held.insert(id, number(record)),
            None => held.remove(&id),
        };
    }

    #[test]
    fn wherever_a_replay_breaks_off_the_next_one_tells_the_rest_once() {
        let table: TableName = TABLE.parse().unwrap();
        for seed in 0..2_000 {
            let mut random = StdRng::seed_from_u64(seed);
            let (log, states) = log(&mut random, 24);
            let mut end = random.random_range(0..=6_i64);
            let mut held = states[usize::try_from(end).unwrap()].clone();
            let mut position = epoch().position(place(end));
            for broken in 0..=MAX_BROKEN {
                let known = epoch().read(&position, &table).unwrap();
                end = random.random_range(end..=24);
                let since = usize::try_from(known.since.seq).unwrap();
                let stretch = &log[since..usize::try_from(end).unwrap()];
                let told = known.compact(&epoch(), stretch, place(end));
                let heard = match broken {
                    MAX_BROKEN => told.len(),
                    _ => random.random_range(0..=told.len()),
                };
                for change in &told[..heard] {
                    apply(&mut held, change);
                    position = change.position.clone();
                }
                if heard == told.len() {
                    assert_eq!(held, states[usize::try_from(end).unwrap()], "{seed}");
                    position = epoch().position(place(end));
                }
            }
        }
    }

    #[test]
    fn what_is_known_of_one_table_says_nothing_of_another() {
        let (table, other) = (TABLE.parse().unwrap(), "others".parse().unwrap());
        let known = TableHistory { since: place(3), told: Vec::new() };
        let more = known.and(place(9), Last::Line(5)).and(place(12), Last::Record((-4).into()));
        let position = epoch().known(&more, &table);
        assert_eq!(epoch().read(&position, &table), Some(more.clone()));
        assert_eq!(epoch().read(&position, &other), Some(known));
        let often = (0..MAX_BROKEN).fold(more, |known, _| known.and(place(20), Last::Line(15)));
        assert_eq!(epoch().read(&epoch().known(&often, &table), &table), None, "read again");
    }
}
