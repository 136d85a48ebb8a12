//! Renders a container: its children in a layout.

use minijinja::{Value, context};

use crate::model::components::component::Component;
use crate::model::components::container::{Container, Layout};
use crate::render::RenderError;
use crate::render::component_html::{ComponentHtml, ComponentWriter};

impl ComponentHtml for Container<Component> {
    fn html(&self, writer: &ComponentWriter<'_>) -> Result<String, RenderError> {
        let mut children = String::new();
        for child in &self.children {
            children.push_str(&writer.renderer.component(child, writer.scene)?);
        }
        let layout = match self.layout {
            Layout::Stack => "stack",
            Layout::Row => "row",
            Layout::Grid => "grid",
            Layout::Card => "card",
        };
        let children = Value::from_safe_string(children);
        writer.fill("container.html", context! { children, layout })
    }
}
