//! The field types: one file for each family of types.
//!
//! A family reads the options of its types, reads and checks values, and writes them as HTML. Each has a line
//! in `FAMILIES`; ARCHITECTURE.md says what else a new type needs.

use std::sync::Arc;

use rust_decimal::Decimal;
use serde_json::Value as Json;

use crate::fields::control::Control;
use crate::fields::schema::Shapes;
use crate::model::field::{Field, FieldKind, OnDelete};
use crate::model::ids::TableName;
use crate::model::input::Input;
use crate::model::storage::Storage;
use crate::model::value::{Label, RecordRef, Value};

pub mod control;
pub mod editor;
pub mod entry;
pub mod filter;
pub mod format;
pub mod relationship;
pub mod schema;
pub mod separator;
pub mod time;

mod autonumber;
mod checkbox;
mod json;
mod multi_select;
mod number;
mod select;
mod system;
mod text;

pub use number::without_percent;

/// The options of field types, as an author gives them, beside those that every field has.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The choices of selects, statuses and multi-selects: `options`.
    pub options: Option<Vec<Arc<str>>>,
    /// The currency of an amount, an ISO 4217 code: `currency`.
    pub currency: Option<Arc<str>>,
    /// The smallest number that is allowed: `min`.
    pub min: Option<serde_json::Number>,
    /// The greatest number that is allowed, or the number of stars: `max`.
    pub max: Option<serde_json::Number>,
    /// The first autonumber: `start`.
    pub start: Option<serde_json::Number>,
    /// The text before an autonumber: `prefix`.
    pub prefix: Option<Arc<str>>,
    /// The table that a relationship refers to: `table`.
    pub table: Option<TableName>,
    /// The rule for the removal of the related record: `onDelete`.
    pub on_delete: Option<OnDelete>,
}

/// The reason why an option of a field or a value does not fit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Misfit {
    /// The option at fault. `None` if a value is at fault.
    pub option: Option<&'static str>,
    /// The message, a fragment such as `must be a whole number, got "abc"`.
    pub message: String,
}

impl Misfit {
    fn value(message: impl Into<String>) -> Self {
        Self { option: None, message: message.into() }
    }

    fn option(option: &'static str, message: impl Into<String>) -> Self {
        Self { option: Some(option), message: message.into() }
    }
}

/// A family of field types.
trait Family: Sync {
    /// Its types: the name of each in YAML, and what it is, in words for authors.
    fn types(&self) -> &'static [(&'static str, &'static str)];

    /// The options that this type of the family takes.
    fn options(&self, type_name: &str) -> &'static [&'static str];

    /// The declared type with its options checked.
    fn kind(&self, type_name: &str, options: &Options) -> Result<FieldKind, Misfit>;

    /// Whether a field of this kind belongs to the family.
    fn has(&self, kind: &FieldKind) -> bool;

    /// Reads a value from JSON that is not null. The value is null if the JSON is empty, as a text of no
    /// characters is.
    fn parse(&self, kind: &FieldKind, json: &Json) -> Result<Value, Misfit>;

    /// Writes a value that is not null as the HTML inside a cell.
    fn write_cell(&self, kind: &FieldKind, value: &Value, html: &mut String);

    /// Returns the JSON Schemas of its values.
    fn shapes(&self, kind: &FieldKind) -> Shapes;

    /// Whether its cells are aligned to the right, as numbers are.
    fn right_aligned(&self) -> bool {
        false
    }

    /// The control to edit a value with. `None` if the system sets the field.
    fn control(&self, kind: &FieldKind) -> Option<Control>;

    /// The control to enter a value to filter by.
    fn filter_control(&self, _: &FieldKind) -> Control {
        Control::Text
    }

    /// A description of a value to filter by that completes the sentence "must be …".
    fn example(&self, _: &FieldKind) -> &'static str {
        "of another kind"
    }

    /// Returns a text that was typed into the control as JSON of the API. The text is not empty.
    fn typed(&self, _: &FieldKind, text: &str) -> Json {
        Json::from(text)
    }

    /// Returns a text from a CSV file or a query string as JSON of the API. The text is not empty.
    fn untyped(&self, _: &FieldKind, text: &str) -> Json {
        Json::from(text)
    }

    /// Returns the text that the control shows for a value. `None` if it is the value's own text.
    fn shown(&self, _: &FieldKind, _: &str) -> Option<String> {
        None
    }

    /// Whether the same value can be typed in several ways, as `1.5` and `1.50`.
    fn has_variants(&self, _: &FieldKind) -> bool {
        false
    }
}

