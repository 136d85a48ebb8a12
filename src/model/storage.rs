//! Storage classes: the forms in which values of fields are stored and compared, in any database.

use rust_decimal::Decimal;

use crate::model::canonical::{date, instant, time_of_day};
use crate::model::decimal;
use crate::model::ids::{RecordId, UserId};
use crate::model::value::{UserRef, Value};

/// The form in which values of a field type are stored and compared. Several field types share one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Storage {
    /// Text of any content, in UTF-8.
    Text,
    /// A signed 64-bit number.
    Integer,
    /// A decimal number, shown with at least this many digits after the point.
    Decimal(u32),
    /// False or true, stored as 0 or 1.
    Boolean,
    /// A day as text: `2026-04-05`.
    Date,
    /// A time of day as text: `14:30` or `14:30:15`.
    Time,
    /// An instant as text, in UTC to the millisecond: `2026-04-05T12:00:00.000Z`.
    Datetime,
    /// The id of an account as text.
    Person,
    /// A list of texts, as a JSON array.
    List,
    /// A JSON document as text.
    Json,
    /// The id of a related record, as an integer.
    Link,
}

impl Storage {
    /// Whether values of this class are [`Value::Text`].
    pub fn is_text(self) -> bool {
        matches!(self, Self::Text | Self::Date | Self::Time | Self::Datetime)
    }

    /// Whether values can be compared by `gt`, `lt` and so on.
    pub fn is_ordered(self) -> bool {
        self.is_text() || matches!(self, Self::Integer | Self::Decimal(_))
    }

    /// Whether viewers filter the field by a range, from one value to another, rather than by one value.
    pub fn has_ranges(self) -> bool {
        self.is_ordered() && self != Self::Text
    }

    /// Whether values are dates or datetimes.
    pub fn is_calendar(self) -> bool {
        matches!(self, Self::Date | Self::Datetime)
    }

    /// Reads a value of this class from text in an address. `None` if the text is no such value, or the class
    /// is a list or JSON.
    pub fn read(self, text: &str) -> Option<Value> {
        Some(match self {
            Self::Text => Value::text(text),
            Self::Integer => Value::Integer(text.parse().ok()?),
            Self::Decimal(_) => Value::Decimal(plain_decimal(text)?),
            Self::Boolean => Value::Boolean(text.parse().ok()?),
            Self::Date => Value::text(date(text)?),
            Self::Time => Value::text(time_of_day(text)?),
            Self::Datetime => Value::text(instant(text).ok()?),
            Self::Person => Value::Person(UserRef { id: UserId::new(text), name: None }),
            Self::Link => Value::Link(text.parse::<RecordId>().ok()?.into()),
            // The same list or JSON can be written in many ways, and an address should have one.
            Self::List | Self::Json => return None,
        })
    }
}

/// Reads a decimal without an exponent. `None` for any other text.
fn plain_decimal(text: &str) -> Option<Decimal> {
    decimal::parse(text).ok().filter(|_| !text.contains(['e', 'E']))
}

#[cfg(test)]
mod tests {
    use super::*;

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
