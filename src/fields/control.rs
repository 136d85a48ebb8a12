//! The kinds of controls in forms, cells and filters, with which people enter values.

use serde::Serialize;

/// The time zone in which instants are shown, entered and filtered by.
pub const ZONE: &str = "UTC";

/// The last day that a control accepts. Years of five digits are refused, since their texts would not sort by
/// time.
pub(super) const LAST_DAY: &str = "9999-12-31";
/// The last date and time that a control accepts.
pub(super) const LAST_TIME: &str = "9999-12-31T23:59:59.999";

/// A kind of control. The server checks the text that a control sends, whatever its kind.
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
    /// An input for a whole number, which is a number in JSON.
    Integer,
    /// An input for a decimal, which is text in JSON, so that no digit is lost.
    Decimal,
    /// A checkbox, which is a boolean in JSON.
    Checkbox,
    /// An input for a day of the calendar.
    Date,
    /// An input for a time of day.
    Time,
    /// An input for a date and time, which is text such as `2026-04-05T12:00:00Z` in JSON.
    Datetime,
    /// A select with the options, of which one is chosen.
    Select,
    /// A select of which several options may be chosen, which is a list in JSON.
    MultiSelect,
    /// A text area for JSON.
    Json,
    /// A picker for a record of another table, which is its id in JSON.
    Relationship,
}

impl Control {
    /// The `type` of the `<input>` element (HTML standard, section 4.10.5). `None` if the control is another
    /// element.
    pub fn input_type(self) -> Option<&'static str> {
        Some(match self {
            // `type=number` reads a comma by the browser's language and drops what it does not understand.
            // The server reads the text instead.
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

    /// The `step` attribute. Without it, browsers offer whole minutes, and a time with seconds is invalid.
    pub fn step(self) -> Option<&'static str> {
        matches!(self, Self::Time | Self::Datetime).then_some("any")
    }

    /// Whether the control is for dates or times. Browsers show nothing in such a control if its text is no
    /// date or time.
    pub fn is_clock(self) -> bool {
        matches!(self, Self::Date | Self::Time | Self::Datetime)
    }

    /// The `max` attribute. Without it, browsers accept years of six digits.
    pub fn max(self) -> Option<&'static str> {
        match self {
            Self::Date => Some(LAST_DAY),
            Self::Datetime => Some(LAST_TIME),
            _ => None,
        }
    }

    /// The time zone of the date and time in the control. `None` if it shows no instants.
    pub fn zone(self) -> Option<&'static str> {
        (self == Self::Datetime).then_some(ZONE)
    }
}
