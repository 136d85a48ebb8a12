//! A page as a file: addresses lead where the export puts things, and what needs a server is left
//! out, or reaches for the server that is live.
//!
//! Only the tags that change are written anew; every other byte stays as it was rendered.

use std::collections::BTreeSet;

use html5gum::emitters::default::{DefaultEmitter, StartTag, Token};
use html5gum::{HtmlString, Tokenizer};
use serde_json::{Value as Json, json};

use crate::client;
use crate::export::links::Links;

/// Attributes that hold an address.
const ADDRESSES: [&str; 5] = ["href", "src", "action", "poster", "formaction"];
/// What only scripts read: it says how current things are, or how to change them.
const FOR_SCRIPTS: [&str; 11] = [
    "data-component",
    "data-refresh",
    "data-position",
    "data-poll-interval-ms",
    "data-limit",
    "data-offset",
    "data-browse",
    "data-total",
    "data-sort-key",
    "data-updated-at",
    "data-value",
];
/// What lets people edit, which nobody can who is not signed in at the server.
const FOR_EDITING: [&str; 3] = ["data-table", "data-lock", "data-editor"];
/// Elements without an end (HTML standard, 13.1.2).
const VOID: [&str; 13] = [
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track",
    "wbr",
];

/// A page that was made into a file.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub(super) html: String,
    /// The assets of ours that it asks for, below [`client::FOLDER`].
    pub(super) assets: BTreeSet<String>,
    /// Where it leads that is not exported.
    pub(super) astray: BTreeSet<String>,
    /// Whether something to fill in was left out.
    pub(super) lost_form: bool,
}

/// What becomes of an element.
enum Fate {
    Stays,
    Changes(String),
    /// It goes with all that is in it.
    Goes,
}

/// Makes a file of a page, which is at `path` of the app.
pub(super) fn page(html: &str, path: &str, links: &Links<'_>) -> Page {
    let mut emitter = DefaultEmitter::<usize>::new_with_span();
    emitter.naively_switch_states(true);
    let mut rewriter =
        Rewriter { links, path, done: Page::default(), gone: None, in_config: false };
    let mut copied = 0;
    for token in Tokenizer::new_with_emitter(html, emitter) {
        let Ok(token) = token;
        let Some((start, end, written)) = rewriter.take(&token) else { continue };
        rewriter.done.html.push_str(&html[copied..start]);
        rewriter.done.html.push_str(&written);
        copied = end;
    }
    rewriter.done.html.push_str(&html[copied..]);
    rewriter.done
}

struct Rewriter<'a> {
    links: &'a Links<'a>,
    path: &'a str,
    done: Page,
    /// The element that goes, and how many of its kind are open within.
    gone: Option<(HtmlString, usize)>,
    /// The text that comes is what scripts are told.
    in_config: bool,
}

