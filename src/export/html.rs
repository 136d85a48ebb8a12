//! Rewrites the HTML of a rendered page for the export: addresses lead to where the export puts things, and elements
//! that need a server are left out, or contact the live server if there is one.
//!
//! Only what changes is written anew; every other byte stays as it was rendered. From HTML that an author wrote, only
//! elements that have no effect without a server are left out, and a note says so.

use std::ops::Range;
use std::sync::Arc;

use html5gum::emitters::default::{StartTag, Token};
use serde_json::{Value as Json, json};

use crate::client;
use crate::export::attributes::{self, Holding};
use crate::export::links::Guide;
use crate::export::tags::{attribute_at, attribute_value, end_of, span, start_tag, text, tokens};
use crate::export::{authored, css};

/// Attributes that only scripts read, to keep components current. Left out if there is no live server.
const FOR_SCRIPTS: [&str; 12] = [
    "data-component",
    "data-refresh",
    "data-position",
    "data-shape",
    "data-poll-interval-ms",
    "data-limit",
    "data-offset",
    "data-browse",
    "data-total",
    "data-sort-key",
    "data-updated-at",
    "data-value",
];
/// Attributes that make cells editable. Always left out: who reads an exported page is not
/// signed in.
const FOR_EDITING: [&str; 3] = ["data-table", "data-lock", "data-editor"];

/// Rewrites a rendered page. `authored` is the HTML that replaces the marks of [`authored::place`] in it.
pub(super) fn page(html: &str, authored: &[Arc<str>], guide: &mut Guide<'_>) -> String {
    Rewriter { html, authored, is_authored: false, guide, unwrapped: None }.run()
}

/// Rewrites HTML or SVG that an author wrote: its addresses, and the forms in it that need a server.
pub(super) fn file(html: &str, guide: &mut Guide<'_>) -> String {
    Rewriter { html, authored: &[], is_authored: true, guide, unwrapped: None }.run()
}

/// A rewriting of one piece of HTML, token by token.
struct Rewriter<'a, 'g> {
    html: &'a str,
    authored: &'a [Arc<str>],
    /// Whether an author wrote the HTML. If not, Pagetide rendered it, with marks for what authors wrote.
    is_authored: bool,
    guide: &'a mut Guide<'g>,
    /// The token that ends a form whose tags are left out while its content stays. `None` outside such a form.
    unwrapped: Option<usize>,
}

/// A range of bytes, and the text that replaces it.
type Replacement = (Range<usize>, String);

/// The decision about an element.
enum Fate {
    /// The element stays; its attributes are rewritten.
    Stays,
    /// The element and everything in it are left out.
    Goes,
    /// Its tags are left out, and its content stays.
    Opens,
}

impl Rewriter<'_, '_> {
    fn run(mut self) -> String {
        let tokens = tokens(self.html);
        let mut written = String::with_capacity(self.html.len());
        let mut copied = 0;
        let mut next = 0;
        while next < tokens.len() {
            let (changes, after) = self.take(&tokens, next);
            for (at, now) in changes {
                written.push_str(&self.html[copied..at.start]);
                written.push_str(&now);
                copied = at.end;
            }
            next = after;
        }
        written.push_str(&self.html[copied..]);
        written
    }

    /// Returns the replacements at a token, and the index of the token to go on with.
    fn take(&mut self, tokens: &[Token<usize>], index: usize) -> (Vec<Replacement>, usize) {
        match &tokens[index] {
            Token::StartTag(tag) => self.element(tokens, index, tag),
            Token::EndTag(tag) if self.unwrapped == Some(index) => {
                self.unwrapped = None;
                (vec![(tag.span.start..tag.span.end, String::new())], index + 1)
            }
            Token::Comment(words) if !self.is_authored => {
                let content = authored::of(&text(&words.value), self.authored);
                let change = content
                    .map(|content| (words.span.start..words.span.end, file(content, self.guide)));
                (change.into_iter().collect(), index + 1)
            }
            _ => (Vec::new(), index + 1),
        }
    }

