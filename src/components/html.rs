//! `html`: HTML as its author wrote it.

use schemars::JsonSchema;
use serde::Deserialize;
use validator::Validate;

use crate::components::{CheckContext, ComponentSpec, text_checks};
use crate::model::components::component::ComponentKind;
use crate::model::components::html::Html;

/// HTML as you write it: trusted, and not changed in any way. What it holds must be closed again. The
/// page's security policy holds for it: a script runs from a file in `public/`, as in
/// `<script src="/chart.js" defer></script>`, but not when written here, and neither do `<style>` and
/// frames of other sites.
#[derive(Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct RawHtml {
    /// The HTML. Either this or `file` must be there.
    content: Option<String>,
    /// A file that holds the HTML, as in `./banner.html`, in the app's folder.
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

/// What the page's policy keeps from working, and what to do instead; nothing if all of it works.
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
