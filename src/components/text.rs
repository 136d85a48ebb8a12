//! `text`: a heading or a paragraph. As an author writes it, and its checks.

use schemars::JsonSchema;
use serde::Deserialize;
use validator::Validate;

use crate::components::{CheckContext, ComponentSpec, phrase};
use crate::model::components::component::ComponentKind;
use crate::model::components::text::{Text, TextVariant};

/// Shows a heading or a paragraph.
#[derive(Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct RawText {
    /// The text to show, in which values may stand: `{$params.id}`, `{$query.status}`, `{$currentUser.name}`.
    /// It is shown as written: HTML and Markdown in it have no effect.
    #[validate(required)]
    content: Option<String>,
    /// The part of the page that the text is, which decides its size and its HTML element; `body` if you do
    /// not say.
    variant: Option<TextVariant>,
}

impl ComponentSpec for RawText {
    fn check(self, around: &mut dyn CheckContext) -> Option<ComponentKind> {
        let variant = self.variant.unwrap_or_default();
        let content = phrase::check(&self.content?, "content", around);
        Some(Text { content, variant }.into())
    }
}