    /// The same for a start tag: it decides about the element.
    fn element(
        &mut self,
        tokens: &[Token<usize>],
        index: usize,
        tag: &StartTag<usize>,
    ) -> (Vec<Replacement>, usize) {
        let name = text(&tag.name);
        let end = || end_of(tokens, index, &name);
        match self.fate(&name, tag, &tokens[index..]) {
            Fate::Goes => {
                let last = tokens.get(end()).map_or(self.html.len(), |at| span(at).end);
                return (vec![(tag.span.start..last, String::new())], end() + 1);
            }
            Fate::Opens => {
                self.unwrapped = Some(end());
                return (vec![(tag.span.start..tag.span.end, String::new())], index + 1);
            }
            Fate::Stays => {}
        }
        // A link in a table's head sorts the table by a query string, which only a server can answer. Without its
        // `href` it is plain text.
        let sorts = !self.is_authored
            && index
                .checked_sub(1)
                .and_then(|index| start_tag(&tokens[index]))
                .is_some_and(is_head);
        let mut changes = self.attributes(&name, tag, sorts);
        let is_config =
            !self.is_authored && attribute_value(tag, "id").as_deref() == Some("pagetide-config");
        if name != "style" && !is_config {
            return (changes, index + 1);
        }
        let after = end();
        let inside = tag.span.end..tokens.get(after).map_or(self.html.len(), |end| span(end).start);
        let words = &self.html[inside.clone()];
        let now = match is_config {
            true => Some(self.config(words)),
            false => css::rewritten(words, &mut |address| self.guide.lead(address)),
        };
        changes.extend(now.map(|now| (inside, now)));
        (changes, after)
    }

    /// Decides about the element that these tokens begin with, and notes what an author will miss.
    fn fate(&mut self, name: &str, tag: &StartTag<usize>, tokens: &[Token<usize>]) -> Fate {
        let is_of_a_file = self.guide.keeps_relative;
        match name {
            "button" | "input" if self.unwrapped.is_some() => Fate::Goes,
            "form" if !is_of_a_file => self.form(tag, &tokens[..end_of(tokens, 0, name)]),
            // `serve` forbids `<base>` by its Content Security Policy; in the export it would suddenly work, and send
            // every relative address elsewhere.
            "base" if !is_of_a_file => {
                let at = self.guide.at;
                self.guide.note(format!("{at} is without its <base>, which no page heeds"));
                Fate::Goes
            }
            _ if !self.is_authored && self.needs_server(name, tag) => Fate::Goes,
            _ => Fate::Stays,
        }
    }

    /// Decides about a form. It stays if it is sent to another site, or to nowhere (`method=dialog`), since neither
    /// needs our server. `inside` are its tokens from the start tag on.
    fn form(&mut self, tag: &StartTag<usize>, inside: &[Token<usize>]) -> Fate {
        let action = attribute_value(tag, "action").filter(|action| !action.is_empty());
        let tags = || inside.iter().filter_map(start_tag);
        let others = tags().filter_map(|tag| attribute_value(tag, "formaction"));
        let leads_away = |address: &String| !self.guide.links.leads_here(address, self.guide.at);
        let is_sent = attribute_value(tag, "method")
            .is_none_or(|method| !method.eq_ignore_ascii_case("dialog"));
        if !is_sent || action.iter().cloned().chain(others).any(|address| leads_away(&address)) {
            return Fate::Stays;
        }
        let at = self.guide.at;
        let has = |attribute| !self.is_authored && attribute_value(tag, attribute).is_some();
        if has("data-act") {
            self.guide.note(format!("{at} is without its buttons, which need a server"));
            // The form around a table serves the buttons in its rows; the records must not go with it.
            let holds_table = tags().any(|tag| *tag.name == *b"table");
            return if holds_table { Fate::Opens } else { Fate::Goes };
        }
        if has("data-form") {
            self.guide.note(format!("{at} is without its form, which needs a server"));
        } else if !has("data-part") {
            let to = action.as_deref().unwrap_or("the page itself");
            self.guide
                .note(format!("{at} is without a form that leads to {to}, which needs a server"));
        }
        Fate::Goes
    }

