//! One value of one field, and how it reads as JSON.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use rust_decimal::Decimal;
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};
use serde_json::Value as Json;

use crate::model::canonical;
use crate::model::ids::{RecordId, UserId};

/// A field's value. Dates and datetimes are [`Value::Text`] in their one canonical form, which
/// sorts by time: `2026-04-05` and `2026-04-05T12:00:00.000Z`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Value {
    /// A missing value: equals, exceeds and contains nothing, sorts last.
    Null,
    /// The value of a checkbox.
    Boolean(bool),
    /// integer, rating, autonumber and the `id`.
    Integer(i64),
    /// decimal, currency and percentage; a string in JSON, so no digit is lost on the way.
    Decimal(Decimal),
    /// Text kinds, selects, dates and datetimes.
    Text(Arc<str>),
    /// Who created or last changed a record.
    Person(UserRef),
    /// What was chosen in a multi-select, at least one, in the order of the options.
    List(Arc<[Arc<str>]>),
    /// JSON as it is kept; another program may have written it in its own way.
    Json(Arc<str>),
    /// The record that a relationship refers to.
    Link(RecordRef),
}

/// A record that another refers to. Two are equal when their ids are.
#[derive(Clone, Debug)]
pub struct RecordRef {
    /// The id of the record.
    pub id: RecordId,
    /// What it goes by.
    pub label: Label,
}

/// What a record goes by where another refers to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Label {
    /// The label was not asked for.
    Unread,
    /// There is none for whoever asked.
    Hidden,
    /// The label as it is shown.
    Text(Arc<str>),
}

/// As people read it: what it goes by, or `#7`.
impl fmt::Display for RecordRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.label {
            Label::Text(label) => f.write_str(label),
            Label::Unread | Label::Hidden => write!(f, "#{}", self.id),
        }
    }
}

impl From<RecordId> for RecordRef {
    fn from(id: RecordId) -> Self {
        Self { id, label: Label::Unread }
    }
}

impl PartialEq for RecordRef {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for RecordRef {}

impl Hash for RecordRef {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.id.hash(state);
    }
}

impl Serialize for RecordRef {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let label = match &self.label {
            Label::Unread => return serializer.collect_str(&self.id),
            Label::Hidden => None,
            Label::Text(text) => Some(text.as_ref()),
        };
        let mut link = serializer.serialize_struct("Link", 2)?;
        link.serialize_field("id", &self.id.to_string())?;
        link.serialize_field("label", &label)?;
        link.end()
    }
}

/// A user as other people see them. Two are equal when their ids are.
#[derive(Clone, Debug, Serialize)]
pub struct UserRef {
    /// The identity that is stored.
    pub id: UserId,
    /// The name shown beside it, absent when the account is gone.
    pub name: Option<Arc<str>>,
}

impl PartialEq for UserRef {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for UserRef {}

impl Hash for UserRef {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.id.hash(state);
    }
}

impl Value {
    /// A text as a value.
    pub fn text(text: impl Into<Arc<str>>) -> Self {
        Self::Text(text.into())
    }

    /// Whichever of the options were chosen, in their order; no value if none was.
    pub fn list(options: &[Arc<str>], is_chosen: impl Fn(&str) -> bool) -> Self {
        let chosen = options.iter().filter(|option| is_chosen(option));
        let chosen: Arc<[_]> = chosen.cloned().collect();
        if chosen.is_empty() { Self::Null } else { Self::List(chosen) }
    }

    /// Whether there is no value.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Boolean(value) => serializer.serialize_bool(*value),
            Self::Integer(value) => serializer.serialize_i64(*value),
            Self::Decimal(value) => serializer.collect_str(value),
            Self::Text(value) => serializer.serialize_str(value),
            Self::Person(person) => person.serialize(serializer),
            Self::Link(link) => link.serialize(serializer),
            Self::List(chosen) => serializer.collect_seq(chosen.iter().map(|text| text.as_ref())),
            Self::Json(text) => match canonical::json(text) {
                Ok(json) => json.serialize(serializer),
                // Another program may keep what we cannot read, as a number beyond every float.
                Err(_) => serializer.serialize_str(text),
            },
        }
    }
}

/// The texts as a JSON array: what is kept of a [`Value::List`], and what it sorts by.
pub fn list_text(texts: &[Arc<str>]) -> String {
    Json::from_iter(texts.iter().map(|text| Json::from(text.as_ref()))).to_string()
}
