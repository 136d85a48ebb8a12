//! Names and identities. Each is checked once, when it is made, and trusted ever after.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Text that cannot be the name it was meant to be.
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

        // So that maps keyed by such names can be asked for any text.
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

/// What a table name must look like, in an author's words.
pub const TABLE_NAME_RULE: &str = "1 to 63 lowercase letters, digits, `_` and `-`, a letter first";
/// What a field name must look like, in an author's words.
pub const FIELD_NAME_RULE: &str = "1 to 63 letters, digits and `_`, a letter first";
/// What a component id must look like, in an author's words.
pub const COMPONENT_ID_RULE: &str = "1 to 63 letters, digits, `_` and `-`, a letter first";
/// What a role must look like, in an author's words.
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
    /// Where on its page a component stands: the author's `id`, or one made from its position.
    ComponentId, "component id", COMPONENT_ID_RULE,
    |b| b.is_ascii_alphabetic(),
    |b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-'
);
name!(
    /// What a signed-in person is, for permissions: `admin`, `member`, `viewer` or an author's own.
    Role, "role", ROLE_RULE,
    |b| b.is_ascii_lowercase(),
    |b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-'
);

/// The roles every app has.
pub const BUILT_IN_ROLES: [&str; 3] = ["admin", "member", "viewer"];

/// The key of a record within its table. A string in envelopes, a number in `recordId`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct RecordId(i64);

impl RecordId {
    /// The integer key as the database holds it.
    pub fn get(self) -> i64 {
        self.0
    }

    /// The key as text, where programs that read every number as a double would take it for another.
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
        // One spelling per id: `007` and `+7` are not records.
        if id.to_string() == text { Ok(id) } else { Err(bad()) }
    }
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How far into the change feed a reader knows everything. Opaque outside `store`, and handed out as
/// a [`SealedPosition`] only.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Position(Arc<str>);

impl Position {
    /// Wraps the text of a position, unread: whether it means anything is for `store` to say.
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// The text, for `store` to read.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A position as clients hold it: encrypted and authenticated, so that it tells them nothing and
/// cannot be made up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SealedPosition(Arc<str>);

impl SealedPosition {
    /// Wraps a text, unread: whether it stands for a position is for `store` to say.
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// The text as it goes over the wire.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The identity of an account, random and never reused.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UserId(Arc<str>);

impl UserId {
    /// Wraps an id read from the database or just made.
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// The id as stored in `created-by` and `updated-by` columns.
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
