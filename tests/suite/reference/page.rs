//! The pages of the reference.

use std::collections::BTreeSet;
use std::fmt::Write;

use pagetide::components;
use pagetide::fields::{self, Options};
use pagetide::model::field::FieldKind;
use pagetide::model::operator::Operator;
use pagetide::model::storage::Storage;
use serde_json::Value as Json;

use super::PARTS;
use super::takes::{below, choices, definition, one_component, own, takes, words};

/// The keys of a field that belong to some types only.
const OPTION_KEYS: [&str; 8] =
    ["options", "currency", "min", "max", "start", "prefix", "table", "onDelete"];

/// A page about a part of an app.
pub fn part(root: &Json, name: &str, example: &str) -> String {
    let schema = definition(root, name);
    let mut page = opening(name, schema, example);
    match words_or_kinds(root, schema) {
        Some(kinds) => page.push_str(&kinds),
        None => keys(root, schema, "", &[], "## Keys", &mut page),
    }
    page
}

/// What a part may be, where it is no mapping.
fn words_or_kinds(root: &Json, schema: &Json) -> Option<String> {
    if schema["properties"].is_object() {
        return None;
    }
    let kinds = schema["anyOf"].as_array()?;
    let mut lines = "| it is | which means |\n|---|---|\n".to_owned();
    for kind in kinds {
        let shown = match kind["const"].as_str() {
            Some(word) => format!("`{word}`"),
            None => takes(root, kind, ""),
        };
        writeln!(lines, "| {shown} | {} |", told(kind)).unwrap();
    }
    Some(lines)
}

/// The page of one component.
pub fn component(root: &Json, name: &str, example: &str) -> String {
    let schema = one_component(root, name);
    let mut page = opening(name, schema, example);
    keys(root, schema, "../", &common(root), "## Keys", &mut page);
    page.push_str("\nBeside these it takes what [any component](../component.md) takes.\n");
    page
}

/// The page about what all components take.
pub fn any_component(root: &Json) -> String {
    let mut page =
        "# component\n\nWhat a page is made of. Its `type` says what it is, and what else it \
        takes:\n\n| type | |\n|---|---|\n"
            .to_owned();
    for name in components::TYPES {
        let about = first_sentence(&told(one_component(root, name)));
        writeln!(page, "| [{name}](components/{name}.md) | {about} |").unwrap();
    }
    let schema = one_component(root, components::TYPES[0]);
    let common = common(root);
    let all = schema["properties"].as_object().unwrap().keys().map(String::as_str);
    let others: Vec<_> = all.filter(|key| *key == "type" || !common.contains(key)).collect();
    page.push('\n');
    keys(root, schema, "", &others, "## Any component takes", &mut page);
    page
}

/// The page of one field type.
pub fn field_type(root: &Json, name: &str, example: &str) -> String {
    let field = definition(root, "field");
    let about = words(root, &field["properties"]["type"]);
    let (_, about) = about.iter().find(|(word, _)| *word == name).expect("it is explained");
    let mut page = format!("# {name}\n\n{}\n\n```yaml\n{example}```\n\n", joined(about));
    let taken = fields::option_names(name);
    let others: Vec<_> = OPTION_KEYS.into_iter().filter(|key| !taken.contains(key)).collect();
    let kind = sample(name);
    let mut left = others;
    left.push("type");
    if kind.is_system() {
        left.extend(["required", "unique", "default"]);
    }
    if kind.storage() == Storage::Link {
        left.push("default");
    }
    if matches!(kind.storage(), Storage::List | Storage::Json) {
        left.push("unique");
    }
    let mut field = field.clone();
    for value in field["properties"].as_object_mut().unwrap().values_mut() {
        value["markdownDescription"] = for_type(&told(value), name).into();
    }
    keys(root, &field, "../", &left, "## Keys", &mut page);
    let (json, column) = kept(kind.storage());
    let suiting = operators(root).into_iter().filter(|(word, _)| suits(word, kind.storage()));
    let suiting: Vec<_> = suiting.map(|(word, _)| format!("`{word}`")).collect();
    write!(
        page,
        "\n## How it is kept\n\n| in JSON | in SQLite |\n|---|---|\n| {json} | {column} |\n\n\
         A [filter](../filter.md) may ask {}.\n",
        suiting.join(", ")
    )
    .unwrap();
    page
}

/// What a description says to fields of this type: `For numbers: … For `rating`: …`.
fn for_type(description: &str, name: &str) -> String {
    let parts: Vec<_> = description.split("For ").filter(|part| !part.is_empty()).collect();
    let of_type = parts.iter().filter_map(|part| part.split_once(": "));
    let mut of_type: Vec<_> = of_type.filter(|_| description.starts_with("For ")).collect();
    of_type.sort_by_key(|(whose, _)| !whose.contains(&format!("`{name}`")));
    match of_type.first() {
        Some((_, words)) => {
            let (first, rest) = words.split_at(1);
            format!("{}{}", first.to_uppercase(), rest.trim())
        }
        None => description.to_owned(),
    }
}

