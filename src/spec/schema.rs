//! The JSON Schemas of `app.yaml` and of the files that it refers to, for editors. They are made from the
//! types that read these files.

use schemars::SchemaGenerator;
use serde_json::{Map, Value as Json, json};

use crate::spec::app::RawApp;
use crate::spec::{editor, reference};

/// The definition for `$ref: ./file.yaml`.
const REFERENCE: &str = "Reference";
/// The key of a schema that holds its definitions.
const DEFINITIONS: &str = "$defs";
/// The words in a description that follow a default value.
const UNSAID: &str = " if you do not say";

/// Returns the JSON Schema of `app.yaml`.
pub fn app_schema() -> Json {
    let mut schema = SchemaGenerator::default().into_root_schema_for::<RawApp>().to_value();
    rename(&mut schema);
    tell_defaults(&mut schema);
    allow_references_below(&mut schema);
    let definitions = schema[DEFINITIONS].as_object_mut();
    for definition in definitions.into_iter().flat_map(Map::values_mut) {
        allow_reference(definition);
    }
    schema[DEFINITIONS][REFERENCE] = reference();
    editor::explain(&mut schema);
    schema
}

/// A part of an app that may be in a file of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppPart {
    /// An item of `pages`.
    Page,
    /// An item of `tables`.
    Table,
    /// An item of `fields`.
    Field,
    /// An item of `components` or `children`.
    Component,
}

impl AppPart {
    /// The name of the part's definition in the schema.
    fn name(self) -> &'static str {
        match self {
            Self::Page => "Page",
            Self::Table => "Table",
            Self::Field => "Field",
            Self::Component => "Component",
        }
    }
}

/// Returns the JSON Schema of a file that a `$ref` names.
pub fn part_schema(part: AppPart) -> Json {
    let mut app = app_schema();
    let mut needed = Map::new();
    let mut definitions = app[DEFINITIONS].take();
    take_needed(part.name(), &mut definitions, &mut needed);
    json!({
        "$schema": app["$schema"],
        "title": part.name(),
        "$ref": format!("#/{DEFINITIONS}/{}", part.name()),
        DEFINITIONS: needed,
    })
}

/// Moves a definition, and all definitions that it refers to, from one set to another.
fn take_needed(name: &str, from: &mut Json, to: &mut Map<String, Json>) {
    let Some(definition) = from.as_object_mut().and_then(|all| all.remove(name)) else { return };
    let text = definition.to_string();
    to.insert(name.to_owned(), definition);
    let link = format!("\"#/{DEFINITIONS}/");
    for rest in text.split(link.as_str()).skip(1) {
        take_needed(rest.split('"').next().unwrap_or_default(), from, to);
    }
}

/// Returns the schema of a `$ref` to another file.
fn reference() -> Json {
    json!({
        "type": "object",
        "description": "Includes the content of another file in the app's folder.",
        "properties": {
            reference::KEY: { "type": "string", "description": "The path of the file, as in ./orders.yaml." },
        },
        "required": [reference::KEY],
        "additionalProperties": false,
    })
}

/// Allows a `$ref` in place of a mapping.
fn allow_reference(definition: &mut Json) {
    let link = json!({ "$ref": format!("#/{DEFINITIONS}/{REFERENCE}") });
    if is_mapping(definition) || all_hold(definition, "oneOf", is_mapping) {
        *definition = json!({ "anyOf": [definition.take(), link] });
    } else if let Some(choices) = definition.get_mut("anyOf").and_then(Json::as_array_mut)
        && choices.iter().any(is_mapping)
    {
        choices.push(link);
    }
}

/// Allows a `$ref` in place of each mapping that is defined in line, at the key that has it.
fn allow_references_below(schema: &mut Json) {
    match schema {
        Json::Array(items) => items.iter_mut().for_each(allow_references_below),
        Json::Object(map) => {
            map.values_mut().for_each(allow_references_below);
            let keys = map.get_mut("properties").and_then(Json::as_object_mut);
            for value in
                keys.into_iter().flat_map(Map::values_mut).filter(|value| is_mapping(value))
            {
                let about = value["description"].clone();
                allow_reference(value);
                value["description"] = about;
            }
        }
        _ => {}
    }
}

fn is_mapping(schema: &Json) -> bool {
    schema["type"] == "object"
}

fn all_hold(schema: &Json, key: &str, holds: impl Fn(&Json) -> bool) -> bool {
    schema.get(key).and_then(Json::as_array).is_some_and(|choices| choices.iter().all(holds))
}

