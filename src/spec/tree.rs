//! The tree of a parsed file: values and keys, with the bytes at which they stand.

use std::sync::Arc;

use serde_json::value::RawValue;
use serde_json::{Number, Value as Json};
use serde_yaml::Value as Yaml;

use crate::model::input::Input;
use crate::model::problem::{PathStep, Place};
use crate::spec::source::Span;

/// 64-bit floats represent all whole numbers below this one exactly.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// A value with its place.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) at: Span,
    pub(super) kind: NodeKind,
    /// The number in JSON notation, with every digit. `None` if the value is not a number without quotes.
    pub(super) number: Option<Arc<str>>,
}

/// The content of a value.
#[derive(Clone, Debug)]
pub(super) enum NodeKind {
    Null,
    Boolean(bool),
    Number(Number),
    Text(String),
    List(Vec<Node>),
    Mapping(Vec<Entry>),
    /// A value that was refused and reported already.
    Broken,
}

/// An entry of a mapping.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) key_at: Span,
    pub(super) value: Node,
}

/// A value that was found in the tree.
pub(super) struct TreeItem<'a> {
    pub(super) node: &'a Node,
    /// The place of the value's key. `None` for an item of a list.
    pub(super) key_at: Option<Span>,
}

impl Node {
    /// Returns the value of a key. `None` if this is not a mapping that has the key.
    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|entry| &entry.value)
    }

    fn entry(&self, key: &str) -> Option<&Entry> {
        match &self.kind {
            NodeKind::Mapping(entries) => entries.iter().find(|entry| entry.key == key),
            _ => None,
        }
    }

    /// Returns the text, `None` if the value is not a text.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.kind {
            NodeKind::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Returns the items of a list. Empty if the value is not a list.
    pub(super) fn items(&self) -> &[Node] {
        match &self.kind {
            NodeKind::List(items) => items,
            _ => &[],
        }
    }

    /// Returns the value at a path below this one. `None` if the path leads nowhere.
    pub(super) fn down(&self, steps: &[PathStep]) -> Option<TreeItem<'_>> {
        let mut found = TreeItem { node: self, key_at: None };
        for step in steps {
            found = match step {
                PathStep::Key(key) => {
                    let entry = found.node.entry(key)?;
                    TreeItem { node: &entry.value, key_at: Some(entry.key_at) }
                }
                PathStep::Item(index) => {
                    TreeItem { node: found.node.items().get(*index)?, key_at: None }
                }
            };
        }
        Some(found)
    }

    /// Returns the value at a place, or at the nearest existing place above it.
    pub(super) fn nearest(&self, place: &Place) -> TreeItem<'_> {
        let steps = place.steps();
        (0..=steps.len())
            .rev()
            .find_map(|length| self.down(&steps[..length]))
            .unwrap_or(TreeItem { node: self, key_at: None })
    }

    /// Returns the number of values in this one, itself included.
    pub(super) fn count(&self) -> usize {
        1 + match &self.kind {
            NodeKind::List(items) => items.iter().map(Node::count).sum(),
            NodeKind::Mapping(entries) => entries.iter().map(|entry| entry.value.count()).sum(),
            _ => 0,
        }
    }

    /// Returns how deep values nest below this one.
    pub(super) fn depth(&self) -> usize {
        let below = match &self.kind {
            NodeKind::List(items) => items.iter().map(Node::depth).max(),
            NodeKind::Mapping(entries) => entries.iter().map(|entry| entry.value.depth()).max(),
            _ => None,
        };
        below.map_or(0, |below| below + 1)
    }

    /// Converts the value for serde. Broken values become null.
    pub(super) fn lower(&self) -> Yaml {
        match &self.kind {
            NodeKind::Null | NodeKind::Broken => Yaml::Null,
            NodeKind::Boolean(value) => Yaml::Bool(*value),
            NodeKind::Number(number) => lower_number(number),
            NodeKind::Text(text) => Yaml::String(text.clone()),
            NodeKind::List(items) => items.iter().map(Node::lower).collect::<Vec<_>>().into(),
            NodeKind::Mapping(entries) => Yaml::Mapping(
                entries
                    .iter()
                    .map(|entry| (entry.key.as_str().into(), entry.value.lower()))
                    .collect(),
            ),
        }
    }

    /// Converts the value to JSON that keeps the order of keys and all digits of numbers.
    pub(super) fn written(&self) -> Option<Input> {
        let mut json = String::new();
        self.write_json(&mut json);
        RawValue::from_string(json).ok().map(Input::from)
    }

    fn write_json(&self, json: &mut String) {
        let text = |text: &str| Json::from(text).to_string();
        match (&self.kind, &self.number) {
            (_, Some(number)) => json.push_str(number),
            (NodeKind::Null | NodeKind::Broken, _) => json.push_str("null"),
            (NodeKind::Boolean(value), _) => json.push_str(if *value { "true" } else { "false" }),
            (NodeKind::Number(number), _) => json.push_str(&number.to_string()),
            (NodeKind::Text(value), _) => json.push_str(&text(value)),
            (NodeKind::List(items), _) => {
                json.push('[');
                for (index, item) in items.iter().enumerate() {
                    json.push_str(if index > 0 { "," } else { "" });
                    item.write_json(json);
                }
                json.push(']');
            }
            (NodeKind::Mapping(entries), _) => {
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

    /// Returns a short description for messages: `"yes please"`, `500`, `a list`.
    pub(super) fn describe(&self) -> String {
        const LONGEST: usize = 60;
        match &self.kind {
            NodeKind::Null | NodeKind::Broken => "nothing".to_owned(),
            NodeKind::Boolean(value) => value.to_string(),
            NodeKind::Number(number) => number.to_string(),
            NodeKind::Text(text) if text.chars().count() > LONGEST => {
                let start: String = text.chars().take(LONGEST).collect();
                Json::from(format!("{start}…")).to_string()
            }
            NodeKind::Text(text) => Json::from(text.as_str()).to_string(),
            NodeKind::List(items) if items.is_empty() => "an empty list".to_owned(),
            NodeKind::List(_) => "a list".to_owned(),
            NodeKind::Mapping(_) => "a mapping".to_owned(),
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
        // JSON Schema takes `5.0` and `1e4` for whole numbers too.
        Some(float) if float.fract() == 0.0 && float.abs() < EXACT => (float as i64).into(),
        float => float.map_or(Yaml::Null, Yaml::from),
    }
}
