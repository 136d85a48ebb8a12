//! Why the database did not do what it was asked to.

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
        /// The table that is seeded.
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
        /// The field that refers to it.
        field: FieldName,
        /// Where the record would have to be.
        table: TableName,
    },
    /// Other records refer to this one.
    #[error("other records refer to this one")]
    Referred,
    /// The value is refused by the rule of a field that stands in the database.
    #[error("the database refused the value: {0}")]
    BreaksRule(String),
    /// The write is refused by what others have put into the database, in their words.
    #[error("{0}")]
    Refused(String),
    /// Records are removed with the one that they refer to, in a chain that is too long.
    #[error(
        "too many records would go with it, each with the one that it refers to; remove those at the \
         end of the chain first"
    )]
    TooDeep,
    /// The account's e-mail address is taken.
    #[error("there is already an account with this e-mail address")]
    EmailTaken,
    /// The database cannot do this, now or later: something in it is not as it should be.
    #[error("the database cannot do this as it is")]
    Faulty(#[source] sqlx::Error),
    /// The database cannot be reached, or not now.
    #[error("the database does not answer")]
    Unavailable(#[source] sqlx::Error),
    /// The file of the database is another by now, or none.
    #[error(
        "the database's file was moved, deleted or replaced, and what is written now would be lost; \
         nothing is written until it is back or the server is started again"
    )]
    Misplaced,
    /// The database is not what it should be, and why.
    #[error("{0}")]
    Unfit(String),
    /// It asked for more than is given.
    #[error(transparent)]
    Exceeded(#[from] Exceeded),
    /// Whoever reads took too long.
    #[error("whoever reads took too long")]
    TooSlow,
    /// What was only tried out was given up for others who wait to write.
    #[error("others are writing to the database")]
    MadeWay,
    /// The store is closing.
    #[error("the database is being closed")]
    Closed,
}

/// Whether a character is not seen but changes how others are: a control, or a mark by which text turns
/// its direction (Unicode Standard Annex 9, 2).
fn is_unseen(letter: char) -> bool {
    let turns = ['\u{61c}', '\u{200e}', '\u{200f}'];
    letter.is_control()
        || turns.contains(&letter)
        || matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// How many letters of what others have to say are told.
const MOST_WORDS: usize = 300;

impl StoreError {
    /// A refusal in the words of others: of one line, and not too long.
    fn refused(words: &str) -> Self {
        let plain = |letter: char| if is_unseen(letter) { ' ' } else { letter };
        let mut told: String = words.trim().chars().map(plain).take(MOST_WORDS).collect();
        if words.trim().chars().count() > MOST_WORDS {
            told.push('…');
        }
        if told.is_empty() {
            told.push_str("a rule of the database is against it");
        }
        Self::Refused(told)
    }

    /// The words for whoever asked for something.
    pub fn told(&self) -> String {
        match self {
            Self::Misplaced | Self::Exceeded(_) => self.to_string(),
            Self::Unfit(_) => {
                "the database is not as it should be; the log of the server says why".to_owned()
            }
            _ => "the database does not answer".to_owned(),
        }
    }

    /// What the database said, where that is told only to who looks after it.
    pub(super) fn cause(&self) -> String {
        match self {
            Self::Faulty(error) | Self::Unavailable(error) => match error.as_database_error() {
                Some(told) => told.message().to_owned(),
                None => error.to_string(),
            },
            other => other.to_string(),
        }
    }

    /// What a failed constraint says.
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

    /// What is there already: one field, several together, or what an index makes of them.
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

/// Whether a rule is about one field, as those that we make are: `total must be at least 0`.
fn is_of_field(rule: &str) -> bool {
    let (name, rest) = rule.split_once(' ').unwrap_or((rule, ""));
    rest.starts_with("must ") && name.parse::<FieldName>().is_ok()
}

/// Whether SQLite does not find what our own statements name. What those of others name, in their
/// triggers, is told with the database that it is in.
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

// Result codes of SQLite: https://sqlite.org/rescode.html. An extended one has them in its low byte.
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

/// Whether another program was writing for longer than was waited.
pub(super) fn is_busy(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|told| primary_code(told) == BUSY)
}

/// Whether a statement was stopped before its end: its time was over, or nobody waited for it any more.
pub(super) fn is_interrupted(error: &StoreError) -> bool {
    let StoreError::Unavailable(error) = error else { return false };
    error.as_database_error().is_some_and(|told| primary_code(told) == INTERRUPT)
}

/// Whether what was read of the file is no whole database.
pub(super) fn is_broken(error: &StoreError) -> bool {
    let StoreError::Unavailable(error) = error else { return false };
    let told = error.as_database_error();
    told.is_some_and(|told| matches!(primary_code(told), CORRUPT | NOT_A_DATABASE))
}

/// Whether SQLite had no room: on the disk, or among the ids of a table.
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
        check("", "a rule of the database is against it");
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
