//! Filters: conditions on the fields of records, joined by `and`, `or` and `not`.
//!
//! A test is true or false, never unknown as in SQL. A missing value equals, exceeds and contains nothing,
//! so `eq`, `gt` or `contains` are false for it. `neq`, `notIn` and `not` are plain negations and are true.

use std::borrow::Cow;
use std::cell::RefCell;
use std::cmp::Ordering;
use std::collections::HashMap;
use std::rc::Rc;

use crate::model::compare::compare;
use crate::model::field::FieldAt;
use crate::model::operator::Operator;
use crate::model::record::Record;
use crate::model::value::Value;

/// The greatest depth to which `and`, `or` and `not` may nest.
pub const MAX_FILTER_DEPTH: usize = 8;
/// The greatest number of conditions in one filter.
pub const MAX_FILTER_CONDITIONS: usize = 100;
/// The greatest number of lists, `and`, `or` and `not` in one filter. Each makes the SQL expression one level
/// deeper, and SQLite limits its depth.
pub const MAX_FILTER_GROUPS: usize = 100;
/// The greatest number of values in the list of `in` and `notIn`.
pub const MAX_FILTER_LIST: usize = 500;

/// A condition on records. The values are literal if `V` is [`Value`]. A `Filter<Operand>` may also hold
/// variables such as `$params.id`, which have to be filled in before it can match.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Filter<V = Value> {
    /// True if all parts are. An empty list is true: the filter that every record passes.
    And(Vec<Filter<V>>),
    /// True if at least one part is. An empty list is false: the filter that no record passes.
    Or(Vec<Filter<V>>),
    /// True if the part is false.
    Not(Box<Filter<V>>),
    /// True if the value of the field passes the test.
    Test(FieldAt, Test<V>),
}

/// A test of the value of one field. The values that it compares with are never [`Value::Null`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Test<V = Value> {
    /// The value equals this one.
    Eq(V),
    /// The value is missing or does not equal this one.
    Neq(V),
    /// The value is greater than this one.
    Gt(V),
    /// The value is this one or greater.
    Gte(V),
    /// The value is less than this one.
    Lt(V),
    /// The value is this one or less.
    Lte(V),
    /// The text value contains this text, ASCII case ignored; or this option is chosen in the multi-select.
    Contains(V),
    /// The text value starts with this text, ASCII case ignored.
    StartsWith(V),
    /// The text value ends with this text, ASCII case ignored.
    EndsWith(V),
    /// The value equals one of these.
    In(Vec<V>),
    /// The value is missing or equals none of these.
    NotIn(Vec<V>),
    /// The value is missing, or is a text without a character.
    IsEmpty,
    /// The value is neither missing nor a text without a character.
    IsNotEmpty,
}

impl<V> Test<V> {
    /// Makes a test from an operator and its operands. `None` if it takes another number of operands.
    pub fn new(operator: Operator, mut operands: Vec<V>) -> Option<Self> {
        let is_one = operands.len() == 1;
        let mut one = || operands.pop().filter(|_| is_one);
        Some(match operator {
            Operator::Eq => Self::Eq(one()?),
            Operator::Neq => Self::Neq(one()?),
            Operator::Gt => Self::Gt(one()?),
            Operator::Gte => Self::Gte(one()?),
            Operator::Lt => Self::Lt(one()?),
            Operator::Lte => Self::Lte(one()?),
            Operator::Contains => Self::Contains(one()?),
            Operator::StartsWith => Self::StartsWith(one()?),
            Operator::EndsWith => Self::EndsWith(one()?),
            // A list may have any number of values, even none.
            Operator::In => Self::In(operands),
            Operator::NotIn => Self::NotIn(operands),
            Operator::IsEmpty if operands.is_empty() => Self::IsEmpty,
            Operator::IsNotEmpty if operands.is_empty() => Self::IsNotEmpty,
            Operator::IsEmpty | Operator::IsNotEmpty => return None,
        })
    }
}

impl<V> Filter<V> {
    /// The filter that every record passes.
    pub fn all() -> Self {
        Self::And(Vec::new())
    }

    /// The filter that no record passes.
    pub fn none() -> Self {
        Self::Or(Vec::new())
    }

