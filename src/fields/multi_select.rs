//! `multi-select`: any number of several options.

use std::sync::Arc;

use serde_json::{Value as Json, json};

use crate::fields::control::Control;
use crate::fields::schema::Shapes;
use crate::fields::select::{check_options, write_badge};
use crate::fields::{Family, Misfit, Options};
use crate::model::field::FieldKind;
use crate::model::value::Value;

/// The maximal number of options. Each makes the expression of the rule in the database one level deeper.
const MAX_OPTIONS: usize = 100;
/// The separator of options in text without types, as in a CSV file.
const BETWEEN: char = '|';

pub(super) struct MultiSelectFamily;

impl Family for MultiSelectFamily {
    fn types(&self) -> &'static [(&'static str, &'static str)] {
        &[("multi-select", "Several of `options`, shown as badges.")]
    }

    fn options(&self, _: &str) -> &'static [&'static str] {
        &["options"]
    }

    fn kind(&self, _: &str, options: &Options) -> Result<FieldKind, Misfit> {
        let list = check_options(options)?;
        if list.len() > MAX_OPTIONS {
            let message = format!("must list at most {MAX_OPTIONS} options, got {}", list.len());
            return Err(Misfit::option("options", message));
        }
        // The database looks for an option in its quotes, and must not find it across two others.
        let unfit = |text: &str| {
            text.contains(['"', '\\', BETWEEN]) || text.chars().all(|c| c == ',' || c == ' ')
        };
        if let Some(option) = list.iter().find(|option| unfit(option)) {
            let got = Json::from(option.as_ref());
            let message = format!("must be words without `\"`, `\\` and `|`, got {got}");
            return Err(Misfit::option("options", message));
        }
        Ok(FieldKind::MultiSelect(list))
    }

    fn has(&self, kind: &FieldKind) -> bool {
        matches!(kind, FieldKind::MultiSelect(_))
    }

    fn parse(&self, kind: &FieldKind, json: &Json) -> Result<Value, Misfit> {
        let options = kind.options();
        let misfit = |got: &Json| {
            Misfit::value(format!("must be a list of {}, got {got}", options.join(", ")))
        };
        let chosen = json.as_array().ok_or_else(|| misfit(json))?;
        let is_option =
            |item: &&Json| item.as_str().is_some_and(|text| options.iter().any(|o| **o == *text));
        if let Some(other) = chosen.iter().find(|item| !is_option(item)) {
            return Err(misfit(other));
        }
        Ok(Value::list(options, |option| chosen.iter().any(|item| item == option)))
    }

    fn write_cell(&self, kind: &FieldKind, value: &Value, html: &mut String) {
        let Value::List(chosen) = value else { return };
        html.push_str(r#"<span class="pt-badges">"#);
        for option in chosen.iter() {
            write_badge(kind, option, html);
        }
        html.push_str("</span>");
    }

    fn shapes(&self, kind: &FieldKind) -> Shapes {
        let options = kind.options();
        let one = json!({ "type": "string", "enum": options });
        let some = options.get(..1);
        Shapes::same(json!({ "type": "array", "items": one, "examples": [some] }))
    }

    fn control(&self, _: &FieldKind) -> Option<Control> {
        Some(Control::MultiSelect)
    }

    fn untyped(&self, kind: &FieldKind, text: &str) -> Json {
        from_text(kind.options(), text)
    }
}

/// Returns the chosen options as one text, as `red|green`.
pub(super) fn to_text(chosen: &[Arc<str>]) -> String {
    chosen.join(&BETWEEN.to_string())
}

/// Returns `red|green` or `["red", "green"]` as JSON. A text that is an option stands for that option, even if
/// it looks like a list.
pub(super) fn from_text(options: &[Arc<str>], text: &str) -> Json {
    let known = |part: &str| options.iter().find(|option| option.as_ref() == part);
    let exact: Option<Vec<_>> = text.split(BETWEEN).map(known).collect();
    if let Some(exact) = exact {
        return exact.into_iter().map(|option| Json::from(option.as_ref())).collect();
    }
    if text.starts_with('[')
        && let Ok(json) = serde_json::from_str(text)
    {
        return json;
    }
    let named = |part| known(part).map_or_else(|| str::trim(part), |option| option.as_ref());
    text.split(BETWEEN).map(|part| Json::from(named(part))).collect()
}
