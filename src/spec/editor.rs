//! What editors show of the JSON Schema: what each thing is called, and its words on one line, once
//! as plain text and once as Markdown.

use serde_json::{Map, Value as Json};

/// The keys whose values are schemas by name, so that a name is no keyword of JSON Schema.
const BY_NAME: [&str; 2] = ["properties", "$defs"];

/// Gives a schema and all below it words that editors can show.
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

/// The description on one line, without marks where it is plain text.
fn one_line(schema: &mut Map<String, Json>) {
    let Some(written) = schema.get("description").and_then(Json::as_str) else { return };
    let line = written.split_whitespace().collect::<Vec<_>>().join(" ");
    schema.insert("description".to_owned(), line.replace('`', "").into());
    schema.insert("markdownDescription".to_owned(), line.into());
}

/// Calls a mapping after the key or the definition that it is: `DataSource` is a "Data source".
fn entitle(name: &str, schema: &mut Json) {
    let is_mapping = |schema: &Json| schema["type"] == "object" || schema["properties"].is_object();
    let choices = ["anyOf", "oneOf"].into_iter().filter_map(|key| schema.get(key)?.as_array());
    let holds_one = is_mapping(schema) || choices.flatten().any(is_mapping);
    if let Some(map) = schema.as_object_mut().filter(|_| holds_one) {
        map.entry("title").or_insert_with(|| super::field::label(name).as_ref().into());
    }
}
