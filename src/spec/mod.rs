//! YAML → [`App`], or every problem with its place.
//!
//! Files are read into a tree that remembers places; each unit of it (a table, a field, a page, a
//! component) becomes a type by itself; then names are held against each other. The only module
//! that knows YAML. A spec can never make it panic.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::model::app::App;
use crate::model::ids::TableName;
use crate::model::problem::{Place, Problems, Severity};
use crate::spec::fault::Fault;
use crate::spec::source::{BadFile, FileId, MAX_FILE_BYTES, NotUtf8, Sources, Span};
use crate::spec::tree::Node;
use crate::spec::unit::Unit;

mod editor;
mod report;
mod schema;

mod fault;
mod parse;
mod reference;
mod scalar;
mod source;
mod surface;
mod tree;
mod unseen;

mod allowed;
mod reading;
mod unit;
mod words;

mod admin;
mod app;
mod component;
mod dynamic;
mod exportable;
mod field;
mod page;
mod permissions;
mod renames;
mod seed;
mod table;
mod template;
mod theme;

pub use report::{Finding, Report};
pub use schema::{AppPart, app_schema, part_schema};

/// What an app is called that comes from standard input.
const STDIN: &str = "<stdin>";
/// The file that an app begins with.
const APP_FILE: &str = "app.yaml";

/// What came of a spec.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The app, where there is no error.
    pub app: Option<Arc<App>>,
    /// The app, where nothing is wrong but seeds.
    pub unseeded: Option<Unseeded>,
    /// Everything wrong with it, warnings included.
    pub report: Report,
    /// The files that it was read from, and those that were looked for in vain: when one of them
    /// changes, something else may come of it.
    pub files: BTreeSet<PathBuf>,
}

/// An app with nothing wrong but seeds: it can be served where their tables are filled already.
#[derive(Clone, Debug)]
pub struct Unseeded {
    /// The app, without those seeds.
    pub app: Arc<App>,
    /// The tables that they are for.
    pub tables: BTreeSet<TableName>,
}

impl Unseeded {
    fn of(app: &Arc<App>, faults: &[&Fault]) -> Option<Self> {
        let tables: Option<BTreeSet<_>> =
            faults.iter().map(|fault| fault.seed_of.clone()).collect();
        let tables = tables.filter(|tables| !tables.is_empty())?;
        Some(Self { app: app.clone(), tables })
    }
}

/// Why there was nothing to check.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A folder that is no app's.
    #[error(
        "there is no {APP_FILE} in `{folder}`{instead}",
        folder = .0.display(),
        instead = instead(.0)
    )]
    NoApp(PathBuf),
    /// No such folder or file.
    #[error("there is no file or folder `{path}`", path = .0.display())]
    Missing(PathBuf),
    /// It is there, but cannot be read.
    #[error("`{path}` could not be read: {error}", path = .0.display(), error = .1)]
    Unreadable(PathBuf, #[source] io::Error),
}

/// Loads an app from its folder or its `app.yaml`.
///
/// # Errors
/// If there is nothing to read. What is wrong with what was read is in the report.
pub fn load(path: &Path) -> Result<Loaded, LoadError> {
    let file = app_file(path)?;
    let folder = file.parent().unwrap_or(Path::new("/"));
    let unreadable = |error| LoadError::Unreadable(path.to_owned(), error);
    let mut sources = Sources::new(folder).map_err(unreadable)?;
    let read = sources.read(&file, MAX_FILE_BYTES);
    check(&mut sources, read, &file).map_err(unreadable)
}

/// Loads an app that is given rather than kept in a file; what it refers to is in this folder.
///
/// # Errors
/// If there is nothing to read. What is wrong with what was read is in the report.
pub fn load_given(app: impl Read, folder: &Path) -> Result<Loaded, LoadError> {
    let name = Path::new(STDIN);
    let unreadable = |error| LoadError::Unreadable(name.to_owned(), error);
    let mut sources = Sources::new(folder).map_err(unreadable)?;
    let read = sources.take(STDIN, app, MAX_FILE_BYTES);
    check(&mut sources, read, name).map_err(unreadable)
}

fn check(sources: &mut Sources, read: FirstFile, path: &Path) -> io::Result<Loaded> {
    let (mut faults, mut problems) = (Vec::new(), Problems::default());
    let tree = read_tree(read, path, sources, &mut faults)?;
    let app = tree.as_ref().and_then(|tree| {
        let top = Unit { node: tree, place: Place::top() };
        app::check(&top, sources, &mut faults, &mut problems)
    });
    if let Some(tree) = tree.as_ref().filter(|_| problems.errors() == 0) {
        dynamic::check(&Unit { node: tree, place: Place::top() }, &mut problems);
    }
    let app = app.filter(|_| problems.errors() == 0).map(Arc::new);
    let errors: Vec<_> = faults.iter().filter(|fault| fault.severity == Severity::Error).collect();
    let unseeded = app.as_ref().and_then(|app| Unseeded::of(app, &errors));
    let app = app.filter(|_| errors.is_empty());
    let report = Report::new(sources, faults, &problems, tree.as_ref());
    Ok(Loaded { app, unseeded, report, files: sources.sought().clone() })
}

/// The file that an app begins with, as far as it could be read.
type FirstFile = Result<(FileId, Option<NotUtf8>), BadFile>;

/// Everything written in the app's files; nothing if a fault says why there is none.
fn read_tree(
    read: FirstFile,
    path: &Path,
    sources: &mut Sources,
    faults: &mut Vec<Fault>,
) -> io::Result<Option<Node>> {
    let (file, bad) = match read {
        Ok(read) => read,
        Err(BadFile::Unreadable(_, error)) => return Err(error),
        Err(error) => {
            faults.push(Fault::new(sources.unread(path), error.to_string()));
            return Ok(None);
        }
    };
    if let Some(bad) = bad {
        faults.push(bad.into());
        return Ok(None);
    }
    let tree = reference::read_whole(file, sources, faults);
    if tree.is_none() && faults.is_empty() {
        let fault = Fault::new(Span { file, start: 0, end: 0 }, "this file is empty");
        faults.push(fault.help("begin with `name: my-app`"));
    }
    Ok(tree)
}

/// What the folder has in the place of an app's first file, in words.
fn instead(folder: &Path) -> String {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let alike = |name: &String| ["app.yaml", "app.yml"].contains(&name.to_lowercase().as_str());
    let found = names.filter(alike).min();
    found.map_or_else(String::new, |name| format!("; rename `{name}` to {APP_FILE}"))
}

/// The app's first file without symbolic links.
fn app_file(path: &Path) -> Result<PathBuf, LoadError> {
    let unreadable = |path: &Path, error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => LoadError::Missing(path.to_owned()),
        _ => LoadError::Unreadable(path.to_owned(), error),
    };
    let found = path.canonicalize().map_err(|error| unreadable(path, error))?;
    if !found.is_dir() {
        return Ok(found);
    }
    match found.join(APP_FILE).canonicalize() {
        Ok(file) => Ok(file),
        Err(_) => Err(LoadError::NoApp(path.to_owned())),
    }
}