const FAMILIES: [&dyn Family; 10] = [
    &text::TextFamily,
    &number::NumberFamily,
    &select::SelectFamily,
    &multi_select::MultiSelectFamily,
    &checkbox::CheckboxFamily,
    &time::TimeFamily,
    &relationship::RelationshipFamily,
    &json::JsonFamily,
    &autonumber::AutonumberFamily,
    &system::SystemFamily,
];

/// The names of all field types in YAML.
pub fn type_names() -> impl Iterator<Item = &'static str> {
    type_words().map(|(name, _)| name)
}

/// The names of all field types in YAML, each with its description for authors.
pub fn type_words() -> impl Iterator<Item = (&'static str, &'static str)> {
    FAMILIES.iter().flat_map(|family| family.types().iter().copied())
}

/// The names of the options of a field type. Empty if the type is unknown.
pub fn option_names(type_name: &str) -> &'static [&'static str] {
    by_name(type_name).map_or(&[], |family| family.options(type_name))
}

/// Returns the field kind of a type name and its options. `None` if the name is unknown, an error if the options
/// do not fit.
pub fn kind(type_name: &str, options: &Options) -> Option<Result<FieldKind, Misfit>> {
    by_name(type_name).map(|family| family.kind(type_name, options))
}

/// Reads a field's value from the input that was sent for it. Every digit of a number is kept.
///
/// # Errors
/// If the value does not fit the field.
pub fn read(field: &Field, input: &Input) -> Result<Value, Misfit> {
    match field.kind.storage() {
        Storage::Json if !input.is_null() => require_value(field, json::read(input.text())?),
        // The text of a number has all of its digits; a float would not.
        Storage::Decimal(_) if input.is_number() => parse(field, &Json::from(input.text())),
        _ => parse(field, &input.json().map_err(|error| unreadable(&error))?),
    }
}

/// Returns the misfit for well-formed JSON that cannot be read, because it is nested too deep or a number is too
/// large.
fn unreadable(error: &serde_json::Error) -> Misfit {
    Misfit::value(format!("must be JSON that every program can read: {error}"))
}

/// Reads a field's value from JSON. Null is a missing value. A required field refuses a missing value and a text
/// of blanks alone.
pub fn parse(field: &Field, json: &Json) -> Result<Value, Misfit> {
    let value = if json.is_null() { Value::Null } else { operand(field, json)? };
    require_value(field, value)
}

/// Returns the value, or a misfit if it is missing and the field is required.
fn require_value(field: &Field, value: Value) -> Result<Value, Misfit> {
    let is_missing = match &value {
        Value::Null => true,
        Value::Text(text) => text.trim().is_empty(),
        _ => false,
    };
    if field.required && is_missing { Err(Misfit::value("must have a value")) } else { Ok(value) }
}

/// Reads a value to compare the field with, from JSON that is not null. The value is null if the JSON is empty,
/// as an empty list is.
pub fn operand(field: &Field, json: &Json) -> Result<Value, Misfit> {
    family(&field.kind).parse(&field.kind, json)
}

