//! What fields may hold: one file per family of field types.
//!
//! A family reads a type's options, takes values from JSON, checks them and writes them into HTML
//! cells. Each has a line in `FAMILIES`; ARCHITECTURE.md says what else a new type needs.

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

/// The options that field types take beside those of every field, as an author gives them.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// `options` of selects, statuses and multi-selects.
    pub options: Option<Vec<Arc<str>>>,
    /// `currency`, an ISO 4217 code.
    pub currency: Option<Arc<str>>,
    /// The smallest number, as `min` says.
    pub min: Option<serde_json::Number>,
    /// `max` of numbers and ratings.
    pub max: Option<serde_json::Number>,
    /// The first autonumber, as `start` says.
    pub start: Option<serde_json::Number>,
    /// The text before an autonumber, as `prefix` says.
    pub prefix: Option<Arc<str>>,
    /// The table of a relationship, as `table` says.
    pub table: Option<TableName>,
    /// The rule for removed records of a relationship, as `onDelete` says.
    pub on_delete: Option<OnDelete>,
}

/// Why a field's options or a value do not fit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Misfit {
    /// The option at fault, absent when it is a value.
    pub option: Option<&'static str>,
    /// What is wrong, as a fragment: `must be a whole number, got "abc"`.
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

    /// A value from JSON that is not null; the value is if there is nothing in it.
    fn parse(&self, kind: &FieldKind, json: &Json) -> Result<Value, Misfit>;

    /// Writes a value, never null, as the HTML inside a cell.
    fn write_cell(&self, kind: &FieldKind, value: &Value, html: &mut String);

    /// The shapes of its values as JSON Schema.
    fn shapes(&self, kind: &FieldKind) -> Shapes;

    /// Whether cells are aligned to the right, as numbers are.
    fn right_aligned(&self) -> bool {
        false
    }

    /// The control that a value is edited with; nothing for what the system sets.
    fn control(&self, kind: &FieldKind) -> Option<Control>;

    /// The control that filters by the field, where people type what they look for.
    fn filter_control(&self, _: &FieldKind) -> Control {
        Control::Text
    }

    /// How a value to filter by is written, after "must be".
    fn example(&self, _: &FieldKind) -> &'static str {
        "of another kind"
    }

    /// What was typed into the control, as JSON of the API. It is not empty.
    fn typed(&self, _: &FieldKind, text: &str) -> Json {
        Json::from(text)
    }

    /// A text without types, as in a CSV file, as JSON of the API. It is not empty.
    fn untyped(&self, _: &FieldKind, text: &str) -> Json {
        Json::from(text)
    }

    /// A value's text as the control shows it, where that is another.
    fn shown(&self, _: &FieldKind, _: &str) -> Option<String> {
        None
    }

    /// Whether one value can be typed in several ways, as `1.5` and `1.50`.
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

/// Every field type by its name in YAML.
pub fn type_names() -> impl Iterator<Item = &'static str> {
    type_words().map(|(name, _)| name)
}

/// Every field type by its name in YAML, with what it is, in words for authors.
pub fn type_words() -> impl Iterator<Item = (&'static str, &'static str)> {
    FAMILIES.iter().flat_map(|family| family.types().iter().copied())
}

/// The options that fields of this type take, nothing for an unknown type.
pub fn option_names(type_name: &str) -> &'static [&'static str] {
    by_name(type_name).map_or(&[], |family| family.options(type_name))
}

/// The kind of field that a type name and its options make; nothing for an unknown name.
pub fn kind(type_name: &str, options: &Options) -> Option<Result<FieldKind, Misfit>> {
    by_name(type_name).map(|family| family.kind(type_name, options))
}

/// A field's value from what was sent for it, with every digit.
///
/// # Errors
/// If it does not fit.
pub fn read(field: &Field, input: &Input) -> Result<Value, Misfit> {
    match field.kind.storage() {
        Storage::Json if !input.is_null() => present(field, json::read(input.text())?),
        // The text of a number has all of its digits; a float would not.
        Storage::Decimal(_) if input.is_number() => parse(field, &Json::from(input.text())),
        _ => parse(field, &input.json().map_err(|error| unreadable(&error))?),
    }
}

/// Why JSON that is well formed cannot be taken.
fn unreadable(error: &serde_json::Error) -> Misfit {
    Misfit::value(format!("must be JSON that every program can read: {error}"))
}

/// A field's value from JSON. Null is a missing value, which a required field refuses, and with it
/// text that holds nothing but blanks.
pub fn parse(field: &Field, json: &Json) -> Result<Value, Misfit> {
    let value = if json.is_null() { Value::Null } else { operand(field, json)? };
    present(field, value)
}

/// The value, unless the field must have one and it is none.
fn present(field: &Field, value: Value) -> Result<Value, Misfit> {
    let is_missing = match &value {
        Value::Null => true,
        Value::Text(text) => text.trim().is_empty(),
        _ => false,
    };
    if field.required && is_missing { Err(Misfit::value("must have a value")) } else { Ok(value) }
}

/// A value to hold a field's against, from JSON that is not null. It is null itself where there is
/// nothing in it, like an empty list.
pub fn operand(field: &Field, json: &Json) -> Result<Value, Misfit> {
    family(&field.kind).parse(&field.kind, json)
}

/// A field's value from text that has no types, as in a CSV file or a query string. No text at all
/// is a missing value.
pub fn parse_text(field: &Field, text: &str) -> Result<Value, Misfit> {
    if text.is_empty() {
        return parse(field, &Json::Null);
    }
    match field.kind.storage() {
        // With every digit.
        Storage::Json => read(field, &json::from_text(text)?),
        _ => parse(field, &family(&field.kind).untyped(&field.kind, text)),
    }
}

/// The control with which people type what they look for in the field.
pub fn filter_control(kind: &FieldKind) -> Control {
    family(kind).filter_control(kind)
}

/// How a value to filter the field by is written, after "must be".
pub fn example(kind: &FieldKind) -> &'static str {
    family(kind).example(kind)
}

/// A whole number as JSON; what is none stays a text.
fn whole(text: &str) -> Json {
    text.parse::<i64>().map_or_else(|_| Json::from(text), Json::from)
}

/// A value as [`parse_text`] reads it; a person by name, which it does not read.
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

/// Writes a value as the HTML inside a cell, everything escaped.
pub fn write_cell(field: &Field, value: &Value, html: &mut String) {
    if value.is_null() {
        html.push_str(r#"<span class="pt-empty" aria-label="empty">–</span>"#);
    } else {
        family(&field.kind).write_cell(&field.kind, value, html);
    }
}

/// Writes what was made of a field's values, or a count where there is no field, as people read it.
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

/// Writes a round number beside an axis: short, in the field's unit.
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
            // A bare one would be read as the end of a line like any other.
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
