//! `container`: holds other components.

use schemars::JsonSchema;
use serde::Deserialize;
use validator::Validate;

use crate::components::list_of::Each;
use crate::components::schema::AnyComponent;
use crate::components::{CheckContext, ComponentSpec};
use crate::model::components::component::ComponentKind;
use crate::model::components::container::{Container, Layout};

/// Holds other components and says how they stand.
#[derive(Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct RawContainer {
    /// How the children stand; `stack` if you do not say.
    layout: Option<Layout>,
    /// The components it holds.
    #[expect(dead_code, reason = "the items are read one by one")]
    children: Option<Each<AnyComponent>>,
}

impl ComponentSpec for RawContainer {
    fn check(self, around: &mut dyn CheckContext) -> Option<ComponentKind> {
        let layout = self.layout.unwrap_or_default();
        Some(Container { layout, children: around.children() }.into())
    }
}
