//! The control by which people choose a record that another refers to: a list, or a field to look it
//! up in where there are too many.

use minijinja::{Value, context};

use crate::fields::relationship::{choice_text, parse_choice};
use crate::model::ids::RecordId;
use crate::model::related::Choices;
use crate::model::value::{RecordRef, Value as Plain};

/// What the template of a picker needs. `text` is what was chosen; `held` what the record has.
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
    // What the record has may be none of what there is to choose from.
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
    // So may be what was sent.
    let stray = (chosen.is_none() && !text.is_empty()).then(|| {
        context! { value => text, label => text, chosen => true }
    });
    let options = other.iter().chain(all).map(option);
    context! {
        options => stray.clone().into_iter().chain(options).collect::<Vec<_>>(),
        is_chosen => chosen.is_some() || stray.is_some(),
    }
}

/// What the record has, if it is this.
fn held_link(held: Option<&Plain>, id: RecordId) -> Option<&RecordRef> {
    match held {
        Some(Plain::Link(link)) if link.id == id => Some(link),
        _ => None,
    }
}