impl Rewriter<'_> {
    /// What is written in the place of a stretch of the page; nothing where it stays.
    fn take(&mut self, token: &Token<usize>) -> Option<(usize, usize, String)> {
        if self.gone.is_some() {
            return self.skip(token);
        }
        match token {
            Token::StartTag(tag) => {
                let span = (tag.span.start, tag.span.end);
                match self.fate(tag) {
                    Fate::Stays => None,
                    Fate::Changes(written) => Some((span.0, span.1, written)),
                    Fate::Goes => {
                        if !VOID.contains(&&*text(&tag.name)) {
                            self.gone = Some((tag.name.clone(), 1));
                        }
                        Some((span.0, span.1, String::new()))
                    }
                }
            }
            Token::String(words) if self.in_config => {
                self.in_config = false;
                let written = self.config(&text(&words.value));
                Some((words.span.start, words.span.end, written))
            }
            _ => None,
        }
    }

    fn skip(&mut self, token: &Token<usize>) -> Option<(usize, usize, String)> {
        let (name, open) = self.gone.as_mut()?;
        let span = match token {
            Token::StartTag(tag) => {
                *open += usize::from(tag.name == *name);
                tag.span
            }
            Token::EndTag(tag) => {
                *open -= usize::from(tag.name == *name);
                tag.span
            }
            Token::String(words) => words.span,
            Token::Comment(words) => words.span,
            Token::Doctype(doctype) => doctype.span,
            Token::Error(_) => return None,
        };
        if *open == 0 {
            self.gone = None;
        }
        Some((span.start, span.end, String::new()))
    }

    fn fate(&mut self, tag: &StartTag<usize>) -> Fate {
        let name = text(&tag.name);
        let get = |name: &str| tag.attributes.get(name.as_bytes()).map(|value| text(&value.value));
        let is = |name: &str, wanted: &str| get(name).is_some_and(|value| value == wanted);
        if self.goes(&name, &get) {
            self.done.lost_form |= name == "form" && get("data-form").is_some();
            return Fate::Goes;
        }
        self.in_config = is("id", "pagetide-config");
        let mut changed = false;
        let mut written = format!("<{name}");
        for (key, value) in &tag.attributes {
            let (key, value) = (text(key), text(&value.value));
            let now = self.attribute(&key, &value);
            changed |= now.as_ref() != Some(&value);
            if let Some(now) = now {
                written.push_str(&format!(" {key}=\"{}\"", escaped(&now)));
            }
        }
        written.push_str(if tag.self_closing { "/>" } else { ">" });
        if changed { Fate::Changes(written) } else { Fate::Stays }
    }

    /// Whether an element needs what an export has not.
    fn goes(&self, name: &str, get: &dyn Fn(&str) -> Option<String>) -> bool {
        let is = |key: &str, wanted: &str| get(key).is_some_and(|value| value == wanted);
        let is_ours = |key: &str| get(key).is_some_and(|value| value.starts_with(client::FOLDER));
        let has_class = |wanted: &str| {
            get("class")
                .is_some_and(|classes| classes.split_whitespace().any(|class| class == wanted))
        };
        // What goes to another site is its author's business.
        let leads_here = |key: &str| get(key).is_none_or(|address| !address.contains("://"));
        let never = match name {
            "form" => leads_here("action"),
            // Only a server has the other pages of a table.
            "nav" => has_class("pt-pager"),
            _ => false,
        };
        let without_server = match name {
            "script" => get("nonce").is_some() || is_ours("src"),
            "link" => is("rel", "modulepreload"),
            "button" => is("id", "theme-switch"),
            "a" => get("href").is_some_and(|href| href.starts_with("/sign-in")),
            "ul" => get("data-presence").is_some(),
            "span" => has_class("pt-state") && get("data-state").is_some(),
            _ => false,
        };
        never || (without_server && self.links.live().is_none())
    }

    /// What an attribute becomes; nothing if it goes.
    fn attribute(&mut self, key: &str, value: &str) -> Option<String> {
        let is_live = self.links.live().is_some();
        match key {
            "nonce" => None,
            _ if FOR_EDITING.contains(&key) => None,
            _ if FOR_SCRIPTS.contains(&key) && !is_live => None,
            // Only a server can show the same page in another order.
            "href" if value.starts_with('?') || self.is_here_otherwise(value) => None,
            _ if ADDRESSES.contains(&key) => Some(self.address(value)),
            _ => Some(value.to_owned()),
        }
    }

    /// Whether an address leads to this page with something asked of it.
    fn is_here_otherwise(&self, address: &str) -> bool {
        address.split_once('?').is_some_and(|(path, _)| path == self.path)
    }

    fn address(&mut self, address: &str) -> String {
        if let Some(asset) = address.strip_prefix(client::FOLDER) {
            self.done.assets.insert(asset.to_owned());
        }
        self.links.resolve(address).unwrap_or_else(|| {
            self.done.astray.insert(address.to_owned());
            self.links.beyond(address)
        })
    }

    /// What scripts are told, with the server that they are to reach for and where they are.
    fn config(&self, told: &str) -> String {
        let mut config: Json = serde_json::from_str(told).unwrap_or_default();
        if let Some(server) = self.links.live() {
            config["site"] =
                json!({ "server": server, "base": self.links.base(), "path": self.path });
        }
        config.to_string().replace('<', "\\u003c")
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn escaped(value: &str) -> String {
    value.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use crate::model::app::App;
    use crate::model::theme::Theme;

    use super::*;

    /// What becomes of the HTML on a page at `/a`, where `/a` and nothing else is exported.
    fn made(html: &str, live: Option<&str>) -> String {
        let page = crate::model::page::Page {
            name: "A".into(),
            path: "/a".into(),
            meta: Default::default(),
            access: None,
            presence: false,
            components: Vec::new(),
        };
        let app = App {
            name: "app".into(),
            folder: PathBuf::from("/nowhere"),
            database_url: None,
            roles: Vec::new(),
            sign_up: None,
            tables: Vec::new(),
            admin_pages: Vec::new(),
            pages: vec![page.into()],
            live_origins: Vec::new(),
            theme: Theme::default(),
            templates: Vec::new(),
        };
        let pages = ["/a".to_owned()].into();
        super::page(html, "/a", &Links::new(&app, &pages, "/b", live)).html
    }

    #[track_caller]
    fn check(html: &str, plain: &str) {
        assert_eq!(made(html, None), plain);
    }

    #[test]
    fn what_stays_keeps_its_bytes() {
        for html in
            ["<p CLASS=a>x&nbsp;y</p>", "<svg viewBox='0 0 1 1'><path d=M0/></svg>", "a < b"]
        {
            check(html, html);
        }
    }

    #[test]
    fn what_needs_a_server_goes_with_all_that_is_in_it() {
        check("a<form><form></form><b>x</b></form>c", "ac");
        check("<nav class=\"pt-pager\"><ul><li>2</li></ul></nav>c", "c");
        check("<script nonce=x>let a = '<b>'</script>c", "c");
        check(
            "<form action=https://example.org/>x</form>",
            "<form action=https://example.org/>x</form>",
        );
    }

    #[test]
    fn addresses_are_those_of_the_export() {
        check("<a href='/a#x'>", "<a href=\"/b/a/#x\">");
        check("<a href='/a?sort=x'>", "<a>");
        check("<a href='?sort=x'>", "<a>");
        check("<img src=/&quot;x>", "<img src=\"/b/&quot;x\">");
        assert_eq!(made("<a href=/c>", Some("https://l")), "<a href=\"https://l/c\">");
    }
}
