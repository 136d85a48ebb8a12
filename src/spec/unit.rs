//! A unit of a spec: a table, a field, a page or a component. Each unit is deserialised separately, so a
//! problem in one spoils no other.

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use validator::Validate;

use crate::model::problem::{Place, Problems};
use crate::spec::tree::{Node, NodeKind};

/// A type that reads what an author writes and states its own rules (as `validator` attributes).
pub(super) trait Raw: DeserializeOwned + JsonSchema + Validate {}

impl<T: DeserializeOwned + JsonSchema + Validate> Raw for T {}

/// A value of the tree, with its place for problems.
#[derive(Clone)]
pub(super) struct Unit<'a> {
    pub(super) node: &'a Node,
    pub(super) place: Place,
}

impl<'a> Unit<'a> {
    /// Returns the value of a key, `None` if the mapping does not have it.
    pub(super) fn key(&self, key: &str) -> Option<Unit<'a>> {
        let node = self.node.get(key)?;
        Some(Unit { node, place: self.place.key(key) })
    }

    /// Returns the items of the list under a key. Reports a value that is not a list. An absent, null or
    /// broken value has no items.
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