    /// Whether an element that Pagetide rendered has no use in this export.
    fn needs_server(&self, name: &str, tag: &StartTag<usize>) -> bool {
        let is = |key: &str, wanted: &str| {
            attribute_value(tag, key).is_some_and(|value| value == wanted)
        };
        let leads_to = |key: &str, start: &str| {
            attribute_value(tag, key).is_some_and(|at| at.starts_with(start))
        };
        // The pager leads to parts of a table that no exported file holds, so it goes even if there is a live server.
        let never = name == "nav" && is("data-part", "pager");
        let without_server = match name {
            "script" => attribute_value(tag, "nonce").is_some() || leads_to("src", client::FOLDER),
            "link" => is("rel", "modulepreload"),
            "button" => is("id", "pt-theme-switch"),
            "a" => is("href", "/sign-in") || leads_to("href", "/sign-in?"),
            "ul" => attribute_value(tag, "data-presence").is_some(),
            "span" => attribute_value(tag, "data-state").is_some(),
            _ => false,
        };
        never || (without_server && self.guide.links.live().is_none())
    }

    /// Returns the replacements in the attributes of an element that stays. `sorts` says that it is a link that sorts
    /// a table.
    fn attributes(
        &mut self,
        element: &str,
        tag: &StartTag<usize>,
        sorts: bool,
    ) -> Vec<Replacement> {
        let mut changes = Vec::new();
        for (key, value) in &tag.attributes {
            let key = text(key);
            let start = value.span.start;
            let value = text(&value.value);
            let (name, at) = attribute_at(self.html, start, tag.span.end);
            if (sorts && key == "href") || (!self.is_authored && self.is_for_server(&key, tag)) {
                let before = self.html[..at.start].trim_end().len();
                changes.push((before..at.end, String::new()));
            } else if let Some(now) = self.rewritten(element, tag, &key, &value) {
                changes.push((at, format!("{name}=\"{}\"", escaped(&now))));
            }
        }
        changes.sort_by_key(|(at, _)| at.start);
        changes
    }

    /// Returns the new value of an attribute. `None` if it stays as it is.
    fn rewritten(
        &mut self,
        element: &str,
        tag: &StartTag<usize>,
        key: &str,
        value: &str,
    ) -> Option<String> {
        match attributes::holding(element, key, &|key| attribute_value(tag, key))? {
            Holding::Document => Some(file(value, self.guide)).filter(|now| now != value),
            holding => {
                attributes::rewritten(holding, value, &mut |address| self.guide.lead(address))
            }
        }
    }

    /// Whether an attribute that Pagetide rendered has no use in this export.
    fn is_for_server(&self, key: &str, tag: &StartTag<usize>) -> bool {
        let is_ours = attribute_value(tag, "data-component").is_some()
            || [b"tr", b"td", b"th"].iter().any(|name| *tag.name == **name);
        key == "nonce"
            || (is_ours && FOR_EDITING.contains(&key))
            || (is_ours && FOR_SCRIPTS.contains(&key) && self.guide.links.live().is_none())
    }

    /// Returns the JSON that configures the scripts, with the live server added, if there is one, and the path of the
    /// page. `told` is the JSON as rendered.
    fn config(&self, told: &str) -> String {
        let mut config: Json = serde_json::from_str(told).unwrap_or_default();
        let links = self.guide.links;
        if let Some(server) = links.live() {
            config["site"] =
                json!({ "server": server, "base": links.base(), "path": self.guide.at });
        }
        // So that no `</script>` in it can end the element.
        config.to_string().replace('<', "\\u003c")
    }
}

