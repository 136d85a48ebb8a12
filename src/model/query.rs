//! A question to one table: which of its records, and what about them.

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::field::{Field, FieldAt};
use crate::model::filter::Filter;
use crate::model::ids::{Position, RecordId, TableName};
use crate::model::record::Record;
use crate::model::storage::Storage;
use crate::model::value::Value;

/// A question about the records of one table.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Query {
    /// The table that is asked.
    pub table: TableName,
    /// The filter that its records pass.
    pub filter: Filter,
    /// What is asked about these records.
    pub ask: Ask,
}

/// What is asked about the records that pass a filter.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Ask {
    /// A stretch of the records themselves.
    Rows(Window),
    /// One figure over all of them.
    Figure(Measure),
    /// A figure for each group of them.
    Groups(Grouping),
}

/// Some of the records, in order. The last tie-breaker of every order is the `id`, upwards.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Window {
    /// In which order, the most important first.
    pub sort: Vec<Sort>,
    /// How many records at most.
    pub limit: u32,
    /// How many records to pass over first.
    pub offset: u64,
    /// After which record to begin; it need not be there any more.
    pub after: Option<After>,
}

impl Window {
    /// The first records in this order, so many at most.
    pub fn first(limit: u32, sort: Vec<Sort>) -> Self {
        Self { sort, limit, offset: 0, after: None }
    }
}

/// A place in an order: where a record stands, or stood.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct After {
    /// Its values of the fields that are sorted by, one for each.
    pub values: Vec<Value>,
    /// The id of the record.
    pub id: RecordId,
}

/// One field to order by. Missing values come last either way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Sort {
    /// The field that is sorted by.
    pub field: FieldAt,
    /// Whether the smallest or the greatest value comes first.
    pub direction: Direction,
}

/// The direction of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Direction {
    /// The smallest value comes first.
    Asc,
    /// The greatest value comes first.
    Desc,
}

/// How one figure is made of many records. Missing values count for nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Measure {
    /// How many records there are.
    Count,
    /// All values of a number together.
    Sum(FieldAt),
    /// The mean of the values of a number.
    Average(FieldAt),
    /// The smallest value of the field.
    Min(FieldAt),
    /// The greatest value of the field.
    Max(FieldAt),
}

/// Which records belong together, and what is asked of each group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Grouping {
    /// What the records of one group share.
    pub by: GroupBy,
    /// The figure of each group.
    pub measure: Measure,
    /// How many groups at most: the greatest of them, or the latest.
    pub limit: u32,
}

/// What the records of one group share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GroupBy {
    /// The value of a field; a missing one and an empty text are the same.
    Value(FieldAt),
    /// The stretch of time that a day or an instant falls into, in UTC. Records without one are in
    /// no group.
    Time(FieldAt, TimeBucket),
}

/// A stretch of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum TimeBucket {
    /// From midnight to midnight.
    Day,
    /// From Monday to Sunday.
    Week,
    /// A month of the calendar.
    Month,
    /// A year of the calendar.
    Year,
}

/// The answer to one [`Query`].
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// The answer to [`Ask::Rows`].
    Rows(Rows),
    /// To [`Ask::Figure`]: as [`Measure::of_nothing`] where there is nothing to make it of.
    Figure(Value),
    /// The answer to [`Ask::Groups`].
    Groups(Groups),
}

/// A stretch of records, with how many there are in all.
#[derive(Clone, Debug, PartialEq)]
pub struct Rows {
    /// At most `limit` records, in order.
    pub records: Vec<Record>,
    /// How many records pass the filter in all.
    pub total: u64,
}

/// The figures of groups.
#[derive(Clone, Debug, PartialEq)]
pub struct Groups {
    /// At most `limit` groups: the greatest figure first, or the latest time first.
    pub groups: Vec<Group>,
    /// Whether there are more.
    pub more: bool,
    /// The figure over all records.
    pub all: Value,
}

/// The figure of the records that share a key.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// What its records share; for time the first day, like `2026-04-01`.
    pub key: Value,
    /// The figure of these records.
    pub figure: Value,
}

/// Answers to queries, all from one snapshot.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// One for each query, in their order.
    pub answers: Vec<Answer>,
    /// Everything before this is in the answers, nothing after it is.
    pub position: Position,
}

impl Measure {
    /// The field it is made of; none for a count.
    pub fn field(self) -> Option<FieldAt> {
        match self {
            Self::Count => None,
            Self::Sum(at) | Self::Average(at) | Self::Min(at) | Self::Max(at) => Some(at),
        }
    }

    /// Whether the figures of all groups together are the figure over all records.
    pub fn adds_up(self) -> bool {
        matches!(self, Self::Count | Self::Sum(_))
    }

    /// The figure over no records, in the unit of its field: zero where it adds up, else there is
    /// none.
    pub fn of_nothing(self, field: Option<&Field>) -> Value {
        match field.map(|field| field.kind.storage()) {
            _ if !self.adds_up() => Value::Null,
            Some(Storage::Decimal(_)) => Value::Decimal(Decimal::ZERO),
            _ => Value::Integer(0),
        }
    }
}

impl GroupBy {
    /// The field it goes by.
    pub fn field(self) -> FieldAt {
        match self {
            Self::Value(at) | Self::Time(at, _) => at,
        }
    }
}

impl Ask {
    /// The window, where records are asked for.
    pub fn window(&self) -> Option<&Window> {
        match self {
            Self::Rows(window) => Some(window),
            Self::Figure(_) | Self::Groups(_) => None,
        }
    }
}

impl Answer {
    /// The records, where they were asked for.
    pub fn rows(self) -> Option<Rows> {
        match self {
            Self::Rows(rows) => Some(rows),
            Self::Figure(_) | Self::Groups(_) => None,
        }
    }

    /// Whether records were asked for, and there is one.
    pub fn holds_a_record(&self) -> bool {
        matches!(self, Self::Rows(rows) if !rows.records.is_empty())
    }
}
