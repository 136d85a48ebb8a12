//! `container`: a group of components with a layout.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::components::component_type::ComponentType;

/// A `container` component: a group of components with a layout. `C` is the component type; it is a parameter
/// because that type contains this one.
#[derive(Clone, Debug)]
pub struct Container<C> {
    /// The layout of the children.
    pub layout: Layout,
    /// The components inside it, in the order of the page.
    pub children: Vec<C>,
}

/// The layout of the components in a container. The default is `stack`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Layout {
    /// The children one below the other.
    #[default]
    Stack,
    /// The children side by side, continued on a new line if they do not fit.
    Row,
    /// The children in columns of equal width, as many columns as fit.
    Grid,
    /// The children one below the other on a raised surface, as on a card.
    Card,
}

impl<C> ComponentType for Container<C> {}