/// Whether a tag begins a cell of a table's head.
fn is_head(tag: &StartTag<usize>) -> bool {
    *tag.name == *b"th"
}

/// Escapes the value of an attribute.
fn escaped(value: &str) -> String {
    value.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::PathBuf;

    use crate::export::links::ExportLinks;
    use crate::export::plan::{ExportPlan, ExportSources};
    use crate::model::app::App;
    use crate::model::theme::Theme;

    use super::*;

    /// Rewrites the HTML of a page at `/a`, below the base path `/b`. Returns it and the notes. `/a`, `/a/b` and the
    /// file `x.svg` are exported, nothing else.
    fn made(html: &str, authored: &[Arc<str>], live: Option<&str>) -> (String, Vec<String>) {
        let page = |path: &str| {
            let page = crate::model::page::Page {
                name: "A".into(),
                path: path.into(),
                meta: Default::default(),
                access: None,
                presence: false,
                components: Vec::new(),
            };
            Arc::new(page)
        };
        let paths = ["/a", "/a/b"];
        let app = App {
            name: "app".into(),
            folder: PathBuf::from("/nowhere"),
            database_url: None,
            roles: Vec::new(),
            sign_up: None,
            tables: Vec::new(),
            admin_pages: Vec::new(),
            pages: paths.map(page).into(),
            live_origins: Vec::new(),
            theme: Theme::default(),
            templates: Vec::new(),
        };
        let pages = paths.map(|path| (path.to_owned(), [path.to_owned()].into())).into();
        let public = BTreeMap::from([("x.svg".to_owned(), PathBuf::new())]);
        let plan =
            ExportPlan::new(ExportSources { pages, public, has_sitemap: false, folds_case: false });
        let links = ExportLinks::new(&app, &plan, "/b", live);
        let mut guide = Guide::of_page(&links, "/a");
        let html = super::page(html, authored, &mut guide);
        (html, guide.notes.into_iter().collect())
    }

    /// Rewrites HTML that Pagetide rendered, without a live server.
    #[track_caller]
    fn check(html: &str, plain: &str) {
        assert_eq!(made(html, &[], None).0, plain);
    }

    /// Rewrites HTML that an author wrote; `told` are the notes about it.
    #[track_caller]
    fn check_authored(html: &str, expected: &str, told: &[&str]) {
        let (made, notes) =
            made(&format!("<div>{}</div>", authored::place(0)), &[html.into()], None);
        assert_eq!(made, format!("<div>{expected}</div>"));
        assert_eq!(notes, told);
    }

    #[test]
    fn what_stays_keeps_its_bytes() {
        for html in [
            "<p CLASS=a>x&nbsp;y</p>",
            "<svg viewBox='0 0 1 1'><path d=M0/></svg>",
            "a < b",
            "<a href='https://example.org/a' HREF=/a>x</a>",
            "<a href=#x><a href=mailto:a@example.org><a href>",
            "<img src=\"data:,\" = =x /=>",
        ] {
            check(html, html);
        }
    }

    #[test]
    fn what_needs_a_server_goes_with_all_that_is_in_it() {
        check("a<form><form></form><b>x</b></form>c", "ac");
        check("<nav data-part=pager><ul><li>2</li></ul></nav>c", "c");
        check("<script nonce=x>let a = '<b>'</script>c", "c");
        check(
            "<a href=/sign-in>x</a><a href=/sign-in-help>y</a>",
            "<a href=\"/b/sign-in-help\">y</a>",
        );
        for away in ["https://example.org/", "//example.org/x", "mailto:a@example.org"] {
            let form = format!("<form action={away}>x</form>");
            check(&form, &form);
        }
    }

    #[test]
    fn a_table_keeps_its_rows_where_its_buttons_go() {
        check(
            "<form id=t.acts data-act><button disabled></button><input name=x>\
             <table><tr><td><button>Do</button></table></form><button>y</button>",
            "<table><tr><td></table><button>y</button>",
        );
        check("<form data-act><button>Do</button></form>x", "x");
    }

    #[test]
    fn addresses_are_those_of_the_export() {
        check("<a href='/a#x'>", "<a href=\"/b/a/#x\">");
        check("<th><a href='/a?sort=x'>", "<th><a>");
        check("<th><a href='?sort=x' id=a>", "<th><a id=a>");
        check("<a href='?sort=x'>", "<a href=\"/b/a/?sort=x\">");
        check("<img src=/&quot;x>", "<img src=\"/b/%22x\">");
        assert_eq!(made("<a href=/c>", &[], Some("https://l")).0, "<a href=\"https://l/c\">");
    }

    #[test]
    fn a_relative_address_means_what_it_means_on_its_page() {
        for (written, led) in [
            ("a/b", "/b/a/b/"),
            ("./a/b?q#f", "/b/a/b/?q#f"),
            ("../../x.svg", "/b/x.svg"),
            ("x.svg", "/b/x.svg"),
            ("/a/../x.svg", "/b/x.svg"),
            ("a", "/b/a/"),
            ("\\x.svg", "/b/x.svg"),
            (" /x.svg\n", "/b/x.svg"),
        ] {
            check(&format!("<a href=\"{written}\">"), &format!("<a href=\"{led}\">"));
        }
        let told = ["/team is not exported, and there are links to it"];
        check_authored("<a href=team>", "<a href=\"/b/team\">", &told);
    }

    #[test]
    fn every_place_that_holds_an_address_leads_below_the_base_path() {
        for place in [
            "<img src=*>",
            "<img srcset='* 1x, * 2x'>",
            "<link rel=preload imagesrcset='* 1x'>",
            "<object data=*>",
            "<video poster=*><track src=*>",
            "<svg><image xlink:href=*><use href=*#a></svg>",
            "<blockquote cite=*>",
            "<a ping='* *'>",
            "<body background=*>",
            "<p style=\"background:url(*)\">",
            "<style>p{background:url(*)}</style>",
            "<path fill='url(*#a)'>",
            "<meta http-equiv=Refresh content='3; url=*'>",
            "<meta property=og:image content=*>",
            "<iframe srcdoc='&lt;img src=*>'>",
            "<script src=*></script>",
        ] {
            let now = made(&authored::place(0), &[place.replace('*', "/x.svg").into()], None).0;
            let led = place.matches('*').count();
            assert_eq!(now.matches("/b/x.svg").count(), led, "{now}");
            assert_eq!(now.matches("x.svg").count(), led, "{now}");
        }
    }

    #[test]
    fn of_what_an_author_wrote_only_what_has_no_effect_goes_and_is_told() {
        for html in [
            "<p data-value=\"9\" data-limit=3 data-component=x nonce=y>x</p>",
            "<form action=\"//forms.example/x\"><button>Go</button></form>",
            "<form><button formaction=https://forms.example/x>Go</button></form>",
            "<form method=dialog><button>Close</button></form>",
            "<nav data-part=pager>x</nav><span data-state>y</span><button id=pt-theme-switch>z</button>",
            "<th><a href=https://example.org/?x>x</a>",
            "<!-- pagetide-html:0 --><!--pagetide-html:0-->",
            "<!-- never closed",
        ] {
            check_authored(html, html, &[]);
        }
        check_authored(
            "<form action=/go><input name=q></form>x",
            "x",
            &["/a is without a form that leads to /go, which needs a server"],
        );
        check_authored(
            "<form><input>",
            "",
            &["/a is without a form that leads to the page itself, which needs a server"],
        );
        check_authored("<base href=/c>x", "x", &["/a is without its <base>, which no page heeds"]);
    }

    #[test]
    fn what_an_author_never_closed_ends_with_it() {
        let html = format!("<p>{}</p><form data-form>x</form>y", authored::place(0));
        assert_eq!(made(&html, &["<form><b".into()], None).0, "<p></p>y");
    }
}