    /// Returns the field of each test in the filter. A field that is tested twice is listed twice.
    pub fn fields(&self) -> Vec<FieldAt> {
        match self {
            Self::And(parts) | Self::Or(parts) => parts.iter().flat_map(Self::fields).collect(),
            Self::Not(part) => part.fields(),
            Self::Test(at, _) => vec![*at],
        }
    }
}

impl Filter {
    /// Returns the filter that a record passes if it passes both.
    pub fn and(self, other: Self) -> Self {
        // A part that every record passes is left out, so that filters with the same meaning are equal.
        let everything = Self::all();
        match (self, other) {
            (only, other) if other == everything => only,
            (filter, only) if filter == everything => only,
            (left, right) => Self::And(vec![left, right]),
        }
    }

    /// Whether the record passes the filter.
    pub fn matches(&self, record: &Record) -> bool {
        self.finds(&Sought::new(record))
    }

    /// Whether the record passes the filter. Cheaper than [`matches`](Self::matches) if several filters are
    /// tried on one record, since they share its lowercased texts.
    pub fn finds(&self, sought: &Sought<'_>) -> bool {
        match self {
            Self::And(parts) => parts.iter().all(|part| part.finds(sought)),
            Self::Or(parts) => parts.iter().any(|part| part.finds(sought)),
            Self::Not(part) => !part.finds(sought),
            Self::Test(at, test) => test.finds(*at, sought),
        }
    }

    /// The most bytes that have to be read to match the record. A search counts the text of its field and the
    /// text that is searched for, any other test the values that it compares with.
    pub fn work(&self, record: &Record) -> usize {
        match self {
            Self::And(parts) | Self::Or(parts) => parts.iter().map(|part| part.work(record)).sum(),
            Self::Not(part) => part.work(record),
            Self::Test(at, test) => test.work(&record[*at]),
        }
    }

    /// A field and a list of values, one of which every passing record has in that field. `None` unless an
    /// `eq` or `in` shows it at the top of the filter or in a top `and`. The matcher indexes filters by them.
    pub fn one_of(&self) -> Option<(FieldAt, &[Value])> {
        match self {
            Self::Test(at, Test::Eq(value)) => Some((*at, std::slice::from_ref(value))),
            Self::Test(at, Test::In(list)) => Some((*at, list)),
            Self::And(parts) => {
                // The shortest list puts the filter into the fewest places of the index.
                parts.iter().filter_map(Self::one_of).min_by_key(|(_, values)| values.len())
            }
            _ => None,
        }
    }
}

/// A record that several filters are tried on. It keeps the lowercased texts of fields that they search, so
/// that each is made once.
#[derive(Debug)]
pub struct Sought<'a> {
    record: &'a Record,
    folded: RefCell<HashMap<FieldAt, Rc<str>>>,
}

impl<'a> Sought<'a> {
    /// Wraps a record. Texts are lowercased at the first search in them.
    pub fn new(record: &'a Record) -> Self {
        Self { record, folded: RefCell::default() }
    }

    /// Whether a field and the text `part`, both in lower case, pass the given comparison. `false` if either
    /// is no text.
    fn passes(&self, at: FieldAt, part: &Value, passes: fn(&str, &str) -> bool) -> bool {
        let (Value::Text(text), Value::Text(part)) = (&self.record[at], part) else { return false };
        let part = folded(part);
        // Most texts that are searched have no capitals: they need neither a copy nor a place in the map.
        if !has_capitals(text) {
            return passes(text, &part);
        }
        let mut prepared = self.folded.borrow_mut();
        let text = prepared.entry(at).or_insert_with(|| text.to_ascii_lowercase().into()).clone();
        drop(prepared);
        passes(&text, &part)
    }
}

fn has_capitals(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_uppercase())
}

fn folded(text: &str) -> Cow<'_, str> {
    match has_capitals(text) {
        true => text.to_ascii_lowercase().into(),
        false => text.into(),
    }
}

fn contains(text: &str, part: &str) -> bool {
    memchr::memmem::find(text.as_bytes(), part.as_bytes()).is_some()
}

impl Test {
    fn finds(&self, at: FieldAt, sought: &Sought<'_>) -> bool {
        match self {
            Self::Contains(part) => match (&sought.record[at], part) {
                (Value::List(chosen), Value::Text(option)) => chosen.contains(option),
                _ => sought.passes(at, part, contains),
            },
            Self::StartsWith(part) => sought.passes(at, part, |text, part| text.starts_with(part)),
            Self::EndsWith(part) => sought.passes(at, part, |text, part| text.ends_with(part)),
            _ => self.holds(&sought.record[at]),
        }
    }

