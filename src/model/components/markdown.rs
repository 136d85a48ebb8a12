//! `markdown`: prose with headings, lists and links.

use std::sync::Arc;

use crate::model::components::component_type::ComponentType;

/// A `markdown` component: prose with headings, lists and links.
#[derive(Clone, Debug)]
pub struct Markdown {
    /// The CommonMark text, with tables. Addresses of its links and images were checked to be safe.
    pub content: Arc<str>,
    /// The number of levels by which its headings are lowered: 1 if the page already has a title, else 0.
    pub lowered: u8,
}

impl ComponentType for Markdown {}
