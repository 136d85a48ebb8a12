//! Words with values in braces: `Order {$params.id}`.

use std::sync::Arc;

use crate::components::{CheckContext, address};
use crate::model::ids::FieldName;
use crate::model::operand::{ATTRIBUTES, ROOTS, nearest_root, seeming_in_text};
use crate::model::phrase::{Phrase, PhrasePart};
use crate::model::problem::{Place, Problems};

/// What a value in words begins with. Braces with anything else in them are words.
const OPEN: &str = "{$";

/// The words of a component.
pub(super) fn check(text: &str, key: &str, around: &mut dyn CheckContext) -> Phrase {
    let params = around.params();
    let place = around.place().key(key);
    read(text, &params, &place, around.problems())
}

/// Where a link leads, with values in it. They stand in the path or in what follows it: what an address
/// gives never decides to which site people are led.
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

/// Whether an address that begins so is one of this app, or its site is known.
fn is_within_a_site(start: &str) -> bool {
    let after_scheme = start.split_once("://").map(|(_, rest)| rest);
    start.starts_with('/') || after_scheme.is_some_and(|rest| rest.contains(['/', '?', '#']))
}

/// Words with values in them, on a page with these parameters. Reports at `place` what is no value.
pub fn read(text: &str, params: &[Arc<str>], place: &Place, problems: &mut Problems) -> Phrase {
    problems.note_values(place.clone());
    if let Some(name) = seeming_in_text(text).filter(|name| name.starts_with('$')) {
        let message = format!("`{name}` has no meaning without braces");
        problems.report(place.clone(), message).help(format!("write `{{{name}}}`"));
        return Phrase::new([]);
    }
    let mut parts = Vec::new();
    let mut rest = text;
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

/// What stands in braces, after the `$`.
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
