//! `html`: HTML of the author, put into the page unchanged. It warns of what the page's security policy blocks.

use schemars::JsonSchema;
use serde::Deserialize;
use validator::Validate;

use crate::components::{CheckContext, ComponentSpec, text_checks};
use crate::model::components::component::ComponentKind;
use crate::model::components::html::Html;

/// Puts HTML into the page, unchanged and unchecked. Close every element that you open. The page's security
/// policy applies: a script must be a file in `public/`, as in `<script src="/chart.js" defer></script>`.
/// Inline scripts, `<style>` elements and frames of other sites have no effect.
#[derive(Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct RawHtml {
    /// The HTML, as in `<p>Open <b>daily</b></p>`. Give either `content` or `file`.
    content: Option<String>,
    /// The path of a file with the HTML, in the app's folder, as in `./banner.html`.
    file: Option<String>,
}

impl ComponentSpec for RawHtml {
    fn check(self, around: &mut dyn CheckContext) -> Option<ComponentKind> {
        let key = if self.file.is_some() { "file" } else { "content" };
        let html = text_checks::check(self.content, self.file, "./banner.html", around)?;
        if let Some(lost) = without_effect(&html.text) {
            let place = around.place().key(key);
            around.problems().warn(place, lost.0).help(lost.1);
        }
        Some(Html { content: html.text }.into())
    }
}

/// Returns the first thing in the HTML that the page's security policy blocks, and what to write instead.
/// `None` if it found nothing.
///
/// It reads tags with string operations, not as a parser does: a `<` in an attribute may mislead it. That
/// is enough for a warning.
fn without_effect(html: &str) -> Option<(&'static str, &'static str)> {
    let html = html.to_ascii_lowercase();
    let mut tags = html.split('<').skip(1).map(|rest| rest.split('>').next().unwrap_or_default());
    tags.find_map(|tag| {
        let (name, attributes) = tag.split_once(char::is_whitespace).unwrap_or((tag, ""));
        match name {
            "script" if !attributes.contains("src") && !attributes.contains("json") => Some((
                "a script written into a page does not run",
                "put it in a file under public/ and write `<script src=\"/file.js\" defer></script>`",
            )),
            "style" => Some((
                "a <style> written into a page has no effect",
                "write `style` attributes, or put the rules in a stylesheet under public/",
            )),
            "iframe" | "object" | "embed" => Some((
                "what other sites serve is not shown in frames",
                "link to it instead",
            )),
            _ => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_has_no_effect_is_warned_of() {
        for fine in ["", "<p style='color: red'>x</p>", "a < b", "<script src=/x.js></script>"] {
            assert_eq!(without_effect(fine), None, "{fine}");
        }
        for lost in ["<SCRIPT>alert(1)</SCRIPT>", "<b>x</b><style>a{}</style>", "<iframe src=x>"] {
            assert!(without_effect(lost).is_some(), "{lost}");
        }
    }
}
