//! Reads rows of the database and of the change log as records.

use std::borrow::Cow;
use std::collections::HashMap;

use rust_decimal::Decimal;
use serde_json::Value as Json;
use serde_json::value::RawValue;
use sqlx::sqlite::SqliteRow;
use sqlx::{ColumnIndex, Row, TypeInfo, ValueRef};

use crate::model::decimal;
use crate::model::field::FieldKind;
use crate::model::ids::{RecordId, UserId};
use crate::model::record::Record;
use crate::model::storage::Storage;
use crate::model::table::Table;
use crate::model::value::{UserRef, Value};
use crate::store::own::OwnRow;
use crate::store::people::UserNames;
use crate::store::sqlite::triggers;

/// Reads a row whose columns are the table's fields, in their order, as a record.
pub(super) fn record(table: &Table, row: &SqliteRow, people: &UserNames) -> Record {
    let fields = table.fields.iter().enumerate();
    let values = fields.map(|(index, field)| {
        let cell = cell(row, index);
        value(&field.kind, cell, people)
    });
    Record { values: values.collect() }
}

/// Reads a record that a query has packed into one text: JSON arrays of the columns in the table's order,
/// with tabs between the arrays, since a function of SQLite takes a limited number of arguments. `None` if
/// the text is no such pack.
pub(super) fn packed(table: &Table, text: &str, people: &UserNames) -> Option<Record> {
    let mut cells = Vec::with_capacity(table.fields.len());
    for pack in text.split('\t') {
        cells.append(&mut serde_json::from_str::<Vec<Json>>(pack).ok()?);
    }
    let fields = table.fields.iter().zip(&cells);
    let values = fields.map(|(field, json)| value(&field.kind, Cell::from(Some(json)), people));
    Some(Record { values: values.collect() })
}

/// Reads a row of the change log, a JSON object by column. Fields without a value in it are null: columns
/// that were added later, and numbers that JSON cannot hold. `None` if there is no row.
pub(super) fn logged(table: &Table, text: Option<&str>, people: &UserNames) -> Option<Record> {
    logged_before(table, text, None, people)
}

/// Reads the row before an update from the change log. Long texts that did not change are taken from `new`,
/// the row after the update: see [`triggers::UNCHANGED`].
pub(super) fn logged_before(
    table: &Table,
    old: Option<&str>,
    new: Option<&str>,
    people: &UserNames,
) -> Option<Record> {
    let old = cells(old?)?;
    let new = new.and_then(cells).unwrap_or_default();
    let values = table.fields.iter().map(|field| {
        let json = old.get(field.name.as_str()).and_then(|json| match json.get() {
            triggers::UNCHANGED => new.get(field.name.as_str()),
            _ => Some(json),
        });
        let json = json.and_then(|json| serde_json::from_str::<Json>(json.get()).ok());
        value(&field.kind, Cell::from(json.as_ref()), people)
    });
    Some(Record { values: values.collect() })
}

fn cells(text: &str) -> Option<HashMap<Cow<'_, str>, &RawValue>> {
    serde_json::from_str(text).ok()
}

/// A value in a column of SQLite: one of its five storage classes, without the BLOB, which no field holds.
enum Cell<'a> {
    Null,
    Integer(i64),
    Real(f64),
    Text(Cow<'a, str>),
}

impl<'a> From<Option<&'a Json>> for Cell<'a> {
    fn from(json: Option<&'a Json>) -> Self {
        match json {
            Some(Json::Number(number)) => match number.as_i64() {
                Some(whole) => Self::Integer(whole),
                None => Self::Real(number.as_f64().unwrap_or_default()),
            },
            Some(Json::String(text)) => Self::Text(text.into()),
            _ => Self::Null,
        }
    }
}

/// Reads a row of our own tables.
pub(super) fn own(row: &SqliteRow) -> OwnRow {
    let values = (0..row.len()).map(|index| match cell(row, index) {
        Cell::Null => Value::Null,
        Cell::Integer(number) => Value::Integer(number),
        // Another program may have written a time as a float.
        Cell::Real(number) => Value::Integer(number as i64),
        Cell::Text(text) => Value::text(text.as_ref()),
    });
    OwnRow(values.collect())
}

/// Reads a column as text. Bytes that are no UTF-8 are replaced by U+FFFD, since another program may have
/// written any. `None` if the column is null.
pub(super) fn text<'a, I: ColumnIndex<SqliteRow>>(
    row: &'a SqliteRow,
    column: I,
) -> Option<Cow<'a, str>> {
    let bytes: Option<&[u8]> = row.try_get_unchecked(column).ok()?;
    bytes.map(String::from_utf8_lossy)
}

