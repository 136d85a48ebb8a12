//! Renders a list: an entry for each record.

use minijinja::{Value, context};

use crate::model::components::list::{Item, List};
use crate::model::field::FieldAt;
use crate::model::query::Rows;
use crate::model::record::Record;
use crate::render::component_html::{ComponentHtml, ComponentWriter};
use crate::render::href::path;
use crate::render::{ComponentData, RenderError};

impl ComponentHtml for List {
    fn html(&self, writer: &ComponentWriter<'_>) -> Result<String, RenderError> {
        let Some((data, rows)) = writer.rows() else { return Ok(String::new()) };
        writer.fill_with_data("list.html", data, context(self, data, rows))
    }
}

/// Returns what the template of a list needs in addition to what all components have.
fn context(list: &List, data: &ComponentData, rows: &Rows) -> Value {
    let entry = |record| entry(&list.item, data, record);
    context! {
        title => list.title.as_deref(),
        items => rows.records.iter().map(entry).collect::<Vec<_>>(),
        shown => rows.records.len(),
        total => rows.total,
        empty_message => list.empty_message.as_ref(),
    }
}

fn entry(item: &Item, data: &ComponentData, record: &Record) -> Value {
    let optional = |at: Option<FieldAt>| {
        let at = at.filter(|at| data.fields.contains(*at) && !record[*at].is_null())?;
        Some(data.cell(at, &record[at]))
    };
    context! {
        id => record.id().get(),
        title => data.cell(item.title, &record[item.title]),
        subtitle => optional(item.subtitle),
        meta => optional(item.meta),
        badge => optional(item.badge),
        href => item.href.as_ref().and_then(|parts| path(parts, &data.fields, record)),
    }
}
