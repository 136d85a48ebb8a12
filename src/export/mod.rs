//! The static export of an app (`pagetide build`): each page that a guest may open becomes an HTML file, and
//! any static web server can serve the folder.
//!
//! First a plan gives out all file names, then pages, files of `public/`, scripts and styles are written. Nothing
//! takes its place in the output folder before all of it has been made: see `folder`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use crate::client;
use crate::model::page::Page;
use crate::model::site_names::INDEX;
use crate::model::viewer::Viewer;
use crate::pages::{PageRequest, PageResponse, PagesError};
use crate::records::RecordsError;
use crate::render::Renderer;
use crate::runtime::Runtime;

mod addresses;
mod attributes;
mod authored;
mod css;
mod folder;
mod html;
mod links;
mod plan;
mod public;
mod sitemap;
mod tags;

pub use authored::SetAside;

use folder::Folder;
use links::{ExportLinks, Guide};
use plan::{ExportPlan, ExportSources, NO_JEKYLL};

/// The folder of an app whose files are copied into the export as they are.
const PUBLIC: &str = "public";
/// The file that most static web servers answer with if there is no file at a path.
const NOT_FOUND: &str = "404.html";

/// The settings of an export.
#[derive(Clone, Debug)]
pub struct Export {
    /// The folder that the files are written to.
    pub out: PathBuf,
    /// The prefix of every path, without a slash at its end, as in `/site`. Empty if there is none.
    pub base_path: String,
    /// The origin that the site will have, as in `https://example.org`. `None` if it is not known; then no sitemap
    /// is written.
    pub site_url: Option<String>,
    /// The origin of a live server that exported pages get their updates from. `None` makes pages that never
    /// contact a server.
    pub live: Option<String>,
    /// Leaves out the pages that a guest may not open. If `false`, such a page is an error.
    pub skip_private: bool,
}

/// The files that an export wrote, counted, and its notes.
#[derive(Clone, Debug, Default)]
pub struct ExportSummary {
    /// The files of each page, by its path as declared: one with parameters becomes many.
    pub pages: BTreeMap<String, Size>,
    /// All other files, by a name for each group of them, such as `public files` or `robots.txt`.
    pub others: BTreeMap<String, Size>,
    /// Sentences for the user about what was left out, and which links lead nowhere.
    pub notes: BTreeSet<String>,
}

/// A number of files and their size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// The number of files.
    pub files: usize,
    /// The size of all these files together, in bytes.
    pub bytes: usize,
}

/// Why an app could not be exported.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The page or error page of this path could not be rendered.
    #[error("the page {0} cannot be made")]
    Page(String, #[source] PagesError),
    /// The records that give a page its parameters could not be read.
    #[error(transparent)]
    Records(#[from] RecordsError),
    /// A guest may not open these pages, and [`Export::skip_private`] is not set.
    #[error(
        "these pages are only for people who have signed in: {}\n--skip-private leaves them out",
        .0.join(", ")
    )]
    Private(Vec<String>),
    /// A path with parameters stands for more pages than this number.
    #[error("`{0}` stands for more than {1} pages")]
    TooMany(String, usize),
    /// The output folder is not empty, and no earlier export filled it.
    #[error("`{folder}` is not empty, and no export filled it; choose another with --out", folder = .0.display())]
    NotOurs(PathBuf),
    /// Another export holds the lock of the output folder.
    #[error("another build is filling `{folder}`", folder = .0.display())]
    Busy(PathBuf),
    /// A file or folder that no export wrote stands at the path of a file to be written.
    #[error("`{path}` is in the way, and no export wrote it", path = .0.display())]
    InTheWay(PathBuf),
    /// A file or folder cannot be read or written.
    #[error("cannot use `{path}`", path = .0.display())]
    Folder(PathBuf, #[source] io::Error),
}

impl Export {
    /// Writes all pages of an app, with the files that they need, into the output folder. `runtime` must run the app
    /// of `set_aside`, which holds marks in the place of the HTML that its author wrote.
    ///
    /// # Errors
    /// If a page is private and not to be skipped, if a page cannot be rendered, or if a file cannot be read or
    /// written. The output folder is then as it was before.
    pub async fn run(
        &self,
        runtime: &Runtime,
        set_aside: &SetAside,
    ) -> Result<ExportSummary, ExportError> {
        let mut work = Work {
            export: self,
            runtime,
            set_aside,
            written: ExportSummary::default(),
            assets: BTreeSet::new(),
            folder: Folder::open(&self.out)?,
        };
        let plan = work.plan().await?;
        let shown = work.pages(&plan).await?;
        work.public_files(&plan)?;
        work.assets()?;
        work.about_the_site(&plan, &shown)?;
        let Work { written, folder, .. } = work;
        folder.finish()?;
        Ok(written)
    }
}

