//! The matcher finds the groups of subscriptions that a change may concern, and the effect of the change on
//! them.
//!
//! If the filter of a group demands a value of a field, or one of a list of values, the group is found by these
//! values, so the cost of a change does not grow with subscriptions that cannot match. All other groups of the
//! table are candidates for every change.

use std::collections::{HashMap, HashSet};

use crate::model::change::Change;
use crate::model::field::FieldAt;
use crate::model::filter::{Filter, Sought};
use crate::model::ids::TableName;
use crate::model::record::Record;
use crate::model::value::Value;

/// The number of a group, unique within the process. A newer group has a greater number.
pub(super) type GroupId = u64;

/// The effect of a change on a client that holds the records of a filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// The record begins to match.
    Enter,
    /// It matched and still does.
    Update,
    /// It ceases to match.
    Leave,
}

/// A change, prepared to be matched with many filters.
pub(super) struct SoughtChange<'a> {
    pub(super) change: &'a Change,
    old: Option<Sought<'a>>,
    new: Option<Sought<'a>>,
    /// The length of both states of the record, in bytes.
    pub(super) length: usize,
    /// True for a change in a replay. Its message does not contain the old record.
    pub(super) is_past: bool,
}

impl<'a> SoughtChange<'a> {
    pub(super) fn new(change: &'a Change) -> Self {
        let sought = |record: &'a Option<Record>| record.as_ref().map(Sought::new);
        let (old, new) = (sought(&change.old), sought(&change.new));
        let states = [&change.old, &change.new].into_iter().flatten();
        Self { change, old, new, length: states.map(Record::length).sum(), is_past: false }
    }

    /// Prepares a change of a replay.
    pub(super) fn of_past(change: &'a Change) -> Self {
        Self { is_past: true, ..Self::new(change) }
    }

    /// The most bytes that must be searched to match a filter with both states of the record.
    pub(super) fn work(&self, filter: &Filter) -> usize {
        let states = [&self.change.old, &self.change.new].into_iter().flatten();
        states.map(|record| filter.work(record)).sum()
    }
}

/// Returns the effect of a change on the clients of a filter. `None` if the record matches neither before nor
/// after the change.
pub(super) fn effect(filter: &Filter, sought: &SoughtChange<'_>) -> Option<Effect> {
    let before = sought.old.as_ref().is_some_and(|old| filter.finds(old));
    let after = sought.new.as_ref().is_some_and(|new| filter.finds(new));
    match (before, after) {
        (false, true) => Some(Effect::Enter),
        (true, true) => Some(Effect::Update),
        (true, false) => Some(Effect::Leave),
        (false, false) => None,
    }
}

/// The index that finds the groups that a change may concern.
#[derive(Debug, Default)]
pub(super) struct Matcher(HashMap<TableName, Index>);

/// The groups of one table.
#[derive(Debug, Default)]
struct Index {
    /// The groups whose filter demands a value of a field, by field and value.
    by_equality: HashMap<FieldAt, HashMap<Value, HashSet<GroupId>>>,
    /// The groups that demand no value.
    rest: HashSet<GroupId>,
}

impl Matcher {
    /// Adds a group, to be found by changes of a table.
    pub(super) fn add(&mut self, group: GroupId, table: &TableName, filter: &Filter) {
        let index = self.0.entry(table.clone()).or_default();
        let Some((field, values)) = filter.one_of() else {
            index.rest.insert(group);
            return;
        };
        let by_value = index.by_equality.entry(field).or_default();
        for value in values {
            by_value.entry(value.clone()).or_default().insert(group);
        }
    }

    /// Removes a group. The table and the filter must be those that it was added with.
    pub(super) fn remove(&mut self, group: GroupId, table: &TableName, filter: &Filter) {
        let Some(index) = self.0.get_mut(table) else { return };
        let Some((field, values)) = filter.one_of() else {
            index.rest.remove(&group);
            return;
        };
        let Some(by_value) = index.by_equality.get_mut(&field) else { return };
        for value in values {
            if let Some(groups) = by_value.get_mut(value) {
                groups.remove(&group);
                if groups.is_empty() {
                    by_value.remove(value);
                }
            }
        }
    }

    /// Returns the groups that the change may concern, each once. Their filters must still be matched.
    pub(super) fn candidates(&self, change: &Change) -> Vec<GroupId> {
        let Some(index) = self.0.get(&change.table) else { return Vec::new() };
        let mut found: Vec<_> = index.rest.iter().copied().collect();
        for (field, values) in &index.by_equality {
            // The old state counts too: a record that no longer matches must leave its subscribers.
            for record in [&change.old, &change.new].into_iter().flatten() {
                found.extend(values.get(&record[*field]).into_iter().flatten());
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::filter::Test;
    use crate::model::ids::Position;

    fn row(status: &str) -> Option<Record> {
        let values = vec![Value::Integer(1), Value::text(status)];
        (!status.is_empty()).then_some(Record { values })
    }

    fn change(before: &str, after: &str) -> Change {
        Change {
            position: Position::new("p"),
            table: "orders".parse().unwrap(),
            record_id: 1.into(),
            old: row(before),
            new: row(after),
            by: None,
            at: "2026-04-05T12:00:00.000Z".into(),
        }
    }

    fn is(status: &str) -> Filter {
        let table = crate::model::table::tests::table("orders", &["status"]);
        Filter::Test(table.at("status").unwrap(), Test::Eq(Value::text(status)))
    }

    #[track_caller]
    fn check(before: &str, after: &str, expected: Option<Effect>) {
        let change = change(before, after);
        assert_eq!(effect(&is("open"), &SoughtChange::new(&change)), expected);
        // A group on which the change has an effect must be among the candidates.
        let mut matcher = Matcher::default();
        matcher.add(1, &change.table, &is("open"));
        matcher.add(2, &change.table, &is("unrelated"));
        assert_eq!(matcher.candidates(&change), if expected.is_some() { vec![1] } else { vec![] });
    }

    #[test]
    fn a_row_is_told_by_what_it_was_and_what_it_is() {
        check("", "open", Some(Effect::Enter));
        check("done", "open", Some(Effect::Enter));
        check("open", "open", Some(Effect::Update));
        check("open", "done", Some(Effect::Leave));
        check("open", "", Some(Effect::Leave));
    }

    #[test]
    fn a_row_that_was_never_seen_is_never_mentioned() {
        check("done", "", None);
        check("", "done", None);
        check("done", "new", None);
    }

    fn one_of(statuses: &[&str]) -> Filter {
        let Filter::Test(at, _) = is("") else { unreachable!() };
        Filter::Test(at, Test::In(statuses.iter().map(|status| Value::text(*status)).collect()))
    }

    #[test]
    fn a_list_of_values_is_found_by_each_and_once() {
        let mut matcher = Matcher::default();
        let both = Filter::And(vec![one_of(&["open", "new", "done"]), one_of(&["open", "new"])]);
        matcher.add(1, &change("", "").table, &both);
        assert_eq!(matcher.candidates(&change("open", "new")), [1]);
        assert_eq!(matcher.candidates(&change("", "new")), [1]);
        // Groups are found by the shorter list alone.
        assert!(matcher.candidates(&change("", "done")).is_empty());
    }

    #[test]
    fn a_removed_group_is_found_no_more() {
        let mut matcher = Matcher::default();
        let change = change("open", "");
        for filter in [is("open"), one_of(&["open", "done"]), Filter::all()] {
            matcher.add(1, &change.table, &filter);
            matcher.remove(1, &change.table, &filter);
        }
        assert!(matcher.candidates(&change).is_empty());
    }
}
