//! Chooses the control with which a value is edited: one that shows exactly the value.

use std::sync::Arc;

use serde::Serialize;
use serde_json::Value as Json;

use crate::fields::control::Control;
use crate::fields::{family, parse, time};
use crate::model::field::Field;

/// The description of a field from which the browser makes a control to edit it.
#[derive(Debug, Serialize)]
pub struct FieldEditor<'a> {
    /// The name of the field in the API.
    pub field: &'a str,
    /// The label that people read.
    pub label: &'a str,
    /// Whether the field must have a value.
    pub required: bool,
    /// The kind of control.
    pub control: Control,
    /// The options of a select; empty for other controls.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub options: &'a [Arc<str>],
    /// The last date or time that the control accepts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<&'static str>,
    /// The time zone of the control, if it shows instants.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zone: Option<&'static str>,
}

/// Returns the description of a field for editing. `None` if the system sets the field.
pub fn editor(field: &Field) -> Option<FieldEditor<'_>> {
    let control = family(&field.kind).control(&field.kind)?;
    let Field { name, label, kind, required, .. } = field;
    Some(FieldEditor {
        field: name.as_str(),
        label,
        required: *required,
        control,
        options: kind.options(),
        max: control.max(),
        zone: control.zone(),
    })
}

/// Returns a control that keeps this text unchanged, and the text as it stands in the control. That is the
/// field's own control if possible. A text that it would alter or leave out, because another program wrote it
/// or somebody mistyped it, stands in a control for plain text.
pub fn control_that_holds(field: &Field, control: Control, text: &str) -> (Control, String) {
    use Control::{Decimal, Email, Integer, LongText, Tel, Text, Url};
    let has_lines = text.contains(['\n', '\r']);
    let plain = if has_lines { LongText } else { Text };
    // Browsers cut the blanks around these, and write the host of an address in ASCII.
    let is_altered = || text != text.trim() || (control == Email && !text.is_ascii());
    let is_refused = || parse(field, &Json::from(text)).is_err();
    let holder = match control {
        _ if text.is_empty() => control,
        _ if control.is_clock() => match time::on_control(control, text) {
            Some(shown) => return (control, shown),
            None => plain,
        },
        Email | Url if is_altered() || is_refused() => plain,
        Text | Tel | Integer | Decimal if has_lines => LongText,
        _ => control,
    };
    (holder, text.to_owned())
}

#[cfg(test)]
mod tests {
    use jiff::civil::DateTime;

    use super::*;
    use crate::fields::{entry, read, samples};
    use crate::model::canonical;
    use crate::model::field::FieldKind;
    use crate::model::storage::Storage;
    use crate::model::value::Value;

    /// Returns the texts that a browser may send for an input with this value that nobody touches, by the
    /// value sanitization algorithms of HTML. A time may be written in two ways.
    fn sent(control: Control, text: &str) -> Vec<String> {
        let text = text.replace('\0', "\u{fffd}");
        let line = || text.replace(['\n', '\r'], "");
        vec![match control {
            Control::LongText | Control::Json | Control::Select => {
                let lines = text.replace("\r\n", "\n").replace('\r', "\n");
                lines.replace('\n', "\r\n")
            }
            Control::Email | Control::Url => line().trim().to_owned(),
            Control::Date if canonical::date(&text).is_none() || *text < *"0001" => String::new(),
            Control::Datetime => {
                let is_local = text.len() >= 16 && !text.contains('Z') && *text > *"0001";
                let time = text.parse::<DateTime>().ok().filter(|_| is_local);
                let Some(time) = time else { return vec![String::new()] };
                let shortest = time.to_string();
                return vec![text, shortest.strip_suffix(":00").unwrap_or(&shortest).to_owned()];
            }
            _ => line(),
        }]
    }

