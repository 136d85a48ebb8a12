//! The JSON Schema of `app.yaml`, for editors, from the very types that read it.

use schemars::SchemaGenerator;
use serde_json::{Map, Value as Json, json};

use crate::spec::app::RawApp;
use crate::spec::reference;

/// The definition that stands for `$ref: ./file.yaml`.
const REFERENCE: &str = "Reference";

/// The JSON Schema of `app.yaml`.
pub fn app_schema() -> Json {
    let mut schema = SchemaGenerator::default().into_root_schema_for::<RawApp>().to_value();
    let definitions = schema["$defs"].as_object_mut();
    for definition in definitions.into_iter().flat_map(Map::values_mut) {
        if definition["type"] == "object" || definition.get("oneOf").is_some_and(is_mappings) {
            *definition = json!({
                "anyOf": [definition.take(), { "$ref": format!("#/$defs/{REFERENCE}") }],
            });
        }
    }
    schema["$defs"][REFERENCE] = json!({
        "type": "object",
        "description": "Stands for what is in another file of the app's folder.",
        "properties": {
            reference::KEY: { "type": "string", "description": "The file, as in ./orders.yaml." },
        },
        "required": [reference::KEY],
        "additionalProperties": false,
    });
    schema
}

fn is_mappings(choices: &Json) -> bool {
    choices
        .as_array()
        .is_some_and(|choices| choices.iter().all(|choice| choice["type"] == "object"))
}
