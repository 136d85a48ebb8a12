//! Which old names become which new ones: for the columns of a table and the tables of a database alike.
//!
//! `renamedFrom` stays in the app after it was followed. It is followed where the new name is not there
//! yet, or goes to another itself; all at once, from the names as they were.

/// An old name that becomes a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Renaming<'a> {
    pub(super) from: &'a str,
    pub(super) to: &'a str,
    /// Whether it may as well have been followed before: both names are there, and both stay declared.
    pub(super) is_doubtful: bool,
}

/// What is to be renamed, in an order in which each new name is free when its turn comes. What is
/// declared is given with what it was called before; `may_go` says which old names can be taken over,
/// `is_there` which new ones are there already.
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
    // What another takes the place of is declared by right.
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
        // The old name is given to something new.
        check(&[("b", "a"), ("a", "")], &["a"], "a>b");
        check(&[("b", "a"), ("a", "")], &["a", "b"], "");
        for chain in [[("b", "a"), ("c", "b")], [("c", "b"), ("b", "a")]] {
            check(&chain, &["a", "b"], "b>c a>b");
            check(&chain, &["b"], "b>c");
            check(&chain, &["b", "c"], "");
            check(&chain, &["a", "c"], "a>b");
        }
        check(&[("b", "a"), ("c", "b"), ("d", "c")], &["a", "b", "c"], "c>d b>c a>b");
        // It may be that b came from a long ago, and a is another now.
        check(&[("a", ""), ("b", "a"), ("c", "b")], &["a", "b"], "b>c a>b?");
        // Around in a ring, nothing tells.
        check(&[("b", "a"), ("a", "b")], &["a", "b"], "");
    }
}
