//! `json`: any JSON document.

use serde_json::{Value as Json, json};

use crate::fields::control::Control;
use crate::fields::schema::Shapes;
use crate::fields::{Family, Misfit, Options, escape, unreadable};
use crate::model::canonical;
use crate::model::field::FieldKind;
use crate::model::input::Input;
use crate::model::value::Value;

/// The maximal length of a document, in bytes.
const MAX_JSON: usize = 100_000;
/// The maximal depth of nested lists and objects.
const MAX_DEPTH: usize = 32;
/// The number of characters of a document that a cell shows.
const SHOWN: usize = 60;
/// The number of characters of a document in the tooltip of a cell.
const ON_HOVER: usize = 1_000;

pub(super) struct JsonFamily;

impl Family for JsonFamily {
    fn types(&self) -> &'static [(&'static str, &'static str)] {
        &[("json", "Any JSON value, kept as it is.")]
    }

    fn options(&self, _: &str) -> &'static [&'static str] {
        &[]
    }

    fn kind(&self, _: &str, _: &Options) -> Result<FieldKind, Misfit> {
        Ok(FieldKind::Json)
    }

    fn has(&self, kind: &FieldKind) -> bool {
        *kind == FieldKind::Json
    }

    fn parse(&self, _: &FieldKind, json: &Json) -> Result<Value, Misfit> {
        read(&json.to_string())
    }

    fn write_cell(&self, _: &FieldKind, value: &Value, html: &mut String) {
        let Value::Json(text) = value else { return };
        let shown = first_characters(text, SHOWN);
        if shown.len() == text.len() {
            html.push_str("<code>");
            escape(text, html);
        } else {
            html.push_str(r#"<code title=""#);
            escape(first_characters(text, ON_HOVER), html);
            html.push_str(r#"">"#);
            escape(shown, html);
            html.push('…');
        }
        html.push_str("</code>");
    }

    fn shapes(&self, _: &FieldKind) -> Shapes {
        Shapes::same(json!({
            "description": format!("Any JSON, at most {MAX_DEPTH} deep."),
            "examples": [{ "width": 3, "tags": ["a", "b"] }],
        }))
    }

    fn control(&self, _: &FieldKind) -> Option<Control> {
        Some(Control::Json)
    }
}

/// Reads a document from its text. The text is kept, and with it every digit of its numbers.
pub(super) fn read(text: &str) -> Result<Value, Misfit> {
    let json: Json = serde_json::from_str(text).map_err(|error| unreadable(&error))?;
    if !is_at_most(&json, MAX_DEPTH) {
        return Err(Misfit::value(format!("must nest at most {MAX_DEPTH} deep")));
    }
    let kept = canonical::json(text).map_err(|error| unreadable(&error))?;
    if kept.get().len() > MAX_JSON {
        return Err(Misfit::value(format!("must be at most {MAX_JSON} bytes of JSON")));
    }
    Ok(Value::Json(kept.get().into()))
}

/// Reads a document from a CSV file or a query string. An empty text is a missing value.
pub(super) fn from_text(text: &str) -> Result<Input, Misfit> {
    let got = || {
        Misfit::value(format!("must be JSON, got {}", Json::from(first_characters(text, SHOWN))))
    };
    canonical::json(text).map(Input::from).map_err(|_| got())
}

/// Whether lists and objects are nested at most to this depth.
fn is_at_most(json: &Json, depth: usize) -> bool {
    match json {
        Json::Array(items) => depth > 0 && items.iter().all(|item| is_at_most(item, depth - 1)),
        Json::Object(map) => depth > 0 && map.values().all(|item| is_at_most(item, depth - 1)),
        _ => true,
    }
}

/// Returns the first characters of a text.
fn first_characters(text: &str, characters: usize) -> &str {
    text.char_indices().nth(characters).map_or(text, |(end, _)| &text[..end])
}
