//! Reads YAML and returns an [`App`], or every problem with its place.
//!
//! Files are parsed into a tree that remembers where each value stands. Each unit of the tree (a table, a
//! field, a page, a component) is then deserialised separately, and at last names are checked against
//! each other. This is the only module that knows YAML. No spec can make it panic.

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
mod app_check;
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

/// The file name of an app that is read from standard input.
const STDIN: &str = "<stdin>";
/// The name of an app's first file.
const APP_FILE: &str = "app.yaml";

/// The result of loading a spec.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The app. `None` if there is an error.
    pub app: Option<Arc<App>>,
    /// The app without its faulty seeds. `None` unless all errors are in seeds.
    pub unseeded: Option<Unseeded>,
    /// All problems of the app, warnings included.
    pub report: Report,
    /// The files that were read, and those that were looked for and not found. If one of them changes,
    /// the result may change.
    pub files: BTreeSet<PathBuf>,
}

/// An app whose only errors are in seeds. It can be served if the tables of these seeds exist already,
/// since their seeds are not used then.
#[derive(Clone, Debug)]
pub struct Unseeded {
    /// The app without the faulty seeds.
    pub app: Arc<App>,
    /// The tables that the faulty seeds are for.
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

/// The error of a spec that could not be read at all.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The folder has no `app.yaml`.
    #[error(
        "there is no {APP_FILE} in `{folder}`{instead}",
        folder = .0.display(),
        instead = instead(.0)
    )]
    NoApp(PathBuf),
    /// The folder or file does not exist.
    #[error("there is no file or folder `{path}`", path = .0.display())]
    Missing(PathBuf),
    /// The file exists, but cannot be read.
    #[error("`{path}` could not be read: {error}", path = .0.display(), error = .1)]
    Unreadable(PathBuf, #[source] io::Error),
}

/// Loads an app from its folder or its `app.yaml`.
///
/// # Errors
/// Fails if the file cannot be read. Problems of its content are in the report.
pub fn load(path: &Path) -> Result<Loaded, LoadError> {
    let file = app_file(path)?;
    let folder = file.parent().unwrap_or(Path::new("/"));
    let unreadable = |error| LoadError::Unreadable(path.to_owned(), error);
    let mut sources = Sources::new(folder).map_err(unreadable)?;
    let read = sources.read(&file, MAX_FILE_BYTES);
    check(&mut sources, read, &file).map_err(unreadable)
}

/// Loads an app from a reader, such as standard input. Files that it refers to are looked for in
/// `folder`.
///
/// # Errors
/// Fails if the file cannot be read. Problems of its content are in the report.
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

/// The app's first file as read, with the place of bytes that are not UTF-8; or why it could not be read.
type FirstFile = Result<(FileId, Option<NotUtf8>), BadFile>;

/// Returns the tree of all files of the app. `None` if there is none, and then a fault says why.
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

/// Returns a hint for a folder whose first file has a similar name (`app.yml`, `App.yaml`). Empty if
/// there is no such file.
fn instead(folder: &Path) -> String {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let alike = |name: &String| ["app.yaml", "app.yml"].contains(&name.to_lowercase().as_str());
    let found = names.filter(alike).min();
    found.map_or_else(String::new, |name| format!("; rename `{name}` to {APP_FILE}"))
}

/// Returns the path of the app's first file, without symbolic links.
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
