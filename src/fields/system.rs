//! The fields that the system sets: `id`, `created-at`, `updated-at`, `created-by` and `updated-by`.

use serde_json::{Value as Json, json};

use crate::fields::control::Control;
use crate::fields::schema::Shapes;
use crate::fields::time::{A_DAY_OR_TIME, instant, write_time};
use crate::fields::{Family, Misfit, Options, escape, whole_number};
use crate::model::canonical;
use crate::model::field::FieldKind;
use crate::model::ids::UserId;
use crate::model::storage::Storage;
use crate::model::value::{UserRef, Value};

pub(super) struct SystemFamily;

impl Family for SystemFamily {
    fn types(&self) -> &'static [(&'static str, &'static str)] {
        &[
            (
                "created-at",
                "When the record was made. The database sets it, for other programs too.",
            ),
            (
                "updated-at",
                "When the record was last changed. The database sets it on every write, whoever writes, and whoever saves a record that somebody else has changed since is told so by it.",
            ),
            ("created-by", "Whose account made the record; nobody's where another program did."),
            (
                "updated-by",
                "Whose account last changed the record; nobody's where another program did.",
            ),
        ]
    }

    fn options(&self, _: &str) -> &'static [&'static str] {
        &[]
    }

    fn kind(&self, type_name: &str, _: &Options) -> Result<FieldKind, Misfit> {
        Ok(match type_name {
            "created-at" => FieldKind::CreatedAt,
            "updated-at" => FieldKind::UpdatedAt,
            "created-by" => FieldKind::CreatedBy,
            _ => FieldKind::UpdatedBy,
        })
    }

    fn has(&self, kind: &FieldKind) -> bool {
        kind.is_system() && !matches!(kind, FieldKind::Autonumber(_))
    }

    /// Reads values to filter by and values of seeds. A request that sets such a field is refused earlier.
    fn parse(&self, kind: &FieldKind, json: &Json) -> Result<Value, Misfit> {
        let text = json.as_str();
        let (value, wanted) = match kind.storage() {
            Storage::Integer => {
                let number = json.as_i64().or_else(|| text.and_then(|text| text.parse().ok()));
                (number.map(Value::Integer), "a record id")
            }
            Storage::Datetime => {
                let instant = canonical::instant(text.unwrap_or_default());
                let misfit = |fault| Misfit::value(format!("{fault}, got {json}"));
                return instant.map(Value::text).map_err(misfit);
            }
            _ => {
                let id = text.filter(|text| !text.contains('\0')).map(UserId::new);
                (id.map(|id| Value::Person(UserRef { id, name: None })), "a user's id")
            }
        };
        value.ok_or_else(|| Misfit::value(format!("must be {wanted}, got {json}")))
    }

    fn write_cell(&self, _: &FieldKind, value: &Value, html: &mut String) {
        match value {
            Value::Text(text) => write_time(text, html),
            Value::Person(person) => {
                escape(person.name.as_deref().unwrap_or("someone"), html);
            }
            Value::Integer(id) => html.push_str(&id.to_string()),
            _ => {}
        }
    }

    fn shapes(&self, kind: &FieldKind) -> Shapes {
        Shapes::same(match kind.storage() {
            Storage::Integer => json!({ "type": "string", "examples": ["42"] }),
            Storage::Datetime => instant(),
            _ => json!({
                "type": "object",
                "required": ["id", "name"],
                "properties": {
                    "id": { "type": "string" },
                    "name": {
                        "type": ["string", "null"],
                        "description": "Absent when the account is gone.",
                    },
                },
                "additionalProperties": false,
                "examples": [{ "id": "8tUfRzDq", "name": "Ada" }],
            }),
        })
    }

    fn control(&self, _: &FieldKind) -> Option<Control> {
        None
    }

    fn filter_control(&self, kind: &FieldKind) -> Control {
        if kind.storage().is_calendar() { Control::Date } else { Control::Text }
    }

    fn example(&self, kind: &FieldKind) -> &'static str {
        match kind.storage() {
            Storage::Integer => "a number like 12",
            Storage::Datetime => A_DAY_OR_TIME,
            _ => "of another kind",
        }
    }

    fn untyped(&self, kind: &FieldKind, text: &str) -> Json {
        if *kind == FieldKind::Id { whole_number(text) } else { Json::from(text) }
    }
}
