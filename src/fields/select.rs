//! `single-select` and `status`: one of several options.

use std::collections::HashSet;
use std::fmt::Write;
use std::sync::Arc;

use serde_json::{Value as Json, json};

use crate::fields::control::Control;
use crate::fields::schema::Shapes;
use crate::fields::{Family, Misfit, Options, escape};
use crate::model::field::FieldKind;
use crate::model::value::Value;

/// The number of tints that the stylesheet has for badges.
const TINTS: usize = 6;

pub(super) struct SelectFamily;

impl Family for SelectFamily {
    fn types(&self) -> &'static [(&'static str, &'static str)] {
        &[
            ("single-select", "One of `options`, shown as a badge."),
            ("status", "One of `options`, for how far a record has come. It is shown as a badge."),
        ]
    }

    fn options(&self, _: &str) -> &'static [&'static str] {
        &["options"]
    }

    fn kind(&self, type_name: &str, options: &Options) -> Result<FieldKind, Misfit> {
        let list = check_options(options)?;
        Ok(if type_name == "status" {
            FieldKind::Status(list)
        } else {
            FieldKind::SingleSelect(list)
        })
    }

    fn has(&self, kind: &FieldKind) -> bool {
        matches!(kind, FieldKind::SingleSelect(_) | FieldKind::Status(_))
    }

    fn parse(&self, kind: &FieldKind, json: &Json) -> Result<Value, Misfit> {
        let options = kind.options();
        let chosen = json.as_str().and_then(|text| options.iter().find(|o| o.as_ref() == text));
        chosen.map(|option| Value::Text(option.clone())).ok_or_else(|| {
            Misfit::value(format!("must be one of {}, got {json}", options.join(", ")))
        })
    }

    fn write_cell(&self, kind: &FieldKind, value: &Value, html: &mut String) {
        if let Value::Text(text) = value {
            write_badge(kind, text, html);
        }
    }

    fn shapes(&self, kind: &FieldKind) -> Shapes {
        let options = kind.options();
        Shapes::same(json!({ "type": "string", "enum": options, "examples": options.get(..1) }))
    }

    fn control(&self, _: &FieldKind) -> Option<Control> {
        Some(Control::Select)
    }
}

/// Returns the options that an author lists. A misfit if there are none, one is empty or no single line, or two
/// are equal.
pub(super) fn check_options(options: &Options) -> Result<Vec<Arc<str>>, Misfit> {
    let list = options.options.clone().unwrap_or_default();
    if list.is_empty() {
        return Err(Misfit::option("options", "must list at least one option"));
    }
    let unfit = |text: &str| text.is_empty() || text.contains(char::is_control);
    if let Some(option) = list.iter().find(|option| unfit(option)) {
        let message = format!("must be lines of text, got {}", Json::from(option.as_ref()));
        return Err(Misfit::option("options", message));
    }
    let mut seen = HashSet::new();
    if let Some(option) = list.iter().find(|option| !seen.insert(*option)) {
        return Err(Misfit::option("options", format!("must differ, `{option}` comes twice")));
    }
    Ok(list)
}

/// Writes an option as a badge. Its tint depends on its place among the options.
pub(super) fn write_badge(kind: &FieldKind, option: &Arc<str>, html: &mut String) {
    let place = kind.options().iter().position(|other| other == option);
    let tint = place.unwrap_or_default() % TINTS;
    write!(html, r#"<span class="pt-badge pt-tint-{tint}">"#)
        .expect("writing to a string cannot fail");
    escape(option, html);
    html.push_str("</span>");
}
