//! The field types in words: what editors show beside each.

use schemars::JsonSchema;
use serde::Serialize;

/// What a field may hold.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "FieldType")]
#[expect(dead_code, reason = "fields are read by name; these are the words about them")]
pub(super) enum RawFieldType {
    /// One line of text.
    SingleLineText,
    /// Text over several lines, 100,000 bytes at most.
    LongText,
    /// An e-mail address. Its cell starts a message.
    Email,
    /// An http, https or mailto address. Its cell is a link.
    Url,
    /// A telephone number: digits, spaces and `+-()/.`. Its cell calls it.
    PhoneNumber,
    /// A whole number of 64 bits.
    Integer,
    /// A number with up to 15 digits, each of them kept.
    Decimal,
    /// An amount of money with up to 15 digits, each of them kept.
    Currency,
    /// A share of a hundred: 12.5 is shown as 12.5%.
    Percentage,
    /// Stars, from none to `max`.
    Rating,
    /// A value that is true or false.
    Checkbox,
    /// A day of the calendar.
    Date,
    /// An instant, to the millisecond, in UTC.
    Datetime,
    /// One of `options`, shown as a badge.
    SingleSelect,
    /// One of `options`, for how far a record has come. It is shown as a badge.
    Status,
    /// Several of `options`, shown as badges.
    MultiSelect,
    /// A record of another table, or of the same: see `table` and `onDelete`. Its cell shows the record's
    /// `displayField`, to whoever may read it.
    Relationship,
    /// Any JSON value, kept as it is.
    Json,
    /// A number that the database counts up for each new record, and never gives out twice.
    Autonumber,
    /// When the record was made. The database sets it, for other programs too.
    CreatedAt,
    /// When the record was last changed. The database sets it on every write, whoever writes, and
    /// whoever saves a record that somebody else has changed since is told so by it.
    UpdatedAt,
    /// Whose account made the record; nobody's where another program did.
    CreatedBy,
    /// Whose account last changed the record; nobody's where another program did.
    UpdatedBy,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use schemars::SchemaGenerator;

    use super::*;
    use crate::fields;

    #[test]
    fn every_field_type_is_told_of_and_no_other() {
        let schema = RawFieldType::json_schema(&mut SchemaGenerator::default()).to_value();
        let told =
            schema["oneOf"].as_array().unwrap().iter().map(|one| one["const"].as_str().unwrap());
        assert_eq!(told.collect::<BTreeSet<_>>(), fields::type_names().collect());
    }
}
