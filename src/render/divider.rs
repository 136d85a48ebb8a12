//! Renders a line between components.

use minijinja::context;

use crate::model::components::divider::Divider;
use crate::render::RenderError;
use crate::render::component_html::{ComponentHtml, ComponentWriter};

impl ComponentHtml for Divider {
    fn html(&self, writer: &ComponentWriter<'_>) -> Result<String, RenderError> {
        writer.fill("divider.html", context! { label => self.label.as_deref() })
    }

    fn stylesheets(&self) -> Vec<&'static str> {
        vec!["divider.css"]
    }
}
