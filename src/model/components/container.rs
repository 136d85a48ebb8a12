//! `container`: other components, laid out together.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::components::component_type::ComponentType;

/// A `container` component: other components, laid out together.
#[derive(Clone, Debug)]
pub struct Container<C> {
    /// How the children stand.
    pub layout: Layout,
    /// The components within it.
    pub children: Vec<C>,
}

/// How a container's children stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Layout {
    /// One below the other.
    #[default]
    Stack,
    /// Side by side, wrapping.
    Row,
    /// In columns of equal width, as many as fit.
    Grid,
    /// One below the other on a raised surface.
    Card,
}

impl<C> ComponentType for Container<C> {}
