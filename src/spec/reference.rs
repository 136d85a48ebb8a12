//! Resolves `$ref: ./file.yaml`, which stands for the mapping in another file.

use std::collections::HashMap;

use crate::spec::fault::{Fault, MAX_DEPTH};
use crate::spec::parse::{MAX_NODES, parse};
use crate::spec::source::{FileId, MAX_FILE_BYTES, Sources, Span};
use crate::spec::tree::{Node, NodeKind};

/// The key that includes another file.
pub(super) const KEY: &str = "$ref";

/// Reads a file and all files that it refers to, as one tree. `None` if the file has no usable value. A
/// reference that cannot be resolved is reported and becomes `NodeKind::Broken`.
pub(super) fn read_whole(
    file: FileId,
    sources: &mut Sources,
    faults: &mut Vec<Fault>,
) -> Option<Node> {
    let mut reader =
        ReferenceReader { sources, faults, open: Vec::new(), parsed: HashMap::new(), nodes: 0 };
    reader.file(file, 0)
}

struct ReferenceReader<'a> {
    sources: &'a mut Sources,
    faults: &'a mut Vec<Fault>,
    /// The chain of files that are being read, each referred to by the one before. A file that is in it
    /// already closes a circle.
    open: Vec<FileId>,
    parsed: HashMap<FileId, Option<Node>>,
    nodes: usize,
}

impl ReferenceReader<'_> {
    fn file(&mut self, file: FileId, depth: usize) -> Option<Node> {
        if !self.parsed.contains_key(&file) {
            let text = self.sources.get(file).text.clone();
            let tree = parse(&text, file, self.faults);
            self.parsed.insert(file, tree);
        }
        let mut tree = self.parsed.get(&file)?.clone()?;
        self.open.push(file);
        self.resolve(&mut tree, depth);
        self.open.pop();
        Some(tree)
    }

    /// Replaces every `$ref` in the value by the content of its file.
    fn resolve(&mut self, node: &mut Node, depth: usize) {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            if self.nodes == MAX_NODES + 1 {
                let message = format!("an app may have {MAX_NODES} values in all");
                self.faults.push(Fault::new(node.at, message));
            }
            node.kind = NodeKind::Broken;
            return;
        }
        if let Some((link, at)) = self.link(node) {
            node.kind = NodeKind::Broken;
            if let Some(found) = link.and_then(|link| self.follow(&link, at, depth)) {
                *node = found;
            }
            return;
        }
        match &mut node.kind {
            NodeKind::List(items) => {
                items.iter_mut().for_each(|item| self.resolve(item, depth + 1));
            }
            NodeKind::Mapping(entries) => {
                entries.iter_mut().for_each(|entry| self.resolve(&mut entry.value, depth + 1));
            }
            _ => {}
        }
    }

    /// Returns the path in a `$ref` and its place. `None` if the value has no `$ref`. The path is `None`
    /// if the reference is not valid and was reported.
    fn link(&mut self, node: &Node) -> Option<(Option<String>, Span)> {
        let NodeKind::Mapping(entries) = &node.kind else { return None };
        let entry = entries.iter().find(|entry| entry.key == KEY)?;
        let at = entry.value.at;
        if let Some(other) = entries.iter().find(|entry| entry.key != KEY) {
            let message = format!("`$ref` must be the only key, but there is also `{}`", other.key);
            self.faults.push(Fault::new(other.key_at, message).help("move this key into the file"));
            return Some((None, at));
        }
        let link = entry.value.text().filter(|link| !link.is_empty());
        if link.is_none() {
            let message = format!("`$ref` must be a path, got {}", entry.value.describe());
            self.faults.push(Fault::new(at, message).help("write it as ./file.yaml"));
        }
        Some((link.map(str::to_owned), at))
    }

    fn follow(&mut self, link: &str, at: Span, depth: usize) -> Option<Node> {
        let found = self.sources.find(at.file, link);
        let read = found.and_then(|path| self.sources.read(&path, MAX_FILE_BYTES));
        let (file, bad) = match read {
            Ok(read) => read,
            Err(error) => {
                self.faults.push(Fault::file(at, &error));
                return None;
            }
        };
        if let Some(bad) = bad {
            self.faults.push(bad.into());
            return None;
        }
        if let Some(start) = self.open.iter().position(|open| *open == file) {
            let chain = self.open[start..].iter().chain([&file]);
            let names: Vec<_> = chain.map(|id| self.sources.get(*id).name.as_str()).collect();
            let message = format!("`$ref` goes in a circle: {}", names.join(" → "));
            self.faults.push(Fault::new(at, message));
            return None;
        }
        self.mapping(file, link, at, depth)
    }

    fn mapping(&mut self, file: FileId, link: &str, at: Span, depth: usize) -> Option<Node> {
        let known_bad = matches!(self.parsed.get(&file), Some(None));
        let faults = self.faults.len();
        let node = self.file(file, depth);
        let fault = match &node {
            _ if depth + node.as_ref().map_or(0, Node::depth) > MAX_DEPTH => {
                format!("values may nest {MAX_DEPTH} deep, with this file they nest deeper")
            }
            Some(Node { kind: NodeKind::Mapping(_) | NodeKind::Broken, .. }) => return node,
            Some(other) => {
                format!(
                    "the file of a `$ref` must contain a mapping, `{link}` contains {}",
                    other.describe()
                )
            }
            None if known_bad || self.faults.len() > faults => return None,
            None => format!("the file `{link}` is empty"),
        };
        self.faults.push(Fault::new(at, fault));
        None
    }
}
