//! `divider`: a line between parts of a page, as an author writes it.

use schemars::JsonSchema;
use serde::Deserialize;
use validator::Validate;

use crate::components::{CheckContext, ComponentSpec};
use crate::model::components::component::ComponentKind;
use crate::model::components::divider::Divider;

/// Draws a line between parts of a page.
#[derive(Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct RawDivider {
    /// A few words in the line, up to 100 characters, as in `Last week`. By default, there are none.
    #[validate(length(min = 1, max = 100, message = "must have from 1 to 100 characters"))]
    label: Option<String>,
}

impl ComponentSpec for RawDivider {
    fn check(self, _: &mut dyn CheckContext) -> Option<ComponentKind> {
        Some(Divider { label: self.label.map(Into::into) }.into())
    }
}
