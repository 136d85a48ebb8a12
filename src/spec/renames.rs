//! Checks `renamedFrom`. Each old name must lead to one new name, so that renaming has the same result
//! whenever the app is read.

use crate::model::problem::{Place, Problems};

/// A renamed field or table.
pub(super) struct Rename {
    /// The name that the field or table has now.
    pub(super) to: String,
    /// The name that the field or table had before.
    pub(super) from: String,
    /// The place of the key `renamedFrom`.
    pub(super) place: Place,
}

/// Reports an old name that is given twice, and names that are exchanged in a circle: no database shows
/// whether they were exchanged already. `what` names the things in messages, as `fields`.
pub(super) fn check(renames: &[Rename], what: &str, problems: &mut Problems) {
    for (index, Rename { to, from, place }) in renames.iter().enumerate() {
        let earlier = &renames[..index];
        if let Some(first) = earlier.iter().find(|other| other.from == *from) {
            let message = format!(
                "`{}` has `renamedFrom: {from}` already, and only one of the {what} can have it",
                first.to
            );
            problems
                .report(place.clone(), message)
                .help(format!("keep it where the values of `{from}` belong"));
            continue;
        }
        let ring = ring(renames, to);
        // Each circle is reported once, at the last of its members.
        if !ring.is_empty()
            && ring.iter().all(|name| earlier.iter().any(|other| other.to == *name) || name == to)
        {
            let names: Vec<_> = ring.iter().map(|name| format!("`{name}`")).collect();
            let message = format!(
                "the {what} {} exchange their names, and no database shows whether they have \
                 done so already",
                names.join(", ")
            );
            problems.report(place.clone(), message).help(
                "first rename one of them to a third name; give it its final name when the others \
                 have theirs",
            );
        }
    }
}

/// Returns the names of the circle that `start` belongs to. Empty if it belongs to none.
fn ring<'a>(renames: &'a [Rename], start: &'a str) -> Vec<&'a str> {
    let mut way = Vec::new();
    let mut name = start;
    while let Some(rename) = renames.iter().find(|rename| rename.to == name) {
        if way.contains(&name) {
            return Vec::new();
        }
        way.push(name);
        name = &rename.from;
        if name == start {
            return way;
        }
    }
    Vec::new()
}
