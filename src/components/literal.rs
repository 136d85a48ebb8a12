//! Checks values that an author writes and that are the same for every viewer: the default of a field, or
//! the value that an action sets.

use serde_json::Value as Json;

use crate::fields;
use crate::model::field::Field;
use crate::model::input::Input;
use crate::model::operand::seeming;
use crate::model::problem::{Place, Problems};
use crate::model::storage::Storage;
use crate::model::value::Value;

/// A value as an author has written it, with what messages need.
pub struct Literal<'a> {
    /// The value, as JSON.
    pub json: &'a Json,
    /// The same with every digit and its keys in their order, which is what a field of JSON keeps; `None` if that is
    /// not known.
    pub written: Option<Input>,
    /// The name of the value in messages, as "value of `status`".
    pub subject: &'a str,
    /// The place where it stands in the YAML.
    pub place: Place,
}

impl Literal<'_> {
    /// The value as the field holds it. `None` if it does not fit, or seems to stand for something else (`$user.id`):
    /// that is reported.
    pub fn check(self, field: &Field, problems: &mut Problems) -> Option<Value> {
        let Self { json, written, subject, place } = self;
        if let Some(value) = json.as_str().and_then(seeming) {
            let message = format!("`{value}` has no meaning in {subject}");
            let help = "it is the same for everyone: write the value itself";
            problems.report(place, message).help(help);
            return None;
        }
        // Only a field of JSON keeps a value as it was written. Its digits and the order of keys are part of it.
        let written = written.filter(|_| field.kind.storage() == Storage::Json);
        let value =
            written.map_or_else(|| fields::parse(field, json), |json| fields::read(field, &json));
        match value {
            Ok(value) => Some(value),
            Err(misfit) => {
                problems.report(place, format!("{subject} {misfit}"));
                None
            }
        }
    }
}
