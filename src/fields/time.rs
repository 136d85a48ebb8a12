//! `date`, `time` and `datetime`. Each value has one canonical text, and the texts sort by time.

use jiff::civil::{Date, DateTime};
use serde_json::{Value as Json, json};

use crate::fields::control::Control;
use crate::fields::schema::Shapes;
use crate::fields::{Family, Misfit, Options, escape};
use crate::model::canonical;
use crate::model::canonical::InstantFault;
use crate::model::field::FieldKind;
use crate::model::value::Value;

/// The description of a value to filter instants by.
pub(super) const A_DAY_OR_TIME: &str = "a day like 2026-04-05, or a time like 2026-04-05T12:00:00Z";

pub(super) struct TimeFamily;

impl Family for TimeFamily {
    fn types(&self) -> &'static [(&'static str, &'static str)] {
        &[
            ("date", "A day of the calendar."),
            ("time", "A time of day, to the second, in no zone."),
            ("datetime", "An instant, to the millisecond, in UTC."),
        ]
    }

    fn options(&self, _: &str) -> &'static [&'static str] {
        &[]
    }

    fn kind(&self, type_name: &str, _: &Options) -> Result<FieldKind, Misfit> {
        Ok(match type_name {
            "date" => FieldKind::Date,
            "time" => FieldKind::Time,
            _ => FieldKind::Datetime,
        })
    }

    fn has(&self, kind: &FieldKind) -> bool {
        matches!(kind, FieldKind::Date | FieldKind::Time | FieldKind::Datetime)
    }

    fn parse(&self, kind: &FieldKind, json: &Json) -> Result<Value, Misfit> {
        let text = json.as_str().unwrap_or_default();
        let canonical = match kind {
            FieldKind::Date => {
                canonical::date(text).ok_or_else(|| "must be a date like 2026-04-05".to_owned())
            }
            FieldKind::Time => canonical::time_of_day(text)
                .ok_or_else(|| "must be a time of day like 14:30 or 14:30:15".to_owned()),
            _ => canonical::instant(text).map_err(|fault| fault.to_string()),
        };
        let misfit = |fault: String| Misfit::value(format!("{fault}, got {json}"));
        canonical.map(Value::text).map_err(misfit)
    }

    fn write_cell(&self, _: &FieldKind, value: &Value, html: &mut String) {
        let Value::Text(text) = value else { return };
        write_time(text, html);
    }

    fn shapes(&self, kind: &FieldKind) -> Shapes {
        Shapes::same(match kind {
            FieldKind::Date => {
                json!({ "type": "string", "format": "date", "examples": ["2026-04-05"] })
            }
            // `format: time` is a time with a zone (RFC 3339, 5.6).
            FieldKind::Time => {
                let pattern = "^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?$";
                json!({ "type": "string", "pattern": pattern, "examples": ["14:30"] })
            }
            _ => instant(),
        })
    }

    fn control(&self, kind: &FieldKind) -> Option<Control> {
        Some(match kind {
            FieldKind::Date => Control::Date,
            FieldKind::Time => Control::Time,
            _ => Control::Datetime,
        })
    }

    fn filter_control(&self, kind: &FieldKind) -> Control {
        // A day is allowed too: it stands for its first or its last instant.
        if *kind == FieldKind::Time { Control::Time } else { Control::Date }
    }

    fn example(&self, kind: &FieldKind) -> &'static str {
        match kind {
            FieldKind::Date => "a day like 2026-04-05",
            FieldKind::Time => "a time of day like 14:30",
            _ => A_DAY_OR_TIME,
        }
    }

    fn typed(&self, kind: &FieldKind, text: &str) -> Json {
        match kind {
            FieldKind::Datetime => Json::from(from_clock(text)),
            _ => Json::from(text),
        }
    }

    fn shown(&self, kind: &FieldKind, text: &str) -> Option<String> {
        (*kind == FieldKind::Datetime).then(|| on_clock(text))?
    }

    fn has_variants(&self, kind: &FieldKind) -> bool {
        *kind != FieldKind::Date
    }
}

/// Returns an instant as the text of a control, on the clock of [`ZONE`]: with minutes, and with seconds and
/// milliseconds if they are not zero. `None` if such a control cannot hold it.
pub(super) fn on_clock(text: &str) -> Option<String> {
    let time = clock(text.strip_suffix('Z').unwrap_or(text))?;
    let short = time.strip_suffix(":00.000").or_else(|| time.strip_suffix(".000"));
    Some(short.map_or_else(|| time.clone(), str::to_owned))
}

/// Returns a text that was entered on the clock of [`ZONE`] as an instant with its offset. A text with an
/// offset of its own is returned as it is.
pub(super) fn from_clock(text: &str) -> String {
    let entered = format!("{text}Z");
    // A time with too many digits also gets the offset, so that the message is about the instant that was
    // meant.
    let is_on_clock = clock(text).is_some()
        || matches!(
            canonical::instant(&entered),
            Err(InstantFault::Finer | InstantFault::LeapSecond)
        );
    if is_on_clock { entered } else { text.to_owned() }
}

/// Returns a time such as `2026-04-05T12:00` with seconds and milliseconds. `None` if the text is no such time.
fn clock(text: &str) -> Option<String> {
    let time: DateTime = text.parse().ok()?;
    let full = time.strftime("%Y-%m-%dT%H:%M:%S.%3f").to_string();
    // The calendar of browsers begins with the year 1.
    let fits = (1..=9999).contains(&time.year()) && text.len() >= "2026-04-05T12:00".len();
    (fits && full.starts_with(text)).then_some(full)
}

/// Returns a text as a control for dates or times shows it. `None` if such a control cannot hold it.
pub(super) fn on_control(control: Control, text: &str) -> Option<String> {
    match control {
        Control::Datetime => on_clock(text),
        Control::Time => canonical::time_of_day(text).filter(|time| time == text),
        // The calendar of browsers begins with the year 1.
        _ => canonical::date(text).filter(|_| !text.starts_with("0000")),
    }
}

/// Returns the JSON Schema of an instant.
pub(super) fn instant() -> Json {
    json!({ "type": "string", "format": "date-time", "examples": ["2026-04-05T12:00:00.000Z"] })
}

/// Writes a day or an instant as HTML: in short, with the exact time in a tooltip.
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

/// Returns a day or an instant in short. `None` if the text is neither.
pub(super) fn short(text: &str) -> Option<String> {
    if let Ok(instant) = canonical::moment(text) {
        return Some(instant.strftime("%-d %b %Y, %H:%M").to_string());
    }
    let date: Date = text.parse().ok()?;
    Some(date.strftime("%-d %b %Y").to_string())
}
