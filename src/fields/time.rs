//! Days and instants. Each has one canonical form, which sorts by time.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::Offset;
use serde_json::{Value as Json, json};

use crate::fields::schema::Shapes;
use crate::fields::{Family, Misfit, Options, escape};
use crate::model::canonical;
use crate::model::table::FieldKind;
use crate::model::value::Value;

pub(super) struct TimeFamily;

impl Family for TimeFamily {
    fn types(&self) -> &'static [&'static str] {
        &["date", "datetime"]
    }

    fn options(&self, _: &str) -> &'static [&'static str] {
        &[]
    }

    fn kind(&self, type_name: &str, _: &Options) -> Result<FieldKind, Misfit> {
        Ok(if type_name == "date" { FieldKind::Date } else { FieldKind::Datetime })
    }

    fn has(&self, kind: &FieldKind) -> bool {
        matches!(kind, FieldKind::Date | FieldKind::Datetime)
    }

    fn parse(&self, kind: &FieldKind, json: &Json) -> Result<Value, Misfit> {
        let text = json.as_str().unwrap_or_default();
        let (canonical, example) = if *kind == FieldKind::Date {
            (canonical::date(text), "a date like 2026-04-05")
        } else {
            (canonical::instant(text), "a time like 2026-04-05T12:00:00Z")
        };
        let canonical = canonical.map(Value::text);
        canonical.ok_or_else(|| Misfit::value(format!("must be {example}, got {json}")))
    }

    fn write_cell(&self, _: &FieldKind, value: &Value, html: &mut String) {
        let Value::Text(text) = value else { return };
        write_time(text, html);
    }

    fn shapes(&self, kind: &FieldKind) -> Shapes {
        Shapes::same(if *kind == FieldKind::Date {
            json!({ "type": "string", "format": "date", "examples": ["2026-04-05"] })
        } else {
            instant()
        })
    }
}

/// An instant as JSON Schema.
pub(super) fn instant() -> Json {
    json!({ "type": "string", "format": "date-time", "examples": ["2026-04-05T12:00:00.000Z"] })
}

/// Writes a day or an instant: short to read, exact on hover.
pub(super) fn write_time(text: &str, html: &mut String) {
    html.push_str(r#"<time datetime=""#);
    escape(text, html);
    html.push_str(r#"" title=""#);
    escape(text, html);
    html.push_str(r#"">"#);
    match short(text) {
        Some(short) => html.push_str(&short),
        None => escape(text, html),
    }
    html.push_str("</time>");
}

/// A day or an instant, short to read.
pub(super) fn short(text: &str) -> Option<String> {
    if let Ok(instant) = text.parse::<Timestamp>() {
        let instant = Offset::UTC.to_datetime(instant);
        return Some(instant.strftime("%-d %b %Y, %H:%M").to_string());
    }
    let date: Date = text.parse().ok()?;
    Some(date.strftime("%-d %b %Y").to_string())
}
