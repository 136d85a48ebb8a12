//! `divider`: a line between components.

use std::sync::Arc;

use crate::model::components::component_type::ComponentType;

/// A `divider` component: a line between components.
#[derive(Clone, Debug)]
pub struct Divider {
    /// The text in the middle of the line; `None` for a plain line.
    pub label: Option<Arc<str>>,
}

impl ComponentType for Divider {}
