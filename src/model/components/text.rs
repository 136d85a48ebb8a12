//! `text`: a title, a heading or a paragraph.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::components::component_type::ComponentType;
use crate::model::phrase::Phrase;

/// A `text` component: a title, a heading or a paragraph.
#[derive(Clone, Debug)]
pub struct Text {
    /// The text, which may contain variables. It is escaped, never read as HTML.
    pub content: Phrase,
    /// The role of the text on the page.
    pub variant: TextVariant,
}

/// The role of a text on its page. The default is `body`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum TextVariant {
    /// The title of the page.
    Title,
    /// The heading of a section of the page.
    Heading,
    /// A paragraph of normal text.
    #[default]
    Body,
    /// A paragraph in a fainter colour, for less important text.
    Muted,
}

impl ComponentType for Text {
    fn phrases(&self) -> Vec<&Phrase> {
        vec![&self.content]
    }
}
