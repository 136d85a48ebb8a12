//! The controls that people enter values with.

use serde::Serialize;

/// The zone whose clock is meant wherever people read, enter or filter by an instant.
pub const ZONE: &str = "UTC";

/// The last day that a control is given: of longer years the texts would not sort by time.
pub(super) const LAST_DAY: &str = "9999-12-31";
/// The last time that a control is given.
pub(super) const LAST_TIME: &str = "9999-12-31T23:59:59.999";

/// The kinds of control; what they give is checked by the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Control {
    /// A line of text.
    Text,
    /// Several lines of text.
    LongText,
    /// An input for an e-mail address.
    Email,
    /// An input for a web address.
    Url,
    /// An input for a telephone number.
    Tel,
    /// A whole number: a number in JSON.
    Integer,
    /// A number of which no digit may be lost: text in JSON.
    Decimal,
    /// Yes or no: a boolean in JSON.
    Checkbox,
    /// An input for a day of the calendar.
    Date,
    /// An input for a time of day.
    Time,
    /// An instant, as `2026-04-05T12:00:00Z`.
    Datetime,
    /// One of the options.
    Select,
    /// Some of the options: a list in JSON.
    MultiSelect,
    /// A text area for JSON.
    Json,
    /// A record of another table: its id in JSON.
    Relationship,
}

impl Control {
    /// The type of the input (HTML, 4.10.5); nothing for a control that is an element of another kind.
    pub fn input_type(self) -> Option<&'static str> {
        Some(match self {
            // Browsers read numbers by the rules of their own language; here they are read by the server.
            Self::Text | Self::Integer | Self::Decimal => "text",
            Self::Email => "email",
            Self::Url => "url",
            Self::Tel => "tel",
            Self::Date => "date",
            Self::Time => "time",
            Self::Datetime => "datetime-local",
            Self::Checkbox => "checkbox",
            Self::LongText | Self::Select | Self::MultiSelect | Self::Json | Self::Relationship => {
                return None;
            }
        })
    }

    /// How fine the steps are that it gives: browsers would take whole minutes.
    pub fn step(self) -> Option<&'static str> {
        matches!(self, Self::Time | Self::Datetime).then_some("any")
    }

    /// Whether it gives days or times, which browsers drop where they are none.
    pub fn is_clock(self) -> bool {
        matches!(self, Self::Date | Self::Time | Self::Datetime)
    }

    /// The last day or time that it gives: browsers would take years of six digits.
    pub fn max(self) -> Option<&'static str> {
        match self {
            Self::Date => Some(LAST_DAY),
            Self::Datetime => Some(LAST_TIME),
            _ => None,
        }
    }

    /// The zone whose clock it shows.
    pub fn zone(self) -> Option<&'static str> {
        (self == Self::Datetime).then_some(ZONE)
    }
}
