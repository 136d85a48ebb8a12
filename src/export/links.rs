//! The one rule by which an export rewrites every address, wherever it is written.
//!
//! An address is resolved as a browser resolves it under `serve`, from the path of its page. In the export it leads to
//! the file that stands for the same thing, below the base path. If the export has no such file, it leads to the live
//! server; if there is none, a note says that the link leads nowhere.

use std::collections::BTreeSet;
use std::sync::Arc;

use percent_encoding::percent_decode_str;
use url::{Position, Url};

use crate::client;
use crate::export::plan::ExportPlan;
use crate::model::app::App;
use crate::model::site_names::INDEX;

/// The origin that addresses are resolved against. No real one has it, since the domain `invalid` is reserved
/// (RFC 2606).
const HERE: &str = "http://pagetide.invalid";

/// The target of each address on exported pages.
pub(super) struct ExportLinks<'a> {
    app: &'a App,
    plan: &'a ExportPlan,
    base: &'a str,
    live: Option<&'a str>,
}

/// The target of one address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum LinkTarget {
    /// Another site, a part of the same page, or nothing that can be resolved: the address stays as it is.
    Stays,
    /// A file of the export, at this address.
    Exported(String),
    /// A page of the export at this address, although the link has a query string that the page would heed. The
    /// second value is the path of the page as declared.
    Unasked(String, Arc<str>),
    /// This path of the app, with its query string, for which the export has no file.
    Astray(String),
}

impl<'a> ExportLinks<'a> {
    pub(super) fn new(
        app: &'a App,
        plan: &'a ExportPlan,
        base: &'a str,
        live: Option<&'a str>,
    ) -> Self {
        Self { app, plan, base, live }
    }

    /// The prefix of every path, as in `/site`. Empty if there is none.
    pub(super) fn base(&self) -> &str {
        self.base
    }

    /// The origin of the live server. `None` if pages contact no server.
    pub(super) fn live(&self) -> Option<&str> {
        self.live
    }

    /// Returns the target of an address that is written on the page at the path `at`.
    pub(super) fn follow(&self, address: &str, at: &str) -> LinkTarget {
        let Some(url) = self.of_the_app(address, at) else { return LinkTarget::Stays };
        let path = url.path();
        let rest = &url[Position::AfterPath..];
        let Some(place) = self.place(path) else {
            return LinkTarget::Astray(format!("{path}{rest}"));
        };
        let now = format!("{}{place}{rest}", self.base);
        let page = self.app.at(&format!("{}{rest}", path.trim_end_matches('/')));
        match page.filter(|page| page.values.pairs().next().is_some()) {
            Some(page) => LinkTarget::Unasked(now, page.page.path.clone()),
            None => LinkTarget::Exported(now),
        }
    }

    /// Whether an address on the page at `at` leads to a path of the app, and not to another site, to a part of that
    /// page, or nowhere.
    pub(super) fn leads_here(&self, address: &str, at: &str) -> bool {
        self.of_the_app(address, at).is_some()
    }

    /// The address for a path of the app that is not exported: at the live server, or else below the base path.
    pub(super) fn beyond(&self, path: &str) -> String {
        format!("{}{path}", self.live.unwrap_or(self.base))
    }

    /// The path of an exported page from the base path on, as in `/about/`. `None` if it is not exported.
    pub(super) fn of_page(&self, path: &str) -> Option<String> {
        let file = self.plan.pages.get(path).map(|page| page.file.as_str())?;
        let spelt = percent_encoded(path.trim_end_matches('/'));
        let is_a_folder = file == INDEX || file.ends_with(&format!("/{INDEX}"));
        // A page may itself be declared as `/index.html`; then the address names the file.
        Some(if is_a_folder && !path.ends_with(INDEX) { format!("{spelt}/") } else { spelt })
    }

