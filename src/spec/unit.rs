//! One unit of a spec: a table, a field, a page, a component. It becomes a type of ours by itself,
//! so that what is wrong with it spoils no other.

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use validator::Validate;

use crate::model::problem::{Place, Problems};
use crate::spec::tree::{Node, NodeKind};

/// What an author writes, as a type that knows its own rules.
pub(super) trait Raw: DeserializeOwned + JsonSchema + Validate {}

impl<T: DeserializeOwned + JsonSchema + Validate> Raw for T {}

/// A value in the tree and its place.
#[derive(Clone)]
pub(super) struct Unit<'a> {
    pub(super) node: &'a Node,
    pub(super) place: Place,
}

impl<'a> Unit<'a> {
    /// The value of a key, where there is one.
    pub(super) fn key(&self, key: &str) -> Option<Unit<'a>> {
        let node = self.node.get(key)?;
        Some(Unit { node, place: self.place.key(key) })
    }

    /// The items of the list under a key; reports anything but a list.
    pub(super) fn each(&self, key: &str, problems: &mut Problems) -> Vec<Unit<'a>> {
        let Some(list) = self.key(key) else { return Vec::new() };
        match &list.node.kind {
            NodeKind::List(items) => {
                let unit = |(index, node)| Unit { node, place: list.place.item(index) };
                items.iter().enumerate().map(unit).collect()
            }
            NodeKind::Null | NodeKind::Broken => Vec::new(),
            _ => {
                let got = list.node.describe();
                let problem =
                    problems.report(list.place, format!("{key} must be a list, got {got}"));
                if matches!(list.node.kind, NodeKind::Mapping(_)) {
                    problem.help("begin each item with `- `");
                }
                Vec::new()
            }
        }
    }
}
