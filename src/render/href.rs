//! Builds the addresses of links: paths made from the values of a record, and links of authors.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::model::data_source::HrefPart;
use crate::model::phrase::Phrase;
use crate::model::record::{FieldSet, Record};
use crate::model::route::RouteValues;
use crate::model::value::{Value, list_text};
use crate::model::viewer::Viewer;

/// Returns the path of a record's link. `None` if a value in it is missing or may not be read.
pub fn path(parts: &[HrefPart], fields: &FieldSet, record: &Record) -> Option<String> {
    let mut href = String::new();
    for part in parts {
        match part {
            HrefPart::Text(text) => href.push_str(text),
            HrefPart::Field(at) => {
                let known = fields.contains(*at);
                let text = Some(&record[*at]).filter(|_| known).and_then(plain)?;
                href.extend(utf8_percent_encode(&text, NON_ALPHANUMERIC));
            }
        }
    }
    Some(href)
}

/// Returns the target of an author's link with its values filled in. If a value at the start is missing,
/// two slashes would meet there and lead to another host; they are joined to one.
pub(super) fn filled(phrase: &Phrase, viewer: &Viewer, values: &RouteValues) -> String {
    let write = |value: &str, href: &mut String| {
        href.extend(utf8_percent_encode(value, NON_ALPHANUMERIC));
    };
    let href = phrase.fill_as(viewer, values, write);
    match href.strip_prefix('/') {
        Some(rest) => format!("/{}", rest.trim_start_matches(['/', '\\'])),
        None => href,
    }
}

/// Returns a value as a part of an address. `None` if it is missing.
fn plain(value: &Value) -> Option<String> {
    Some(match value {
        Value::Null => return None,
        Value::Boolean(value) => value.to_string(),
        Value::Integer(number) => number.to_string(),
        Value::Decimal(number) => number.to_string(),
        Value::Text(text) | Value::Json(text) => text.to_string(),
        Value::List(chosen) => list_text(chosen),
        Value::Link(link) => link.id.to_string(),
        Value::Person(person) => person.id.as_str().to_owned(),
    })
}
