//! The plan of an export: which files it writes, under which names, before any of them is made.
//!
//! If two files want one name, one is left out and a note names both. The winner is the one that `serve` would show at
//! that path: a page goes before a file of `public/`, unless the path ends like a file name (`/a.txt`). Pages without
//! parameters go before the files that the export generates, and pages of records after them: a record whose value
//! happens to be `robots.txt` must not replace anything but another record.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use percent_encoding::percent_decode_str;

use crate::client;
use crate::export::PUBLIC;
use crate::model::site_names::{GENERATED, INDEX, SiteNames, file_of, is_file_name};

/// An empty file that keeps GitHub Pages from leaving out folders whose name begins with `_`, as that of our scripts
/// does.
pub(super) const NO_JEKYLL: &str = ".nojekyll";

/// The files of an export with their names.
#[derive(Default)]
pub(super) struct ExportPlan {
    /// The pages to write, by their paths.
    pub(super) pages: BTreeMap<String, PlannedPage>,
    /// The files of `public/` to copy: their paths on disk by their names in that folder.
    pub(super) public: BTreeMap<String, PathBuf>,
    /// The files of [`GENERATED`] that the export writes.
    pub(super) generated: BTreeSet<&'static str>,
    /// All names that are taken.
    pub(super) names: SiteNames,
    /// Sentences for the user about what is left out, and why.
    pub(super) notes: BTreeSet<String>,
}

/// One page of an export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PlannedPage {
    /// The path of the page as declared, with its parameters.
    pub(super) of: String,
    /// The name of its file, from the output folder, with `/`.
    pub(super) file: String,
}

/// The pages and files that an app has to export.
pub(super) struct ExportSources {
    /// The path of each page as declared, with the paths that it stands for.
    pub(super) pages: Vec<(String, BTreeSet<String>)>,
    /// The files of `public/`: their paths on disk by their names in that folder.
    pub(super) public: BTreeMap<String, PathBuf>,
    /// Whether a sitemap is wanted.
    pub(super) has_sitemap: bool,
    /// Whether names that differ only in case are the same file on the disk.
    pub(super) folds_case: bool,
}

impl ExportPlan {
    /// Gives out the names. The order of the calls is the order of precedence.
    pub(super) fn new(found: ExportSources) -> Self {
        let mut plan = Self { names: SiteNames::new(found.folds_case), ..Self::default() };
        plan.claim(client::FOLDER.trim_matches('/'), "scripts and styles");
        plan.claim(NO_JEKYLL, NO_JEKYLL);
        let of_records = |of: &str| of.split('/').any(|segment| segment.starts_with(':'));
        let (records, declared): (Vec<_>, Vec<_>) =
            found.pages.iter().partition(|(of, _)| of_records(of));
        plan.add_pages(&declared, &found.public);
        plan.add_generated(&found, declared.is_empty());
        plan.add_pages(&records, &found.public);
        for (name, path) in found.public {
            if plan.claim_or_note(&name, &format!("{PUBLIC}/{name}")) {
                plan.public.insert(name, path);
            }
        }
        plan
    }

    fn add_pages(
        &mut self,
        pages: &[&(String, BTreeSet<String>)],
        public: &BTreeMap<String, PathBuf>,
    ) {
        for (of, paths) in pages {
            for path in paths {
                self.add_page(path, of, public);
            }
        }
    }

    /// Plans one page, unless a file has its name, or its path has a part that cannot be a file name.
    fn add_page(&mut self, path: &str, of: &str, public: &BTreeMap<String, PathBuf>) {
        let Some(file) = file_of(path) else {
            self.note(format!("{path} is left out: it cannot be the name of a file"));
            return;
        };
        let name = percent_decode_str(path.trim_start_matches('/')).decode_utf8_lossy();
        if is_file_name(&name) && public.contains_key(name.as_ref()) {
            self.note(format!("{path} is left out: {PUBLIC}/{name} has its place"));
        } else if self.claim_or_note(&file, &format!("the page {path}")) {
            self.pages.insert(path.to_owned(), PlannedPage { of: of.to_owned(), file });
        }
    }

    /// Plans the files of [`GENERATED`] that are needed and that neither a page nor a file of `public/` replaces.
    fn add_generated(&mut self, found: &ExportSources, are_all_of_records: bool) {
        for name in GENERATED {
            // An author's own `robots.txt` or `sitemap.xml` in `public/` goes first. Their `index.html` and
            // `404.html` there do not, since `serve` shows its own at `/` and for unknown paths.
            let is_for_machines = !name.ends_with(".html");
            match name {
                // `serve` has no first page to redirect to from `/` either.
                INDEX if are_all_of_records && found.public.contains_key(name) => continue,
                "sitemap.xml" if !found.has_sitemap => continue,
                INDEX if self.pages.contains_key("/") || found.pages.is_empty() => continue,
                _ if is_for_machines && found.public.contains_key(name) => {
                    if name == "sitemap.xml" {
                        self.note(format!("{name} is that of {PUBLIC}/"));
                    }
                    continue;
                }
                _ => {}
            }
            if self.claim_or_note(name, name) {
                self.generated.insert(name);
            }
        }
    }

