//! Every page as a file, as a guest sees it: a site that any server of files can serve.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::client;
use crate::model::access::Viewer;
use crate::model::page::Page;
use crate::pages::{Opened, PagesError};
use crate::records::RecordsError;
use crate::render::Renderer;
use crate::runtime::Runtime;

mod addresses;
mod folder;
mod html;
mod links;
mod sitemap;

use folder::Folder;
use links::Links;

/// The folder of an app whose files are copied as they are.
const PUBLIC: &str = "public";

/// How an app is exported.
#[derive(Clone, Debug)]
pub struct Export {
    /// The folder that is filled.
    pub out: PathBuf,
    /// What stands before every path: nothing, or `/site`.
    pub base_path: String,
    /// Where the site will be, as in `https://example.org`; without it there is no sitemap.
    pub site_url: Option<String>,
    /// The server that pages reach for; without one they ask for nothing.
    pub live: Option<String>,
    /// Leaves out what only people who have signed in may open.
    pub skip_private: bool,
}

/// What an export wrote.
#[derive(Clone, Debug, Default)]
pub struct Written {
    /// How many files each path of the app became, and their bytes.
    pub pages: BTreeMap<String, Size>,
    /// What else was written.
    pub others: BTreeMap<String, Size>,
    /// What is worth a word.
    pub notes: BTreeSet<String>,
}

/// How much something is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// How many files.
    pub files: usize,
    /// Their bytes together.
    pub bytes: usize,
}

/// Why an app could not be exported.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// A page could not be made.
    #[error(transparent)]
    Pages(#[from] PagesError),
    /// The records could not be had.
    #[error(transparent)]
    Records(#[from] RecordsError),
    /// Some pages are not for everyone.
    #[error(
        "these pages are only for people who have signed in: {}\n--skip-private leaves them out",
        .0.join(", ")
    )]
    Private(Vec<String>),
    /// A path with parameters stands for more pages than can be meant.
    #[error("`{0}` stands for more than {1} pages")]
    TooMany(String, usize),
    /// The folder has files in it, and none of ours.
    #[error("`{folder}` is not empty, and no export filled it; choose another with --out", folder = .0.display())]
    NotOurs(PathBuf),
    /// Something stands where a file is to be written.
    #[error("`{path}` is in the way, and no export wrote it", path = .0.display())]
    InTheWay(PathBuf),
    /// A file cannot be read or written.
    #[error("cannot use `{path}`", path = .0.display())]
    Folder(PathBuf, #[source] io::Error),
}

impl Export {
    /// Writes an app's pages, and all they need, into the folder.
    ///
    /// # Errors
    /// When something is private and not to be skipped, or cannot be read or written. The folder
    /// is then as it was.
    pub async fn run(&self, runtime: &Runtime) -> Result<Written, ExportError> {
        let mut work = Work {
            export: self,
            runtime,
            paths: BTreeMap::new(),
            written: Written::default(),
            assets: BTreeSet::new(),
            folder: Folder::open(&self.out)?,
        };
        work.find().await?;
        work.pages().await?;
        work.public_files()?;
        work.assets()?;
        work.about_the_site()?;
        let Work { written, folder, .. } = work;
        folder.finish()?;
        Ok(written)
    }
}

/// An export under way.
struct Work<'a> {
    export: &'a Export,
    runtime: &'a Runtime,
    /// The paths to export, each with the path of its page as declared.
    paths: BTreeMap<String, String>,
    written: Written,
    assets: BTreeSet<String>,
    folder: Folder,
}

