//! Renders a picture from the public files.

use minijinja::context;

use crate::model::components::image::Image;
use crate::render::RenderError;
use crate::render::component_html::{ComponentHtml, ComponentWriter};

impl ComponentHtml for Image {
    fn html(&self, writer: &ComponentWriter<'_>) -> Result<String, RenderError> {
        let (width, height) = self.size.unzip();
        let inside = context! {
            src => self.src.as_ref(),
            alt => self.alt.as_ref(),
            caption => self.caption.as_deref(),
            rounded => self.rounded,
            width,
            height,
        };
        writer.fill("image.html", inside)
    }

    fn stylesheets(&self) -> Vec<&'static str> {
        vec!["image.css"]
    }
}
