//! `image`: an image with a description.

use std::sync::Arc;

use crate::model::components::component_type::ComponentType;

/// An `image` component: an image with a description.
#[derive(Clone, Debug)]
pub struct Image {
    /// The address of the image: a path of this app or an https address.
    pub src: Arc<str>,
    /// The description for viewers who do not see the image; empty if it only decorates the page.
    pub alt: Arc<str>,
    /// The width and height in pixels, so that the page does not move when the image loads; `None` if unknown.
    pub size: Option<(u32, u32)>,
    /// The caption below the image; `None` if it has none.
    pub caption: Option<Arc<str>>,
    /// Whether the image has round corners.
    pub rounded: bool,
}

impl ComponentType for Image {}
