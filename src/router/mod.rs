//! Which page an address leads to, and the values that come with it.

use std::borrow::Cow;
use std::sync::Arc;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::model::app::App;
use crate::model::page::Page;
use crate::model::route::RouteValues;

/// The longest value that an address may give, in bytes. A longer one counts as missing.
const MAX_VALUE: usize = 4_000;
/// How many pairs of a query string are looked at, among those that the page knows.
const MAX_PAIRS: usize = 100;

/// The percent-encoded characters of a path.
const IN_A_PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A page at its address.
#[derive(Clone, Debug)]
pub struct Address {
    /// The page at this address.
    pub page: Arc<Page>,
    /// Its path with its parameters filled in. However it was asked for, this is how it is spelt.
    pub path: Arc<str>,
    /// The values that the address gives.
    pub values: RouteValues,
}

impl App {
    /// The page at a path with its query string, as browsers write them. Where several could be
    /// meant, it is the one that says more of it literally, from left to right.
    pub fn at(&self, url: &str) -> Option<Address> {
        let url = url.split('#').next().unwrap_or_default();
        let (path, query) = url.split_once('?').unwrap_or((url, ""));
        let given: Vec<_> = segments(path)?.map(decoded).collect::<Option<_>>()?;
        // Of two that say as much, the last is taken: the author's.
        let all = self.admin_pages.iter().chain(&self.pages);
        let page = all.filter(|page| fits(page, &given)).max_by_key(|page| literals(page))?;
        let params = page.segments().zip(&given).filter_map(|(segment, value)| {
            Some((segment.strip_prefix(':')?.into(), value.as_ref().into()))
        });
        let values = RouteValues::new(params.collect(), pairs(page, query));
        let path = spelt(page, &given);
        Some(Address { page: page.clone(), path, values })
    }
}

/// Returns the segments of a path. `None` if it is no path.
fn segments(path: &str) -> Option<impl Iterator<Item = &str>> {
    path.strip_prefix('/').map(|below| below.split('/'))
}

/// Returns a segment, percent-decoded. `None` if it is too long or no text.
fn decoded(segment: &str) -> Option<Cow<'_, str>> {
    let text = percent_decode_str(segment).decode_utf8().ok()?;
    (text.len() <= MAX_VALUE && !text.contains('\0')).then_some(text)
}

fn fits(page: &Page, given: &[Cow<'_, str>]) -> bool {
    let fits = |(segment, value): (&str, &Cow<'_, str>)| match segment.strip_prefix(':') {
        Some(_) => !value.is_empty(),
        None => segment == value,
    };
    page.segments().count() == given.len() && page.segments().zip(given).all(fits)
}

/// Which segments are literal, the first one counting most.
fn literals(page: &Page) -> Vec<bool> {
    page.segments().map(|segment| !segment.starts_with(':')).collect()
}

fn spelt(page: &Page, given: &[Cow<'_, str>]) -> Arc<str> {
    if !page.has_params() {
        return page.path.clone();
    }
    let mut path = String::new();
    for (segment, value) in page.segments().zip(given) {
        path.push('/');
        match segment.strip_prefix(':') {
            Some(_) => path.extend(utf8_percent_encode(value, IN_A_PATH)),
            None => path.push_str(segment),
        }
    }
    path.into()
}

/// The pairs of a query string that the page knows.
fn pairs(page: &Page, query: &str) -> Vec<(Arc<str>, Arc<str>)> {
    if query.is_empty() {
        return Vec::new();
    }
    let pairs: Vec<(Cow<'_, str>, Cow<'_, str>)> =
        serde_urlencoded::from_str(query).unwrap_or_default();
    let known = pairs.into_iter().filter(|(name, value)| {
        value.len() <= MAX_VALUE && !value.contains('\0') && page.knows(name)
    });
    known.take(MAX_PAIRS).map(|(name, value)| (name.into(), value.into())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::theme::Theme;

    fn app(paths: &[&str]) -> App {
        let page = |path: &&str| {
            let page = Page {
                name: (*path).into(),
                path: (*path).into(),
                meta: Default::default(),
                access: None,
                presence: false,
                components: Vec::new(),
            };
            Arc::new(page)
        };
        App {
            name: "app".into(),
            folder: Default::default(),
            database_url: None,
            roles: Vec::new(),
            sign_up: None,
            tables: Vec::new(),
            live_origins: Vec::new(),
            theme: Theme::default(),
            templates: Vec::new(),
            pages: paths.iter().map(page).collect(),
            admin_pages: Vec::new(),
        }
    }

    #[track_caller]
    fn check(url: &str, told: &str) {
        let paths =
            ["/", "/orders", "/orders/new", "/orders/:id", "/:table/:id", "/café", "/a/:x/c"];
        let told_now = match app(&paths).at(url) {
            None => "nothing".to_owned(),
            Some(address) => {
                let Address { page, path, values } = address;
                let value = |name| Some(format!(" {name}={}", values.param(name)?));
                let params: String = page.params().filter_map(value).collect();
                format!("{} {path}{params}", page.path)
            }
        };
        assert_eq!(told_now, told, "{url}");
    }

    #[test]
    fn a_literal_path_wins_over_a_parameter() {
        check("/orders/new", "/orders/new /orders/new");
        check("/orders/7", "/orders/:id /orders/7 id=7");
        check("/stock/7", "/:table/:id /stock/7 table=stock id=7");
        check("/a/b/c", "/a/:x/c /a/b/c x=b");
    }

    #[test]
    fn a_page_has_one_spelling_however_it_is_asked_for() {
        check("/", "/ /");
        check("/caf%C3%A9?a=b#c", "/café /café");
        check("/café", "/café /café");
        check("/orders/%61%20b", "/orders/:id /orders/a%20b id=a b");
        check("/orders/a%2Fb", "/orders/:id /orders/a%2Fb id=a/b");
        check("/orders/%3Cscript%3E", "/orders/:id /orders/%3Cscript%3E id=<script>");
    }

    #[test]
    fn what_no_page_is_at_leads_nowhere() {
        for url in ["", "orders", "//", "/orders/", "/orders/7/8/9", "/orders/%00", "/orders/%ff"] {
            check(url, "nothing");
        }
        check(&format!("/orders/{}", "9".repeat(MAX_VALUE + 1)), "nothing");
    }

    #[test]
    fn a_name_that_the_page_does_not_know_is_not_kept() {
        let values = app(&["/"]).at("/?a=b&%00&&=&a").unwrap().values;
        assert!(values.is_empty());
    }
}
