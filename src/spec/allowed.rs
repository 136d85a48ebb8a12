//! The keys and values that a type accepts, read from its JSON Schema: the schema that editors use for
//! completion.

use std::cell::OnceCell;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::Value as Json;

use crate::model::problem::PathStep;

/// The keys and values that a type accepts. The schema is generated at the first query.
pub(super) struct Allowed<'a> {
    generate: fn() -> Schema,
    schema: OnceCell<Json>,
    beside: &'a [&'a str],
}

impl<'a> Allowed<'a> {
    /// Returns what `T` accepts, with `beside` as further keys at its top.
    pub(super) fn of<T: JsonSchema>(beside: &'a [&'a str]) -> Self {
        let generate = || SchemaGenerator::default().into_root_schema_for::<T>();
        Self { generate, schema: OnceCell::new(), beside }
    }

    fn schema(&self) -> &Json {
        self.schema.get_or_init(|| (self.generate)().to_value())
    }

    /// Returns the keys of the mapping at this path.
    pub(super) fn keys(&self, steps: &[PathStep]) -> Vec<String> {
        let mut keys: Vec<String> = Vec::new();
        if steps.is_empty() {
            keys.extend(self.beside.iter().map(|key| (*key).to_owned()));
        }
        for schema in down(self.schema(), steps) {
            let properties = schema.get("properties").and_then(Json::as_object);
            keys.extend(properties.into_iter().flat_map(|map| map.keys().cloned()));
        }
        keys
    }

    /// Returns the purpose of the key at this path: the first sentence of its description. `None` if it
    /// has none.
    pub(super) fn purpose(&self, steps: &[PathStep]) -> Option<String> {
        // The description of the key itself comes first, before that of its type.
        let description =
            down(self.schema(), steps).first()?.get("description")?.as_str()?.to_owned();
        let sentence = description.split(". ").next()?.trim_end_matches('.').replace('\n', " ");
        let mut letters = sentence.chars();
        Some(letters.next()?.to_lowercase().chain(letters).collect())
    }

    /// Returns the words that the value at this path must be one of. Empty if other values are allowed
    /// too.
    pub(super) fn values(&self, steps: &[PathStep]) -> Vec<String> {
        let listed = |schema: &Json| {
            let list = schema.get("enum").and_then(Json::as_array).cloned().unwrap_or_default();
            list.into_iter().chain(schema.get("const").cloned()).collect::<Vec<_>>()
        };
        let schemas = down(self.schema(), steps);
        if schemas.iter().any(|schema| schema.get("items").or(schema.get("properties")).is_some()) {
            return Vec::new();
        }
        let values = schemas.into_iter().flat_map(listed);
        values.filter_map(|value| value.as_str().map(str::to_owned)).collect()
    }
}

/// Returns every schema that may apply to the value at a path.
fn down<'a>(root: &'a Json, steps: &[PathStep]) -> Vec<&'a Json> {
    let mut schemas = alternatives(root, root);
    for step in steps {
        let next = schemas.into_iter().filter_map(|schema| match step {
            PathStep::Key(key) => schema.get("properties")?.get(key),
            PathStep::Item(_) => schema.get("items"),
        });
        schemas = next.flat_map(|schema| alternatives(root, schema)).collect();
    }
    schemas
}

/// Returns a schema, those that it refers to, and the alternatives that it offers.
fn alternatives<'a>(root: &'a Json, schema: &'a Json) -> Vec<&'a Json> {
    let target = schema.get("$ref").and_then(Json::as_str);
    let target = target.and_then(|link| root.pointer(link.strip_prefix('#')?));
    let choices = ["anyOf", "oneOf", "allOf"].into_iter();
    let choices = choices.filter_map(|key| schema.get(key)?.as_array()).flatten();
    let below = target.into_iter().chain(choices);
    std::iter::once(schema).chain(below.flat_map(|schema| alternatives(root, schema))).collect()
}
