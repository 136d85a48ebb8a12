//! A question to one table: which records, in which order, how many.

use crate::model::filter::Filter;
use crate::model::ids::{Position, TableName};
use crate::model::record::Record;
use crate::model::table::FieldAt;

/// One question. The last tie-breaker of every order is the `id`, upwards.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Query {
    /// The table asked.
    pub table: TableName,
    /// Which records.
    pub filter: Filter,
    /// In which order, the most important first.
    pub sort: Vec<Sort>,
    /// How many records at most.
    pub limit: u32,
    /// How many records to pass over first.
    pub offset: u64,
}

/// One field to order by. Missing values come last either way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Sort {
    /// The field.
    pub field: FieldAt,
    /// Upwards or downwards.
    pub direction: Direction,
}

/// Upwards or downwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// `asc`: the smallest first.
    Asc,
    /// `desc`: the greatest first.
    Desc,
}

/// The answer to one [`Query`].
#[derive(Clone, Debug)]
pub struct Rows {
    /// At most `limit` records, in order.
    pub records: Vec<Record>,
    /// How many records pass the filter in all.
    pub total: u64,
}

/// Answers to queries, all from one snapshot.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// One for each query, in their order.
    pub rows: Vec<Rows>,
    /// Everything before this is in the rows, nothing after it is.
    pub position: Position,
}