impl Work<'_> {
    /// Finds out which pages there are.
    async fn find(&mut self) -> Result<(), ExportError> {
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
        for page in open {
            match addresses::of(page, self.runtime).await? {
                Some(paths) => self.add_all(paths, &page.path),
                None => self.note(format!(
                    "{} is left out: no filter on it says with `eq` which field each of its parameters is",
                    page.path
                )),
            }
        }
        Ok(())
    }

    /// Adds the paths that a page stands for, unless they cannot be names of files.
    fn add_all(&mut self, paths: BTreeSet<String>, of: &str) {
        for path in paths {
            match links::file(&path) {
                Some(_) => drop(self.paths.insert(path, of.to_owned())),
                None => self.note(format!("{path} is left out: it cannot be the name of a file")),
            }
        }
    }

    async fn pages(&mut self) -> Result<(), ExportError> {
        let declared: BTreeSet<String> = self.paths.keys().cloned().collect();
        let app = self.runtime.app.clone();
        let (base, live) = (&*self.export.base_path, self.export.live.as_deref());
        let links = Links::new(&app, &declared, base, live);
        for (path, of) in self.paths.clone() {
            let opened = self.opened(&path).await?;
            let (Opened::Html(html, _), Some(file)) = (opened, links::file(&path)) else {
                continue;
            };
            let bytes = self.page(&html, &path, &file, &links)?;
            add(&mut self.written.pages, &of, bytes);
        }
        if let Opened::Redirect(to) = self.opened("/").await? {
            let to = links.resolve(&to).unwrap_or_else(|| links.beyond(&to));
            self.put("index.html", Renderer::moved(&to).map_err(PagesError::from)?.as_bytes())?;
        }
        let words = ("There is no such page", "The address may be mistyped, or the page is gone.");
        let html = self.runtime.pages.error(&Viewer::Guest, 404, words, "")?;
        let bytes = self.page(&html, "/404", "404.html", &links)?;
        add(&mut self.written.others, "404.html", bytes);
        Ok(())
    }

    async fn opened(&self, path: &str) -> Result<Opened, ExportError> {
        Ok(self.runtime.pages.open(&Viewer::Guest, path, None, "", None).await?)
    }

    /// Writes a page; how many bytes it has.
    fn page(
        &mut self,
        html: &str,
        path: &str,
        file: &str,
        links: &Links<'_>,
    ) -> Result<usize, ExportError> {
        let page = html::page(html, path, links);
        for address in page.astray.iter().filter(|_| self.export.live.is_none()) {
            self.written
                .notes
                .insert(format!("{address} is not exported, and there are links to it"));
        }
        if page.lost_form {
            self.note(format!("{path} is without its form, which needs a server"));
        }
        self.assets.extend(page.assets);
        self.folder.put(file, page.html.as_bytes())?;
        Ok(page.html.len())
    }

    /// Copies `public/`, but for what is hidden.
    fn public_files(&mut self) -> Result<(), ExportError> {
        let public = self.runtime.app.folder.join(PUBLIC);
        for path in files(&public) {
            let Some(name) = path.strip_prefix(&public).ok().and_then(Path::to_str) else {
                continue;
            };
            if self.folder.has(name) {
                self.note(format!("public/{name} is left out: a page has its place"));
                continue;
            }
            let bytes =
                fs::read(&path).map_err(|error| ExportError::Folder(path.clone(), error))?;
            self.folder.put(name, &bytes)?;
            add(&mut self.written.others, "public files", bytes.len());
        }
        Ok(())
    }

    /// Writes the scripts and stylesheets that pages ask for.
    fn assets(&mut self) -> Result<(), ExportError> {
        if self.export.live.is_some() {
            // Scripts ask for more of them.
            self.assets.extend(client::all());
        }
        for path in std::mem::take(&mut self.assets) {
            let Some(asset) = client::asset(&path) else { continue };
            let name = format!("{}{path}", client::FOLDER.trim_start_matches('/'));
            self.folder.put(&name, asset.body.as_bytes())?;
            add(&mut self.written.others, "scripts and styles", asset.body.len());
        }
        Ok(())
    }

    fn about_the_site(&mut self) -> Result<(), ExportError> {
        let base = &self.export.base_path;
        if let Some(site) = &self.export.site_url {
            let pages = self
                .paths
                .keys()
                .map(|path| format!("{site}{base}{}/", path.trim_end_matches('/')));
            let sitemap = sitemap::of(pages);
            self.put("sitemap.xml", sitemap.as_bytes())?;
        } else {
            self.note("there is no sitemap.xml: --site-url says where the site will be".to_owned());
        }
        if !self.folder.has("robots.txt") {
            let robots = sitemap::robots(self.export.site_url.as_deref(), base);
            self.put("robots.txt", robots.as_bytes())?;
        }
        // Some hosts leave out folders whose name begins with `_` otherwise.
        self.folder.put(".nojekyll", b"")
    }

    fn put(&mut self, name: &str, bytes: &[u8]) -> Result<(), ExportError> {
        if self.folder.has(name) {
            return Ok(());
        }
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

/// All files of a folder that are not hidden, by name. Links are not followed: they may lead out.
fn files(folder: &Path) -> BTreeSet<PathBuf> {
    let (mut files, mut folders) = (BTreeSet::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let is_hidden = name.as_encoded_bytes().starts_with(b".") && name != ".well-known";
            match entry.file_type() {
                Ok(kind) if kind.is_dir() && !is_hidden => folders.push(entry.path()),
                Ok(kind) if kind.is_file() && !is_hidden => drop(files.insert(entry.path())),
                _ => {}
            }
        }
    }
    files
}