/// A field of the type, as its example might declare it.
fn sample(name: &str) -> FieldKind {
    let options = Options {
        options: Some(vec!["a".into()]),
        table: Some("others".parse().unwrap()),
        ..Options::default()
    };
    let plain = fields::kind(name, &Options::default()).unwrap();
    plain.or_else(|_| fields::kind(name, &options).unwrap()).expect("it needs nothing but options")
}

/// How values of a storage class look in JSON and in the database.
fn kept(storage: Storage) -> (&'static str, &'static str) {
    match storage {
        Storage::Text => ("a string", "`TEXT`"),
        Storage::Integer => ("a number", "`INTEGER`"),
        Storage::Decimal(_) => {
            ("a string with every digit; a number is accepted", "`NUMERIC`, at most 15 digits")
        }
        Storage::Boolean => ("`true` or `false`", "`INTEGER`, 0 or 1"),
        Storage::Time => ("`14:30`, `14:30:15`", "`TEXT`, the same form"),
        Storage::Date => ("`2026-04-05`", "`TEXT`, the same form"),
        Storage::Datetime => ("`2026-04-05T12:00:00.000Z`, UTC", "`TEXT`, the same form"),
        Storage::List => ("a list of texts", "`TEXT`, the list as JSON"),
        Storage::Link => (
            "the id as a string, `{\"id\": …, \"label\": …}` where expanded",
            "`INTEGER REFERENCES` the other table",
        ),
        Storage::Json => ("the value itself", "`TEXT`, the value as JSON"),
        Storage::Person => ("`{\"id\": …, \"name\": …}`", "`TEXT`, the id of the account"),
    }
}

/// The page about filters.
pub fn filter(root: &Json, example: &str) -> String {
    let schema = definition(root, "filter");
    let mut page = opening("filter", schema, example);
    page.push_str("| a filter is | which means |\n|---|---|\n");
    for kind in choices(schema) {
        let shown = match kind["properties"].as_object() {
            None => "a list of filters".to_owned(),
            Some(keys) if keys.len() == 1 => {
                let key = keys.keys().next().unwrap();
                let inside = if key == "not" { "a filter" } else { "a list of filters" };
                format!("`{key}`: {inside}")
            }
            Some(_) => "`field`, `operator` and `value`".to_owned(),
        };
        writeln!(page, "| {shown} | {} |", told(kind)).unwrap();
    }
    page.push_str("\n## Operators\n\n| operator | it holds where | for |\n|---|---|---|\n");
    for (word, about) in operators(root) {
        let suited: BTreeSet<_> =
            fields::type_names().filter(|name| suits(word, sample(name).storage())).collect();
        let others: Vec<_> = fields::type_names().filter(|name| !suited.contains(name)).collect();
        let links = |names: &mut dyn Iterator<Item = &str>| {
            let links: Vec<_> = names.map(|name| format!("[{name}](fields/{name}.md)")).collect();
            links.join(", ")
        };
        let suited = match others.len() {
            0 => "every type".to_owned(),
            few if few < suited.len() => {
                format!("every type but {}", links(&mut others.into_iter()))
            }
            _ => links(&mut suited.into_iter()),
        };
        writeln!(page, "| `{word}` | {} | {suited} |", joined(about)).unwrap();
    }
    page
}

/// The operators of filters with what each means.
fn operators(root: &Json) -> Vec<(&str, &str)> {
    let kinds = definition(root, "filter")["anyOf"].as_array().unwrap();
    let condition = kinds.iter().find(|kind| kind["properties"]["operator"].is_object()).unwrap();
    words(root, &condition["properties"]["operator"])
}

/// The page that leads to all others.
pub fn index(root: &Json) -> String {
    let mut page = "# Reference\n\nWhat may stand in `app.yaml`, word for word as editors show it. These \
        pages are made from the program itself; a test holds them to it. Every example is checked: they are \
        parts of [one app](examples/app.yaml).\n\n| part | |\n|---|---|\n"
        .to_owned();
    for name in PARTS {
        let schema = definition(root, name);
        let about = first_sentence(&told(schema));
        writeln!(page, "| [{name}]({name}.md) | {about} |").unwrap();
    }
    page.push_str("\n## Components\n\n| type | |\n|---|---|\n");
    for name in components::TYPES {
        let about = first_sentence(&told(one_component(root, name)));
        writeln!(page, "| [{name}](components/{name}.md) | {about} |").unwrap();
    }
    page.push_str("\n## Field types\n\n| type | |\n|---|---|\n");
    let field = definition(root, "field");
    for (name, about) in words(root, &field["properties"]["type"]) {
        writeln!(page, "| [{name}](fields/{name}.md) | {} |", first_sentence(&joined(about)))
            .unwrap();
    }
    page.push_str(
        "\n## Values\n\n`$params.id`, `$query.status` and `$currentUser.name` stand for what the address of the \
         page and whoever looks give. As they are they can be the `value` of a [filter](filter.md). In braces, \
         as in `Order {$params.id}`, they stand in the `content` of a [text](components/text.md), in the `label` \
         and `href` of a [link](components/link.md) or a [button](components/button.md), and in the `meta` of a \
         [page](page.md). Elsewhere they mean nothing and are refused, never taken for words: `{$` with a letter \
         after it in any text, and `$` with a letter after it where a value begins. `$5` and `US$` are \
         prices. What seeds hold and people type is data, whatever it looks like.\n",
    );
    page.push_str(
        "\nAny mapping may stand in a file of its own: `$ref: ./orders.yaml` in its place leads there, seen \
         from the file it stands in. `pagetide schema page`, `table`, `field` and `component` print what editors \
         need for such files.\n",
    );
    page
}

