//! `divider`: a line between other components.

use std::sync::Arc;

use crate::model::components::component_type::ComponentType;

/// A `divider` component: a line between other components.
#[derive(Clone, Debug)]
pub struct Divider {
    /// The words in the line.
    pub label: Option<Arc<str>>,
}

impl ComponentType for Divider {}
