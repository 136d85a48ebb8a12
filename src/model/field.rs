//! A field of a table as declared: its type, its label, and the values that it may have.

use std::sync::Arc;

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::ids::{FieldName, TableName};
use crate::model::storage::Storage;
use crate::model::value::Value;

/// The index of a field in its table. Only a `Table` gives out such indexes, so they are always in range there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FieldAt(usize);

impl FieldAt {
    /// The `id`, which is the first field of every table.
    pub const ID: Self = Self(0);

    /// Makes the index of a field, for a `Table` and for code that is building one.
    pub fn nth(index: usize) -> Self {
        Self(index)
    }

    /// The index into the list of a record's values.
    pub fn index(self) -> usize {
        self.0
    }
}

/// A declared field of a table.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// The name in YAML, JSON and the database.
    pub name: FieldName,
    /// The label that viewers read. If the author gives none, it is made from the name: "Created at".
    pub label: Arc<str>,
    /// The type of its values, with that type's options.
    pub kind: FieldKind,
    /// Whether a record must have a value here.
    pub required: bool,
    /// Whether no two records may have the same value.
    pub unique: bool,
    /// The value of a new record for which none was sent; [`Value::Null`] if the author gives no default.
    pub default: Value,
    /// The field's former name, so that its column is renamed rather than replaced; `None` if it had no other.
    pub renamed_from: Option<FieldName>,
}

/// The declared type of a field with that type's options.
#[derive(Clone, Debug, PartialEq)]
pub enum FieldKind {
    /// The `id` that every table has: the key of its records.
    Id,
    /// A line of text.
    SingleLineText,
    /// Text of any number of lines.
    LongText,
    /// A text that is an e-mail address.
    Email,
    /// An http, https or mailto address.
    Url,
    /// A telephone number, as it was typed.
    PhoneNumber,
    /// A signed whole number of 64 bits.
    Integer(Bounds<i64>),
    /// A decimal number of at most 15 significant digits.
    Decimal(Bounds<Decimal>),
    /// An amount of money. The text is the ISO 4217 code of its currency, such as `EUR`.
    Currency(Arc<str>, Bounds<Decimal>),
    /// A percentage: the value `12.5` means 12.5 %.
    Percentage(Bounds<Decimal>),
    /// A number of stars, from 0 up to this maximum.
    Rating(u8),
    /// A checkbox: true or false.
    Checkbox,
    /// A day of the calendar, without a time.
    Date,
    /// A time of day, without a date or a time zone.
    Time,
    /// An instant, kept in UTC to the millisecond.
    Datetime,
    /// One of these options.
    SingleSelect(Vec<Arc<str>>),
    /// One of these options, in the order in which work moves through them.
    Status(Vec<Arc<str>>),
    /// Any number of these options.
    MultiSelect(Vec<Arc<str>>),
    /// A JSON document of any shape.
    Json,
    /// A number that the database computes for each record from its id.
    Autonumber(Numbering),
    /// A reference to one record of this table, and the effect on this record if that one is deleted.
    Relationship(TableName, OnDelete),
    /// The time when the record was created, set by the database.
    CreatedAt,
    /// The time of the last change of the record, set by the database. Each change of a record gets a later
    /// one, so it serves as the version for optimistic locking.
    UpdatedAt,
    /// The user who created the record.
    CreatedBy,
    /// The user who last changed the record.
    UpdatedBy,
}

/// The effect on a record when the record that its relationship refers to is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum OnDelete {
    /// The record that is referred to cannot be deleted. The default.
    Restrict,
    /// This record is deleted, too.
    Cascade,
    /// The relationship is emptied. It must not be a required field.
    SetNull,
}

/// The numbering of an autonumber field. Numbers follow the ids, which are never used twice, and neither are
/// the numbers. They may have gaps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Numbering {
    /// The number of the record with the id 1.
    pub start: i64,
    /// The text that is shown before the number; may be empty.
    pub prefix: Arc<str>,
}

/// The smallest and the greatest value that a number may have, both included.
#[derive(Clone, Debug, PartialEq)]
pub struct Bounds<T> {
    /// The smallest value; `None` if there is no such bound.
    pub min: Option<T>,
    /// The greatest value; `None` if there is no such bound.
    pub max: Option<T>,
}

impl<T> Default for Bounds<T> {
    fn default() -> Self {
        Self { min: None, max: None }
    }
}

impl FieldKind {
    /// The storage class of values of this type.
    pub fn storage(&self) -> Storage {
        match self {
            Self::SingleLineText
            | Self::LongText
            | Self::Email
            | Self::Url
            | Self::PhoneNumber
            | Self::SingleSelect(_)
            | Self::Status(_) => Storage::Text,
            Self::Id | Self::Integer(_) | Self::Rating(_) | Self::Autonumber(_) => Storage::Integer,
            Self::Currency(code, _) => Storage::Decimal(minor_units(code)),
            Self::Decimal(_) | Self::Percentage(_) => Storage::Decimal(0),
            Self::Checkbox => Storage::Boolean,
            Self::Date => Storage::Date,
            Self::Time => Storage::Time,
            Self::Datetime | Self::CreatedAt | Self::UpdatedAt => Storage::Datetime,
            Self::CreatedBy | Self::UpdatedBy => Storage::Person,
            Self::MultiSelect(_) => Storage::List,
            Self::Json => Storage::Json,
            Self::Relationship(..) => Storage::Link,
        }
    }

    /// Whether only the database sets the field. A write that sends a value for it is refused.
    pub fn is_system(&self) -> bool {
        matches!(
            self,
            Self::Id
                | Self::Autonumber(_)
                | Self::CreatedAt
                | Self::UpdatedAt
                | Self::CreatedBy
                | Self::UpdatedBy
        )
    }

    /// Whether the column is a generated one, which SQLite computes from others and which cannot be written.
    pub fn is_generated(&self) -> bool {
        matches!(self, Self::Autonumber(_))
    }

    /// The options of a single-select, multi-select or status. Empty for other types.
    pub fn options(&self) -> &[Arc<str>] {
        match self {
            Self::SingleSelect(options) | Self::Status(options) | Self::MultiSelect(options) => {
                options
            }
            _ => &[],
        }
    }
}

/// The number of digits after the point in amounts of a currency, by its ISO 4217 code: 2, except for these.
pub fn minor_units(currency: &str) -> u32 {
    match currency {
        "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF" | "UGX"
        | "UYI" | "VND" | "VUV" | "XAF" | "XOF" | "XPF" => 0,
        "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
        "CLF" | "UYW" => 4,
        _ => 2,
    }
}
