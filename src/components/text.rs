//! `text`: a heading or a paragraph.

use schemars::JsonSchema;
use serde::Deserialize;
use validator::Validate;

use crate::components::{CheckContext, ComponentSpec, phrase};
use crate::model::components::component::ComponentKind;
use crate::model::components::text::{Text, TextVariant};

/// A heading or a paragraph.
#[derive(Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct RawText {
    /// The words to show. They are shown as written, never read as HTML. Values may stand in them:
    /// `{$params.id}`, `{$query.status}`, `{$currentUser.name}`.
    #[validate(required)]
    content: Option<String>,
    /// What part of the page the words are; `body` if you do not say.
    variant: Option<TextVariant>,
}

impl ComponentSpec for RawText {
    fn check(self, around: &mut dyn CheckContext) -> Option<ComponentKind> {
        let variant = self.variant.unwrap_or_default();
        let content = phrase::check(&self.content?, "content", around);
        Some(Text { content, variant }.into())
    }
}
