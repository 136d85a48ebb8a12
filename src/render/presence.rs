//! Renders the place for the people who are on the page.

use minijinja::context;

use crate::model::components::presence::PresenceList;
use crate::render::RenderError;
use crate::render::component_html::{ComponentHtml, ComponentWriter};

impl ComponentHtml for PresenceList {
    fn html(&self, writer: &ComponentWriter<'_>) -> Result<String, RenderError> {
        let page = writer.scene.address.path.as_ref();
        writer.fill("presence.html", context! { page })
    }
}
