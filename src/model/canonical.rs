//! The one form that values have, whichever way they were written.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::Offset;
use rust_decimal::Decimal;
use serde_json::Value as Json;
use serde_json::value::RawValue;

use crate::model::decimal;
use crate::model::ids::{RecordId, UserId};
use crate::model::table::Storage;
use crate::model::value::{Person, Value};

/// A day in the form `2026-04-05`; nothing if the text is not a day of the calendar in that form.
pub fn date(text: &str) -> Option<String> {
    let date: Date = text.parse().ok()?;
    (text.len() == 10 && date.to_string() == text).then(|| text.to_owned())
}

/// An instant in the form `2026-04-05T12:00:00.000Z`; nothing if the text is not an instant with its
/// offset (RFC 3339).
pub fn instant(text: &str) -> Option<String> {
    let instant: Timestamp = text.parse().ok()?;
    let instant = Offset::UTC.to_datetime(instant);
    // Four digits of year, or the texts would not sort by time.
    (0..=9999)
        .contains(&instant.year())
        .then(|| instant.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string())
}

/// JSON as it is written, without the blanks between its parts: no digit of a number is lost, and
/// keys stay in their order.
///
/// # Errors
/// When it is none, or holds what many programs cannot read: a number beyond every float, or half a
/// character.
pub fn json(text: &str) -> Result<Box<RawValue>, serde_json::Error> {
    serde_json::from_str::<Json>(text)?;
    let (mut is_text, mut is_escaped) = (false, false);
    let is_kept = |c: &char| {
        let is_blank = !is_text && c.is_ascii_whitespace();
        let begins_escape = is_text && !is_escaped && *c == '\\';
        is_text ^= *c == '"' && !is_escaped;
        is_escaped = begins_escape;
        !is_blank
    };
    RawValue::from_string(text.chars().filter(is_kept).collect())
}

impl Storage {
    /// A value from text that has no types, as it stands in an address; nothing if it is none of
    /// this kind.
    pub fn read(self, text: &str) -> Option<Value> {
        Some(match self {
            Self::Text => Value::text(text),
            Self::Integer => Value::Integer(text.parse().ok()?),
            Self::Decimal(_) => Value::Decimal(plain_decimal(text)?),
            Self::Boolean => Value::Boolean(text.parse().ok()?),
            Self::Date => Value::text(date(text)?),
            Self::Datetime => Value::text(instant(text)?),
            Self::Person => Value::Person(Person { id: UserId::new(text), name: None }),
            Self::Link => Value::Link(text.parse::<RecordId>().ok()?.into()),
            // Neither has one form that would fit into an address.
            Self::List | Self::Json => return None,
        })
    }
}

/// A decimal as it stands in an address: without an exponent.
fn plain_decimal(text: &str) -> Option<Decimal> {
    decimal::parse(text).ok().filter(|_| !text.contains(['e', 'E']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_keeps_everything_but_blanks() {
        let text = r#" { "b" : [ 1.10 , -0, 123456789012345678901, 1E5 ],
            "a b" : "\" \\" , "a b": 0.1000000000000000055 } "#;
        let kept = r#"{"b":[1.10,-0,123456789012345678901,1E5],"a b":"\" \\","a b":0.1000000000000000055}"#;
        assert_eq!(json(text).unwrap().get(), kept);
        for none in ["", "{", "1 2", "1e999", r#""\ud800""#, "'a'"] {
            assert!(json(none).is_err(), "{none}");
        }
    }

    #[track_caller]
    fn check(storage: Storage, text: &str, value: Option<Value>) {
        assert_eq!(storage.read(text), value, "{text}");
    }

    #[test]
    fn text_is_read_as_what_a_field_keeps() {
        let decimal = |text: &str| Some(Value::Decimal(text.parse().unwrap()));
        check(Storage::Text, " a", Some(Value::text(" a")));
        check(Storage::Integer, "-7", Some(Value::Integer(-7)));
        check(Storage::Decimal(2), "-12.50", decimal("-12.5"));
        check(Storage::Boolean, "true", Some(Value::Boolean(true)));
        check(Storage::Date, "2026-04-05", Some(Value::text("2026-04-05")));
        let noon = Some(Value::text("2026-04-05T12:00:00.000Z"));
        check(Storage::Datetime, "2026-04-05T14:00:00+02:00", noon);
    }

    #[test]
    fn what_no_field_could_keep_is_no_value() {
        for text in ["", "7.0", "9223372036854775808", "1_000", "0x7", "NaN"] {
            check(Storage::Integer, text, None);
        }
        for text in ["", ".", "1_000", "1e3", "+5", "1234567890.123456", "--1"] {
            check(Storage::Decimal(0), text, None);
        }
        check(Storage::Boolean, "1", None);
        check(Storage::Date, "2026-02-30", None);
        check(Storage::Datetime, "2026-04-05", None);
    }
}
