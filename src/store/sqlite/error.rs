//! How errors of SQLite become errors of the store.

use sqlx::error::DatabaseError;

use crate::store::StoreError;
use crate::store::error::is_of_field;

/// The error of the store for an error of SQLite.
pub(in crate::store) fn converted(error: sqlx::Error) -> StoreError {
    let Some(told) = error.as_database_error() else { return StoreError::Unavailable(error) };
    match primary_code(told) {
        CONSTRAINT => of_constraint(told.message()),
        ERROR if told.message() == "too many levels of trigger recursion" => StoreError::TooDeep,
        ERROR if is_of_another_shape(told.message()) => {
            let words = told.message();
            StoreError::Unfit(format!("a table of the database is not as it is declared: {words}"))
        }
        TOO_BIG => StoreError::refused("a value is too large for the database"),
        ERROR | MISMATCH | MISUSE | RANGE => StoreError::Faulty(error),
        _ => StoreError::Unavailable(error),
    }
}

/// The error for the message of a failed constraint.
fn of_constraint(message: &str) -> StoreError {
    if let Some(columns) = message.strip_prefix("UNIQUE constraint failed: ") {
        return of_unique(columns);
    }
    if let Some(column) = message.strip_prefix("NOT NULL constraint failed: ") {
        let field = column.split('.').nth(1).unwrap_or(column);
        return StoreError::BreaksRule(format!("{field} must have a value"));
    }
    if message.starts_with("FOREIGN KEY constraint failed") {
        return StoreError::Referred;
    }
    match message.split_once("constraint failed: ") {
        Some((_, rule)) if is_of_field(rule) => StoreError::BreaksRule(rule.to_owned()),
        Some((_, rule)) => StoreError::refused(rule),
        None => StoreError::refused(message),
    }
}

/// The error for a failed unique constraint. `columns` is the rest of SQLite's message: one column,
/// several columns, or the name of an index on an expression.
fn of_unique(columns: &str) -> StoreError {
    if columns.starts_with("_pagetide_users.") {
        return StoreError::EmailTaken;
    }
    if let Some(index) = columns.strip_prefix("index ") {
        let index = index.trim_matches('\'');
        return StoreError::refused(&format!("another record is the same by the index {index}"));
    }
    let names = columns.split(", ").filter_map(|column| column.split('.').nth(1));
    match &names.collect::<Vec<_>>()[..] {
        [name] => match name.parse() {
            Ok(field) => StoreError::NotUnique(field),
            Err(_) => StoreError::refused(&format!("another record already has this {name}")),
        },
        names => {
            let names = names.join(" and ");
            StoreError::refused(&format!("another record already has the same {names}"))
        }
    }
}

/// Whether SQLite does not find a table or column that one of our own statements names. For a table that a
/// trigger names, SQLite's message has the name of the database before it (`main.orders`).
fn is_of_another_shape(message: &str) -> bool {
    let table = message.strip_prefix("no such table: ");
    table.is_some_and(|table| !table.starts_with("main.") || table.contains("._pagetide_"))
        || message.starts_with("no such column: ")
        || message.contains(" has no column named ")
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
        assert_eq!(of_constraint(message).to_string(), told);
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
        check(&"x".repeat(999), &format!("{}…", "x".repeat(300)));
    }

    #[test]
    fn a_rule_of_a_field_is_told_as_its_fault() {
        for message in [
            "CHECK constraint failed: total must be at least 0",
            "constraint failed: customer must be somebody",
            "NOT NULL constraint failed: t.a",
        ] {
            let told = of_constraint(message);
            assert!(matches!(told, StoreError::BreaksRule(_)), "{told:?}");
        }
    }
}
