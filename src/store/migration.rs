//! The outcome of a migration to the declared tables, and what it may lose.

use crate::model::ids::TableName;

/// The handling of values that no longer fit their field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Losses {
    /// A migration that would lose values fails, and the database is unchanged.
    Refused,
    /// Values may be lost.
    Allowed,
}

/// The changes that a migration made, or would make.
#[derive(Clone, Debug, Default)]
pub struct Migrated {
    /// The tables that did not exist before.
    pub created: Vec<TableName>,
    /// The other changes, a line for each.
    pub changes: Vec<String>,
    /// The SQL statements of the migration.
    pub sql: Vec<String>,
}