/// The keys that every component has.
fn common(root: &Json) -> Vec<&str> {
    let all = own(root, &root["$defs"]["Component"])["oneOf"].as_array().unwrap();
    let keys = |one: &'_ Json| one["properties"].as_object().unwrap().clone();
    let first = all[0]["properties"].as_object().unwrap().keys();
    let common = first.filter(|key| all.iter().all(|one| keys(one).contains_key(*key)));
    common.map(String::as_str).collect()
}

fn opening(name: &str, schema: &Json, example: &str) -> String {
    format!("# {name}\n\n{}\n\n```yaml\n{example}```\n\n", told(schema))
}

/// A table of the keys of a mapping, but for some, and one for each mapping below it.
fn keys(root: &Json, schema: &Json, up: &str, left: &[&str], heading: &str, page: &mut String) {
    let required: Vec<_> =
        schema["required"].as_array().into_iter().flatten().filter_map(Json::as_str).collect();
    write!(page, "{heading}\n\n").unwrap();
    let mut all: Vec<_> = schema["properties"].as_object().unwrap().iter().collect();
    all.retain(|(key, _)| !left.contains(&key.as_str()));
    all.sort_by_key(|(key, _)| !required.contains(&key.as_str()));
    if all.is_empty() {
        page.push_str("None of its own.\n");
        return;
    }
    page.push_str("| key | takes | if you do not say | |\n|---|---|---|---|\n");
    for (key, value) in &all {
        let (about, default) = about(&told(value));
        let default = match (required.contains(&key.as_str()), default) {
            (true, _) => "**required**".to_owned(),
            (false, default) => default.unwrap_or_default(),
        };
        let words: String = words(root, value)
            .iter()
            .map(|(word, about)| format!("<br>`{word}`: {}", joined(about)))
            .collect();
        let takes = takes(root, value, up);
        writeln!(page, "| `{key}` | {takes} | {default} | {about}{words} |").unwrap();
    }
    let level = format!("#{}", heading.split(' ').next().unwrap());
    for (key, value) in all {
        if let Some(inside) = below(root, value) {
            page.push('\n');
            keys(root, inside, up, &[], &format!("{level} {key}"), page);
        }
    }
}

/// What a schema says of itself, on one line.
fn told(schema: &Json) -> String {
    joined(schema["markdownDescription"].as_str().unwrap_or_default())
}

fn joined(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}

/// What a key is for, and what holds without it: a description says `…; X if you do not say.`
fn about(description: &str) -> (String, Option<String>) {
    let Some((before, after)) = description.split_once(" if you do not say") else {
        return (description.to_owned(), None);
    };
    let before = before.trim_end_matches(',');
    let ends: Vec<_> = ends_of_parts(before).collect();
    let strong = ends.iter().rfind(|end| before[..**end].ends_with(';'));
    let start = strong.or(ends.last()).copied().unwrap_or(0);
    let default = before[start..].trim();
    let rest = before[..start].trim_end_matches([';', ',']);
    let about = format!(
        "{rest}{}",
        if rest.ends_with('.') { after.trim_start_matches('.') } else { after }
    );
    (about, Some(default.to_owned()))
}

/// Where sentences and parts of them end. What stands in backticks may hold any sign.
fn ends_of_parts(text: &str) -> impl Iterator<Item = usize> {
    let is_end = |(at, sign): &(usize, char)| {
        let quotes = text[..*at].matches('`').count();
        let is_last = text[at + sign.len_utf8()..].starts_with(' ');
        matches!(sign, '.' | ';' | ',') && is_last && quotes.is_multiple_of(2)
    };
    text.char_indices().filter(is_end).map(|(at, _)| at + 1).collect::<Vec<_>>().into_iter()
}

fn first_sentence(text: &str) -> String {
    let end = text.find(". ").map_or(text.len(), |at| at + 1);
    text[..end].to_owned()
}

fn suits(operator: &str, storage: Storage) -> bool {
    operator.parse().is_ok_and(|operator: Operator| operator.suits(storage))
}
