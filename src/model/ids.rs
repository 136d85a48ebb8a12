//! Names and ids. Each is checked once, when it is made, and trusted from then on.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The error for a text that breaks the rule of its kind of name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a {what}: {rule}")]
pub struct BadName {
    text: String,
    what: &'static str,
    rule: &'static str,
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $what:literal, $rule:ident, $first:expr, $rest:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $type(Arc<str>);

        impl $type {
            /// The name as it is written.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $type {
            type Error = BadName;

            fn try_from(text: String) -> Result<Self, BadName> {
                let starts = text.bytes().next().is_some_and($first);
                if starts && text.len() <= 63 && text.bytes().all($rest) {
                    Ok(Self(text.into()))
                } else {
                    Err(BadName { text, what: $what, rule: $rule })
                }
            }
        }

        impl FromStr for $type {
            type Err = BadName;

            fn from_str(text: &str) -> Result<Self, BadName> {
                text.to_owned().try_into()
            }
        }

        impl From<$type> for String {
            fn from(name: $type) -> String {
                name.0.as_ref().to_owned()
            }
        }

        // Maps with such names as keys can then be searched by any text.
        impl Borrow<str> for $type {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

/// The rule for table names, as messages state it.
pub const TABLE_NAME_RULE: &str = "1 to 63 lowercase letters, digits, `_` and `-`, a letter first";
/// The rule for field names, as messages state it.
pub const FIELD_NAME_RULE: &str = "1 to 63 letters, digits and `_`, a letter first";
/// The rule for component ids, as messages state it.
pub const COMPONENT_ID_RULE: &str = "1 to 63 letters, digits, `_` and `-`, a letter first";
/// The rule for roles, as messages state it.
pub const ROLE_RULE: &str = "1 to 63 lowercase letters, digits, `_` and `-`, a letter first";

name!(
    /// The name of a table in YAML, URLs and the database.
    TableName, "table name", TABLE_NAME_RULE,
    |b| b.is_ascii_lowercase(),
    |b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-'
);
name!(
    /// The name of a field in YAML, JSON and the database, where it is always quoted.
    FieldName, "field name", FIELD_NAME_RULE,
    |b| b.is_ascii_alphabetic(),
    |b| b.is_ascii_alphanumeric() || b == b'_'
);
name!(
    /// The id of a component, unique on its page: the author's `id`, or one made of its type and its number
    /// there, such as `dataTable-2`.
    ComponentId, "component id", COMPONENT_ID_RULE,
    |b| b.is_ascii_alphabetic(),
    |b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-'
);
name!(
    /// The role of a user, which permissions name: `admin`, `member`, `viewer` or one that the author declares.
    Role, "role", ROLE_RULE,
    |b| b.is_ascii_lowercase(),
    |b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-'
);

/// The roles that every app has.
pub const BUILT_IN_ROLES: [&str; 3] = ["admin", "member", "viewer"];

/// The id of a record within its table. In JSON a string in records, but a number in `recordId` of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct RecordId(i64);

impl RecordId {
    /// The id as the integer that the database holds.
    pub fn get(self) -> i64 {
        self.0
    }

    /// The id as text, if it is beyond 2^53 - 1: programs that read JSON numbers as doubles would take it for
    /// another one. `None` for a smaller id.
    pub fn beyond_doubles(self) -> Option<String> {
        const LAST: u64 = (1 << 53) - 1;
        (self.0.unsigned_abs() > LAST).then(|| self.to_string())
    }
}

impl From<i64> for RecordId {
    fn from(key: i64) -> Self {
        Self(key)
    }
}

impl FromStr for RecordId {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        let bad = || BadName { text: text.to_owned(), what: "record id", rule: "a whole number" };
        let id = text.parse().map(Self).map_err(|_| bad())?;
        // An id has one spelling, so that a record has one address: `007` and `+7` are refused.
        if id.to_string() == text { Ok(id) } else { Err(bad()) }
    }
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A position in the change log, up to which a reader knows all changes. Opaque outside `store`. Clients
/// receive it as a [`SealedPosition`] only.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Position(Arc<str>);

impl Position {
    /// Wraps a text without a check. `store` recognises texts that are no position.
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// The text of the position, which only `store` interprets.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A position as clients hold it: encrypted and authenticated, so that they can neither read nor forge it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SealedPosition(Arc<str>);

impl SealedPosition {
    /// Wraps a text without a check. `store` recognises texts that it did not seal.
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// The text as clients receive and send it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The id of an account, random and never reused.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UserId(Arc<str>);

impl UserId {
    /// Wraps an id that was read from the database or just made, without a check.
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// The id as it is stored in the columns of created-by and updated-by fields.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, table: bool, field: bool) {
        assert_eq!(text.parse::<TableName>().is_ok(), table, "as a table name");
        assert_eq!(text.parse::<FieldName>().is_ok(), field, "as a field name");
    }

    #[test]
    fn names_follow_their_rules() {
        check("orders", true, true);
        check("order-lines", true, false);
        check("createdAt", false, true);
        check("", false, false);
        check("1st", false, false);
        check("_pagetide_users", false, false);
        check("naïve", false, false);
        check(&"a".repeat(63), true, true);
        check(&"a".repeat(64), false, false);
    }

    #[test]
    fn a_record_id_has_one_spelling() {
        assert_eq!("42".parse::<RecordId>().unwrap().get(), 42);
        for text in ["", "042", "+42", "4 2", "42.0", "9223372036854775808", "abc"] {
            assert!(text.parse::<RecordId>().is_err(), "{text}");
        }
    }
}
