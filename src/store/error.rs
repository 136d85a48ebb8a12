//! The error type of the store, and how errors of SQLite become errors of the store.

use std::path::PathBuf;

use sqlx::error::DatabaseError;

use crate::limits::Exceeded;
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
    fn refused(words: &str) -> Self {
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

    /// The message for the operator: the words of SQLite, if the error comes from there.
    pub(super) fn cause(&self) -> String {
        match self {
            Self::Faulty(error) | Self::Unavailable(error) => match error.as_database_error() {
                Some(told) => told.message().to_owned(),
                None => error.to_string(),
            },
            other => other.to_string(),
        }
    }

    /// The error for the message of a failed constraint.
    fn of_constraint(message: &str) -> Self {
        if let Some(columns) = message.strip_prefix("UNIQUE constraint failed: ") {
            return Self::of_unique(columns);
        }
        if let Some(column) = message.strip_prefix("NOT NULL constraint failed: ") {
            let field = column.split('.').nth(1).unwrap_or(column);
            return Self::BreaksRule(format!("{field} must have a value"));
        }
        if message.starts_with("FOREIGN KEY constraint failed") {
            return Self::Referred;
        }
        match message.split_once("constraint failed: ") {
            Some((_, rule)) if is_of_field(rule) => Self::BreaksRule(rule.to_owned()),
            Some((_, rule)) => Self::refused(rule),
            None => Self::refused(message),
        }
    }

    /// The error for a failed unique constraint. `columns` is the rest of SQLite's message: one column,
    /// several columns, or the name of an index on an expression.
    fn of_unique(columns: &str) -> Self {
        if columns.starts_with("_pagetide_users.") {
            return Self::EmailTaken;
        }
        if let Some(index) = columns.strip_prefix("index ") {
            let index = index.trim_matches('\'');
            return Self::refused(&format!("another record is the same by the index {index}"));
        }
        let names = columns.split(", ").filter_map(|column| column.split('.').nth(1));
        match &names.collect::<Vec<_>>()[..] {
            [name] => match name.parse() {
                Ok(field) => Self::NotUnique(field),
                Err(_) => Self::refused(&format!("another record already has this {name}")),
            },
            names => {
                let names = names.join(" and ");
                Self::refused(&format!("another record already has the same {names}"))
            }
        }
    }
}

/// Whether the name of a constraint has the form that we give to the rules of fields, such as
/// `total must be at least 0`.
fn is_of_field(rule: &str) -> bool {
    let (name, rest) = rule.split_once(' ').unwrap_or((rule, ""));
    rest.starts_with("must ") && name.parse::<FieldName>().is_ok()
}

/// Whether SQLite does not find a table or column that one of our own statements names. For a table that a
/// trigger names, SQLite's message has the name of the database before it (`main.orders`).
fn is_of_another_shape(message: &str) -> bool {
    let table = message.strip_prefix("no such table: ");
    table.is_some_and(|table| !table.starts_with("main.") || table.contains("._pagetide_"))
        || message.starts_with("no such column: ")
        || message.contains(" has no column named ")
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let Some(told) = error.as_database_error() else { return Self::Unavailable(error) };
        match primary_code(told) {
            CONSTRAINT => Self::of_constraint(told.message()),
            ERROR if told.message() == "too many levels of trigger recursion" => Self::TooDeep,
            ERROR if is_of_another_shape(told.message()) => {
                let words = told.message();
                Self::Unfit(format!("a table of the database is not as it is declared: {words}"))
            }
            TOO_BIG => Self::refused("a value is too large for the database"),
            ERROR | MISMATCH | MISUSE | RANGE => Self::Faulty(error),
            _ => Self::Unavailable(error),
        }
    }
}

// Result codes of SQLite (https://sqlite.org/rescode.html). An extended code has the primary one in its low
// byte.
const ERROR: i32 = 1;
const BUSY: i32 = 5;
const INTERRUPT: i32 = 9;
const CORRUPT: i32 = 11;
const FULL: i32 = 13;
const TOO_BIG: i32 = 18;
const CONSTRAINT: i32 = 19;
const MISMATCH: i32 = 20;
const MISUSE: i32 = 21;
const RANGE: i32 = 25;
const NOT_A_DATABASE: i32 = 26;

fn primary_code(error: &dyn DatabaseError) -> i32 {
    let code = error.code().and_then(|code| code.parse::<i32>().ok());
    code.unwrap_or_default() & 0xFF
}

/// Whether a transaction was not begun since another program was writing for longer than the busy timeout.
pub(super) fn is_busy(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|told| primary_code(told) == BUSY)
}

/// Whether a statement was stopped before its end: its time was over, or its reader no longer waited for it.
pub(super) fn is_interrupted(error: &StoreError) -> bool {
    let StoreError::Unavailable(error) = error else { return false };
    error.as_database_error().is_some_and(|told| primary_code(told) == INTERRUPT)
}

/// Whether SQLite found that the file is corrupt or no database.
pub(super) fn is_broken(error: &StoreError) -> bool {
    let StoreError::Unavailable(error) = error else { return false };
    let told = error.as_database_error();
    told.is_some_and(|told| matches!(primary_code(told), CORRUPT | NOT_A_DATABASE))
}

/// Whether SQLite reported a full database: the disk is full, or a table has no free id left.
pub(super) fn is_full(error: &StoreError) -> bool {
    let StoreError::Unavailable(error) = error else { return false };
    error.as_database_error().is_some_and(|told| primary_code(told) == FULL)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(message: &str, told: &str) {
        assert_eq!(StoreError::of_constraint(message).to_string(), told);
    }

    #[test]
    fn a_rule_of_others_is_told_in_their_words() {
        check("This workshop is full.", "This workshop is full.");
        check("CHECK constraint failed: no seats are left", "no seats are left");
        check("CHECK constraint failed: seats > 0", "seats > 0");
        check("UNIQUE constraint failed: t.a", "another record already has this value in a");
        check("UNIQUE constraint failed: t.a, t.b", "another record already has the same a and b");
        check(
            "UNIQUE constraint failed: index 'one_each'",
            "another record is the same by the index one_each",
        );
        check("two\nlines\u{7}", "two lines ");
        check("", "a rule of the database forbids it");
        check(&"x".repeat(999), &format!("{}…", "x".repeat(MOST_WORDS)));
    }

    #[test]
    fn a_rule_of_a_field_is_told_as_its_fault() {
        for message in [
            "CHECK constraint failed: total must be at least 0",
            "constraint failed: customer must be somebody",
            "NOT NULL constraint failed: t.a",
        ] {
            let told = StoreError::of_constraint(message);
            assert!(matches!(told, StoreError::BreaksRule(_)), "{told:?}");
        }
    }
}
