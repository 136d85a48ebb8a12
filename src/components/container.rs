//! `container`: holds other components and arranges them. As an author writes it, and its checks.

use schemars::JsonSchema;
use serde::Deserialize;
use validator::Validate;

use crate::components::list_of::Each;
use crate::components::schema::AnyComponent;
use crate::components::{CheckContext, ComponentSpec};
use crate::model::components::component::ComponentKind;
use crate::model::components::container::{Container, Layout};

/// Holds other components and arranges them.
#[derive(Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct RawContainer {
    /// The arrangement of the children; `stack` if you do not say.
    layout: Option<Layout>,
    /// The components in the container, in order.
    #[expect(dead_code, reason = "the items are read one by one")]
    children: Option<Each<AnyComponent>>,
}

impl ComponentSpec for RawContainer {
    fn check(self, around: &mut dyn CheckContext) -> Option<ComponentKind> {
        let layout = self.layout.unwrap_or_default();
        Some(Container { layout, children: around.children() }.into())
    }
}
