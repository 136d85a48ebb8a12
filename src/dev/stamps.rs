//! The files that are watched, and their state. Changes are found by comparing two states, so it does not
//! matter which events the file system sends, or whether it sends any.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::system::{FileIdentity, file_id};

/// The most files of the folders that are watched.
const MAX_FILES: usize = 20_000;

/// The files and folders that an app is made from.
#[derive(Clone, Default)]
pub(super) struct Interests {
    files: BTreeSet<PathBuf>,
    /// The folders that are watched with everything in them.
    folders: Vec<PathBuf>,
}

/// The properties of a file that differ between two states of it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct FileStamp {
    id: FileIdentity,
    size: u64,
    modified: Option<SystemTime>,
}

/// The state of all watched files. A file that does not exist has no entry.
pub(super) type FileStamps = BTreeMap<PathBuf, FileStamp>;

impl Interests {
    pub(super) fn new(files: impl Iterator<Item = PathBuf>, folders: Vec<PathBuf>) -> Self {
        Self { files: files.collect(), folders }
    }

    /// Adds the files of another set.
    pub(super) fn and(mut self, files: &Self) -> Self {
        self.files.extend(files.files.iter().cloned());
        self
    }

    /// Whether the set has at most one file: the app's first file, which is watched in any case.
    pub(super) fn is_bare(&self) -> bool {
        self.files.len() <= 1
    }

    /// Returns the current state of all files.
    pub(super) fn stamps(&self) -> FileStamps {
        let mut stamps = FileStamps::new();
        for file in &self.files {
            if let Ok(metadata) = fs::metadata(file) {
                stamps.insert(file.clone(), FileStamp::of(&metadata));
            }
        }
        for folder in &self.folders {
            walk(folder, &mut |path, metadata| {
                if metadata.is_file() {
                    stamps.insert(path, FileStamp::of(metadata));
                }
                stamps.len() < MAX_FILES
            });
        }
        stamps
    }

    /// Whether an event at this path may have changed the state.
    pub(super) fn concern(&self, path: &Path) -> bool {
        self.is_file(path)
            || self.files.iter().chain(&self.folders).any(|interest| interest.starts_with(path))
    }

    /// Whether the path is a watched file.
    pub(super) fn is_file(&self, path: &Path) -> bool {
        let is_inside = |folder: &PathBuf| path.starts_with(folder) && !is_beside(path);
        self.files.contains(path) || (self.folders.iter().any(is_inside) && !path.is_dir())
    }

    /// Returns the folders whose events show every change of the state: the folders of existing files,
    /// and for a missing one its nearest existing folder. Each comes with its identity, since another
    /// folder may replace it.
    pub(super) fn places(&self) -> BTreeMap<PathBuf, FileIdentity> {
        let mut places = BTreeMap::new();
        let mut add = |path: &Path, metadata: &Metadata| {
            places.insert(path.to_owned(), file_id(metadata));
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

impl FileStamp {
    fn of(metadata: &Metadata) -> Self {
        Self { id: file_id(metadata), size: metadata.len(), modified: metadata.modified().ok() }
    }
}

/// Visits everything in a folder that pages may show, until `visit` returns false. A symbolic link counts
/// as a file and is not followed: it may lead in a circle.
fn walk(folder: &Path, visit: &mut impl FnMut(PathBuf, &Metadata) -> bool) {
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let Ok(metadata) = entry.metadata() else { continue };
            let is_unseen = if metadata.is_dir() { is_hidden } else { is_beside };
            if is_unseen(&path) {
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

/// The extensions of files that an author's programs put beside the files of pages: drafts and backups of
/// these files, and the sources that they are made from.
const BESIDE: [&str; 27] = [
    // Editors, and `sed -i.bak`.
    "bak",
    "backup",
    "old",
    "orig",
    "rej",
    "save",
    "swo",
    "swp",
    "swx",
    "tmp",
    "temp",
    "part",
    // Unfinished downloads and copies.
    "crdownload",
    "download",
    "partial",
    "filepart",
    "opdownload",
    // Sources of stylesheets and scripts, and source maps.
    "less",
    "map",
    "pcss",
    "postcss",
    "sass",
    "scss",
    "styl",
    "stylus",
    "ts",
    "tsx",
];

/// Files that file managers put into folders, compared without regard to case.
const FOLDERS: [&str; 4] = ["Thumbs.db", "ehthumbs.db", "desktop.ini", "Icon\r"];

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether editors use such a name for drafts and backups (`.name`, `name~`).
fn is_hidden(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().as_encoded_bytes();
    name.starts_with(b".") || name.ends_with(b"~")
}

/// Whether a file is not shown by pages, so that its changes need no reload.
fn is_beside(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    let is_part = |part: &str| ["tmp", "temp"].contains(&part);
    let numbered = name.rsplit_once('.').filter(|(_, ending)| is_number(ending));
    is_hidden(path)
        || (name.starts_with('#') && name.ends_with('#'))
        // JetBrains editors, and vim when it tests whether it may write.
        || name.ends_with("___jb_tmp___")
        || name.ends_with("___jb_old___")
        || name == "4913"
        // JOE after a crash, and office programs while a file is open.
        || name == "DEADJOE"
        || name.starts_with("~$")
        // File managers.
        || FOLDERS.iter().any(|kept| name.eq_ignore_ascii_case(kept))
        // Programs write `theme.css.tmp.123` first and then rename it.
        || numbered.is_some_and(|(before, _)| before.split('.').skip(1).any(is_part))
        || ending.is_some_and(|ending| BESIDE.contains(&ending.as_str()))
}

/// Returns the files that differ between two states.
pub(super) fn difference(before: &FileStamps, now: &FileStamps) -> BTreeSet<PathBuf> {
    let all = before.keys().chain(now.keys());
    all.filter(|path| before.get(*path) != now.get(*path)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_beside_the_files_of_pages_is_not_looked_at() {
        let folder = tempfile::tempdir().unwrap();
        let public = folder.path().join("public");
        fs::create_dir_all(public.join("deep")).unwrap();
        fs::create_dir_all(public.join("fonts.old")).unwrap();
        let interests = Interests::new(std::iter::empty(), vec![public.clone()]);
        for name in [
            "#theme.css#",
            ".#theme.css",
            ".theme.css.swp",
            "theme.css~",
            "theme.css.~1~",
            "theme.css.bak",
            "theme.css.BAK",
            "theme.css.swp",
            "theme.css.orig",
            "theme.css.map",
            "theme.css.tmp",
            "theme.css___jb_tmp___",
            "theme.scss",
            "_parts.sass",
            "app.ts",
            "4913",
            "deep/x.less",
            "Thumbs.db",
            "desktop.ini",
            "Desktop.INI",
            "~$t.csv",
            "theme.css.tmp.123",
            "DEADJOE",
            "x.crdownload",
        ] {
            fs::write(public.join(name), "x").unwrap();
            assert!(!interests.is_file(&public.join(name)), "{name}");
        }
        assert_eq!(interests.stamps().len(), 0);
        for name in
            ["theme.css", "logo.svg", "app.js", "fonts.old/x.css", "hash#.css", "map", "ts.css"]
        {
            fs::write(public.join(name), "x").unwrap();
            assert!(interests.is_file(&public.join(name)), "{name}");
        }
        assert_eq!(interests.stamps().len(), 7);
    }
}
