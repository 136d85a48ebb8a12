//! `checkbox`: a value that is true or false.

use serde_json::{Value as Json, json};

use crate::fields::control::Control;
use crate::fields::schema::Shapes;
use crate::fields::{Family, Misfit, Options};
use crate::model::field::FieldKind;
use crate::model::value::Value;

/// The texts that mean true, as people and spreadsheets write them, in upper or lower case.
const YES: [&str; 3] = ["true", "yes", "1"];
const NO: [&str; 3] = ["false", "no", "0"];

pub(super) struct CheckboxFamily;

impl Family for CheckboxFamily {
    fn types(&self) -> &'static [(&'static str, &'static str)] {
        &[("checkbox", "A value that is true or false.")]
    }

    fn options(&self, _: &str) -> &'static [&'static str] {
        &[]
    }

    fn kind(&self, _: &str, _: &Options) -> Result<FieldKind, Misfit> {
        Ok(FieldKind::Checkbox)
    }

    fn has(&self, kind: &FieldKind) -> bool {
        *kind == FieldKind::Checkbox
    }

    fn parse(&self, _: &FieldKind, json: &Json) -> Result<Value, Misfit> {
        let yes = json.as_bool();
        yes.map(Value::Boolean)
            .ok_or_else(|| Misfit::value(format!("must be true or false, got {json}")))
    }

    fn write_cell(&self, _: &FieldKind, value: &Value, html: &mut String) {
        html.push_str(match value {
            Value::Boolean(true) => {
                r#"<span class="pt-check pt-yes" role="img" aria-label="yes">✓</span>"#
            }
            _ => r#"<span class="pt-check pt-no" role="img" aria-label="no">–</span>"#,
        });
    }

    fn shapes(&self, _: &FieldKind) -> Shapes {
        Shapes::same(json!({ "type": "boolean", "examples": [true] }))
    }

    fn control(&self, _: &FieldKind) -> Option<Control> {
        Some(Control::Checkbox)
    }

    fn example(&self, _: &FieldKind) -> &'static str {
        "true or false"
    }

    fn typed(&self, _: &FieldKind, text: &str) -> Json {
        if matches!(text, "true" | "on") { Json::Bool(true) } else { Json::from(text) }
    }

    fn untyped(&self, _: &FieldKind, text: &str) -> Json {
        from_text(text)
    }
}

/// Returns text such as `TRUE` or `no` as a JSON boolean. Any other text stays a JSON string, which
/// [`Family::parse`] refuses.
pub(super) fn from_text(text: &str) -> Json {
    let is_one_of = |words: [&str; 3]| words.iter().any(|word| word.eq_ignore_ascii_case(text));
    match (is_one_of(YES), is_one_of(NO)) {
        (true, _) => Json::Bool(true),
        (_, true) => Json::Bool(false),
        _ => Json::from(text),
    }
}