    /// Gives a name to `owner` and returns `true`, or notes who has it already and returns `false`.
    fn claim_or_note(&mut self, name: &str, owner: &str) -> bool {
        let claimed = self.names.claim(name, owner);
        if let Err(other) = &claimed {
            let owner = owner.strip_prefix("the page ").unwrap_or(owner);
            self.note(format!("{owner} is left out: {other} has its place"));
        }
        claimed.is_ok()
    }

    /// Gives out a name that must still be free.
    fn claim(&mut self, name: &str, owner: &str) {
        let claimed = self.names.claim(name, owner);
        debug_assert!(claimed.is_ok(), "{name}");
    }

    fn note(&mut self, words: String) {
        self.notes.insert(words);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Plans an export of these pages and files. `exported` are the names of all its files but the generated ones for
    /// machines and `404.html`; `told` are its notes.
    #[track_caller]
    fn check(pages: &[(&str, &[&str])], public: &[&str], exported: &[&str], told: &[&str]) {
        let paths = |paths: &[&str]| paths.iter().map(|path| (*path).to_owned()).collect();
        let pages = pages.iter().map(|(of, all)| ((*of).to_owned(), paths(all))).collect();
        let public = public.iter().map(|name| ((*name).to_owned(), PathBuf::new())).collect();
        let plan =
            ExportPlan::new(ExportSources { pages, public, has_sitemap: true, folds_case: false });
        let files = plan.pages.values().map(|page| page.file.as_str());
        let mut all: Vec<_> = files
            .chain(plan.public.keys().map(String::as_str))
            .chain(plan.generated.iter().copied())
            .filter(|name| !["404.html", "sitemap.xml", "robots.txt"].contains(name))
            .collect();
        all.sort_unstable();
        assert_eq!(all, exported);
        let notes: Vec<_> = plan.notes.iter().map(String::as_str).collect();
        assert_eq!(notes, told);
    }

    #[test]
    fn a_page_stands_before_a_file_that_is_called_like_it() {
        check(
            &[("/", &["/"]), ("/about", &["/about"])],
            &["about", "about/index.html", "about/team.txt", "index.html"],
            &["about/index.html", "about/team.txt", "index.html"],
            &[
                "public/about is left out: the page /about has its place",
                "public/about/index.html is left out: the page /about has its place",
                "public/index.html is left out: the page / has its place",
            ],
        );
        check(
            &[("/", &["/"]), ("/about/team", &["/about/team"])],
            &["about"],
            &["about/team/index.html", "index.html"],
            &["public/about is left out: the page /about/team has its place"],
        );
    }

    #[test]
    fn where_a_path_ends_as_names_of_files_do_the_file_stands_before_the_page() {
        check(
            &[("/", &["/"]), ("/a.txt", &["/a.txt"]), ("/b.txt", &["/b.txt"])],
            &["a.txt"],
            &["a.txt", "b.txt/index.html", "index.html"],
            &["/a.txt is left out: public/a.txt has its place"],
        );
    }

    #[test]
    fn a_page_as_declared_stands_before_what_an_export_writes_of_itself() {
        let declared: [(&str, &[&str]); 4] = [
            ("/", &["/"]),
            ("/404.html", &["/404.html"]),
            ("/robots.txt", &["/robots.txt"]),
            ("/index.html", &["/index.html"]),
        ];
        let paths: Vec<_> = declared.iter().map(|(of, _)| (*of).to_owned()).collect();
        let pages = paths.iter().map(|path| (path.clone(), [path.clone()].into())).collect();
        let found =
            ExportSources { pages, public: BTreeMap::new(), has_sitemap: false, folds_case: false };
        let plan = ExportPlan::new(found);
        assert!(plan.pages.contains_key("/404.html") && plan.pages.contains_key("/robots.txt"));
        assert_eq!(plan.generated, BTreeSet::new());
        let told = [
            "/index.html is left out: the page / has its place",
            "404.html is left out: the page /404.html has its place",
            "robots.txt is left out: the page /robots.txt has its place",
        ];
        assert_eq!(plan.notes.iter().map(String::as_str).collect::<Vec<_>>(), told);
    }

    #[test]
    fn no_record_takes_the_place_of_what_is_not_a_record() {
        let long = format!("/{}", "x".repeat(300));
        let paths: &[&str] =
            &["/404.html", "/about", "/index.html", "/ok", "/robots.txt", "/..", &long];
        check(
            &[("/", &["/"]), ("/:slug", paths), ("/about/team", &["/about/team"])],
            &["ok"],
            &["about/index.html", "about/team/index.html", "index.html", "ok/index.html"],
            &[
                "/.. is left out: it cannot be the name of a file",
                "/404.html is left out: 404.html has its place",
                "/index.html is left out: the page / has its place",
                "/robots.txt is left out: robots.txt has its place",
                &format!("{long} is left out: it cannot be the name of a file"),
                "public/ok is left out: the page /ok has its place",
            ],
        );
    }
}
