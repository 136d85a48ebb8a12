//! Renders texts that are written as Markdown.

use minijinja::{Value, context};
use pulldown_cmark::{CowStr, Event, HeadingLevel, Options, Parser, Tag, TagEnd, html};

use crate::model::components::markdown::Markdown;
use crate::render::RenderError;
use crate::render::component_html::{ComponentHtml, ComponentWriter};

/// The element around each table, which lets a wide table scroll.
const TABLE_FRAME: &str = r#"<div class="pt-wide" role="group" aria-label="Table" tabindex="0">"#;

impl ComponentHtml for Markdown {
    fn html(&self, writer: &ComponentWriter<'_>) -> Result<String, RenderError> {
        writer.fill("markdown.html", context! { content => markdown(self) })
    }

    fn stylesheets(&self) -> Vec<&'static str> {
        vec!["markdown.css"]
    }
}

/// Renders Markdown as HTML. HTML in it is shown as text.
fn markdown(markdown: &Markdown) -> Value {
    let events = Parser::new_ext(&markdown.content, Options::ENABLE_TABLES);
    let lowered = |level| lowered(level, markdown.lowered);
    let events = events.flat_map(|event| match event {
        Event::Html(text) | Event::InlineHtml(text) => [Some(Event::Text(text)), None],
        Event::Start(Tag::Heading { level, id, classes, attrs }) => {
            let level = lowered(level);
            [Some(Event::Start(Tag::Heading { level, id, classes, attrs })), None]
        }
        Event::End(TagEnd::Heading(level)) => {
            [Some(Event::End(TagEnd::Heading(lowered(level)))), None]
        }
        Event::Start(Tag::Table(_)) => [Some(ours(TABLE_FRAME)), Some(event)],
        Event::End(TagEnd::Table) => [Some(event), Some(ours("</div>"))],
        event => [Some(event), None],
    });
    let mut written = String::with_capacity(markdown.content.len() * 2);
    html::push_html(&mut written, events.flatten());
    Value::from_safe_string(written)
}

/// Returns HTML of our own as an event of the Markdown parser.
fn ours(html: &'static str) -> Event<'static> {
    Event::Html(CowStr::Borrowed(html))
}

fn lowered(level: HeadingLevel, by: u8) -> HeadingLevel {
    HeadingLevel::try_from(level as usize + usize::from(by)).unwrap_or(HeadingLevel::H6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(content: &str, lowered: u8, html: &str) {
        let written = markdown(&Markdown { content: content.into(), lowered });
        assert_eq!(written.to_string().trim(), html);
    }

    #[test]
    fn html_in_markdown_is_text() {
        check("a <b>b</b>", 0, "<p>a &lt;b&gt;b&lt;/b&gt;</p>");
        check("<script>alert(1)</script>", 0, "&lt;script&gt;alert(1)&lt;/script&gt;");
        check(
            "[a](/b \"c\\\"><script>\")",
            0,
            r#"<p><a href="/b" title="c&quot;&gt;&lt;script&gt;">a</a></p>"#,
        );
        check("![<i>](/a.png)", 0, r#"<p><img src="/a.png" alt="&lt;i&gt;" /></p>"#);
    }

    #[test]
    fn headings_make_room_for_the_title_of_the_page() {
        check("# A", 0, "<h1>A</h1>");
        check("# A", 1, "<h2>A</h2>");
        check("###### A", 1, "<h6>A</h6>");
    }

    #[test]
    fn a_table_scrolls_by_itself() {
        let table = "<table><thead><tr><th>a</th></tr></thead><tbody>\n<tr><td>1</td></tr>\n</tbody></table>";
        check("|a|\n|-|\n|1|", 0, &format!("{TABLE_FRAME}{table}\n</div>"));
    }
}
