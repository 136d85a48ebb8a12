//! Why the database did not do what it was asked to.

use std::path::PathBuf;

use crate::model::ids::{FieldName, TableName};

/// Why the database did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The URL names no SQLite file.
    #[error("`{0}` is not a database this can open; use sqlite:path/to/data.db")]
    BadUrl(String),
    /// The folder of the database file cannot be made.
    #[error("could not create the folder {0}")]
    Folder(PathBuf, #[source] std::io::Error),
    /// The table is not one of the app's.
    #[error("there is no table `{0}`")]
    UnknownTable(TableName),
    /// What the app declares has no place for some of what is there.
    #[error(
        "the tables as declared have no place for some of what is there:\n  {}\nnothing was changed; \
         --allow-destructive lets it go", .0.join("\n  ")
    )]
    WouldLose(Vec<String>),
    /// What is there breaks a rule that the app declares.
    #[error("what is there breaks rules of the tables as declared:\n  {}\nnothing was changed", .0.join("\n  "))]
    DoesNotFit(Vec<String>),
    /// A row of a seed was refused.
    #[error("could not seed table `{table}`: {cause}")]
    Seed {
        /// The table.
        table: TableName,
        /// What the database said.
        cause: Box<StoreError>,
    },
    /// Another record has the same value in a unique field.
    #[error("another record already has this value in {0}")]
    NotUnique(FieldName),
    /// A field refers to a record that there is not, for whoever writes.
    #[error("{field} names no record")]
    NoRelated {
        /// The field.
        field: FieldName,
        /// Where the record would have to be.
        table: TableName,
    },
    /// Other records refer to this one.
    #[error("other records refer to this one")]
    Referred,
    /// The value is refused by a rule that stands in the database.
    #[error("the database refused the value: {0}")]
    Refused(String),
    /// The account's e-mail address is taken.
    #[error("there is already an account with this e-mail address")]
    EmailTaken,
    /// The database cannot be reached, or not now.
    #[error("the database does not answer")]
    Unavailable(#[source] sqlx::Error),
    /// Whoever reads took too long.
    #[error("whoever reads took too long")]
    TooSlow,
    /// The store is closing.
    #[error("the database is being closed")]
    Closed,
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let Some(told) = error.as_database_error() else { return Self::Unavailable(error) };
        let message = told.message().to_owned();
        if let Some(column) = message.strip_prefix("UNIQUE constraint failed: ") {
            if column.starts_with("_pagetide_users.") {
                return Self::EmailTaken;
            }
            let field = column.split('.').nth(1).and_then(|name| name.parse().ok());
            return field.map_or(Self::Refused(message.clone()), Self::NotUnique);
        }
        if let Some(column) = message.strip_prefix("NOT NULL constraint failed: ") {
            let field = column.split('.').nth(1).unwrap_or(column);
            return Self::Refused(format!("{field} must have a value"));
        }
        if message.starts_with("FOREIGN KEY constraint failed") {
            return Self::Referred;
        }
        if let Some((_, rule)) = message.split_once("constraint failed: ") {
            return Self::Refused(rule.to_owned());
        }
        Self::Unavailable(error)
    }
}
