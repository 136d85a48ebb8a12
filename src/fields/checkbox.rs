//! Yes or no.

use serde_json::{Value as Json, json};

use crate::fields::schema::Shapes;
use crate::fields::{Family, Misfit, Options};
use crate::model::table::FieldKind;
use crate::model::value::Value;

pub(super) struct CheckboxFamily;

impl Family for CheckboxFamily {
    fn types(&self) -> &'static [&'static str] {
        &["checkbox"]
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
}
