//! `markdown`: a longer text with headings, lists, tables and links. It checks the addresses in the text.

use std::ops::Range;

use pulldown_cmark::{Event, HeadingLevel, LinkType, Options, Parser, Tag};
use schemars::JsonSchema;
use serde::Deserialize;
use validator::Validate;

use crate::components::address::{self, BadAddress};
use crate::components::text_checks::{self, Prose};
use crate::components::{CheckContext, ComponentSpec};
use crate::model::components::component::ComponentKind;
use crate::model::components::markdown::Markdown;

/// Shows a longer text in Markdown (CommonMark with tables). HTML in it is shown as text. A first-level
/// heading is the title of the page. If the page has another title already, all headings of the text are
/// shown one level lower instead.
#[derive(Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct RawMarkdown {
    /// The Markdown, indented below `content: |`. Give either `content` or `file`.
    content: Option<String>,
    /// The path of a file with the Markdown, in the app's folder, as in `./about.md`.
    file: Option<String>,
}

impl ComponentSpec for RawMarkdown {
    fn check(self, around: &mut dyn CheckContext) -> Option<ComponentKind> {
        let prose = text_checks::check(self.content, self.file, "./about.md", around)?;
        // The same options as in `render/markdown`, or the texts checked here would not be those shown.
        let mut titled = false;
        for (event, bytes) in
            Parser::new_ext(&prose.text, Options::ENABLE_TABLES).into_offset_iter()
        {
            match event {
                Event::Start(Tag::Heading { level: HeadingLevel::H1, .. }) => titled = true,
                Event::Start(Tag::Link { dest_url, link_type, .. }) => {
                    // `#orders` links to an element of this page by its id.
                    let is_part = dest_url.len() > 1 && dest_url.starts_with('#');
                    let checked = address::href("a link", &dest_url);
                    if let (false, Err(bad)) = (is_part || link_type == LinkType::Email, checked) {
                        report(bad, &prose, bytes, around);
                    }
                }
                Event::Start(Tag::Image { dest_url, .. }) => {
                    if let Err(bad) = address::src("the address of an image", &dest_url) {
                        report(bad, &prose, bytes, around);
                    }
                }
                _ => {}
            }
        }
        let lowered = u8::from(titled && !around.take_title());
        Some(Markdown { content: prose.text, lowered }.into())
    }
}

/// Reports a bad address. In a Markdown file, the problem points at the bytes of the link. In YAML, it
/// points at the whole text and quotes the link, since indentation shifts the bytes of a block text.
fn report(bad: BadAddress, prose: &Prose, bytes: Range<usize>, around: &mut dyn CheckContext) {
    match &prose.file {
        Some(file) => around.report_in(file, bytes, bad.message, bad.help),
        None => {
            let written = prose.text[bytes].lines().next().unwrap_or_default();
            let message = format!("{}: {written}", bad.message);
            let place = around.place().key("content");
            around.problems().report(place, message).help(bad.help);
        }
    }
}