    /// Resolves an address. `None` if it leads to another site or to a part of its own page, or cannot be resolved.
    fn of_the_app(&self, address: &str, at: &str) -> Option<Url> {
        let address = address.trim_matches(|c: char| c.is_ascii_whitespace() || c.is_control());
        if address.is_empty() || address.starts_with('#') {
            return None;
        }
        let here = Url::parse(HERE).and_then(|host| host.join(at)).ok()?;
        here.join(address).ok().filter(|url| url.origin() == here.origin())
    }

    /// The path of a script, page or file in the export, from the base path on. `None` if it is not exported.
    fn place(&self, path: &str) -> Option<String> {
        if let Some(asset) = path.strip_prefix(client::FOLDER) {
            return client::asset(asset).map(|_| path.to_owned());
        }
        let page = self.app.at(path.trim_end_matches('/')).or_else(|| self.app.at(path));
        if let Some(place) = page.and_then(|page| self.of_page(&page.path)) {
            return Some(place);
        }
        let name = percent_decode_str(path.strip_prefix('/')?).decode_utf8().ok()?;
        let is_file = match name.is_empty() || name.ends_with('/') {
            true => self.plan.names.has(&format!("{name}{INDEX}")),
            false => self.plan.names.has(&name),
        };
        is_file.then(|| path.to_owned())
    }
}

/// Rewrites the addresses of one page or file, one after the other, and collects what it learns of them.
pub(super) struct Guide<'a> {
    pub(super) links: &'a ExportLinks<'a>,
    /// The path of the page or file, which its relative addresses start from.
    pub(super) at: &'a str,
    /// Whether relative addresses stay as they are. True for files of `public/`, which keep their places relative to
    /// each other.
    pub(super) keeps_relative: bool,
    /// The scripts and stylesheets of ours that were referred to, as paths below [`client::FOLDER`].
    pub(super) assets: BTreeSet<String>,
    /// Sentences for the user about links that lead nowhere, and about what was left out.
    pub(super) notes: BTreeSet<String>,
}

impl<'a> Guide<'a> {
    /// A guide for a page. It may become the index of a folder, one level deeper than its path, so its relative
    /// addresses are rewritten as well.
    pub(super) fn of_page(links: &'a ExportLinks<'a>, at: &'a str) -> Self {
        let (assets, notes) = (BTreeSet::new(), BTreeSet::new());
        Self { links, at, keeps_relative: false, assets, notes }
    }

    /// A guide for a file of `public/`, which keeps its path.
    pub(super) fn of_file(links: &'a ExportLinks<'a>, at: &'a str) -> Self {
        Self { keeps_relative: true, ..Self::of_page(links, at) }
    }

    /// Returns the new form of an address. `None` if it stays as it is.
    pub(super) fn lead(&mut self, address: &str) -> Option<String> {
        if self.keeps_relative && !address.trim_start().starts_with(['/', '\\']) {
            return None;
        }
        let now = match self.links.follow(address, self.at) {
            LinkTarget::Stays => return None,
            LinkTarget::Exported(now) => {
                let path = now.strip_prefix(self.links.base()).unwrap_or_default();
                self.assets.extend(path.strip_prefix(client::FOLDER).map(str::to_owned));
                now
            }
            LinkTarget::Unasked(now, page) => {
                if self.links.live().is_none() {
                    self.note(format!(
                        "links with a query string lead to {page} as it is without one: what they ask for needs a server"
                    ));
                }
                now
            }
            LinkTarget::Astray(path) => {
                let now = self.links.beyond(&path);
                if self.links.live().is_none() {
                    self.note(format!("{path} is not exported, and there are links to it"));
                }
                now
            }
        };
        (now != address).then_some(now)
    }

    pub(super) fn note(&mut self, words: String) {
        self.notes.insert(words);
    }
}

/// Returns a path with each character that an address cannot hold percent-encoded, without slashes at its end.
fn percent_encoded(path: &str) -> String {
    let Ok(mut url) = Url::parse(HERE) else { return path.to_owned() };
    url.set_path(path);
    url.path().trim_end_matches('/').to_owned()
}
