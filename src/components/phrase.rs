//! Reads texts with values in braces, as `Order {$params.id}`.

use std::sync::Arc;

use crate::components::{CheckContext, address};
use crate::model::ids::FieldName;
use crate::model::operand::{ATTRIBUTES, ROOTS, nearest_root, seeming_in_text};
use crate::model::phrase::{Phrase, PhrasePart};
use crate::model::problem::{Place, Problems};

/// The beginning of a value in a text. Braces without the `$` are plain text.
const OPEN: &str = "{$";

/// Reads the text that stands under `key` of a component. Reports a value that does not exist.
pub(super) fn check(text: &str, key: &str, around: &mut dyn CheckContext) -> Phrase {
    let params = around.params();
    let place = around.place().key(key);
    read(text, &params, &place, around.problems())
}

/// Reads the address of a link, with values in it. `None` if it is faulty (that is reported).
///
/// Values may stand in the path and after it, but not in the scheme or the host. Otherwise, a value from the
/// page's address could lead people to any site.
pub(super) fn check_href(text: &str, around: &mut dyn CheckContext) -> Option<Phrase> {
    let place = around.place().key("href");
    let before = text.split(OPEN).next().unwrap_or_default();
    let clean = address::check_href(text, place.clone(), around)?;
    if before.len() < text.len() && !is_within_a_site(before.trim_start()) {
        let message = "in an address, values stand in the path or after it";
        let problem = around.problems().report(place, message);
        problem.help("as in `/orders/{$params.id}`");
        return None;
    }
    Some(read(&clean, &around.params(), &place, around.problems()))
}

/// Returns whether the part of an address before its first value fixes the site: it is a path of this app, or
/// it has a complete host.
fn is_within_a_site(start: &str) -> bool {
    let after_scheme = start.split_once("://").map(|(_, rest)| rest);
    start.starts_with('/') || after_scheme.is_some_and(|rest| rest.contains(['/', '?', '#']))
}

/// Reads a text with values in it, on a page whose path has these parameters. Reports at `place` a value that
/// does not exist, one without braces, and a brace that is never closed.
pub fn read(text: &str, params: &[Arc<str>], place: &Place, problems: &mut Problems) -> Phrase {
    // `spec` reports every text that looks like a value in a place without values. This place has them.
    problems.note_values(place.clone());
    if let Some(name) = seeming_in_text(text).filter(|name| name.starts_with('$')) {
        let message = format!("`{name}` has no meaning without braces");
        problems.report(place.clone(), message).help(format!("write `{{{name}}}`"));
        return Phrase::new([]);
    }
    let mut parts = Vec::new();
    let mut rest = text;
    // Only `{$` begins a value, so that texts may have braces of their own.
    while let Some((words, after)) = rest.split_once(OPEN) {
        let Some((name, after)) = after.split_once('}') else {
            let problem =
                problems.report(place.clone(), format!("`{OPEN}` begins a value, without a `}}`"));
            problem.help("a value stands in braces, as in `{$params.id}`");
            return Phrase::new([]);
        };
        if !words.is_empty() {
            parts.push(PhrasePart::Text(words.into()));
        }
        parts.extend(value(name.trim_end(), params, place, problems));
        rest = after;
    }
    if !rest.is_empty() {
        parts.push(PhrasePart::Text(rest.into()));
    }
    Phrase::new(parts)
}

/// Reads one value: the text in braces after the `$`. `None` if there is no such value (that is reported).
fn value(
    text: &str,
    params: &[Arc<str>],
    place: &Place,
    problems: &mut Problems,
) -> Option<PhrasePart> {
    let (root, name) = text.split_once('.').unwrap_or((text, ""));
    match (root, name) {
        ("params", name) => {
            let known = params.iter().find(|known| known.as_ref() == name);
            if known.is_none() {
                let message = format!("the path of this page has no parameter `:{name}`");
                let problem = problems.report(place.clone(), message);
                if params.is_empty() {
                    problem.help(format!("give it one, as in `path: /orders/:{name}`"));
                }
                problem.suggest(name, params.iter().map(AsRef::as_ref));
            }
            known.map(|name| PhrasePart::Param(name.clone()))
        }
        // Any name may stand in a query string, but only one that a field could have is taken from it.
        ("query", name) if name.parse::<FieldName>().is_ok() => {
            Some(PhrasePart::Query(name.into()))
        }
        ("currentUser", name) => {
            let known = ATTRIBUTES.iter().find(|(known, _)| *known == name);
            if known.is_none() {
                let message = format!("$currentUser has no `{name}`");
                let problem = problems.report(place.clone(), message);
                problem.suggest(name, ATTRIBUTES.iter().map(|(name, _)| *name));
            }
            known.map(|(_, attribute)| PhrasePart::CurrentUser(*attribute))
        }
        _ => {
            let problem = problems.report(place.clone(), format!("`${text}` is no value"));
            match nearest_root(root, &ROOTS) {
                Some(nearest) => problem.help(format!("did you mean `{nearest}`?")),
                None => problem.suggest("", ROOTS),
            };
            None
        }
    }
}
