//! Sort keys: texts that are in the same order as their records when they are compared as strings. By them,
//! a browser inserts a record at its place without knowing how to compare values.

use rust_decimal::prelude::ToPrimitive;

use crate::model::query::{Direction, Sort};
use crate::model::record::Record;
use crate::model::value::{Value, list_text};

/// Returns the sort key of a record in this order, as lowercase hexadecimal digits. The id comes last, so that
/// no two records have the same key.
pub fn sort_key(record: &Record, sort: &[Sort]) -> String {
    let mut bytes = Vec::with_capacity(16 * (sort.len() + 1));
    for term in sort {
        let value = &record[term.field];
        // Missing values come last in either direction, so this byte is not inverted.
        bytes.push(u8::from(value.is_null()));
        let start = bytes.len();
        push(&mut bytes, value);
        if term.direction == Direction::Desc {
            bytes[start..].iter_mut().for_each(|byte| *byte = !*byte);
        }
    }
    push(&mut bytes, &Value::Integer(record.id().get()));
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(|digit| char::from(HEX[usize::from(digit)])).collect()
}

const HEX: &[u8; 16] = b"0123456789abcdef";

fn push(bytes: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Null => {}
        Value::Boolean(value) => bytes.push(u8::from(*value)),
        // In two's complement, flipping the sign bit puts negative numbers before positive ones.
        Value::Integer(value) => bytes.extend((*value as u64 ^ 1 << 63).to_be_bytes()),
        Value::Link(link) => push(bytes, &Value::Integer(link.id.get())),
        Value::Decimal(value) => {
            bytes.extend(ordered_bits(value.to_f64().unwrap_or(0.0)).to_be_bytes());
        }
        Value::Text(text) | Value::Json(text) => push_text(bytes, text),
        Value::List(chosen) => push_text(bytes, &list_text(chosen)),
        // Ids of users differ by case: they are ordered by their bytes, not folded.
        Value::Person(person) => {
            bytes.extend(person.id.as_str().bytes().filter(|byte| *byte != 0));
            bytes.push(0);
        }
    }
}

/// Appends a text: lowercased first, since that decides, then as it is. Each part ends with a 0 byte, which
/// sorts before every character; 0 bytes within the text are left out.
fn push_text(bytes: &mut Vec<u8>, text: &str) {
    bytes.extend(text.bytes().filter(|byte| *byte != 0).map(|byte| byte.to_ascii_lowercase()));
    bytes.push(0);
    bytes.extend(text.bytes().filter(|byte| *byte != 0));
    bytes.push(0);
}

/// Returns the bits of a float, changed so that they are in the order of the floats. Exact for decimals,
/// since a float distinguishes all of up to 15 digits.
fn ordered_bits(number: f64) -> u64 {
    let bits = (number + 0.0).to_bits();
    // Bits of negative floats grow with the distance from zero, so they are inverted. Flipping the sign bit
    // puts the positive ones above them.
    if bits >> 63 == 0 { bits ^ 1 << 63 } else { !bits }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::field::FieldAt;
    use crate::model::ids::UserId;
    use crate::model::value::UserRef;

    fn key(id: i64, value: Value, direction: Direction) -> String {
        let record = Record { values: vec![Value::Integer(id), value] };
        sort_key(&record, &[Sort { field: second(), direction }])
    }

    fn second() -> FieldAt {
        use crate::model::table::tests::table;
        table("orders", &["customer"]).at("customer").unwrap()
    }

    #[track_caller]
    fn check(smaller: Value, greater: Value) {
        use Direction::{Asc, Desc};
        assert!(key(9, smaller.clone(), Asc) < key(1, greater.clone(), Asc));
        assert!(key(1, smaller.clone(), Desc) > key(9, greater.clone(), Desc));
        for direction in [Asc, Desc] {
            assert!(key(1, greater.clone(), direction) < key(1, Value::Null, direction));
            assert!(key(1, smaller.clone(), direction) < key(2, smaller.clone(), direction));
        }
    }

    #[test]
    fn keys_sort_as_their_records_do() {
        let decimal = |text: &str| Value::Decimal(text.parse().unwrap());
        check(Value::Integer(-5), Value::Integer(3));
        check(Value::Integer(i64::MIN), Value::Integer(i64::MAX));
        check(decimal("-2.5"), decimal("-2.25"));
        check(decimal("-1"), decimal("0"));
        check(decimal("9.99"), decimal("10"));
        for exponent in -28..13 {
            for (less, more) in [(1_u64, 2), (7, 8), (999_999_999_999_998, 999_999_999_999_999)] {
                let number = |digits| crate::model::decimal::parse(&format!("{digits}e{exponent}"));
                check(Value::Decimal(number(less).unwrap()), Value::Decimal(number(more).unwrap()));
            }
        }
        check(Value::Boolean(false), Value::Boolean(true));
        let person = |id| Value::Person(UserRef { id: UserId::new(id), name: None });
        check(person("B"), person("a"));
        check(Value::text("apple"), Value::text("Banana"));
        check(Value::text("A"), Value::text("a"));
        check(Value::text("a"), Value::text("ab"));
        check(Value::text("2026-01-31"), Value::text("2026-02-01"));
    }
}
