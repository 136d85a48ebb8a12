//! Prepares the JSON Schema for editors: gives each mapping a title, and each description one line, as
//! plain text and as Markdown.

use serde_json::{Map, Value as Json};

/// The keywords whose value maps names to schemas, so that a name in it is not taken for a keyword.
const BY_NAME: [&str; 2] = ["properties", "$defs"];

/// Adds titles and descriptions for editors to a schema and all schemas below it.
pub(super) fn explain(schema: &mut Json) {
    match schema {
        Json::Array(items) => items.iter_mut().for_each(explain),
        Json::Object(map) => {
            one_line(map);
            for (key, value) in map.iter_mut() {
                match value.as_object_mut().filter(|_| BY_NAME.contains(&key.as_str())) {
                    Some(named) => named.iter_mut().for_each(|(name, schema)| {
                        entitle(name, schema);
                        explain(schema);
                    }),
                    None => explain(value),
                }
            }
        }
        _ => {}
    }
}

/// Puts the description on one line: without backticks as `description`, with them as
/// `markdownDescription`.
fn one_line(schema: &mut Map<String, Json>) {
    let Some(written) = schema.get("description").and_then(Json::as_str) else { return };
    let line = written.split_whitespace().collect::<Vec<_>>().join(" ");
    schema.insert("description".to_owned(), line.replace('`', "").into());
    schema.insert("markdownDescription".to_owned(), line.into());
}

/// Gives a mapping a title made from the name of its key or definition: `DataSource` becomes "Data
/// source".
fn entitle(name: &str, schema: &mut Json) {
    let is_mapping = |schema: &Json| schema["type"] == "object" || schema["properties"].is_object();
    let choices = ["anyOf", "oneOf"].into_iter().filter_map(|key| schema.get(key)?.as_array());
    let holds_one = is_mapping(schema) || choices.flatten().any(is_mapping);
    if let Some(map) = schema.as_object_mut().filter(|_| holds_one) {
        map.entry("title").or_insert_with(|| super::field::label(name).as_ref().into());
    }
}
