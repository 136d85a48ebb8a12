//! Checks a filter that an author writes, in a data source or as a row rule of permissions.
//!
//! `fields::filter` reads it. This module turns its faults into problems with a place and a suggestion.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::Value as Json;

use crate::fields::filter::{CONDITION_KEYS, FilterContext, FilterFault, UnknownName, read};
use crate::model::field::Field;
use crate::model::filter::Filter;
use crate::model::operand::{Operand, nearest_root};
use crate::model::operator::Operator;
use crate::model::problem::{Place, Problems};
use crate::model::table::Table;

/// The JSON Schema of a filter, for editors. It is never read itself: `fields::filter` reads filters.
pub struct RawFilter;

impl JsonSchema for RawFilter {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Filter".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let again = generator.subschema_for::<Self>();
        let list = json_schema!({
            "type": "array", "items": again, "description": "The filters it is about.",
        });
        let mut negated = again.clone();
        negated.insert("description".to_owned(), "The filter that must not hold.".into());
        let mut operator = generator.subschema_for::<Operator>();
        operator
            .insert("description".to_owned(), "How the two are held against each other.".into());
        let one = |key: &str, description: &str, value: &Schema| {
            json_schema!({
                "type": "object", "description": description, "properties": { key: value },
                "required": [key], "additionalProperties": false,
            })
        };
        json_schema!({
            "description": "Conditions on records. A list means that all of them hold.",
            "anyOf": [
                { "type": "array", "items": again, "description": "All of these hold." },
                one("and", "All of these hold.", &list),
                one("or", "At least one of these holds.", &list),
                one("not", "This does not hold.", &negated),
                {
                    "type": "object",
                    "description": "One field passes one test.",
                    "properties": {
                        "field": { "type": "string", "description": "The field." },
                        "operator": operator,
                        "value": { "description": "What the field's value is held against." },
                    },
                    "required": ["field", "operator"],
                    "additionalProperties": false,
                },
            ],
        })
    }
}

/// Checks a filter and returns it. After a fault, it returns a filter that passes all records.
///
/// Fields that the table does not have are not reported. They are added to `unknown` with their places: the
/// caller knows which fields have problems of their own and need no second report.
pub fn check(
    table: &Table,
    json: &Json,
    (stand, place): (FilterContext<'_>, &Place),
    problems: &mut Problems,
    unknown: &mut Vec<(String, Place)>,
) -> Filter<Operand> {
    problems.note_values(place.clone());
    let faults = match read(table, &|_| true, stand, json) {
        Ok(filter) => return filter,
        Err(faults) => faults,
    };
    for fault in faults {
        let at = place.down(&fault.steps);
        match fault.slip {
            Some(UnknownName::Field(name)) => unknown.push((name, at)),
            _ => report(table, stand, fault, at, problems),
        }
    }
    Filter::all()
}

/// Reports a fault other than an unknown field, with a suggestion where there is one.
fn report(
    table: &Table,
    stand: FilterContext<'_>,
    fault: FilterFault,
    at: Place,
    problems: &mut Problems,
) {
    let problem = problems.report(at, fault.message);
    match fault.slip {
        Some(UnknownName::Key(name)) => {
            problem.at_key().suggest(&name, CONDITION_KEYS);
        }
        Some(UnknownName::Operator(name)) => {
            problem.suggest(&name, Operator::ALL.iter().map(|operator| operator.name()));
        }
        Some(UnknownName::Unsuited(field)) => {
            let Field { name, kind, .. } = table.field(field);
            let suiting = Operator::ALL.iter().filter(|operator| operator.suits(kind.storage()));
            let operators: Vec<_> = suiting.map(|operator| operator.name()).collect();
            problem.help(format!("`{name}` takes {}", operators.join(", ")));
        }
        Some(UnknownName::Value(name)) => {
            let bare = name.trim_matches(['{', '}']);
            let root = bare.split('.').next().unwrap_or_default();
            let known = stand.values();
            problem.help(match nearest_root(root, known) {
                Some(same) if same == root && bare != name => {
                    format!("a value stands alone and without braces, as in `{bare}`")
                }
                Some(nearest) => format!("did you mean `{}`?", example(nearest)),
                None => {
                    let known = known.iter().map(|root| example(root));
                    format!("known here: {}", known.collect::<Vec<_>>().join(", "))
                }
            });
        }
        Some(UnknownName::Param(name)) => {
            let FilterContext::Page(params) = stand else { return };
            if params.is_empty() {
                problem.help(format!("give it one, as in `path: /orders/:{name}`"));
            }
            problem.suggest(&name, params.iter().map(|param| param.as_ref()));
        }
        Some(UnknownName::Field(_)) | None => {}
    }
}

/// Returns an example of a value for this root, as `$params.id` for `$params`.
fn example(root: &str) -> String {
    let name = match root {
        "$params" => "id",
        "$query" => "status",
        _ => "name",
    };
    format!("{root}.{name}")
}
