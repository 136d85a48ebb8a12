//! The place of a record in an order, as text: comparing two keys as strings, in any language,
//! gives the order of the records.

use rust_decimal::prelude::ToPrimitive;

use crate::model::query::{Direction, Sort};
use crate::model::record::Record;
use crate::model::value::{Value, list_text};

/// The sort key of a record: lowercase hexadecimal digits.
pub fn sort_key(record: &Record, sort: &[Sort]) -> String {
    let mut bytes = Vec::with_capacity(16 * (sort.len() + 1));
    for term in sort {
        let value = &record[term.field];
        // Missing values come last whatever the direction, so this byte is never turned round.
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
        Value::Integer(value) => bytes.extend((*value as u64 ^ 1 << 63).to_be_bytes()),
        Value::Link(link) => push(bytes, &Value::Integer(link.id.get())),
        Value::Decimal(value) => {
            bytes.extend(ordered_bits(value.to_f64().unwrap_or(0.0)).to_be_bytes());
        }
        Value::Text(text) | Value::Json(text) => push_text(bytes, text),
        Value::List(chosen) => push_text(bytes, &list_text(chosen)),
        // Identities differ by case, and are in the order of their bytes.
        Value::Person(person) => {
            bytes.extend(person.id.as_str().bytes().filter(|byte| *byte != 0));
            bytes.push(0);
        }
    }
}

/// Folded letters decide first, then code points. 0 ends each part: it sorts before every
/// character, and values hold none.
fn push_text(bytes: &mut Vec<u8>, text: &str) {
    bytes.extend(text.bytes().filter(|byte| *byte != 0).map(|byte| byte.to_ascii_lowercase()));
    bytes.push(0);
    bytes.extend(text.bytes().filter(|byte| *byte != 0));
    bytes.push(0);
}

/// The bits of a number so that they sort as it does. Exact for the 15 digits a decimal may have.
fn ordered_bits(number: f64) -> u64 {
    let bits = (number + 0.0).to_bits();
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
