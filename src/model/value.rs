//! One value of one field, and its form in JSON.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use rust_decimal::Decimal;
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};
use serde_json::Value as Json;

use crate::model::canonical;
use crate::model::ids::{RecordId, UserId};

/// A field's value. Dates, times of day and datetimes are [`Value::Text`] in a canonical form that sorts by
/// time: `2026-04-05`, `14:30`, `2026-04-05T12:00:00.000Z`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Value {
    /// No value. In filters it equals, exceeds and contains nothing; in an order it comes last.
    Null,
    /// The value of a checkbox.
    Boolean(bool),
    /// The value of an integer, a rating, an autonumber or the `id`.
    Integer(i64),
    /// The value of a decimal, a currency or a percentage. It is a string in JSON, since JSON numbers lose
    /// digits in programs that read them as floats.
    Decimal(Decimal),
    /// The value of a text type, a single-select, a status, a date, a time or a datetime.
    Text(Arc<str>),
    /// The user who created or last changed a record.
    Person(UserRef),
    /// The options chosen in a multi-select, in the order of their declaration. None chosen is [`Value::Null`].
    List(Arc<[Arc<str>]>),
    /// The text of a JSON document as stored. Another program may have written it, even invalid.
    Json(Arc<str>),
    /// The record that a relationship refers to.
    Link(RecordRef),
}

/// A related record: the id that a relationship holds, and its label. Two are equal if their ids are.
#[derive(Clone, Debug)]
pub struct RecordRef {
    /// The id of the record.
    pub id: RecordId,
    /// The label of the related record.
    pub label: Label,
}

/// The label that a related record is shown with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Label {
    /// The label was not loaded.
    Unread,
    /// The record has no label, or the viewer may not read it.
    Hidden,
    /// The label as it is shown.
    Text(Arc<str>),
}

/// The label if there is one, else the id with a number sign: `#7`.
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
            // Where labels were not loaded, the API has the id alone in place of an object.
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

/// A user as the creator or editor of a record. Equal if the ids are, whatever the names.
#[derive(Clone, Debug, Serialize)]
pub struct UserRef {
    /// The id that is stored in the record.
    pub id: UserId,
    /// The name of the account; `None` if the account was removed, or the name was not loaded.
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
    /// Makes a [`Value::Text`] of any text.
    pub fn text(text: impl Into<Arc<str>>) -> Self {
        Self::Text(text.into())
    }

    /// Returns the list of the options that `is_chosen` accepts, in their order. [`Value::Null`] if it accepts
    /// none.
    pub fn list(options: &[Arc<str>], is_chosen: impl Fn(&str) -> bool) -> Self {
        let chosen = options.iter().filter(|option| is_chosen(option));
        let chosen: Arc<[_]> = chosen.cloned().collect();
        if chosen.is_empty() { Self::Null } else { Self::List(chosen) }
    }

    /// Whether the field has no value.
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
                // Another program may have stored what cannot be parsed, as a number too great for a float.
                Err(_) => serializer.serialize_str(text),
            },
        }
    }
}

/// Returns the texts as a JSON array: the form in which a [`Value::List`] is stored and sorted.
pub fn list_text(texts: &[Arc<str>]) -> String {
    Json::from_iter(texts.iter().map(|text| Json::from(text.as_ref()))).to_string()
}
