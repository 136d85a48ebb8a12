//! Values of fields as a client sent them, before the module `fields` has parsed and checked them.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value as Json;
use serde_json::value::{RawValue, to_raw_value};

use crate::model::value::Value;

/// One JSON value as its text was sent. It is kept as text, since a parsed number would be a 64-bit float
/// and lose digits of a decimal.
#[derive(Clone, Debug, Deserialize)]
#[serde(transparent)]
pub struct Input(Box<RawValue>);

/// The values that were sent for the fields of a record, by field name. The names are not checked yet.
pub type Inputs = BTreeMap<String, Input>;

impl Input {
    /// The JSON text as it was sent, without blanks around it.
    pub fn text(&self) -> &str {
        self.0.get()
    }

    /// Whether the value is JSON `null`.
    pub fn is_null(&self) -> bool {
        self.text() == "null"
    }

    /// Whether the value is a JSON number.
    pub fn is_number(&self) -> bool {
        self.text().starts_with(|first: char| first == '-' || first.is_ascii_digit())
    }

    /// Parses the value, for fields that need no exact digits of numbers.
    ///
    /// # Errors
    /// If it holds a number that is too great for a 64-bit float, or a `\u` escape of an unpaired surrogate.
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

/// The value as the API returns it.
impl From<&Value> for Input {
    fn from(value: &Value) -> Self {
        Self(to_raw_value(value).unwrap_or_default())
    }
}
