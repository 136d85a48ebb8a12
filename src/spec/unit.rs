//! One unit of a spec: a table, a field, a page, a component. It becomes a type of ours by itself,
//! so that what is wrong with it spoils no other.

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_yaml::Value as Yaml;
use validator::Validate;

use crate::model::problem::{Place, Problems};
use crate::spec::reading;
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

/// Which keys of a unit are read.
enum Keys<'k> {
    All,
    Only(&'k [&'k str]),
    Except(&'k [&'k str]),
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

    /// Reads the unit. Reports all that does not fit; nothing comes back if nothing fits.
    pub(super) fn read<T: Raw>(&self, problems: &mut Problems) -> Option<T> {
        self.read_keys(&Keys::All, problems)
    }

    /// Reads these keys of the unit as if there were no others.
    pub(super) fn read_only<T: Raw>(&self, keys: &[&str], problems: &mut Problems) -> Option<T> {
        self.read_keys(&Keys::Only(keys), problems)
    }

    /// Reads the unit as if it did not have these keys.
    pub(super) fn read_except<T: Raw>(&self, keys: &[&str], problems: &mut Problems) -> Option<T> {
        self.read_keys(&Keys::Except(keys), problems)
    }

    fn read_keys<T: Raw>(&self, keys: &Keys, problems: &mut Problems) -> Option<T> {
        if !matches!(self.node.kind, NodeKind::Mapping(_)) {
            self.refuse(problems);
            return None;
        }
        reading::read(self, keys.lower(self.node), keys.beside(), problems)
    }

    fn refuse(&self, problems: &mut Problems) {
        let got = match self.node.kind {
            NodeKind::Broken => return,
            _ => self.node.describe(),
        };
        let subject = self.place.subject();
        problems.report(self.place.clone(), format!("{subject} must be a mapping, got {got}"));
    }
}

impl Keys<'_> {
    fn lower(&self, node: &Node) -> Yaml {
        let NodeKind::Mapping(entries) = &node.kind else { return Yaml::Null };
        let wanted = entries.iter().filter(|entry| match self {
            Self::All => true,
            Self::Only(keys) => keys.contains(&entry.key.as_str()),
            Self::Except(keys) => !keys.contains(&entry.key.as_str()),
        });
        let pairs = wanted.map(|entry| (entry.key.as_str().into(), entry.value.lower()));
        Yaml::Mapping(pairs.collect())
    }

    /// Keys that the unit may have though its type does not name them.
    fn beside(&self) -> &[&str] {
        match self {
            Self::Except(keys) => keys,
            _ => &[],
        }
    }
}
