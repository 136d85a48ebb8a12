//! Renders a KPI: one large figure.

use minijinja::{Value, context};

use crate::fields;
use crate::model::components::kpi::Kpi;
use crate::model::value::Value as FieldValue;
use crate::render::component_html::{ComponentHtml, ComponentWriter};
use crate::render::{ComponentData, RenderError};

impl ComponentHtml for Kpi {
    fn html(&self, writer: &ComponentWriter<'_>) -> Result<String, RenderError> {
        let Some((data, figure)) = writer.figure() else { return Ok(String::new()) };
        writer.fill_with_data("kpi.html", data, context(self, data, figure))
    }
}

/// Returns what the template of a KPI needs in addition to what all components have.
fn context(kpi: &Kpi, data: &ComponentData, figure: &FieldValue) -> Value {
    let field = kpi.measure.field().map(|at| data.table.field(at));
    let mut html = String::new();
    fields::write_figure(field, figure, &mut html);
    context! {
        letters => letters(&html),
        label => kpi.label.as_ref(),
        figure => Value::from_safe_string(html),
        hint => kpi.hint.as_deref(),
    }
}

/// Returns the number of visible characters, by which the stylesheet fits the size of the figure.
fn letters(html: &str) -> usize {
    let texts = html.split('<').map(|part| part.split_once('>').map_or(part, |(_, text)| text));
    texts.map(|text| text.chars().count()).sum::<usize>().max(1)
}
