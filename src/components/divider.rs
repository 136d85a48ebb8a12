//! `divider`: a line between parts of a page.

use schemars::JsonSchema;
use serde::Deserialize;
use validator::Validate;

use crate::components::{CheckContext, ComponentSpec};
use crate::model::components::component::ComponentKind;
use crate::model::components::divider::Divider;

/// A line between parts of a page.
#[derive(Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct RawDivider {
    /// A few words in the line, as in `Last week`.
    #[validate(length(min = 1, max = 100, message = "must have from 1 to 100 characters"))]
    label: Option<String>,
}

impl ComponentSpec for RawDivider {
    fn check(self, _: &mut dyn CheckContext) -> Option<ComponentKind> {
        Some(Divider { label: self.label.map(Into::into) }.into())
    }
}
