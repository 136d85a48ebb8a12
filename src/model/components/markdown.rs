//! `markdown`: prose with headings, lists and links.

use std::sync::Arc;

use crate::model::components::component_type::ComponentType;

/// A `markdown` component: prose with headings, lists and links.
#[derive(Clone, Debug)]
pub struct Markdown {
    /// CommonMark with tables, whose links lead nowhere unsafe.
    pub content: Arc<str>,
    /// How many levels its headings move down, so that the page has one title.
    pub lowered: u8,
}

impl ComponentType for Markdown {}
