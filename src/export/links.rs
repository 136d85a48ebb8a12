//! Where things are in an export.

use std::collections::BTreeSet;
use std::path::Path;

use percent_encoding::percent_decode_str;

use crate::client;
use crate::model::app::App;

/// What leads where.
pub(super) struct Links<'a> {
    app: &'a App,
    /// The paths of the pages that are exported.
    pages: &'a BTreeSet<String>,
    base: &'a str,
    live: Option<&'a str>,
}

impl<'a> Links<'a> {
    pub(super) fn new(
        app: &'a App,
        pages: &'a BTreeSet<String>,
        base: &'a str,
        live: Option<&'a str>,
    ) -> Self {
        Self { app, pages, base, live }
    }

    /// What stands before every path: nothing, or `/site`.
    pub(super) fn base(&self) -> &str {
        self.base
    }

    /// The server that pages reach for.
    pub(super) fn live(&self) -> Option<&str> {
        self.live
    }

    /// An address of the app as it is in the export; nothing if it leads to what is not there.
    pub(super) fn resolve(&self, address: &str) -> Option<String> {
        if !address.starts_with('/') || address.starts_with("//") {
            return Some(address.to_owned());
        }
        let end = address.find(['?', '#']).unwrap_or(address.len());
        let (path, rest) = address.split_at(end);
        if path == "/" || self.is_file(path) {
            return Some(format!("{}{address}", self.base));
        }
        let page = self.app.at(path.trim_end_matches('/'))?;
        let is_exported = self.pages.contains(page.path.as_ref());
        is_exported.then(|| format!("{}{}/{rest}", self.base, page.path.trim_end_matches('/')))
    }

    /// Where an address leads that the export has nothing for.
    pub(super) fn beyond(&self, address: &str) -> String {
        format!("{}{address}", self.live.unwrap_or(self.base))
    }

    fn is_file(&self, path: &str) -> bool {
        let name = percent_decode_str(path).decode_utf8_lossy();
        let is_plain = !name.split('/').any(|part| part == "..");
        path.starts_with(client::FOLDER)
            || (is_plain
                && self.app.folder.join("public").join(name.trim_start_matches('/')).is_file())
    }
}

/// The file of a page, from the folder of the export; nothing if a value of its path cannot be the
/// name of a folder.
pub(super) fn file(path: &str) -> Option<String> {
    let mut file = String::new();
    for segment in path.split('/').skip(1).filter(|segment| !segment.is_empty()) {
        let name = percent_decode_str(segment).decode_utf8().ok()?;
        if !is_folder_name(&name) {
            return None;
        }
        file.push_str(&name);
        file.push('/');
    }
    Some(file + "index.html")
}

fn is_folder_name(name: &str) -> bool {
    let path = Path::new(name);
    let is_one = path.components().count() == 1 && path.file_name().is_some();
    is_one
        && !name.starts_with('.')
        && name.len() <= 200
        && !name.contains(['\\', '\0', '/'])
        && !name.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_the_index_of_its_folder() {
        assert_eq!(file("/").as_deref(), Some("index.html"));
        assert_eq!(file("/about").as_deref(), Some("about/index.html"));
        assert_eq!(file("/orders/a%20b").as_deref(), Some("orders/a b/index.html"));
    }

    #[test]
    fn no_value_of_a_path_leads_out_of_the_folder() {
        for path in
            ["/..", "/orders/%2e%2e", "/a%2F..%2F..%2Fb", "/.git", "/a%00", "/%5C", "/%0A", "/%FF"]
        {
            assert_eq!(file(path), None, "{path}");
        }
        assert_eq!(file(&format!("/{}", "a".repeat(201))), None);
    }
}