    /// Returns each list of texts that a browser may send for an untouched control of the field.
    fn sent_untouched(field: &Field, value: &Value) -> Vec<Vec<String>> {
        let FieldEditor { control, .. } = editor(field).unwrap();
        let shown = entry::shown(value);
        match control {
            Control::Checkbox => vec![shown.into_iter().filter(|text| text == "true").collect()],
            Control::MultiSelect => vec![shown],
            _ => {
                let (holder, text) =
                    control_that_holds(field, control, shown.first().map_or("", String::as_str));
                sent(holder, &text).into_iter().map(|text| vec![text]).collect()
            }
        }
    }

    #[test]
    fn what_a_control_shows_comes_back_as_the_value() {
        for (field, values) in samples::fields() {
            let name = &field.kind;
            let least = if field.kind.options().is_empty() { 5 } else { 2 };
            assert!(values.len() >= least || field.kind == FieldKind::Checkbox, "{name:?}");
            for value in values {
                for entered in sent_untouched(&field, &value) {
                    let shown = entry::shown(&value);
                    assert!(
                        entry::is_untouched(&field, &entered, &shown),
                        "{name:?} {value:?} {entered:?}"
                    );
                    let input = entry::input(&field, &entered).unwrap();
                    let back = read(&field, &input);
                    // Only the end of a line has one form in a browser, and telephone numbers have no
                    // blanks around them.
                    let is_plain = |text: &String| {
                        let is_phone = field.kind == FieldKind::PhoneNumber;
                        !text.contains('\r') && (!is_phone || text == text.trim())
                    };
                    let is_other = !shown.iter().all(is_plain);
                    assert!(back.as_ref() == Ok(&value) || is_other, "{name:?} {value:?} {back:?}");
                }
                let json = serde_json::to_value(&value).unwrap();
                assert_eq!(parse(&field, &json).as_ref(), Ok(&value), "{name:?} in the API");
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_shown_as_it_is_and_stays() {
        use Storage::{Date, Datetime, Json, Text};
        let keeps_text = |(field, _): &(Field, Vec<Value>)| {
            matches!(field.kind.storage(), Text | Date | Datetime | Json)
        };
        for (field, _) in samples::fields().into_iter().filter(keeps_text) {
            for text in samples::texts() {
                let value = match field.kind {
                    FieldKind::Json => Value::Json(text.as_str().into()),
                    _ => Value::text(text.as_str()),
                };
                for entered in sent_untouched(&field, &value) {
                    let shown = entry::shown(&value);
                    let told = format!("{:?} {text:?} {entered:?}", field.kind);
                    assert!(entry::is_untouched(&field, &entered, &shown), "{told}");
                }
            }
        }
    }

    #[test]
    fn another_value_is_never_taken_for_the_one_that_was_shown() {
        for (field, values) in samples::fields() {
            let plain = |value: &Value| !entry::shown(value).iter().any(|text| text.contains('\r'));
            let values: Vec<_> = values.into_iter().filter(plain).collect();
            for (value, other) in values.iter().zip(values.iter().skip(1)) {
                if entry::shown(value) == entry::shown(other) {
                    continue;
                }
                for entered in sent_untouched(&field, other) {
                    let is_untouched = entry::is_untouched(&field, &entered, &entry::shown(value));
                    assert!(!is_untouched, "{:?} {value:?} {other:?}", field.kind);
                }
            }
        }
    }

    #[test]
    fn a_time_has_minutes_always_and_what_more_it_has() {
        let check =
            |text: &str, shown: &str| assert_eq!(time::on_clock(text).as_deref(), Some(shown));
        check("2026-04-05T12:00:00.000Z", "2026-04-05T12:00");
        check("2026-04-05T00:00:00.000Z", "2026-04-05T00:00");
        check("2026-04-05T12:00:30.000Z", "2026-04-05T12:00:30");
        check("2026-04-05T12:00:00.100Z", "2026-04-05T12:00:00.100");
        check("9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999");
        for text in [
            "202616-05-01T16:00",
            "0000-01-01T00:00",
            "2026-04-05",
            "12:00",
            "2026-04-05T12",
            "x",
            "",
        ] {
            assert_eq!(time::on_clock(text), None, "{text}");
        }
    }
}
