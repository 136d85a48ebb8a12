//! What a key takes, in words.

use serde_json::Value as Json;

use super::PARTS;

/// A schema without what every schema may be besides: nothing, or a `$ref` to a file.
pub fn own<'a>(root: &'a Json, schema: &'a Json) -> &'a Json {
    if let Some(target) = schema["$ref"].as_str() {
        return own(root, root.pointer(&target[1..]).unwrap());
    }
    let choices: Vec<_> = schema["anyOf"].as_array().into_iter().flatten().collect();
    let mut real = choices
        .into_iter()
        .filter(|choice| choice["type"] != "null" && choice["$ref"] != "#/$defs/Reference");
    match (real.next(), real.next()) {
        (Some(only), None) => own(root, only),
        _ => schema,
    }
}

/// The definition of a part that has a page of its own.
pub fn definition<'a>(root: &'a Json, part: &str) -> &'a Json {
    match part {
        "app" => root,
        // It stands where it is used, since it must be there.
        "dataSource" => own(root, &one_component(root, "dataTable")["properties"]["dataSource"]),
        _ => {
            let (first, rest) = part.split_at(1);
            own(root, &root["$defs"][format!("{}{rest}", first.to_uppercase())])
        }
    }
}

/// The definition of one type of component.
pub fn one_component<'a>(root: &'a Json, name: &str) -> &'a Json {
    let all = own(root, &root["$defs"]["Component"])["oneOf"].as_array().unwrap();
    all.iter().find(|one| one["title"] == name).unwrap()
}

/// The part that a schema is, if it has a page of its own.
fn page_of(root: &Json, schema: &Json) -> Option<&'static str> {
    let found = own(root, schema);
    PARTS.into_iter().find(|part| {
        let part = definition(root, part);
        let same = |key: &str| !part[key].is_null() && found[key] == part[key];
        same("properties") || same("oneOf") || same("anyOf")
    })
}

/// The choices of a schema that is more than one thing.
pub fn choices(schema: &Json) -> Vec<&Json> {
    let all = ["anyOf", "oneOf"].into_iter().filter_map(|key| schema[key].as_array()).flatten();
    all.filter(|choice| choice["type"] != "null" && choice["$ref"] != "#/$defs/Reference").collect()
}

/// What may stand at a key; `up` leads from the page to the folder of the reference.
pub fn takes(root: &Json, schema: &Json, up: &str) -> String {
    let all = choices(schema);
    let page = |one: &Json| page_of(root, one);
    if let Some(found) = page(schema) {
        return format!("[{found}]({up}{found}.md)");
    }
    if let Some(found) = all.iter().find_map(|one| page(one)) {
        let mut others: Vec<_> = all.iter().filter(|one| page(one).is_none()).collect();
        others.retain(|one| own(root, one)["type"].is_string());
        let more: String =
            others.iter().map(|one| format!(" or {}", takes(root, one, up))).collect();
        return format!("[{found}]({up}{found}.md){more}");
    }
    let schema = own(root, schema);
    if !words(root, schema).is_empty() {
        return "one of these".to_owned();
    }
    let several = choices(schema);
    if !several.is_empty() {
        let several: Vec<_> = several.iter().map(|one| takes(root, one, up)).collect();
        return several.join(" or ");
    }
    let kinds = match &schema["type"] {
        Json::Array(kinds) => kinds.iter().filter_map(Json::as_str).collect(),
        kind => Vec::from_iter(kind.as_str()),
    };
    match kinds.iter().find(|kind| **kind != "null") {
        Some(&"string") => {
            format!("text{}", bounds(schema, "minLength", "maxLength", " characters"))
        }
        Some(&"integer") => format!("a whole number{}", bounds(schema, "minimum", "maximum", "")),
        Some(&"number") => format!("a number{}", bounds(schema, "minimum", "maximum", "")),
        Some(&"boolean") => "`true` or `false`".to_owned(),
        Some(&"array") => match takes(root, &schema["items"], up).as_str() {
            "text" => "a list of texts".to_owned(),
            "see below" => "a list, see below".to_owned(),
            "text or see below" => "a list of texts or mappings, see below".to_owned(),
            "one of these" => "a list of these".to_owned(),
            items => format!("a list of {items}"),
        },
        Some(&"object") => "see below".to_owned(),
        _ => "a value".to_owned(),
    }
}

fn bounds(schema: &Json, least: &str, most: &str, unit: &str) -> String {
    match (schema[least].as_i64(), schema[most].as_i64()) {
        (Some(1), None) if !unit.is_empty() => ", not empty".to_owned(),
        (Some(least), None) => format!(", at least {least}{unit}"),
        (None, Some(most)) => format!(", at most {most}{unit}"),
        (Some(least), Some(most)) => format!(", {least} to {most}{unit}"),
        (None, None) => String::new(),
    }
}

/// The words to choose from, each with what it means; none if it is no such choice.
pub fn words<'a>(root: &'a Json, schema: &'a Json) -> Vec<(&'a str, &'a str)> {
    let schema = own(root, schema);
    let schema = if schema["type"] == "array" { own(root, &schema["items"]) } else { schema };
    let all = choices(schema);
    let word =
        |one: &&'a Json| Some((one["const"].as_str()?, one["markdownDescription"].as_str()?));
    let words: Vec<_> = all.iter().filter_map(word).collect();
    if words.len() == all.len() { words } else { Vec::new() }
}

/// The mapping that stands at a key, itself or as an item of a list, if it has no page of its own.
pub fn below<'a>(root: &'a Json, schema: &'a Json) -> Option<&'a Json> {
    if page_of(root, schema).is_some() {
        return None;
    }
    let found = own(root, schema);
    if found["properties"].is_object() {
        return Some(found);
    }
    if found["items"].is_object() {
        return below(root, &found["items"]);
    }
    choices(found).into_iter().find_map(|choice| below(root, choice))
}
