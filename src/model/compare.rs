//! The order of values. SQL must give the same order: the tests of `store` compare it with this one.

use std::cmp::Ordering;

use crate::model::value::{Value, list_text};

/// Compares two values of one field, neither of which is missing. Texts are compared without ASCII case first,
/// then by code points, so that different texts are never equal.
pub fn compare(left: &Value, right: &Value) -> Ordering {
    match (left, right) {
        (Value::Boolean(left), Value::Boolean(right)) => left.cmp(right),
        (Value::Integer(left), Value::Integer(right)) => left.cmp(right),
        (Value::Decimal(left), Value::Decimal(right)) => left.cmp(right),
        (Value::Text(left), Value::Text(right)) | (Value::Json(left), Value::Json(right)) => {
            compare_text(left, right)
        }
        (Value::Link(left), Value::Link(right)) => left.id.cmp(&right.id),
        (Value::List(left), Value::List(right)) => {
            compare_text(&list_text(left), &list_text(right))
        }
        (Value::Person(left), Value::Person(right)) => left.id.as_str().cmp(right.id.as_str()),
        // Values of one field have the same kind. A rank for the rest keeps the order total.
        _ => rank(left).cmp(&rank(right)),
    }
}

fn compare_text(left: &str, right: &str) -> Ordering {
    let left_folded = left.bytes().map(|byte| byte.to_ascii_lowercase());
    let right_folded = right.bytes().map(|byte| byte.to_ascii_lowercase());
    left_folded.cmp(right_folded).then_with(|| left.cmp(right))
}

fn rank(value: &Value) -> u8 {
    match value {
        Value::Boolean(_) => 0,
        Value::Integer(_) => 1,
        Value::Decimal(_) => 2,
        Value::Text(_) => 3,
        Value::Person(_) => 4,
        Value::List(_) => 5,
        Value::Json(_) => 6,
        Value::Link(_) => 7,
        Value::Null => 8,
    }
}