/// Removes `Raw` from the names of definitions: it is a prefix of our Rust types only.
fn rename(schema: &mut Json) {
    let Some(definitions) = schema[DEFINITIONS].as_object_mut() else { return };
    let names: Vec<_> = definitions.keys().filter_map(|name| name.strip_prefix("Raw")).collect();
    let free = |name: &&str| !definitions.contains_key(*name);
    let names: Vec<_> = names.into_iter().filter(free).map(str::to_owned).collect();
    for name in &names {
        let definition = definitions.remove(&format!("Raw{name}")).unwrap_or_default();
        definitions.insert(name.clone(), definition);
    }
    let text = schema.to_string();
    let link = |name: &str| format!("\"#/{DEFINITIONS}/{name}\"");
    let text = names
        .iter()
        .fold(text, |text, name| text.replace(&link(&format!("Raw{name}")), &link(name)));
    *schema = serde_json::from_str(&text).unwrap_or_default();
}

/// Adds `default` to each schema whose description names one.
fn tell_defaults(schema: &mut Json) {
    match schema {
        Json::Array(items) => items.iter_mut().for_each(tell_defaults),
        Json::Object(map) => {
            let default = map.get("description").and_then(Json::as_str).and_then(default);
            map.values_mut().for_each(tell_defaults);
            map.extend(default.map(|default| ("default".to_owned(), default)));
        }
        _ => {}
    }
}

/// Returns the value before `if you do not say`: one in backticks, or a number. `None` if there is none.
fn default(description: &str) -> Option<Json> {
    let description = description.replace('\n', " ");
    let before = description.split_once(UNSAID)?.0;
    match before.strip_suffix('`').and_then(|before| before.rsplit_once('`')) {
        // Several defaults, of which other keys choose one.
        Some((before, _)) if before.ends_with(" or ") => None,
        Some((_, word)) => Some(serde_yaml::from_str(word).unwrap_or_else(|_| word.into())),
        None => before.rsplit(' ').next()?.parse::<i64>().ok().map(Json::from),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_those_of_the_descriptions() {
        let check = |description, value: Json| assert_eq!(default(description), Some(value));
        check("How; `static` if you do not say.", json!("static"));
        check("Whether; `false` if you do not\nsay.", json!(false));
        check("How many; 50 if you do not say.", json!(50));
        check("What; `Nothing yet.` if you do not say.", json!("Nothing yet."));
        check("Who; `[admin]` if you do not say.", json!(["admin"]));
        for none in [
            "How.",
            "It; `Add` or `Save` if you do not say.",
            "All records if you do not say.",
            "A `day`. Its label if you do not say.",
        ] {
            assert_eq!(default(none), None, "{none}");
        }
    }

    #[test]
    fn no_definition_is_called_after_its_type() {
        let schema = app_schema();
        let names = schema[DEFINITIONS].as_object().unwrap().keys();
        let raw: Vec<_> = names.filter(|name| name.starts_with("Raw")).collect();
        assert!(raw.is_empty(), "{raw:?}");
    }

    /// Every schema below this one.
    fn walk(schema: &Json, visit: &mut impl FnMut(&Json)) {
        visit(schema);
        match schema {
            Json::Array(items) => items.iter().for_each(|item| walk(item, visit)),
            Json::Object(map) => map.values().for_each(|value| walk(value, visit)),
            _ => {}
        }
    }

    #[test]
    fn every_description_is_one_line_and_has_its_marks_in_markdown_only() {
        let mut count = 0;
        walk(&app_schema(), &mut |schema| {
            let Some(text) = schema["description"].as_str() else { return };
            assert!(!text.contains(['\n', '`']), "{text}");
            let marked = schema["markdownDescription"].as_str().unwrap_or_default();
            assert_eq!(marked.replace('`', ""), text);
            count += 1;
        });
        assert!(count > 300, "{count}");
    }

    #[test]
    fn every_choice_of_components_offers_all_of_their_types() {
        let mut count = 0;
        walk(&app_schema(), &mut |schema| {
            let branches = schema["oneOf"].as_array().into_iter().flatten();
            let named = branches.filter_map(|one| one["properties"]["type"]["const"].as_str());
            let named: Vec<_> = named.collect();
            if named.is_empty() {
                return;
            }
            let kind = &schema["properties"]["type"];
            assert_eq!(kind["enum"], json!(named));
            assert_eq!(kind["enum"], json!(crate::components::TYPES));
            for key in ["enumDescriptions", "markdownEnumDescriptions"] {
                let words = kind[key].as_array().unwrap();
                assert_eq!(words.len(), named.len());
                assert!(words.iter().all(|words| !words.as_str().unwrap().contains('\n')));
            }
            count += 1;
        });
        assert!(count > 0);
    }

    #[test]
    fn what_may_be_a_file_of_its_own_is_called_by_what_it_is() {
        let schema = app_schema();
        for part in [AppPart::Page, AppPart::Table, AppPart::Field, AppPart::Component] {
            assert_eq!(schema[DEFINITIONS][part.name()]["title"], part.name());
            let own = part_schema(part);
            assert_eq!(own["title"], part.name());
            let text = own.to_string();
            for rest in text.split("\"#/$defs/").skip(1) {
                let name = rest.split('"').next().unwrap();
                assert!(own[DEFINITIONS].get(name).is_some(), "{name}");
            }
            assert!(own[DEFINITIONS].get("Theme").is_none());
        }
    }
}
