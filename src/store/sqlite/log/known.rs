//! The knowledge in a position: everything up to a line of the log and, if a replay broke off, the later
//! state of some records.
//!
//! A replay sends each record once, as it is at the end of the replayed lines; the states in between are
//! never sent, since the client might not be allowed to read them by now. So a client whose connection
//! breaks in the middle knows some records as they are at the end of these lines, and others as they were at
//! the beginning. The position of each message says which records those are. A client that comes back with
//! it receives nothing twice, and misses nothing.

use std::collections::HashMap;
use std::sync::Arc;

use super::Epoch;
use super::place::LogPlace;
use crate::model::change::Change;
use crate::model::ids::{Position, RecordId, TableName};

/// How often in a row a replay may break off before the client must read the table again.
const MAX_BROKEN: usize = 4;

/// The knowledge that a position holds about one table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::store) struct TableHistory {
    /// The line up to which everything is known.
    pub(super) since: LogPlace,
    /// The replays after that line that broke off, in the order in which they were sent.
    pub(super) told: Vec<ReplayProgress>,
}

/// How far a replay came before it broke off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ReplayProgress {
    /// The last line that the replay covers.
    pub(super) until: LogPlace,
    /// The last record that was sent.
    pub(super) last: Last,
}

/// The last record that a replay sent, in the order of that replay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Last {
    /// Records were sent in the order of their last lines in the replay, up to the record of this line.
    Line(i64),
    /// Records were sent in the order of their keys, up to this one.
    Record(RecordId),
}

impl TableHistory {
    /// The knowledge after a further replay, of the lines up to `until`, was sent as far as `last`.
    pub(super) fn and(&self, until: LogPlace, last: Last) -> Self {
        let mut more = self.clone();
        more.told.push(ReplayProgress { until, last });
        more
    }

    /// Returns the first line of a record that is not known. `lines` are all lines of the record after
    /// `since`, in order. `None` if all of them are known.
    ///
    /// A replay that broke off sent this record if it comes up to `last` in the replay's order, or had no
    /// line in it; then its lines up to `until` are known.
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

    /// Returns the changes up to `until` that are not known, given all changes of the table after `since`:
    /// one for each record, from its last known state to its state at the end, in the order of the records'
    /// last lines. A record that was added and removed in between is left out.
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
        // After the last change everything is known, so its position is the plain one of the last line. That
        // line may be of a record that is not sent.
        newest.position = changes.last().map_or(newest.position, |line| line.position.clone());
        told.push(newest);
        told
    }
}

/// Returns the change from the state before the earlier of two changes of a record to that after the later
/// one. `None` if the record exists neither before nor after.
pub(super) fn between(earlier: &Change, later: &Change) -> Option<Change> {
    let is_told = earlier.old.is_some() || later.new.is_some();
    is_told.then(|| Change { old: earlier.old.clone(), ..later.clone() })
}

impl Epoch {
    /// Returns the position of a client with this knowledge of a table.
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

    /// Returns the knowledge of a table that a position holds. `None` if the position is of another history,
    /// or of more than [`MAX_BROKEN`] broken replays, so that the client must read the table again.
    pub(super) fn read(&self, position: &Position, table: &TableName) -> Option<TableHistory> {
        let since = self.place(position)?;
        let mut parts = position.as_str().split(':').skip(1);
        if parts.next().is_none_or(|of| of != table.as_str()) {
            // The progress is that of another table; of this one, only the lines up to `since` are known.
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

    /// Makes a log in which records are added, changed and removed, with the records that there are after
    /// each line.
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

    /// Applies a change to the records that a client holds. The old state must be the one that it holds.
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
