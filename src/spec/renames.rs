//! `renamedFrom`: what became of an old name is one thing, and can be told again whenever it is read.

use crate::model::problem::{Place, Problems};

/// A field or a table that had another name before.
pub(super) struct Rename {
    /// What it is called now.
    pub(super) to: String,
    /// What it was called before.
    pub(super) from: String,
    /// Where that is said.
    pub(super) place: Place,
}

/// Reports what two say they were, and names that go around in a ring: whether these were changed
/// already, no database can tell. `what` says what they are, as `fields`.
pub(super) fn check(renames: &[Rename], what: &str, problems: &mut Problems) {
    for (index, Rename { to, from, place }) in renames.iter().enumerate() {
        let earlier = &renames[..index];
        if let Some(first) = earlier.iter().find(|other| other.from == *from) {
            let message =
                format!("`{}` was `{from}` already, and two {what} cannot both be it", first.to);
            problems
                .report(place.clone(), message)
                .help("say `renamedFrom` where its values belong");
            continue;
        }
        let ring = ring(renames, to);
        // Told once, where it is closed.
        if !ring.is_empty()
            && ring.iter().all(|name| earlier.iter().any(|other| other.to == *name) || name == to)
        {
            let names: Vec<_> = ring.iter().map(|name| format!("`{name}`")).collect();
            let message = format!(
                "the {what} {} have each other's old names, and whether they were renamed already \
                 cannot be told",
                names.join(", ")
            );
            problems.report(place.clone(), message).help(
                "rename one of them to a new name first, and to its last name once the others \
                 have theirs",
            );
        }
    }
}

/// The names on the way from a name back to itself; none if it does not lead there.
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
