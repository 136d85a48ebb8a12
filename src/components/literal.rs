//! A value that an author writes down, the same for everyone: what a field begins with, what an action
//! sets.

use serde_json::Value as Json;

use crate::fields;
use crate::model::field::Field;
use crate::model::input::Input;
use crate::model::operand::seeming;
use crate::model::problem::{Place, Problems};
use crate::model::storage::Storage;
use crate::model::value::Value;

/// The value of a field that stands at this place. Reports what does not fit, and what seems to stand
/// for something else; `subject` is what an author calls it. `written` is the same with every digit
/// and its keys in their order, which is what a field of JSON keeps.
pub fn check(
    field: &Field,
    json: &Json,
    written: Option<&Input>,
    subject: &str,
    place: Place,
    problems: &mut Problems,
) -> Option<Value> {
    if let Some(value) = json.as_str().and_then(seeming) {
        let message = format!("`{value}` stands for nothing in {subject}");
        problems.report(place, message).help("it is the same for everyone: write the value itself");
        return None;
    }
    let written = written.filter(|_| field.kind.storage() == Storage::Json);
    let value =
        written.map_or_else(|| fields::parse(field, json), |json| fields::read(field, json));
    match value {
        Ok(value) => Some(value),
        Err(misfit) => {
            problems.report(place, format!("{subject} {misfit}"));
            None
        }
    }
}
