//! Renders a gallery: a card for each record.

use minijinja::{Value, context};

use crate::model::components::gallery::{Card, Gallery};
use crate::model::query::Rows;
use crate::model::record::Record;
use crate::render::component_html::{ComponentHtml, ComponentWriter};
use crate::render::details::entry;
use crate::render::href::path;
use crate::render::{ComponentData, RenderError};

impl ComponentHtml for Gallery {
    fn html(&self, writer: &ComponentWriter<'_>) -> Result<String, RenderError> {
        let Some((data, rows)) = writer.rows() else { return Ok(String::new()) };
        writer.fill_with_data("gallery.html", data, context(self, data, rows))
    }

    fn stylesheets(&self) -> Vec<&'static str> {
        vec!["gallery.css"]
    }
}

/// Returns what the template of a gallery needs in addition to what all components have.
fn context(gallery: &Gallery, data: &ComponentData, rows: &Rows) -> Value {
    let card = |record| card(&gallery.card, data, record);
    context! {
        title => gallery.title.as_deref(),
        cards => rows.records.iter().map(card).collect::<Vec<_>>(),
        shown => rows.records.len(),
        total => rows.total,
        empty_message => gallery.empty_message.as_ref(),
    }
}

fn card(card: &Card, data: &ComponentData, record: &Record) -> Value {
    let is_shown = |at| data.entries.contains(at) && !record[at].is_null();
    let seen = card.fields.iter().filter(|detail| is_shown(detail.field));
    context! {
        id => record.id().get(),
        title => data.cell(card.title, &record[card.title]),
        fields => seen.map(|detail| entry(detail, data, record)).collect::<Vec<_>>(),
        href => card.href.as_ref().and_then(|parts| path(parts, &data.fields, record)),
    }
}
