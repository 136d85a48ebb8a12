//! `html`: HTML as its author wrote it.

use std::sync::Arc;

use crate::model::components::component_type::ComponentType;

/// An `html` component: HTML as its author wrote it.
#[derive(Clone, Debug)]
pub struct Html {
    /// What the author wrote; nothing of it is changed.
    pub content: Arc<str>,
}

impl ComponentType for Html {}