fn cell(row: &SqliteRow, index: usize) -> Cell<'_> {
    let Ok(raw) = row.try_get_raw(index) else { return Cell::Null };
    // A null has the type of its column, so it must be asked for first.
    if raw.is_null() {
        return Cell::Null;
    }
    match raw.type_info().name() {
        "INTEGER" | "BOOLEAN" => row.try_get_unchecked(index).map_or(Cell::Null, Cell::Integer),
        "REAL" => row.try_get_unchecked(index).map_or(Cell::Null, Cell::Real),
        "TEXT" => text(row, index).map_or(Cell::Null, Cell::Text),
        _ => Cell::Null,
    }
}

/// Reads a cell as the value of a field of this kind. Another program may have written a value in another
/// form than ours. A value that does not fit the field at all reads as null.
fn value(kind: &FieldKind, cell: Cell<'_>, people: &UserNames) -> Value {
    match (kind.storage(), cell) {
        (Storage::Boolean, Cell::Integer(number @ (0 | 1))) => Value::Boolean(number == 1),
        (Storage::Integer, Cell::Integer(number)) => Value::Integer(number),
        (Storage::Decimal(scale), Cell::Integer(number)) => {
            decimal::of_whole(number).map_or(Value::Null, |number| decimal(number, scale))
        }
        (Storage::Decimal(scale), Cell::Real(number)) => real(number, scale),
        // `meaning::in_json` writes a float with more digits than JSON keeps as text.
        (Storage::Decimal(scale), Cell::Text(text)) => {
            text.parse().map_or(Value::Null, |number| real(number, scale))
        }
        (storage, Cell::Text(text)) if storage.is_text() => Value::text(text.as_ref()),
        (Storage::Person, Cell::Text(id)) => {
            let id = UserId::new(id.as_ref());
            Value::Person(UserRef { name: people.name(&id), id })
        }
        (Storage::List, Cell::Text(text)) => options_of(kind, &text),
        (Storage::Link, Cell::Integer(id)) => Value::Link(RecordId::from(id).into()),
        (Storage::Json, Cell::Text(text)) => Value::Json(text.as_ref().into()),
        _ => Value::Null,
    }
}

/// Reads the chosen options of a multi-select, in any order: every option that the text holds in quotes. See
/// `fields/multi_select.rs`.
fn options_of(kind: &FieldKind, text: &str) -> Value {
    Value::list(kind.options(), |option| text.contains(&format!("\"{option}\"")))
}

/// Reads a JSON value of a packed row as the value of a field.
pub(super) fn json(kind: &FieldKind, json: Option<&Json>, people: &UserNames) -> Value {
    value(kind, Cell::from(json), people)
}

/// Returns a decimal value with at least `scale` digits after the point.
pub(super) fn decimal(number: Decimal, scale: u32) -> Value {
    let mut number = number.normalize();
    number.rescale(number.scale().max(scale));
    Value::Decimal(number)
}

fn real(number: f64, scale: u32) -> Value {
    if let Some(number) = of_scale(number, scale) {
        return Value::Decimal(number);
    }
    decimal::of_float(number).map_or(Value::Null, |number| decimal(number, scale))
}

/// Converts a float to a decimal with `scale` digits after the point, without formatting it as text. `None`
/// if the float has more digits than that; otherwise the result is that of [`decimal::of_float`]. It is
/// exact, since no two decimals of up to 15 digits are the same float.
fn of_scale(number: f64, scale: u32) -> Option<Decimal> {
    const MOST: f64 = 1e15;
    let power = 10_f64.powi(i32::try_from(scale).ok().filter(|scale| *scale <= 15)?);
    let digits = (number * power).round();
    (digits.abs() < MOST && digits / power == number).then(|| Decimal::new(digits as i64, scale))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_short_way_to_a_decimal_leads_to_the_same() {
        let mut state = 88_172_645_463_325_252_u64;
        let mut random = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        };
        let mut short = 0;
        for round in 0..200_000_u32 {
            let (digits, scale) = (random() >> (1 + round % 63), round % 7);
            let text = Decimal::new(digits.cast_signed(), round % 5).to_string();
            let number: f64 = text.parse().unwrap();
            for number in [number, -number, f64::from_bits(random())] {
                let long = decimal::of_float(number).map(|number| decimal(number, scale));
                if let Some(found) = of_scale(number, scale) {
                    assert_eq!(Some(Value::Decimal(found)), long, "{number:e}");
                    assert_eq!(found.scale(), scale);
                    short += 1;
                }
            }
        }
        assert!(short > 100_000, "{short}");
        for (number, told) in
            [(0.1, "0.10"), (12.5, "12.50"), (-0.0, "0.00"), (1e14, "100000000000000")]
        {
            let Value::Decimal(decimal) = real(number, 2) else { panic!("{number}") };
            assert!(decimal.to_string().starts_with(told), "{decimal}");
        }
        assert_eq!(real(f64::NAN, 2), Value::Null);
    }
}
