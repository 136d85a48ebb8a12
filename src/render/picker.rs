//! Renders the control of a relationship, with which people choose a record: a list, or a search field if
//! there are too many records.

use minijinja::{Value, context};

use crate::fields::relationship::{choice_text, parse_choice};
use crate::model::ids::RecordId;
use crate::model::related::Choices;
use crate::model::value::{RecordRef, Value as Plain};

/// Returns what the template of a picker needs. `text` is the chosen id as text, `held` the value of the
/// record.
pub(super) fn context(choices: &Choices, text: &str, held: Option<&Plain>) -> Value {
    let chosen = parse_choice(text);
    let held = chosen.and_then(|id| held_link(held, id));
    let Some(all) = &choices.all else {
        return context! {
            records => choices.table.as_str(),
            display => choices.display.as_ref().map(|name| name.as_str()),
            value => held.map_or_else(|| text.to_owned(), choice_text),
        };
    };
    // The value of the record may not be among the choices.
    let is_listed = |id: RecordId| all.iter().any(|link| link.id == id);
    let other = chosen.filter(|id| !is_listed(*id));
    let other = other.map(|id| held.cloned().unwrap_or(RecordRef::from(id)));
    let option = |link: &RecordRef| {
        context! {
            value => link.id.to_string(),
            label => link.to_string(),
            chosen => chosen == Some(link.id),
        }
    };
    // Nor may the text that was sent.
    let stray = (chosen.is_none() && !text.is_empty()).then(|| {
        context! { value => text, label => text, chosen => true }
    });
    let options = other.iter().chain(all).map(option);
    context! {
        options => stray.clone().into_iter().chain(options).collect::<Vec<_>>(),
        is_chosen => chosen.is_some() || stray.is_some(),
    }
}

/// Returns the value of the record if it refers to this id.
fn held_link(held: Option<&Plain>, id: RecordId) -> Option<&RecordRef> {
    match held {
        Some(Plain::Link(link)) if link.id == id => Some(link),
        _ => None,
    }
}