    fn work(&self, value: &Value) -> usize {
        let length = |value: &Value| match value {
            Value::Text(text) | Value::Json(text) => text.len(),
            _ => size_of::<Value>(),
        };
        match self {
            Self::In(list) | Self::NotIn(list) => list.iter().map(length).sum(),
            Self::IsEmpty | Self::IsNotEmpty => 1,
            Self::Eq(other) | Self::Neq(other) => length(other),
            Self::Gt(other) | Self::Gte(other) | Self::Lt(other) | Self::Lte(other) => {
                length(other)
            }
            Self::Contains(part) | Self::StartsWith(part) | Self::EndsWith(part) => {
                length(value) + length(part)
            }
        }
    }

    /// Whether the value passes the test.
    pub fn holds(&self, value: &Value) -> bool {
        match self {
            Self::Eq(other) => value == other,
            Self::Neq(other) => value != other,
            Self::Gt(other) => ordered(value, other, Ordering::is_gt),
            Self::Gte(other) => ordered(value, other, Ordering::is_ge),
            Self::Lt(other) => ordered(value, other, Ordering::is_lt),
            Self::Lte(other) => ordered(value, other, Ordering::is_le),
            Self::Contains(part) => match (value, part) {
                (Value::List(chosen), Value::Text(option)) => chosen.contains(option),
                _ => both(value, part, contains),
            },
            Self::StartsWith(part) => both(value, part, |text, part| text.starts_with(part)),
            Self::EndsWith(part) => both(value, part, |text, part| text.ends_with(part)),
            Self::In(list) => list.contains(value),
            Self::NotIn(list) => !list.contains(value),
            Self::IsEmpty => is_empty(value),
            Self::IsNotEmpty => !is_empty(value),
        }
    }
}

fn ordered(value: &Value, other: &Value, wanted: fn(Ordering) -> bool) -> bool {
    !value.is_null() && wanted(compare(value, other))
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Text(text) | Value::Json(text) => text.is_empty(),
        _ => false,
    }
}

/// Whether both values are texts and, in lower case, pass the given comparison.
fn both(value: &Value, part: &Value, passes: fn(&str, &str) -> bool) -> bool {
    match (value, part) {
        (Value::Text(text), Value::Text(part)) => passes(&folded(text), &folded(part)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(test: Test, value: Value, holds: bool) {
        assert_eq!(test.holds(&value), holds, "{test:?} of {value:?}");
    }

    #[test]
    fn a_missing_value_equals_exceeds_and_contains_nothing() {
        let one = || Value::Integer(1);
        check(Test::Eq(one()), Value::Null, false);
        check(Test::Gt(one()), Value::Null, false);
        check(Test::Lt(one()), Value::Null, false);
        check(Test::Contains(Value::text("")), Value::Null, false);
        check(Test::In(vec![one()]), Value::Null, false);
    }

    #[test]
    fn negations_hold_for_a_missing_value() {
        check(Test::Neq(Value::Integer(1)), Value::Null, true);
        check(Test::NotIn(vec![Value::Integer(1)]), Value::Null, true);
        check(Test::IsEmpty, Value::Null, true);
        check(Test::IsNotEmpty, Value::Null, false);
    }

    #[test]
    fn text_operators_ignore_ascii_case_only() {
        check(Test::Contains(Value::text("ORD")), Value::text("an order"), true);
        check(Test::StartsWith(Value::text("AN")), Value::text("an order"), true);
        check(Test::EndsWith(Value::text("DER")), Value::text("an order"), true);
        check(Test::Contains(Value::text("É")), Value::text("café"), false);
        check(Test::Eq(Value::text("A")), Value::text("a"), false);
    }

    #[test]
    fn text_is_ordered_by_folded_letters_then_code_points() {
        check(Test::Gt(Value::text("Apple")), Value::text("banana"), true);
        check(Test::Gt(Value::text("banana")), Value::text("Zebra"), true);
        check(Test::Gt(Value::text("A")), Value::text("a"), true);
        check(Test::Gte(Value::text("a")), Value::text("A"), false);
    }
}
