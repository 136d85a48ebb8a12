//! What is looked at, and the state it is in: two states are compared, so it does not matter what
//! the file system said, nor whether it said anything.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::system::{FileIdentity, file_id};

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
pub(super) struct FileStamp {
    id: FileIdentity,
    size: u64,
    modified: Option<SystemTime>,
}

/// A state of everything looked at; what is not there has none.
pub(super) type FileStamps = BTreeMap<PathBuf, FileStamp>;

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

    /// Whether what happened to a path may have changed the state.
    pub(super) fn concern(&self, path: &Path) -> bool {
        self.is_file(path)
            || self.files.iter().chain(&self.folders).any(|interest| interest.starts_with(path))
    }

    /// Whether it is one of the files.
    pub(super) fn is_file(&self, path: &Path) -> bool {
        let is_inside = |folder: &PathBuf| path.starts_with(folder) && !is_beside(path);
        self.files.contains(path) || (self.folders.iter().any(is_inside) && !path.is_dir())
    }

    /// The folders in which something must happen if the state is to change: those of what is there,
    /// and the nearest to what is not. Each with its identity, since another may take its place.
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

/// Goes through everything in a folder that pages may show, as long as `visit` says so. What a link
/// leads to counts as a file and is not gone into: it may lead back.
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

/// What programs of an author keep beside the files that pages show: what they are about to write or
/// wrote before, and what those files are made of.
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
    // What browsers have not loaded whole, and what is being copied.
    "crdownload",
    "download",
    "partial",
    "filepart",
    "opdownload",
    // What stylesheets and scripts are made of, and how to find it from them.
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

/// What file managers keep of a folder, in any case of its letters.
const FOLDERS: [&str; 4] = ["Thumbs.db", "ehthumbs.db", "desktop.ini", "Icon\r"];

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Editors keep what they are about to write in such files.
fn is_hidden(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().as_encoded_bytes();
    name.starts_with(b".") || name.ends_with(b"~")
}

/// Whether a file is no part of what pages show, so that they need not be shown anew.
fn is_beside(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    let is_part = |part: &str| ["tmp", "temp"].contains(&part);
    let numbered = name.rsplit_once('.').filter(|(_, ending)| is_number(ending));
    is_hidden(path)
        || (name.starts_with('#') && name.ends_with('#'))
        // JetBrains editors, and vim where it tries whether it may write.
        || name.ends_with("___jb_tmp___")
        || name.ends_with("___jb_old___")
        || name == "4913"
        // An editor that was ended, and office programs while a file is open.
        || name == "DEADJOE"
        || name.starts_with("~$")
        // What file managers keep of a folder.
        || FOLDERS.iter().any(|kept| name.eq_ignore_ascii_case(kept))
        // Programs write `theme.css.tmp.123`, and then name it as it shall be.
        || numbered.is_some_and(|(before, _)| before.split('.').skip(1).any(is_part))
        || ending.is_some_and(|ending| BESIDE.contains(&ending.as_str()))
}

/// What is another in one state than in the other.
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
