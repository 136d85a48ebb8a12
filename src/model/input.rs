//! Values as they were sent, before their fields have read them.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value as Json;
use serde_json::value::{RawValue, to_raw_value};

use crate::model::value::Value;

/// JSON as somebody sent it: its text, so that no digit of a number is lost on the way to its field.
#[derive(Clone, Debug, Deserialize)]
#[serde(transparent)]
pub struct Input(Box<RawValue>);

/// What was sent for the fields of a record, by their names.
pub type Inputs = BTreeMap<String, Input>;

impl Input {
    /// The JSON as it was written.
    pub fn text(&self) -> &str {
        self.0.get()
    }

    /// Whether it is null.
    pub fn is_null(&self) -> bool {
        self.text() == "null"
    }

    /// Whether it is a number.
    pub fn is_number(&self) -> bool {
        self.text().starts_with(|first: char| first == '-' || first.is_ascii_digit())
    }

    /// What it says, where nothing hangs on the digits of its numbers.
    ///
    /// # Errors
    /// If it holds a number beyond every float, or half a character.
    pub fn json(&self) -> Result<Json, serde_json::Error> {
        serde_json::from_str(self.text())
    }
}

impl From<Box<RawValue>> for Input {
    fn from(json: Box<RawValue>) -> Self {
        Self(json)
    }
}

impl From<&Json> for Input {
    fn from(json: &Json) -> Self {
        Self(to_raw_value(json).unwrap_or_default())
    }
}

/// As the API has it.
impl From<&Value> for Input {
    fn from(value: &Value) -> Self {
        Self(to_raw_value(value).unwrap_or_default())
    }
}
