//! A field of a table as declared: its type, and what a value of it may be.

use std::sync::Arc;

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::ids::{FieldName, TableName};
use crate::model::storage::Storage;
use crate::model::value::Value;

/// Which field of its table: an index that a `Table` gives out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FieldAt(usize);

impl FieldAt {
    /// The `id`, first in every table.
    pub const ID: Self = Self(0);

    /// The field at this place among those of a table that is being made.
    pub fn nth(index: usize) -> Self {
        Self(index)
    }

    /// The index into a record's values.
    pub fn index(self) -> usize {
        self.0
    }
}

/// A declared field of a table.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// The name in YAML, JSON and the database.
    pub name: FieldName,
    /// What people read above the column; made from the name where the author gives none.
    pub label: Arc<str>,
    /// What it may hold.
    pub kind: FieldKind,
    /// Whether a record must have a value here.
    pub required: bool,
    /// Whether no two records may have the same value.
    pub unique: bool,
    /// The value of a new record that names none.
    pub default: Value,
    /// What the field was called before.
    pub renamed_from: Option<FieldName>,
}

/// The declared type of a field with that type's options.
#[derive(Clone, Debug, PartialEq)]
pub enum FieldKind {
    /// The key that every table has.
    Id,
    /// A line of text.
    SingleLineText,
    /// Text of any number of lines.
    LongText,
    /// A text with an e-mail address.
    Email,
    /// An http, https or mailto address.
    Url,
    /// A telephone number as people write it.
    PhoneNumber,
    /// A whole number of 64 bits.
    Integer(Bounds<i64>),
    /// A decimal number of at most 15 significant digits.
    Decimal(Bounds<Decimal>),
    /// An amount of money in one currency, an ISO 4217 code.
    Currency(Arc<str>, Bounds<Decimal>),
    /// A share of a hundred: `12.5` is 12.5 %.
    Percentage(Bounds<Decimal>),
    /// A number of stars from 0 to this.
    Rating(u8),
    /// A value that is true or false.
    Checkbox,
    /// A day of the calendar.
    Date,
    /// A time of day, in no zone.
    Time,
    /// An instant, in UTC.
    Datetime,
    /// One of these options.
    SingleSelect(Vec<Arc<str>>),
    /// One of these options, where the order is that of the work.
    Status(Vec<Arc<str>>),
    /// Some of these options.
    MultiSelect(Vec<Arc<str>>),
    /// Whatever JSON can say.
    Json,
    /// A number that the database gives each record.
    Autonumber(Numbering),
    /// A record of this table.
    Relationship(TableName, OnDelete),
    /// When the record was made; set by the database.
    CreatedAt,
    /// When the record last changed; set by the database, never the same twice for one record.
    UpdatedAt,
    /// Who made the record.
    CreatedBy,
    /// Who last changed the record.
    UpdatedBy,
}

/// What becomes of a record when the one that it refers to is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum OnDelete {
    /// The other one cannot be removed.
    Restrict,
    /// It is removed too.
    Cascade,
    /// It refers to none.
    SetNull,
}

/// How records are numbered: they count with their ids, so no number is ever given out twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Numbering {
    /// The number of the record with the id 1.
    pub start: i64,
    /// What people read before the number.
    pub prefix: Arc<str>,
}

/// The smallest and greatest value allowed, both included.
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
    /// How values of this kind are kept.
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

    /// Whether the system alone sets it, and a write that names it is refused.
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

    /// Whether the database makes it of other columns, so that nothing is written there.
    pub fn is_generated(&self) -> bool {
        matches!(self, Self::Autonumber(_))
    }

    /// The options of a select or status, nothing for other kinds.
    pub fn options(&self) -> &[Arc<str>] {
        match self {
            Self::SingleSelect(options) | Self::Status(options) | Self::MultiSelect(options) => {
                options
            }
            _ => &[],
        }
    }
}

/// How many digits after the point amounts of a currency have: two, but for these (ISO 4217).
pub fn minor_units(currency: &str) -> u32 {
    match currency {
        "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF" | "UGX"
        | "UYI" | "VND" | "VUV" | "XAF" | "XOF" | "XPF" => 0,
        "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
        "CLF" | "UYW" => 4,
        _ => 2,
    }
}