/// An export in progress.
struct Work<'a> {
    export: &'a Export,
    runtime: &'a Runtime,
    set_aside: &'a SetAside,
    written: ExportSummary,
    assets: BTreeSet<String>,
    folder: Folder,
}

impl Work<'_> {
    /// Collects the pages and files of the app and gives each its file name.
    async fn plan(&mut self) -> Result<ExportPlan, ExportError> {
        let (public, untold) = public::files(&self.runtime.app.folder.join(PUBLIC));
        for name in untold {
            self.note(format!("{PUBLIC}/{name} is left out: its name is not UTF-8"));
        }
        let pages = self.find().await?;
        let has_sitemap = self.export.site_url.is_some();
        let folds_case = self.folder.folds_case();
        let mut plan = ExportPlan::new(ExportSources { pages, public, has_sitemap, folds_case });
        self.written.notes.append(&mut plan.notes);
        Ok(plan)
    }

    /// Returns the pages that a guest may open: each path as declared, with the paths that it stands for.
    ///
    /// # Errors
    /// [`ExportError::Private`] if there are others and they are not to be skipped.
    async fn find(&mut self) -> Result<Vec<(String, BTreeSet<String>)>, ExportError> {
        let app = self.runtime.app.clone();
        let is_open = |page: &&Arc<Page>| app.may_open(page, &Viewer::Guest);
        let (open, private): (Vec<_>, Vec<_>) = app.pages.iter().partition(is_open);
        let private: Vec<_> = private.iter().map(|page| page.path.to_string()).collect();
        if !private.is_empty() && !self.export.skip_private {
            return Err(ExportError::Private(private));
        }
        for path in private {
            self.note(format!("{path} is left out: it is only for people who have signed in"));
        }
        let mut found = Vec::new();
        for page in open {
            match addresses::of(page, self.runtime).await? {
                Some(paths) => found.push((page.path.to_string(), paths)),
                None => self.note(format!(
                    "{} is left out: no filter on it says with `eq` which field each of its parameters is",
                    page.path
                )),
            }
        }
        Ok(found)
    }

    /// Writes the pages, `index.html` and `404.html`. Returns the paths of the pages that were written: a record may
    /// have gone since the plan was made.
    async fn pages(&mut self, plan: &ExportPlan) -> Result<Vec<String>, ExportError> {
        let app = self.runtime.app.clone();
        let base = &*self.export.base_path;
        let live = self.export.live.as_deref();
        let links = ExportLinks::new(&app, plan, base, live);
        let mut shown = Vec::new();
        for (path, page) in &plan.pages {
            let PageResponse::Html(html, _) = self.opened(path).await? else {
                self.note(format!("{path} is left out: there is no such record"));
                continue;
            };
            let bytes = self.page(&html, path, &page.file, &links)?;
            add(&mut self.written.pages, &page.of, bytes);
            shown.push(path.clone());
        }
        if plan.generated.contains(INDEX) {
            self.index(&links, &shown).await?;
        }
        if plan.generated.contains(NOT_FOUND) {
            let words =
                ("There is no such page", "The address may be mistyped, or the page is gone.");
            let made = self.runtime.pages.error(&Viewer::Guest, 404, words, "");
            let html = made.map_err(|error| ExportError::Page(NOT_FOUND.to_owned(), error))?;
            let bytes = self.page(&html, "/404", NOT_FOUND, &links)?;
            add(&mut self.written.others, NOT_FOUND, bytes);
        }
        Ok(shown)
    }

    /// Writes an `index.html` that redirects to the first page, for apps that have no page at `/`.
    async fn index(
        &mut self,
        links: &ExportLinks<'_>,
        shown: &[String],
    ) -> Result<(), ExportError> {
        let first = match self.opened("/").await? {
            PageResponse::Redirect(to) if shown.contains(&to.to_string()) => Some(to.to_string()),
            _ => shown.first().cloned(),
        };
        let Some(first) = first else {
            self.note("no page is exported".to_owned());
            return Ok(());
        };
        self.note(format!("there is no page at /: {INDEX} leads to {first}"));
        let to = format!("{}{}", links.base(), links.of_page(&first).unwrap_or(first));
        let moved = Renderer::moved(&to).map_err(PagesError::from);
        let html = moved.map_err(|error| ExportError::Page("/".to_owned(), error))?;
        self.put(INDEX, html.as_bytes())
    }

    async fn opened(&self, path: &str) -> Result<PageResponse, ExportError> {
        let opened = self
            .runtime
            .pages
            .open(&Viewer::Guest, PageRequest { url: path, ..PageRequest::default() })
            .await;
        opened.map_err(|error| ExportError::Page(path.to_owned(), error))
    }

    /// Writes one page. Returns its size in bytes.
    fn page(
        &mut self,
        html: &str,
        path: &str,
        file: &str,
        links: &ExportLinks<'_>,
    ) -> Result<usize, ExportError> {
        let mut guide = Guide::of_page(links, path);
        let html = html::page(html, &self.set_aside.authored, &mut guide);
        self.take_in(guide);
        self.folder.put(file, html.as_bytes())?;
        Ok(html.len())
    }

    /// Copies the planned files of `public/`, with their addresses below the base path.
    fn public_files(&mut self, plan: &ExportPlan) -> Result<(), ExportError> {
        let app = self.runtime.app.clone();
        let base = &*self.export.base_path;
        let live = self.export.live.as_deref();
        let links = ExportLinks::new(&app, plan, base, live);
        for (name, path) in &plan.public {
            let bytes = fs::read(path).map_err(|error| ExportError::Folder(path.clone(), error))?;
            let at = format!("/{name}");
            let mut guide = Guide::of_file(&links, &at);
            let bytes = public::below_base(name, bytes, &mut guide);
            self.take_in(guide);
            self.folder.put(name, &bytes)?;
            add(&mut self.written.others, "public files", bytes.len());
        }
        Ok(())
    }

    fn take_in(&mut self, guide: Guide<'_>) {
        self.assets.extend(guide.assets);
        self.written.notes.extend(guide.notes);
    }

    /// Writes the scripts and stylesheets that the written pages refer to.
    fn assets(&mut self) -> Result<(), ExportError> {
        if self.export.live.is_some() {
            // Scripts import further modules when they need them, which no page names.
            self.assets.extend(client::asset_paths());
        }
        for path in std::mem::take(&mut self.assets) {
            let Some(asset) = client::asset(&path) else { continue };
            let name = format!("{}{path}", client::FOLDER.trim_start_matches('/'));
            self.folder.put(&name, asset.body.as_bytes())?;
            add(&mut self.written.others, "scripts and styles", asset.body.len());
        }
        Ok(())
    }

    /// Writes `sitemap.xml`, `robots.txt` and `.nojekyll`.
    fn about_the_site(&mut self, plan: &ExportPlan, shown: &[String]) -> Result<(), ExportError> {
        let base = &*self.export.base_path;
        let site = self.export.site_url.as_deref();
        let app = self.runtime.app.clone();
        let links = ExportLinks::new(&app, plan, base, None);
        if let Some(site) = site.filter(|_| plan.generated.contains("sitemap.xml")) {
            let places = shown.iter().filter_map(|path| links.of_page(path));
            let sitemap = sitemap::of(places.map(|place| format!("{site}{base}{place}")));
            self.put("sitemap.xml", sitemap.as_bytes())?;
        }
        if site.is_none() {
            self.note("there is no sitemap.xml: --site-url says where the site will be".to_owned());
        }
        if plan.generated.contains("robots.txt") {
            self.put("robots.txt", sitemap::robots(site, base).as_bytes())?;
        }
        self.folder.put(NO_JEKYLL, b"")
    }

    fn put(&mut self, name: &str, bytes: &[u8]) -> Result<(), ExportError> {
        add(&mut self.written.others, name, bytes.len());
        self.folder.put(name, bytes)
    }

    fn note(&mut self, words: String) {
        self.written.notes.insert(words);
    }
}

fn add(sizes: &mut BTreeMap<String, Size>, name: &str, bytes: usize) {
    let size = sizes.entry(name.to_owned()).or_default();
    size.files += 1;
    size.bytes += bytes;
}
