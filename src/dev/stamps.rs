//! What is looked at, and the state it is in: two states are compared, so it does not matter what
//! the file system said, nor whether it said anything.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// How many files of the folders are looked at.
const MAX_FILES: usize = 20_000;

/// The files and folders that something is made of.
#[derive(Clone, Default)]
pub(super) struct Interests {
    files: BTreeSet<PathBuf>,
    /// With all that is in them.
    folders: Vec<PathBuf>,
}

/// What tells one state of a file from the next.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
}

/// A state of everything looked at; what is not there has none.
pub(super) type Stamps = BTreeMap<PathBuf, Stamp>;

impl Interests {
    pub(super) fn new(files: impl Iterator<Item = PathBuf>, folders: Vec<PathBuf>) -> Self {
        Self { files: files.collect(), folders }
    }

    /// The same, and these files.
    pub(super) fn and(mut self, files: &Self) -> Self {
        self.files.extend(files.files.iter().cloned());
        self
    }

    /// Whether it is only the first file, which is looked at in any case.
    pub(super) fn is_bare(&self) -> bool {
        self.files.len() <= 1
    }

    /// The state of everything now.
    pub(super) fn stamps(&self) -> Stamps {
        let mut stamps = Stamps::new();
        for file in &self.files {
            if let Ok(metadata) = fs::metadata(file) {
                stamps.insert(file.clone(), Stamp::of(&metadata));
            }
        }
        for folder in &self.folders {
            walk(folder, &mut |path, metadata| {
                if metadata.is_file() {
                    stamps.insert(path, Stamp::of(metadata));
                }
                stamps.len() < MAX_FILES
            });
        }
        stamps
    }

    /// Whether what happened to a path may have changed the state.
    pub(super) fn concern(&self, path: &Path) -> bool {
        self.is_file(path)
            || self.files.iter().chain(&self.folders).any(|interest| interest.starts_with(path))
    }

    /// Whether it is one of the files.
    pub(super) fn is_file(&self, path: &Path) -> bool {
        let is_inside = |folder: &PathBuf| path.starts_with(folder) && !is_hidden(path);
        self.files.contains(path) || (self.folders.iter().any(is_inside) && !path.is_dir())
    }

    /// The folders in which something must happen if the state is to change: those of what is there,
    /// and the nearest to what is not. Each with its inode, since another may take its place.
    pub(super) fn places(&self) -> BTreeMap<PathBuf, u64> {
        let mut places = BTreeMap::new();
        let mut add = |path: &Path, metadata: &Metadata| {
            places.insert(path.to_owned(), metadata.ino());
        };
        for path in self.files.iter().chain(&self.folders) {
            let above = path.ancestors().skip(1);
            let nearest = above.filter_map(|above| Some((above, fs::metadata(above).ok()?))).next();
            if let Some((above, metadata)) = nearest {
                add(above, &metadata);
            }
        }
        for folder in &self.folders {
            if let Ok(metadata) = fs::metadata(folder) {
                add(folder, &metadata);
            }
            walk(folder, &mut |path, metadata| {
                if metadata.is_dir() {
                    add(&path, metadata);
                }
                true
            });
        }
        places
    }
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
        }
    }
}

/// Goes through everything in a folder that is not hidden, as long as `visit` says so. What a link
/// leads to counts as a file and is not gone into: it may lead back.
fn walk(folder: &Path, visit: &mut impl FnMut(PathBuf, &Metadata) -> bool) {
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let Ok(metadata) = entry.metadata() else { continue };
            if is_hidden(&path) {
                continue;
            }
            if metadata.is_dir() {
                folders.push(path.clone());
            }
            if !visit(path, &metadata) {
                return;
            }
        }
    }
}

/// Editors keep what they are about to write in such files.
fn is_hidden(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().as_encoded_bytes();
    name.starts_with(b".") || name.ends_with(b"~")
}

/// What is another in one state than in the other.
pub(super) fn difference(before: &Stamps, now: &Stamps) -> BTreeSet<PathBuf> {
    let all = before.keys().chain(now.keys());
    all.filter(|path| before.get(*path) != now.get(*path)).cloned().collect()
}
