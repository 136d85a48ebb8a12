//! Refuses `{$params.id}` and the like in texts that take no values: people would read them literally.

use crate::model::operand::{PLACES, seeming_in_text};
use crate::model::problem::{PathStep, Place, Problems};
use crate::spec::tree::{Node, NodeKind};
use crate::spec::unit::Unit;

/// Keys whose values are data, so that such a text in them is meant literally.
const DATA: [&str; 1] = ["default"];

/// Checks every text of an app that has no other problem. By then, every place that takes values has been
/// recorded in `problems`.
pub(super) fn check(top: &Unit, problems: &mut Problems) {
    walk(top.node, &top.place, problems);
}

fn walk(node: &Node, place: &Place, problems: &mut Problems) {
    if problems.takes_values(place) {
        return;
    }
    match &node.kind {
        NodeKind::Text(text) => {
            if let Some(value) = seeming_in_text(text) {
                let key = place.steps().iter().rev().find_map(|step| match step {
                    PathStep::Key(key) => Some(key.as_str()),
                    PathStep::Item(_) => None,
                });
                let key = key.unwrap_or("this text");
                let message = format!("`{key}` takes no values, so `{value}` has no meaning in it");
                let problem = problems.report(place.clone(), message);
                problem.help(format!("values can stand in the {PLACES}"));
            }
        }
        NodeKind::List(items) => {
            for (index, item) in items.iter().enumerate() {
                walk(item, &place.item(index), problems);
            }
        }
        NodeKind::Mapping(entries) => {
            for entry in entries.iter().filter(|entry| !DATA.contains(&entry.key.as_str())) {
                walk(&entry.value, &place.key(&entry.key), problems);
            }
        }
        _ => {}
    }
}
