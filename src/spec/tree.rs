//! What was read, with the places it stands at: values, keys and their bytes.

use std::sync::Arc;

use serde_json::value::RawValue;
use serde_json::{Number, Value as Json};
use serde_yaml::Value as Yaml;

use crate::model::input::Input;
use crate::model::problem::{Place, Step};
use crate::spec::source::Span;

/// Whole numbers below this are kept exactly as 64-bit floats.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// One value and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) at: Span,
    pub(super) kind: Kind,
    /// The number as JSON writes it, with every digit, where one stands here without quotes.
    pub(super) number: Option<Arc<str>>,
}

/// What a value is.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    Null,
    Boolean(bool),
    Number(Number),
    Text(String),
    List(Vec<Node>),
    Mapping(Vec<Entry>),
    /// Something stood here that was refused and reported already.
    Broken,
}

/// A key with its value.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) key_at: Span,
    pub(super) value: Node,
}

/// How a value is found: by its key, or by its number in a list.
pub(super) struct Found<'a> {
    pub(super) node: &'a Node,
    /// Where the key stands, for values that have one.
    pub(super) key_at: Option<Span>,
}

impl Node {
    /// The value of a key, where this is a mapping that has it.
    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|entry| &entry.value)
    }

    fn entry(&self, key: &str) -> Option<&Entry> {
        match &self.kind {
            Kind::Mapping(entries) => entries.iter().find(|entry| entry.key == key),
            _ => None,
        }
    }

    /// The text, where this is one.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The items, where this is a list.
    pub(super) fn items(&self) -> &[Node] {
        match &self.kind {
            Kind::List(items) => items,
            _ => &[],
        }
    }

    /// The value some steps further down.
    pub(super) fn down(&self, steps: &[Step]) -> Option<Found<'_>> {
        let mut found = Found { node: self, key_at: None };
        for step in steps {
            found = match step {
                Step::Key(key) => {
                    let entry = found.node.entry(key)?;
                    Found { node: &entry.value, key_at: Some(entry.key_at) }
                }
                Step::Item(index) => Found { node: found.node.items().get(*index)?, key_at: None },
            };
        }
        Some(found)
    }

    /// What stands at a place, or at the nearest one above it.
    pub(super) fn nearest(&self, place: &Place) -> Found<'_> {
        let steps = place.steps();
        (0..=steps.len())
            .rev()
            .find_map(|length| self.down(&steps[..length]))
            .unwrap_or(Found { node: self, key_at: None })
    }

    /// How many values this is, itself included.
    pub(super) fn count(&self) -> usize {
        1 + match &self.kind {
            Kind::List(items) => items.iter().map(Node::count).sum(),
            Kind::Mapping(entries) => entries.iter().map(|entry| entry.value.count()).sum(),
            _ => 0,
        }
    }

    /// How deep values nest below this one.
    pub(super) fn depth(&self) -> usize {
        let below = match &self.kind {
            Kind::List(items) => items.iter().map(Node::depth).max(),
            Kind::Mapping(entries) => entries.iter().map(|entry| entry.value.depth()).max(),
            _ => None,
        };
        below.map_or(0, |below| below + 1)
    }

    /// The value as serde reads it. Broken ones read as missing.
    pub(super) fn lower(&self) -> Yaml {
        match &self.kind {
            Kind::Null | Kind::Broken => Yaml::Null,
            Kind::Boolean(value) => Yaml::Bool(*value),
            Kind::Number(number) => lower_number(number),
            Kind::Text(text) => Yaml::String(text.clone()),
            Kind::List(items) => items.iter().map(Node::lower).collect::<Vec<_>>().into(),
            Kind::Mapping(entries) => Yaml::Mapping(
                entries
                    .iter()
                    .map(|entry| (entry.key.as_str().into(), entry.value.lower()))
                    .collect(),
            ),
        }
    }

    /// The value as JSON: its keys in their order, its numbers with every digit.
    pub(super) fn written(&self) -> Option<Input> {
        let mut json = String::new();
        self.write_json(&mut json);
        RawValue::from_string(json).ok().map(Input::from)
    }

    fn write_json(&self, json: &mut String) {
        let text = |text: &str| Json::from(text).to_string();
        match (&self.kind, &self.number) {
            (_, Some(number)) => json.push_str(number),
            (Kind::Null | Kind::Broken, _) => json.push_str("null"),
            (Kind::Boolean(value), _) => json.push_str(if *value { "true" } else { "false" }),
            (Kind::Number(number), _) => json.push_str(&number.to_string()),
            (Kind::Text(value), _) => json.push_str(&text(value)),
            (Kind::List(items), _) => {
                json.push('[');
                for (index, item) in items.iter().enumerate() {
                    json.push_str(if index > 0 { "," } else { "" });
                    item.write_json(json);
                }
                json.push(']');
            }
            (Kind::Mapping(entries), _) => {
                json.push('{');
                for (index, entry) in entries.iter().enumerate() {
                    json.push_str(if index > 0 { "," } else { "" });
                    json.push_str(&text(&entry.key));
                    json.push(':');
                    entry.value.write_json(json);
                }
                json.push('}');
            }
        }
    }

    /// What an author would call the value, short: `"yes please"`, `500`, `a list`.
    pub(super) fn describe(&self) -> String {
        const LONGEST: usize = 60;
        match &self.kind {
            Kind::Null | Kind::Broken => "nothing".to_owned(),
            Kind::Boolean(value) => value.to_string(),
            Kind::Number(number) => number.to_string(),
            Kind::Text(text) if text.chars().count() > LONGEST => {
                let start: String = text.chars().take(LONGEST).collect();
                Json::from(format!("{start}…")).to_string()
            }
            Kind::Text(text) => Json::from(text.as_str()).to_string(),
            Kind::List(items) if items.is_empty() => "an empty list".to_owned(),
            Kind::List(_) => "a list".to_owned(),
            Kind::Mapping(_) => "a mapping".to_owned(),
        }
    }
}

fn lower_number(number: &Number) -> Yaml {
    if let Some(whole) = number.as_i64() {
        return whole.into();
    }
    if let Some(whole) = number.as_u64() {
        return whole.into();
    }
    match number.as_f64() {
        // `5.0` and `1e4` are whole numbers, as JSON Schema has it.
        Some(float) if float.fract() == 0.0 && float.abs() < EXACT => (float as i64).into(),
        float => float.map_or(Yaml::Null, Yaml::from),
    }
}
