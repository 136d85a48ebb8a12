//! Writes values in the `format` of a column.

use std::fmt::Write;

use jiff::civil::Date;
use rust_decimal::Decimal;

use crate::fields::time::short;
use crate::fields::{escape, number, write_cell};
use crate::model::canonical;
use crate::model::field::Field;
use crate::model::format::ValueFormat;
use crate::model::value::Value;

/// The maximal number of characters of a text that a cell shows.
const MAX_LETTERS: usize = 300;
/// The maximal number of characters in the tooltip of a cell.
const MAX_HELD: usize = 1_000;
/// The length in bytes from which a cell shows only the first lines of a text.
const LONG: usize = 120;

/// Writes a value as the HTML inside a cell of a column, in the format of the column. Long texts are cut.
pub fn write_column(field: &Field, format: Option<ValueFormat>, value: &Value, html: &mut String) {
    let written = match (format, value) {
        (
            Some(format @ (ValueFormat::Long | ValueFormat::Iso | ValueFormat::Relative)),
            Value::Text(text),
        ) => write_time(format, text, html),
        (Some(ValueFormat::Compact), Value::Integer(number)) => {
            number::write_tick(Some(&field.kind), Decimal::from(*number), html);
            Some(())
        }
        (Some(ValueFormat::Compact), Value::Decimal(number)) => {
            number::write_tick(Some(&field.kind), *number, html);
            Some(())
        }
        (Some(ValueFormat::Whole), Value::Decimal(number)) => {
            number::write_whole(&field.kind, *number, html);
            Some(())
        }
        (Some(ValueFormat::Plain), Value::Integer(number)) => {
            html.push_str(&number.to_string());
            Some(())
        }
        (Some(ValueFormat::Truncate), Value::Text(text)) => {
            write_bounded("pt-truncate", text, html);
            Some(())
        }
        (None, Value::Text(text)) if text.len() > LONG => {
            write_bounded("pt-clamp", text, html);
            Some(())
        }
        _ => None,
    };
    if written.is_none() {
        write_cell(field, value, html);
    }
}

/// Writes the beginning of a text, with more of it in a tooltip.
fn write_bounded(class: &str, text: &str, html: &mut String) {
    let start = |most: usize| text.char_indices().nth(most).map(|(end, _)| &text[..end]);
    html.push_str(r#"<span class=""#);
    html.push_str(class);
    html.push_str(r#"" title=""#);
    escape(start(MAX_HELD).unwrap_or(text), html);
    html.push_str(r#"">"#);
    escape(start(MAX_LETTERS).unwrap_or(text), html);
    html.push_str(if start(MAX_LETTERS).is_some() { "…</span>" } else { "</span>" });
}

/// Writes an instant or a day in a format. Returns `None` if the text is neither.
///
/// For `relative`, the browser replaces the words: the server's rendering is cached until the record changes,
/// so words like "2 minutes ago" would become wrong.
fn write_time(format: ValueFormat, text: &str, html: &mut String) -> Option<()> {
    let words = match format {
        ValueFormat::Long => long(text),
        ValueFormat::Relative => short(text),
        _ => iso(text),
    }?;
    let sign = if format == ValueFormat::Relative { " data-relative" } else { "" };
    html.push_str(r#"<time datetime=""#);
    escape(text, html);
    html.push_str(r#"" title=""#);
    escape(text, html);
    write!(html, r#""{sign}>{words}</time>"#).ok()
}

fn long(text: &str) -> Option<String> {
    if let Ok(instant) = canonical::moment(text) {
        return Some(instant.strftime("%A, %-d %B %Y, %H:%M").to_string());
    }
    Some(text.parse::<Date>().ok()?.strftime("%A, %-d %B %Y").to_string())
}

fn iso(text: &str) -> Option<String> {
    if let Ok(instant) = canonical::moment(text) {
        return Some(instant.strftime("%Y-%m-%d %H:%M").to_string());
    }
    text.parse::<Date>().ok().map(|date| date.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::tests::field;

    #[track_caller]
    fn check(type_name: &str, format: ValueFormat, value: Value, told: &str) {
        let mut html = String::new();
        write_column(&field(type_name), Some(format), &value, &mut html);
        assert_eq!(html, told);
    }

    #[test]
    fn a_number_is_written_as_its_column_says() {
        check("integer", ValueFormat::Plain, Value::Integer(1998), "1998");
        check("integer", ValueFormat::Plain, Value::Integer(-12_345), "-12345");
        check("currency", ValueFormat::Whole, Value::Decimal("1234.56".parse().unwrap()), "€1,235");
        check("integer", ValueFormat::Compact, Value::Integer(12_345), "12.3k");
    }
}
