//! Renders a text as a title, a heading or a paragraph.

use minijinja::context;

use crate::model::components::text::{Text, TextVariant};
use crate::render::RenderError;
use crate::render::component_html::{ComponentHtml, ComponentWriter};

impl ComponentHtml for Text {
    fn html(&self, writer: &ComponentWriter<'_>) -> Result<String, RenderError> {
        let (tag, variant) = match self.variant {
            TextVariant::Title => ("h1", "title"),
            TextVariant::Heading => ("h2", "heading"),
            TextVariant::Body => ("p", "body"),
            TextVariant::Muted => ("p", "muted"),
        };
        let content = writer.scene.words(&self.content);
        writer.fill("text.html", context! { tag, variant, content })
    }
}
