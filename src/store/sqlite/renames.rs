//! Finds the renamings that `renamedFrom` asks for, of the columns of a table or the tables of a database.
//!
//! `renamedFrom` stays in the app after it was followed. It is followed if the new name does not exist yet,
//! or is itself renamed to another. All renamings start from the names as they were before any of them.

/// A renaming of a column or table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Renaming<'a> {
    pub(super) from: &'a str,
    pub(super) to: &'a str,
    /// Whether the renaming may have been done before: both names exist, and both are declared.
    pub(super) is_doubtful: bool,
}

/// Returns the renamings that are still to be done, in an order in which each new name is free when its turn
/// comes. `declared` holds each declared name with its `renamedFrom`; `may_go` returns whether an old name
/// exists and can be renamed, `is_there` whether a new name exists already.
pub(super) fn pending<'a>(
    declared: &[(&'a str, Option<&'a str>)],
    may_go: impl Fn(&str) -> bool,
    is_there: impl Fn(&str) -> bool,
) -> Vec<Renaming<'a>> {
    let mut found: Vec<Renaming<'a>> = Vec::new();
    let is_declared = |name: &str| declared.iter().any(|(other, _)| *other == name);
    loop {
        let goes = |name: &str| found.iter().any(|renaming| renaming.from == name);
        let comes = |name: &str| found.iter().any(|renaming| renaming.to == name);
        let next = declared.iter().find_map(|(to, from)| {
            let from = from.filter(|from| may_go(from) && !goes(from))?;
            let is_free = !is_there(to) || goes(to);
            (is_free && !comes(to)).then(|| {
                let is_doubtful = is_there(to) && is_declared(from);
                Renaming { from, to, is_doubtful }
            })
        });
        let Some(next) = next else { break };
        found.push(next);
    }
    // A name to which another one is renamed is rightly declared, so it causes no doubt.
    let taken: Vec<_> = found.iter().map(|renaming| renaming.to).collect();
    for renaming in &mut found {
        renaming.is_doubtful &= !taken.contains(&renaming.from);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(declared: &[(&str, &str)], there: &[&str], renamed: &str) {
        let declared: Vec<_> = declared
            .iter()
            .map(|(name, from)| (*name, Some(*from).filter(|from| !from.is_empty())))
            .collect();
        let is_there = |name: &str| there.contains(&name);
        let told = pending(&declared, is_there, is_there).into_iter().map(|renaming| {
            let doubt = if renaming.is_doubtful { "?" } else { "" };
            format!("{}>{}{doubt}", renaming.from, renaming.to)
        });
        assert_eq!(told.collect::<Vec<_>>().join(" "), renamed, "{declared:?} {there:?}");
    }

    #[test]
    fn names_move_at_once_and_only_once() {
        check(&[("b", "a")], &["a"], "a>b");
        check(&[("b", "a")], &["b"], "");
        check(&[("b", "a")], &[], "");
        // The old name is declared anew, for something else.
        check(&[("b", "a"), ("a", "")], &["a"], "a>b");
        check(&[("b", "a"), ("a", "")], &["a", "b"], "");
        for chain in [[("b", "a"), ("c", "b")], [("c", "b"), ("b", "a")]] {
            check(&chain, &["a", "b"], "b>c a>b");
            check(&chain, &["b"], "b>c");
            check(&chain, &["b", "c"], "");
            check(&chain, &["a", "c"], "a>b");
        }
        check(&[("b", "a"), ("c", "b"), ("d", "c")], &["a", "b", "c"], "c>d b>c a>b");
        // Perhaps a was renamed to b long ago, and the a of now is another one.
        check(&[("a", ""), ("b", "a"), ("c", "b")], &["a", "b"], "b>c a>b?");
        // In a ring of renamings, none can be told from one that was done before.
        check(&[("b", "a"), ("a", "b")], &["a", "b"], "");
    }
}
