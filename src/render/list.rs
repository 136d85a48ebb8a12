//! The entries of a list.

use minijinja::{Value, context};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::fields;
use crate::model::component::{HrefPart, Item, List};
use crate::model::query::Rows;
use crate::model::record::{FieldSet, Record};
use crate::model::table::FieldAt;
use crate::model::value::{Value as FieldValue, list_text};
use crate::render::ComponentData;

/// What the template of a list needs beside what all components have.
pub(super) fn entries(list: &List, data: &ComponentData, rows: &Rows) -> Value {
    let entry = |record| entry(&list.item, data, record);
    context! {
        title => list.title.as_deref(),
        items => rows.records.iter().map(entry).collect::<Vec<_>>(),
        shown => rows.records.len(),
        total => rows.total,
        empty_message => list.empty_message.as_ref(),
    }
}

fn entry(item: &Item, data: &ComponentData, record: &Record) -> Value {
    let optional = |at: Option<FieldAt>| {
        let at = at.filter(|at| data.fields.contains(*at) && !record[*at].is_null())?;
        Some(cell(data, record, at))
    };
    context! {
        id => record.id().get(),
        title => cell(data, record, item.title),
        subtitle => optional(item.subtitle),
        meta => optional(item.meta),
        badge => optional(item.badge),
        href => item.href.as_ref().and_then(|parts| path(parts, &data.fields, record)),
    }
}

fn cell(data: &ComponentData, record: &Record, at: FieldAt) -> Value {
    let mut html = String::new();
    fields::write_cell(data.table.field(at), &record[at], &mut html);
    Value::from_safe_string(html)
}

/// The path that these parts make of a record; none if one is a value that is missing or may not be
/// read.
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

/// A value as a part of an address.
fn plain(value: &FieldValue) -> Option<String> {
    Some(match value {
        FieldValue::Null => return None,
        FieldValue::Boolean(value) => value.to_string(),
        FieldValue::Integer(number) => number.to_string(),
        FieldValue::Decimal(number) => number.to_string(),
        FieldValue::Text(text) | FieldValue::Json(text) => text.to_string(),
        FieldValue::List(chosen) => list_text(chosen),
        FieldValue::Person(person) => person.id.as_str().to_owned(),
    })
}
