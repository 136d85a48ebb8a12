//! Renders the details of one record, field by field.

use minijinja::{Value, context};

use crate::fields::{self, format};
use crate::model::components::details::{Detail, Details};
use crate::model::field::FieldKind;
use crate::model::query::Rows;
use crate::model::record::Record;
use crate::model::storage::Storage;
use crate::render::component_html::{ComponentHtml, ComponentWriter};
use crate::render::{ComponentData, RenderError};

impl ComponentHtml for Details {
    fn html(&self, writer: &ComponentWriter<'_>) -> Result<String, RenderError> {
        let Some((data, rows)) = writer.rows() else { return Ok(String::new()) };
        writer.fill_with_data("details.html", data, context(self, data, rows))
    }

    fn stylesheets(&self) -> Vec<&'static str> {
        vec!["details.css"]
    }
}

/// Returns what the template of details needs in addition to what all components have.
fn context(details: &Details, data: &ComponentData, rows: &Rows) -> Value {
    let record = rows.records.first();
    let seen = details.fields.iter().filter(|detail| data.entries.contains(detail.field));
    let shown = record.map(|record| seen.map(|one| entry(one, data, record)).collect::<Vec<_>>());
    let title = details.title_field.filter(|at| data.fields.contains(*at));
    context! {
        tag => if details.is_title { "h1" } else { "h2" },
        title => record.zip(title).map(|(record, at)| data.cell(at, &record[at])),
        fields => shown,
        empty_message => details.empty_message.as_ref(),
    }
}

/// Returns the label and the value of one field of a record.
pub(super) fn entry(detail: &Detail, data: &ComponentData, record: &Record) -> Value {
    let field = data.table.field(detail.field);
    let value = &record[detail.field];
    let mut html = String::new();
    match detail.format {
        Some(_) => format::write_column(field, detail.format, value, &mut html),
        None => fields::write_cell(field, value, &mut html),
    }
    let wide = field.kind == FieldKind::LongText;
    let numeric = matches!(field.kind.storage(), Storage::Integer | Storage::Decimal(_));
    context! { label => detail.label.as_ref(), value => Value::from_safe_string(html), wide, numeric }
}
