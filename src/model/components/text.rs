//! `text`: words in the role of a title, heading or paragraph.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::components::component_type::ComponentType;
use crate::model::phrase::Phrase;

/// A `text` component: words in the role of a title, heading or paragraph.
#[derive(Clone, Debug)]
pub struct Text {
    /// The words, never read as HTML.
    pub content: Phrase,
    /// What part of the page the words are.
    pub variant: TextVariant,
}

/// What part of the page a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum TextVariant {
    /// The page's own heading.
    Title,
    /// The heading of a part.
    Heading,
    /// A paragraph of ordinary text.
    #[default]
    Body,
    /// A paragraph in a quieter colour.
    Muted,
}

impl ComponentType for Text {
    fn phrases(&self) -> Vec<&Phrase> {
        vec![&self.content]
    }
}
