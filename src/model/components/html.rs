//! `html`: HTML that the author wrote.

use std::sync::Arc;

use crate::model::components::component_type::ComponentType;

/// An `html` component: HTML that the author wrote.
#[derive(Clone, Debug)]
pub struct Html {
    /// The HTML as the author wrote it, neither changed nor escaped.
    pub content: Arc<str>,
}

impl ComponentType for Html {}
