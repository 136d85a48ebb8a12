//! `image`: a picture with a description.

use std::sync::Arc;

use crate::model::components::component_type::ComponentType;

/// An `image` component: a picture with a description.
#[derive(Clone, Debug)]
pub struct Image {
    /// Where it is: a path of this app or an https address.
    pub src: Arc<str>,
    /// What it shows, in words; empty for one that only decorates.
    pub alt: Arc<str>,
    /// Its width and height in pixels, so that its place is kept while it loads.
    pub size: Option<(u32, u32)>,
    /// What stands below it.
    pub caption: Option<Arc<str>>,
    /// Whether its corners are round.
    pub rounded: bool,
}

impl ComponentType for Image {}