/// Reads a field's value from text without types, as in a CSV file or a query string. An empty text is a missing
/// value.
pub fn parse_text(field: &Field, text: &str) -> Result<Value, Misfit> {
    if text.is_empty() {
        return parse(field, &Json::Null);
    }
    match field.kind.storage() {
        // From its text, so that every digit is kept.
        Storage::Json => read(field, &json::from_text(text)?),
        _ => parse(field, &family(&field.kind).untyped(&field.kind, text)),
    }
}

/// The control with which people enter a value to filter the field by.
pub fn filter_control(kind: &FieldKind) -> Control {
    family(kind).filter_control(kind)
}

/// A description of a value to filter the field by that completes the sentence "must be …".
pub fn example(kind: &FieldKind) -> &'static str {
    family(kind).example(kind)
}

/// Returns a whole number as a JSON number. Any other text stays a JSON string.
fn whole_number(text: &str) -> Json {
    text.parse::<i64>().map_or_else(|_| Json::from(text), Json::from)
}

/// Returns a value as text that [`parse_text`] reads. A person is written by name, which it does not read.
pub fn plain_text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Boolean(value) => value.to_string(),
        Value::Integer(value) => value.to_string(),
        Value::Decimal(value) => value.to_string(),
        Value::Text(text) | Value::Json(text) => text.as_ref().to_owned(),
        Value::List(chosen) => multi_select::to_text(chosen),
        Value::Link(RecordRef { label: Label::Text(text), .. }) => text.as_ref().to_owned(),
        Value::Link(link) => link.id.to_string(),
        Value::Person(person) => {
            person.name.as_deref().unwrap_or_else(|| person.id.as_str()).to_owned()
        }
    }
}

/// Writes a value as the HTML inside a cell, escaped.
pub fn write_cell(field: &Field, value: &Value, html: &mut String) {
    if value.is_null() {
        html.push_str(r#"<span class="pt-empty" aria-label="empty">–</span>"#);
    } else {
        family(&field.kind).write_cell(&field.kind, value, html);
    }
}

/// Writes a figure over a field's values, or a count if `field` is `None`, as HTML.
pub fn write_figure(field: Option<&Field>, value: &Value, html: &mut String) {
    match (field, value) {
        (Some(Field { kind: FieldKind::Rating(_), .. }) | None, Value::Integer(number)) => {
            number::write_grouped(number, html);
        }
        (None, Value::Decimal(number)) => number::write_grouped(number, html),
        (Some(field), _) => write_cell(field, value, html),
        (None, _) => {}
    }
}

/// Writes a round number beside the axis of a chart, shortened and in the unit of the field.
pub fn write_tick(field: Option<&Field>, number: Decimal, html: &mut String) {
    number::write_tick(field.map(|field| &field.kind), number, html);
}

/// Whether the field's cells are aligned to the right, as numbers are.
pub fn right_aligned(kind: &FieldKind) -> bool {
    family(kind).right_aligned()
}

/// Writes text into HTML, for element content and quoted attributes alike.
pub fn escape(text: &str, html: &mut String) {
    for piece in text.split_inclusive(['&', '<', '>', '"', '\'', '\r']) {
        let Some(special) = piece.chars().next_back() else { continue };
        let entity = match special {
            '&' => "&amp;",
            '<' => "&lt;",
            '>' => "&gt;",
            '"' => "&quot;",
            '\'' => "&#39;",
            // HTML parsers turn a bare carriage return into a line feed.
            '\r' => "&#13;",
            _ => {
                html.push_str(piece);
                continue;
            }
        };
        html.push_str(&piece[..piece.len() - 1]);
        html.push_str(entity);
    }
}

fn by_name(type_name: &str) -> Option<&'static dyn Family> {
    FAMILIES.into_iter().find(|family| family.types().iter().any(|(name, _)| *name == type_name))
}

fn family(kind: &FieldKind) -> &'static dyn Family {
    FAMILIES.into_iter().find(|family| family.has(kind)).expect("every kind has a family")
}

#[cfg(test)]
pub(crate) mod samples;

#[cfg(test)]
mod tests;
