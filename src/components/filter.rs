//! A filter as an author writes it: of a data source, or of a rule about rows.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::Value as Json;

use crate::fields::filter::{CONDITION_KEYS, FilterFault, Slip, Stand, read};
use crate::model::filter::{Filter, OPERATORS, operator_suits};
use crate::model::operand::Operand;
use crate::model::problem::{Place, Problems};
use crate::model::table::{Field, Table};

/// The shape of a filter, for editors; what it means is read by `fields::filter`.
pub struct RawFilter;

impl JsonSchema for RawFilter {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Filter".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let again = generator.subschema_for::<Self>();
        let list = json_schema!({ "type": "array", "items": again });
        let one = |key: &str, description: &str, value: &Schema| {
            json_schema!({
                "type": "object", "description": description, "properties": { key: value },
                "required": [key], "additionalProperties": false,
            })
        };
        json_schema!({
            "description": "Conditions on records. A list means that all of them hold.",
            "anyOf": [
                list,
                one("and", "All of these hold.", &list),
                one("or", "At least one of these holds.", &list),
                one("not", "This does not hold.", &again),
                {
                    "type": "object",
                    "description": "One field passes one test.",
                    "properties": {
                        "field": { "type": "string", "description": "The field." },
                        "operator": { "enum": OPERATORS, "description": "The test." },
                        "value": { "description": "What the field's value is held against." },
                    },
                    "required": ["field", "operator"],
                    "additionalProperties": false,
                },
            ],
        })
    }
}

/// Checks a filter. Fields that the table has not are left to the caller, each with its place: one
/// with problems of its own is no news.
pub fn check(
    table: &Table,
    json: &Json,
    (stand, place): (Stand<'_>, &Place),
    problems: &mut Problems,
    unknown: &mut Vec<(String, Place)>,
) -> Filter<Operand> {
    let faults = match read(table, &|_| true, stand, json) {
        Ok(filter) => return filter,
        Err(faults) => faults,
    };
    for fault in faults {
        let at = place.down(&fault.steps);
        match fault.slip {
            Some(Slip::Field(name)) => unknown.push((name, at)),
            _ => report(table, stand, fault, at, problems),
        }
    }
    Filter::all()
}

/// Reports a fault that is no unknown field.
fn report(table: &Table, stand: Stand<'_>, fault: FilterFault, at: Place, problems: &mut Problems) {
    let problem = problems.report(at, fault.message);
    match fault.slip {
        Some(Slip::Key(name)) => {
            problem.at_key().suggest(&name, CONDITION_KEYS);
        }
        Some(Slip::Operator(name)) => {
            problem.suggest(&name, OPERATORS);
        }
        Some(Slip::Unsuited(field)) => {
            let Field { name, kind, .. } = table.field(field);
            let suits = |operator: &&str| operator_suits(operator, kind.storage());
            let operators: Vec<_> = OPERATORS.into_iter().filter(suits).collect();
            problem.help(format!("`{name}` takes {}", operators.join(", ")));
        }
        Some(Slip::Param(name)) => {
            let Stand::Page(params) = stand else { return };
            if params.is_empty() {
                problem.help(format!("give it one, as in `path: /orders/:{name}`"));
            }
            problem.suggest(&name, params.iter().map(|param| param.as_ref()));
        }
        Some(Slip::Field(_)) | None => {}
    }
}
