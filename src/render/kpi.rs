//! One figure, large.

use minijinja::{Value, context};

use crate::fields;
use crate::model::component::Kpi;
use crate::model::value::Value as FieldValue;
use crate::render::ComponentData;

/// What the template of a kpi needs beside what all components have.
pub(super) fn inside(kpi: &Kpi, data: &ComponentData, figure: &FieldValue) -> Value {
    let field = kpi.measure.field().map(|at| data.table.field(at));
    let mut html = String::new();
    fields::write_figure(field, figure, &mut html);
    context! {
        label => kpi.label.as_ref(),
        figure => Value::from_safe_string(html),
        hint => kpi.hint.as_deref(),
    }
}
