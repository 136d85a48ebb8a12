//! Which records are meant: conditions on fields, joined by and, or, not.
//!
//! Every test is plain true or false. A missing value equals, exceeds and contains nothing, and
//! `neq`, `notIn` and `not` are plain negations, so they hold for it.

use std::cmp::Ordering;

use crate::model::compare::compare;
use crate::model::record::Record;
use crate::model::table::{FieldAt, Storage};
use crate::model::value::Value;

/// How deep `and`, `or` and `not` may nest.
pub const MAX_FILTER_DEPTH: usize = 8;
/// How many conditions one filter may hold.
pub const MAX_FILTER_CONDITIONS: usize = 100;
/// How many values `in` and `notIn` may list.
pub const MAX_FILTER_LIST: usize = 500;

/// A condition on records, its values filled in.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Filter {
    /// All of these hold; none at all is true.
    And(Vec<Filter>),
    /// At least one of these holds; none at all is false.
    Or(Vec<Filter>),
    /// This does not hold.
    Not(Box<Filter>),
    /// One field passes one test.
    Test(FieldAt, Test),
}

/// What a field's value is held against.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Test {
    /// Equal. The value is never null.
    Eq(Value),
    /// Not equal, or missing.
    Neq(Value),
    /// Greater.
    Gt(Value),
    /// Greater or equal.
    Gte(Value),
    /// Less.
    Lt(Value),
    /// Less or equal.
    Lte(Value),
    /// The text occurs in it, ASCII case ignored.
    Contains(String),
    /// It starts with the text, ASCII case ignored.
    StartsWith(String),
    /// It ends with the text, ASCII case ignored.
    EndsWith(String),
    /// Equal to one of these.
    In(Vec<Value>),
    /// Equal to none of these, or missing.
    NotIn(Vec<Value>),
    /// Missing, or text without a character.
    IsEmpty,
    /// Neither missing nor text without a character.
    IsNotEmpty,
}

/// The operators by the names they have in YAML and in the API.
pub const OPERATORS: [&str; 13] = [
    "eq",
    "neq",
    "gt",
    "gte",
    "lt",
    "lte",
    "contains",
    "startsWith",
    "endsWith",
    "in",
    "notIn",
    "isEmpty",
    "isNotEmpty",
];

/// Whether the operator makes sense for values kept this way. Unknown operators suit nothing.
pub fn operator_suits(operator: &str, storage: Storage) -> bool {
    match operator {
        "eq" | "neq" | "in" | "notIn" | "isEmpty" | "isNotEmpty" => true,
        "gt" | "gte" | "lt" | "lte" => !matches!(storage, Storage::Boolean | Storage::Person),
        "contains" | "startsWith" | "endsWith" => storage == Storage::Text,
        _ => false,
    }
}

impl Filter {
    /// The filter that every record passes.
    pub fn all() -> Self {
        Self::And(Vec::new())
    }

    /// Whether the record passes.
    pub fn matches(&self, record: &Record) -> bool {
        match self {
            Self::And(parts) => parts.iter().all(|part| part.matches(record)),
            Self::Or(parts) => parts.iter().any(|part| part.matches(record)),
            Self::Not(part) => !part.matches(record),
            Self::Test(at, test) => test.holds(&record[*at]),
        }
    }

    /// Every field the filter looks at.
    pub fn fields(&self) -> Vec<FieldAt> {
        match self {
            Self::And(parts) | Self::Or(parts) => parts.iter().flat_map(Self::fields).collect(),
            Self::Not(part) => part.fields(),
            Self::Test(at, _) => vec![*at],
        }
    }

    /// A field and values of which every passing record has one there, where the filter shows such
    /// at its top. The matcher finds filters by them.
    pub fn one_of(&self) -> Option<(FieldAt, &[Value])> {
        match self {
            Self::Test(at, Test::Eq(value)) => Some((*at, std::slice::from_ref(value))),
            Self::Test(at, Test::In(list)) => Some((*at, list)),
            Self::And(parts) => {
                parts.iter().filter_map(Self::one_of).min_by_key(|(_, values)| values.len())
            }
            _ => None,
        }
    }
}

impl Test {
    /// Whether the value passes.
    pub fn holds(&self, value: &Value) -> bool {
        match self {
            Self::Eq(other) => value == other,
            Self::Neq(other) => value != other,
            Self::Gt(other) => ordered(value, other, Ordering::is_gt),
            Self::Gte(other) => ordered(value, other, Ordering::is_ge),
            Self::Lt(other) => ordered(value, other, Ordering::is_lt),
            Self::Lte(other) => ordered(value, other, Ordering::is_le),
            Self::Contains(part) => folded(value).is_some_and(|text| text.contains(&fold(part))),
            Self::StartsWith(part) => {
                folded(value).is_some_and(|text| text.starts_with(&fold(part)))
            }
            Self::EndsWith(part) => folded(value).is_some_and(|text| text.ends_with(&fold(part))),
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
        Value::Text(text) => text.is_empty(),
        _ => false,
    }
}

fn fold(text: &str) -> String {
    text.to_ascii_lowercase()
}

fn folded(value: &Value) -> Option<String> {
    match value {
        Value::Text(text) => Some(fold(text)),
        _ => None,
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
        check(Test::Contains(String::new()), Value::Null, false);
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
        check(Test::Contains("ORD".into()), Value::text("an order"), true);
        check(Test::StartsWith("AN".into()), Value::text("an order"), true);
        check(Test::EndsWith("DER".into()), Value::text("an order"), true);
        check(Test::Contains("É".into()), Value::text("café"), false);
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
