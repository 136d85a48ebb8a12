//! Renders HTML as its author wrote it, unchanged.

use minijinja::{Value, context};

use crate::model::components::html::Html;
use crate::render::RenderError;
use crate::render::component_html::{ComponentHtml, ComponentWriter};

impl ComponentHtml for Html {
    fn html(&self, writer: &ComponentWriter<'_>) -> Result<String, RenderError> {
        let content = Value::from_safe_string(self.content.to_string());
        writer.fill("html.html", context! { content })
    }
}
