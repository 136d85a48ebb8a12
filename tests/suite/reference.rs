//! `docs/reference`: a page for each component, each field type and each part of an app, made of the
//! published schema, so of the doc comments that editors show too.
//!
//! Run with `UPDATE_EXPECTED=1` to write the pages, then read the difference.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use pagetide::{components, fields, spec};
use serde_json::Value as Json;

use crate::specs::difference;

mod page;
mod takes;

use page::{any_component, component, field_type, filter, index, part};

/// The parts of an app that have a page of their own.
const PARTS: [&str; 11] = [
    "app",
    "theme",
    "page",
    "table",
    "field",
    "permissions",
    "grant",
    "component",
    "dataSource",
    "value",
    "filter",
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reference")
}

/// The example of a page, as it stands in `docs/reference/examples`.
fn example(name: &str) -> String {
    let file = folder().join("examples").join(format!("{name}.yaml"));
    fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// Every page by its path in the folder.
fn pages() -> BTreeMap<String, String> {
    let schema = spec::app_schema();
    let mut pages = BTreeMap::new();
    for name in PARTS {
        let words = match name {
            "filter" => filter(&schema, &example("filter")),
            "component" => any_component(&schema),
            _ => part(&schema, name, &example(name)),
        };
        pages.insert(format!("{name}.md"), words);
    }
    for name in components::TYPES {
        let words = component(&schema, name, &example(&format!("components/{name}")));
        pages.insert(format!("components/{name}.md"), words);
    }
    for name in fields::type_names() {
        let words = field_type(&schema, name, &example(&format!("fields/{name}")));
        pages.insert(format!("fields/{name}.md"), words);
    }
    pages.insert("README.md".to_owned(), index(&schema));
    pages
}

#[test]
fn the_reference_is_what_the_schema_says() {
    let update = std::env::var_os("UPDATE_EXPECTED").is_some();
    let mut failures = Vec::new();
    for (name, words) in pages() {
        let file = folder().join(&name);
        if update {
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(&file, &words).unwrap();
        }
        let published = fs::read_to_string(&file).unwrap_or_default();
        if published != words {
            failures.push(format!("{name} is stale:\n{}", difference(&published, &words)));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn every_page_of_the_reference_has_something_to_be_about() {
    let pages = pages();
    for below in ["", "components", "fields"] {
        for entry in fs::read_dir(folder().join(below)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(folder()).unwrap().to_str().unwrap().to_owned();
            let is_page = name.ends_with(".md");
            assert!(!is_page || pages.contains_key(&name), "{name} is left over");
        }
    }
}

#[test]
fn every_link_of_the_reference_leads_somewhere() {
    let pages = pages();
    for (name, words) in &pages {
        let (opening, rest) = words.split_once("```yaml").unwrap_or((words, ""));
        let text = opening.to_owned() + rest.split("```").last().unwrap_or_default();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let target = folder().join(name).parent().unwrap().join(link);
            assert!(target.exists(), "{name} links to {link}");
        }
    }
}

#[test]
fn the_examples_of_the_reference_are_an_app() {
    let loaded = spec::load(&folder().join("examples")).unwrap();
    assert_eq!(loaded.report.to_string(), "");
    assert!(loaded.app.is_some());
    // What no page refers to would not be checked.
    let app = example("components") + &example("fields");
    for below in ["components", "fields"] {
        for entry in fs::read_dir(folder().join("examples").join(below)).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            assert!(app.contains(&format!("./{below}/{name}")), "{name}");
        }
    }
}

/// Every key that an editor completes is explained, and so is every word to choose from.
#[test]
fn every_key_and_word_of_the_schema_is_explained() {
    let mut unexplained = Vec::new();
    look("", &spec::app_schema(), &mut unexplained);
    assert!(unexplained.is_empty(), "{unexplained:#?}");
}

fn look(place: &str, schema: &Json, unexplained: &mut Vec<String>) {
    match schema {
        Json::Object(map) => {
            for (key, value) in
                map.get("properties").and_then(Json::as_object).into_iter().flatten()
            {
                if value.get("description").is_none() {
                    unexplained.push(format!("{place}: {key}"));
                }
            }
            let words = map.contains_key("const") || map.contains_key("enum");
            if words && !map.contains_key("description") {
                unexplained.push(format!("{place}: {schema}"));
            }
            for (key, value) in map {
                look(&format!("{place}/{key}"), value, unexplained);
            }
        }
        Json::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                look(&format!("{place}/{index}"), item, unexplained);
            }
        }
        _ => {}
    }
}
