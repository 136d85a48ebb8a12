//! Where addresses lead: the one rule for all of them, wherever they are written.
//!
//! An address is read as a browser reads it under `serve`, from the path of the page that it stands on.
//! What it leads to there it leads to in the export, below the base path; what is not exported is at
//! the live server, or told.

use std::collections::BTreeSet;
use std::sync::Arc;

use percent_encoding::percent_decode_str;
use url::{Position, Url};

use crate::client;
use crate::export::plan::ExportPlan;
use crate::model::app::App;
use crate::model::site_names::INDEX;

/// Stands for whatever host the app is served from.
const HERE: &str = "http://pagetide.invalid";

/// Decides where each address of an exported page leads.
pub(super) struct ExportLinks<'a> {
    app: &'a App,
    plan: &'a ExportPlan,
    base: &'a str,
    live: Option<&'a str>,
}

/// Where one address leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum LinkTarget {
    /// To another site, to a part of the page, or nowhere: it stays as it is.
    Stays,
    /// To something of the export, at this address.
    Exported(String),
    /// To a page of the export at this address, but as this one is without a query string.
    Unasked(String, Arc<str>),
    /// To this path of the app, for which the export has nothing.
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

    /// What stands before every path: nothing, or `/site`.
    pub(super) fn base(&self) -> &str {
        self.base
    }

    /// The server that pages reach for.
    pub(super) fn live(&self) -> Option<&str> {
        self.live
    }

    /// Where an address leads that stands on the page at `at`.
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

    /// Whether an address leads to a path of the app.
    pub(super) fn leads_here(&self, address: &str, at: &str) -> bool {
        self.of_the_app(address, at).is_some()
    }

    /// Where a path of the app is that the export has nothing for.
    pub(super) fn beyond(&self, path: &str) -> String {
        format!("{}{path}", self.live.unwrap_or(self.base))
    }

    /// Where a page of the export is, from the base path on.
    pub(super) fn of_page(&self, path: &str) -> Option<String> {
        let file = self.plan.pages.get(path).map(|page| page.file.as_str())?;
        let spelt = spelt(path.trim_end_matches('/'));
        let is_a_folder = file == INDEX || file.ends_with(&format!("/{INDEX}"));
        // The path of a page may end in the name of that file itself.
        Some(if is_a_folder && !path.ends_with(INDEX) { format!("{spelt}/") } else { spelt })
    }

    /// An address as a whole, unless it leads away or to a part of the page it is on.
    fn of_the_app(&self, address: &str, at: &str) -> Option<Url> {
        let address = address.trim_matches(|c: char| c.is_ascii_whitespace() || c.is_control());
        if address.is_empty() || address.starts_with('#') {
            return None;
        }
        let here = Url::parse(HERE).and_then(|host| host.join(at)).ok()?;
        here.join(address).ok().filter(|url| url.origin() == here.origin())
    }

    /// Where a path of the app is in the export.
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

/// Leads addresses, one after the other, of one page or file.
pub(super) struct Guide<'a> {
    pub(super) links: &'a ExportLinks<'a>,
    /// The path that relative addresses start from.
    pub(super) at: &'a str,
    /// Whether relative addresses stay, since the file is at its path as it was.
    pub(super) keeps_relative: bool,
    /// The assets of ours that were asked for, below [`client::FOLDER`].
    pub(super) assets: BTreeSet<String>,
    /// What is worth a word.
    pub(super) notes: BTreeSet<String>,
}

impl<'a> Guide<'a> {
    /// For a page, which becomes the index of a folder.
    pub(super) fn of_page(links: &'a ExportLinks<'a>, at: &'a str) -> Self {
        let (assets, notes) = (BTreeSet::new(), BTreeSet::new());
        Self { links, at, keeps_relative: false, assets, notes }
    }

    /// For a file that keeps its place.
    pub(super) fn of_file(links: &'a ExportLinks<'a>, at: &'a str) -> Self {
        Self { keeps_relative: true, ..Self::of_page(links, at) }
    }

    /// What an address becomes; `None` if it stays.
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

/// A path with percent signs for all that an address cannot hold.
fn spelt(path: &str) -> String {
    let Ok(mut url) = Url::parse(HERE) else { return path.to_owned() };
    url.set_path(path);
    url.path().trim_end_matches('/').to_owned()
}
