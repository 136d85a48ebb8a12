//! The error type of the store.

use std::path::PathBuf;

use sqlx::sqlite::SqliteError;

use crate::limits::Exceeded;
use crate::model::ids::{FieldName, TableName};
use crate::store::sqlite;

/// Why the database did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The URL names no SQLite file.
    #[error("`{0}` is not a database this can open; use sqlite:path/to/data.db")]
    BadUrl(String),
    /// The folder of the database file cannot be made.
    #[error("could not create the folder {0}")]
    Folder(PathBuf, #[source] std::io::Error),
    /// The app declares no table of this name.
    #[error("there is no table `{0}`")]
    UnknownTable(TableName),
    /// A migration would lose data that has no place in the declared tables; a line for each loss.
    #[error(
        "some data in the database has no place in the declared tables:\n  {}\nnothing was changed; \
         pass --allow-destructive to delete it", .0.join("\n  ")
    )]
    WouldLose(Vec<String>),
    /// A migration is not possible, not even with losses: records break a declared rule, a name is taken, or
    /// a renaming is in doubt. A line for each obstacle.
    #[error(
        "the database does not fit the declared tables:\n  {}\nnothing was changed",
        .0.join("\n  ")
    )]
    DoesNotFit(Vec<String>),
    /// A row of a seed was refused.
    #[error("could not seed table `{table}`: {cause}")]
    Seed {
        /// The table that is seeded.
        table: TableName,
        /// Why the row was refused.
        cause: Box<StoreError>,
    },
    /// Another record has the same value in a unique field.
    #[error("another record already has this value in {0}")]
    NotUnique(FieldName),
    /// A field refers to a record that does not exist, or that the writer may not refer to.
    #[error("{field} names no record")]
    NoRelated {
        /// The field that refers to the record.
        field: FieldName,
        /// The table in which the record was looked for.
        table: TableName,
    },
    /// Other records refer to this one.
    #[error("other records refer to this one")]
    Referred,
    /// The database refused a value by the rule of a field, such as `total must be at least 0`.
    #[error("the database refused the value: {0}")]
    BreaksRule(String),
    /// A trigger, index or constraint that another program created refused the write; its message.
    #[error("{0}")]
    Refused(String),
    /// Removing a record would remove a chain of records, each referring to the one before, that is longer
    /// than SQLite follows.
    #[error(
        "the chain of records that would be removed with this one is too long; remove the records at the \
         end of the chain first"
    )]
    TooDeep,
    /// The account's e-mail address is taken.
    #[error("there is already an account with this e-mail address")]
    EmailTaken,
    /// The database refused a statement, and will refuse it again: its tables or triggers have a fault.
    #[error("the database cannot do this as it is")]
    Faulty(#[source] sqlx::Error),
    /// The database cannot be reached, or is not available at the moment.
    #[error("the database does not answer")]
    Unavailable(#[source] sqlx::Error),
    /// The file at the database's path was moved, deleted or replaced while it was open.
    #[error(
        "the database's file was moved, deleted or replaced, so nothing is written; put it back or \
         restart the server"
    )]
    Misplaced,
    /// The database is not fit to be served; holds the reason.
    #[error("{0}")]
    Unfit(String),
    /// A request went beyond one of the limits.
    #[error(transparent)]
    Exceeded(#[from] Exceeded),
    /// A reader of a stream of records took too long.
    #[error("the records were not read in time")]
    TooSlow,
    /// A trial ([`Intent::Try`](super::Intent::Try)) was stopped, because other writes are waiting.
    #[error("others are writing to the database")]
    MadeWay,
    /// The store is closing.
    #[error("the database is being closed")]
    Closed,
}

/// Whether a character is invisible but changes how others are shown: a control character, or a mark that
/// changes the direction of text (Unicode Standard Annex 9, section 2).
fn is_unseen(letter: char) -> bool {
    let turns = ['\u{61c}', '\u{200e}', '\u{200f}'];
    letter.is_control()
        || turns.contains(&letter)
        || matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// How many characters are kept of a message that another program's trigger or constraint gives.
const MOST_WORDS: usize = 300;

impl StoreError {
    /// A [`Refused`](Self::Refused) with this message, made a single line of at most [`MOST_WORDS`]
    /// characters.
    pub(super) fn refused(words: &str) -> Self {
        let plain = |letter: char| if is_unseen(letter) { ' ' } else { letter };
        let mut told: String = words.trim().chars().map(plain).take(MOST_WORDS).collect();
        if words.trim().chars().count() > MOST_WORDS {
            told.push('…');
        }
        if told.is_empty() {
            told.push_str("a rule of the database forbids it");
        }
        Self::Refused(told)
    }

    /// The message for a client. It leaves out what only the operator may know.
    pub fn told(&self) -> String {
        match self {
            Self::Misplaced | Self::Exceeded(_) => self.to_string(),
            Self::Unfit(_) => "the database has a fault; the server's log says which".to_owned(),
            _ => "the database does not answer".to_owned(),
        }
    }

    /// The message for the operator: the words of the database, if the error comes from there.
    pub(super) fn cause(&self) -> String {
        match self {
            Self::Faulty(error) | Self::Unavailable(error) => match error.as_database_error() {
                Some(told) => told.message().to_owned(),
                None => error.to_string(),
            },
            other => other.to_string(),
        }
    }
}

/// Whether the name of a constraint has the form that we give to the rules of fields, such as
/// `total must be at least 0`.
pub(super) fn is_of_field(rule: &str) -> bool {
    let (name, rest) = rule.split_once(' ').unwrap_or((rule, ""));
    rest.starts_with("must ") && name.parse::<FieldName>().is_ok()
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let told = error.as_database_error();
        match told.and_then(|told| told.try_downcast_ref::<SqliteError>()) {
            Some(_) => sqlite::error::converted(error),
            None => Self::Unavailable(error),
        }
    }
}
