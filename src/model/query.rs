//! Queries: a question to one table about the records that pass a filter, and the answer.

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::field::{Field, FieldAt};
use crate::model::filter::Filter;
use crate::model::ids::{Position, RecordId, TableName};
use crate::model::record::Record;
use crate::model::storage::Storage;
use crate::model::value::Value;

/// A query of the records of one table.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Query {
    /// The table whose records are asked about.
    pub table: TableName,
    /// The filter that the records pass.
    pub filter: Filter,
    /// The question about these records.
    pub ask: Ask,
}

/// The question about the records that pass a filter: the records themselves, or figures over them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Ask {
    /// Some of the records, in an order.
    Rows(Window),
    /// One figure over all records.
    Figure(Measure),
    /// One figure for each group of records.
    Groups(Grouping),
}

/// A part of the records, in an order. Records that the order leaves equal are ordered by `id`, ascending.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Window {
    /// The fields to sort by, the most important first. Empty: by `id` alone.
    pub sort: Vec<Sort>,
    /// The greatest number of records to return.
    pub limit: u32,
    /// The number of records to skip first.
    pub offset: u64,
    /// The record after which the part begins, which need no longer exist; `None` for the first record.
    pub after: Option<After>,
}

impl Window {
    /// Makes a window of the first records in this order, at most `limit`.
    pub fn first(limit: u32, sort: Vec<Sort>) -> Self {
        Self { sort, limit, offset: 0, after: None }
    }
}

/// A place in an order: that of a record, also of one that has since changed or been removed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct After {
    /// The record's values of the fields that are sorted by, one for each.
    pub values: Vec<Value>,
    /// The id of the record.
    pub id: RecordId,
}

/// One field to sort by. Missing values come last in both directions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Sort {
    /// The field that is sorted by.
    pub field: FieldAt,
    /// The direction of the order.
    pub direction: Direction,
}

/// The direction of an order. Missing values come last in both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Direction {
    /// The smallest value comes first.
    Asc,
    /// The greatest value comes first.
    Desc,
}

/// A figure computed from many records. Missing values are ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Measure {
    /// The number of records.
    Count,
    /// The sum of the values of a numeric field.
    Sum(FieldAt),
    /// The average of the values of a numeric field.
    Average(FieldAt),
    /// The smallest value of the field.
    Min(FieldAt),
    /// The greatest value of the field.
    Max(FieldAt),
}

/// The grouping of records, and the figure that is computed for each group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Grouping {
    /// The field or time by which records are grouped.
    pub by: GroupBy,
    /// The figure that is computed for each group.
    pub measure: Measure,
    /// The greatest number of groups: those with the greatest figures, or the latest ones when grouped by time.
    pub limit: u32,
}

/// The field or time by which records are grouped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GroupBy {
    /// By the value of a field. A missing value and an empty text belong to the same group.
    Value(FieldAt),
    /// By the day, week, month or year (in UTC) of a date or datetime field. Records without a value are in no
    /// group.
    Time(FieldAt, TimeBucket),
}

/// The length of the time in which records form one group. Datetimes are taken in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum TimeBucket {
    /// A day, from midnight to midnight.
    Day,
    /// A week, from Monday to Sunday.
    Week,
    /// A calendar month, from its first day to its last.
    Month,
    /// A calendar year, from January to December.
    Year,
}

/// The answer to a [`Query`], of the kind that it asks for.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// The answer to [`Ask::Rows`].
    Rows(Rows),
    /// The answer to [`Ask::Figure`]. Without records, or values in them, it is [`Measure::of_nothing`].
    Figure(Value),
    /// The answer to [`Ask::Groups`].
    Groups(Groups),
}

/// Some records in order, and the number of all that pass the filter.
#[derive(Clone, Debug, PartialEq)]
pub struct Rows {
    /// The records in the order of the query, at most its `limit`.
    pub records: Vec<Record>,
    /// The number of all records that pass the filter.
    pub total: u64,
}

/// The figures of groups of records.
#[derive(Clone, Debug, PartialEq)]
pub struct Groups {
    /// The groups, at most `limit`: those with the greatest figures first, or by time the latest first.
    pub groups: Vec<Group>,
    /// Whether there are more groups than these.
    pub more: bool,
    /// The figure over all records, those of further groups included.
    pub all: Value,
}

/// A group of records and its figure.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// The value that the records share. When grouped by time, the first day as text: `2026-04-01`.
    pub key: Value,
    /// The figure over the records of the group.
    pub figure: Value,
}

/// The answers to several queries, all from one snapshot of the database.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The answers, one for each query, in the order of the queries.
    pub answers: Vec<Answer>,
    /// The position of the snapshot: the answers hold every change up to it, and none after it.
    pub position: Position,
}

impl Measure {
    /// The field whose values are used; `None` for a count.
    pub fn field(self) -> Option<FieldAt> {
        match self {
            Self::Count => None,
            Self::Sum(at) | Self::Average(at) | Self::Min(at) | Self::Max(at) => Some(at),
        }
    }

    /// Whether the figures of all groups add up to the figure over all records.
    pub fn adds_up(self) -> bool {
        matches!(self, Self::Count | Self::Sum(_))
    }

    /// The figure over no records: zero for a count or a sum (a decimal if the field is one), else
    /// [`Value::Null`].
    pub fn of_nothing(self, field: Option<&Field>) -> Value {
        match field.map(|field| field.kind.storage()) {
            _ if !self.adds_up() => Value::Null,
            Some(Storage::Decimal(_)) => Value::Decimal(Decimal::ZERO),
            _ => Value::Integer(0),
        }
    }
}

impl GroupBy {
    /// The field that records are grouped by.
    pub fn field(self) -> FieldAt {
        match self {
            Self::Value(at) | Self::Time(at, _) => at,
        }
    }
}

impl Ask {
    /// The window, if records are asked for; else `None`.
    pub fn window(&self) -> Option<&Window> {
        match self {
            Self::Rows(window) => Some(window),
            Self::Figure(_) | Self::Groups(_) => None,
        }
    }
}

impl Answer {
    /// Returns the records, if records were asked for; else `None`.
    pub fn rows(self) -> Option<Rows> {
        match self {
            Self::Rows(rows) => Some(rows),
            Self::Figure(_) | Self::Groups(_) => None,
        }
    }

    /// Whether records were asked for and at least one was found.
    pub fn holds_a_record(&self) -> bool {
        matches!(self, Self::Rows(rows) if !rows.records.is_empty())
    }
}
