//! `relationship`: a reference to a record of another table.

use serde_json::{Value as Json, json};

use crate::fields::control::Control;
use crate::fields::schema::Shapes;
use crate::fields::{Family, Misfit, Options, escape};
use crate::model::field::{FieldKind, OnDelete};
use crate::model::ids::RecordId;
use crate::model::value::{Label, RecordRef, Value};

/// Returns the text by which people choose a record that is not listed: its label and its id.
pub fn choice_text(link: &RecordRef) -> String {
    match &link.label {
        Label::Text(label) => format!("{label} #{}", link.id),
        Label::Unread | Label::Hidden => link.to_string(),
    }
}

/// Returns the id in a text of [`choice_text`], or in a text that is an id. `None` for any other text.
pub fn parse_choice(text: &str) -> Option<RecordId> {
    let id = text.rsplit_once('#').map_or(text, |(_, id)| id);
    id.trim().parse().ok()
}

pub(super) struct RelationshipFamily;

impl Family for RelationshipFamily {
    fn types(&self) -> &'static [(&'static str, &'static str)] {
        &[(
            "relationship",
            "A record of another table, or of the same: see `table` and `onDelete`. Its cell shows the record's `displayField`, to whoever may read it.",
        )]
    }

    fn options(&self, _: &str) -> &'static [&'static str] {
        &["table", "onDelete"]
    }

    fn kind(&self, _: &str, options: &Options) -> Result<FieldKind, Misfit> {
        let table = options.table.clone();
        let table = table.ok_or_else(|| Misfit::option("table", "must name a table"))?;
        Ok(FieldKind::Relationship(table, options.on_delete.unwrap_or(OnDelete::Restrict)))
    }

    fn has(&self, kind: &FieldKind) -> bool {
        matches!(kind, FieldKind::Relationship(..))
    }

    fn parse(&self, _: &FieldKind, json: &Json) -> Result<Value, Misfit> {
        let id = match json {
            Json::String(text) => text.parse().ok(),
            _ => json.as_i64().map(RecordId::from),
        };
        let unfit = || Misfit::value(format!("must be the id of a record, got {json}"));
        id.map(|id| Value::Link(id.into())).ok_or_else(unfit)
    }

    fn write_cell(&self, _: &FieldKind, value: &Value, html: &mut String) {
        if let Value::Link(link) = value {
            escape(&link.to_string(), html);
        }
    }

    fn shapes(&self, _: &FieldKind) -> Shapes {
        let id = "^(0|-?[1-9][0-9]{0,18})$";
        Shapes {
            read: json!({
                "type": ["string", "object"],
                "description": "The id of a record; with what it goes by where that is asked for.",
                "pattern": id,
                "required": ["id", "label"],
                "properties": {
                    "id": { "type": "string" },
                    "label": {
                        "type": ["string", "null"],
                        "description": "Nothing where you may not read it, or there is none.",
                    },
                },
                "additionalProperties": false,
                "examples": ["7"],
            }),
            sent: json!({ "type": ["string", "integer"], "pattern": id, "examples": ["7"] }),
        }
    }

    fn control(&self, _: &FieldKind) -> Option<Control> {
        Some(Control::Relationship)
    }

    fn example(&self, _: &FieldKind) -> &'static str {
        "a record that was found, or its number like #7"
    }

    fn typed(&self, _: &FieldKind, text: &str) -> Json {
        parse_choice(text).map_or_else(|| Json::from(text), |id| Json::from(id.to_string()))
    }

    fn has_variants(&self, _: &FieldKind) -> bool {
        true
    }
}
