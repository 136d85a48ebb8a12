//! Renders a link to another page.

use minijinja::context;

use crate::model::components::link::Link;
use crate::render::RenderError;
use crate::render::component_html::{ComponentHtml, ComponentWriter};

impl ComponentHtml for Link {
    fn html(&self, writer: &ComponentWriter<'_>) -> Result<String, RenderError> {
        let scene = writer.scene;
        let href = scene.href(&self.href);
        writer.fill("link.html", context! { href, label => scene.words(&self.label) })
    }
}
