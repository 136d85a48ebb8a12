//! Turns the error messages of serde into words for authors, without names of Rust types.

use serde_json::Value as Json;

use crate::model::problem::nearest;
use crate::spec::tree::{Node, NodeKind};

/// The message about a value that does not fit, and what to write instead.
pub(super) struct ValueProblem {
    pub(super) message: String,
    pub(super) help: Option<String>,
}

/// Returns why a value does not fit, from serde's message and the words that are allowed there.
pub(super) fn misfit(subject: &str, node: &Node, choices: &[String], text: &str) -> ValueProblem {
    let is_about_type =
        ["invalid type: ", "invalid value: ", "invalid length ", "unknown variant "];
    let expected = text.split_once(", expected ").map(|(_, expected)| expected);
    let expected = expected.filter(|_| is_about_type.iter().any(|start| text.starts_with(start)));
    let Some(expected) = expected else {
        // The message of one of our types, such as a name, which is written for authors.
        return ValueProblem { message: text.to_owned(), help: None };
    };
    let got = got(node);
    if choices.is_empty() {
        let wanted = author_words(expected);
        let help = match wanted {
            "text" => quoted(node),
            "a list" => listed(node),
            _ => None,
        };
        return ValueProblem { message: format!("{subject} must be {wanted}{got}"), help };
    }
    let known: Vec<_> = choices.iter().map(String::as_str).collect();
    let nearest = node.text().and_then(|word| nearest(word, &known));
    ValueProblem {
        message: format!("{subject} must be {}{got}", one_of(&known)),
        help: nearest.map(|nearest| format!("did you mean `{nearest}`?")),
    }
}

/// Returns `, got 500` for a message. Empty for a value that was refused before.
pub(super) fn got(node: &Node) -> String {
    match node.kind {
        NodeKind::Broken => String::new(),
        _ => format!(", got {}", node.describe()),
    }
}

/// Returns the YAML key of a Rust field: `display_field` becomes `displayField`.
pub(super) fn camel_case(field: &str) -> String {
    let mut key = String::with_capacity(field.len());
    for (index, word) in field.trim_start_matches("r#").split('_').enumerate() {
        let mut letters = word.chars();
        match letters.next() {
            Some(first) if index > 0 => key.extend(first.to_uppercase()),
            first => key.extend(first),
        }
        key.push_str(letters.as_str());
    }
    key
}

fn one_of(choices: &[&str]) -> String {
    match choices {
        [only] => (*only).to_owned(),
        several => format!("one of {}", several.join(", ")),
    }
}

fn author_words(expected: &str) -> &str {
    match expected {
        "a boolean" => "true or false",
        "a string" | "str" | "string" => "text",
        "a sequence" => "a list",
        "a map" => "a mapping",
        _ if expected.starts_with("struct ") => "a mapping",
        "i64" | "u64" | "i32" | "u32" | "u8" | "usize" => "a whole number",
        "f64" | "a JSON number" => "a number",
        words => words,
    }
}

fn quoted(node: &Node) -> Option<String> {
    match &node.kind {
        NodeKind::Number(_) | NodeKind::Boolean(_) => {
            Some(format!("put it in quotes: {}", Json::from(node.describe())))
        }
        _ => None,
    }
}

fn listed(node: &Node) -> Option<String> {
    node.text().filter(|text| !text.is_empty()).map(|text| format!("write `[{text}]`"))
}
