//! Cells of CSV files: values as text that no spreadsheet takes for a formula, and that text as values again.
//!
//! A spreadsheet runs a cell that begins with `=`, `+`, `-`, `@` or a control character (OWASP, CSV Injection).
//! Such a text gets an apostrophe in front, and so does a text that has apostrophes before such a character.
//! Reading removes one apostrophe, so each text is read back exactly as it was written.

use crate::fields;
use crate::model::field::Field;
use crate::model::storage::Storage;
use crate::model::value::Value;

/// The apostrophe before a text that a spreadsheet would otherwise run as a formula.
const GUARD: char = '\'';

/// Returns a value as the text of a cell, escaped where a spreadsheet might run it.
pub(super) fn cell(field: &Field, value: &Value) -> String {
    let text = fields::plain_text(value);
    if is_free_text(field) && is_dangerous(&text) { format!("{GUARD}{text}") } else { text }
}

/// Returns the text of a cell without the apostrophe that escapes it.
pub(super) fn content<'a>(field: &Field, cell: &'a str) -> &'a str {
    match cell.strip_prefix(GUARD) {
        Some(text) if is_free_text(field) && is_dangerous(text) => text,
        _ => cell,
    }
}

/// Whether the text of such a field can begin with any character. Numbers and times are never escaped: `-5` is no
/// formula.
fn is_free_text(field: &Field) -> bool {
    matches!(field.kind.storage(), Storage::Text | Storage::Person | Storage::List | Storage::Link)
}

fn is_dangerous(text: &str) -> bool {
    let first = text.trim_start_matches(GUARD).chars().next();
    first.is_some_and(|first| first.is_control() || "=+-@＝＋－＠".contains(first))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::field::{Bounds, FieldKind};
    use crate::model::table::tests::table_of;

    #[track_caller]
    fn check(kind: FieldKind, value: Value, written: &str) {
        let table = table_of([kind]);
        let field = &table.fields[1];
        assert_eq!(cell(field, &value), written);
        assert_eq!(content(field, written), fields::plain_text(&value));
    }

    #[test]
    fn no_text_is_a_formula_and_each_is_read_back() {
        let check = |text: &str, written: &str| {
            check(FieldKind::SingleLineText, Value::text(text), written);
        };
        check("Ada", "Ada");
        check("=1+1", "'=1+1");
        check("+49 30", "'+49 30");
        check("-5", "'-5");
        check("@x", "'@x");
        check("\t=1", "'\t=1");
        check("＝1", "'＝1");
        check("'=1", "''=1");
        check("''-", "'''-");
        check("'tis", "'tis");
        check("", "");
    }

    #[test]
    fn a_number_keeps_its_sign() {
        check(FieldKind::Integer(Bounds::default()), Value::Integer(-5), "-5");
        let decimal = Value::Decimal("-0.5".parse().unwrap());
        check(FieldKind::Decimal(Bounds::default()), decimal, "-0.5");
        check(FieldKind::Checkbox, Value::Boolean(true), "true");
        check(FieldKind::Date, Value::Null, "");
    }
}
