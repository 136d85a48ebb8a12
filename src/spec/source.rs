//! Reads the files of an app: each as a whole and once, and none from outside the app's folder.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use crate::model::problem::nearest;

/// The most bytes one YAML file may have.
pub(super) const MAX_FILE_BYTES: u64 = 2_000_000;
/// The most files of one app.
const MAX_FILES: usize = 1_000;
/// The most names of a folder that are searched for a similar one.
const MAX_LISTED: usize = 10_000;

/// Identifies a file that was read. Only [`Sources`] creates it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct FileId(usize);

/// A range of bytes in one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Span {
    pub(super) file: FileId,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// A file that was read.
pub(super) struct SourceFile {
    /// The path of the file relative to the app's folder.
    pub(super) name: String,
    pub(super) text: Arc<str>,
    /// The path without symbolic links, so that two paths to one file are recognised.
    path: PathBuf,
}

/// The files that were read so far.
pub(super) struct Sources {
    folder: PathBuf,
    files: Vec<SourceFile>,
    /// The paths that were read or looked for.
    sought: BTreeSet<PathBuf>,
}

/// The error of a file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum BadFile {
    #[error("there is no file `{link}`")]
    Missing {
        link: String,
        /// The path of the existing file that was probably meant.
        nearest: Option<String>,
    },
    #[error("`{0}` is outside the app's folder")]
    Outside(String),
    #[error("`{0}` is not a file")]
    NotAFile(String),
    #[error("`{0}` is larger than {max} MB, the most a file may have", max = .1 / 1_000_000)]
    TooLarge(String, u64),
    #[error("an app may have {MAX_FILES} files")]
    TooMany,
    #[error("`{0}` could not be read: {1}")]
    Unreadable(String, io::Error),
}

impl BadFile {
    /// Returns what to write instead, `None` if that is not known.
    pub(super) fn help(&self) -> Option<String> {
        match self {
            Self::Missing { nearest: Some(nearest), .. } => {
                Some(format!("did you mean `{nearest}`?"))
            }
            _ => None,
        }
    }
}

/// The first bytes of a file that are not UTF-8.
pub(super) struct NotUtf8 {
    pub(super) at: Span,
}

impl Sources {
    /// Creates an empty set of files for an app's folder. Fails if the folder does not exist.
    pub(super) fn new(folder: &Path) -> io::Result<Self> {
        let folder = folder.canonicalize()?;
        Ok(Self { folder, files: Vec::new(), sought: BTreeSet::new() })
    }

    /// Returns the app's folder, without symbolic links.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn get(&self, id: FileId) -> &SourceFile {
        &self.files[id.0]
    }

    /// Returns the folder that contains a file.
    fn folder_of(&self, id: FileId) -> &Path {
        self.get(id).path.parent().unwrap_or(&self.folder)
    }

    /// The paths that were read or looked for.
    pub(super) fn sought(&self) -> &BTreeSet<PathBuf> {
        &self.sought
    }

    /// Returns the path of the file that `link` names, relative to the folder of another file.
    pub(super) fn find(&mut self, from: FileId, link: &str) -> Result<PathBuf, BadFile> {
        self.find_at(self.folder_of(from).join(link), link)
    }

    /// Returns the path of a file in a folder of the app.
    pub(super) fn find_in_folder(&mut self, folder: &str, name: &str) -> Result<PathBuf, BadFile> {
        self.find_at(self.folder.join(folder).join(name), name)
    }

    fn find_at(&mut self, path: PathBuf, link: &str) -> Result<PathBuf, BadFile> {
        self.sought.insert(without_dots(&path));
        let path = path.canonicalize().map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => {
                BadFile::Missing { link: link.to_owned(), nearest: self.nearest(&path, link) }
            }
            _ => BadFile::Unreadable(link.to_owned(), error),
        })?;
        if path.starts_with(&self.folder) {
            Ok(path)
        } else {
            Err(BadFile::Outside(link.to_owned()))
        }
    }

    /// Returns the file whose path is most similar to a path that does not exist, in the notation of
    /// `link`. `None` if no file is similar.
    fn nearest(&self, path: &Path, link: &str) -> Option<String> {
        let wanted = without_dots(path);
        let way = wanted.strip_prefix(&self.folder).ok()?;
        let mut found = self.folder.clone();
        let mut names = Vec::new();
        for part in way.components() {
            let part = part.as_os_str().to_str()?;
            let there = fs::read_dir(&found).ok()?.flatten().take(MAX_LISTED);
            let there: Vec<String> =
                there.filter_map(|entry| entry.file_name().into_string().ok()).collect();
            let name = match there.iter().find(|name| *name == part) {
                Some(same) => same.as_str(),
                None => nearest(part, &there.iter().map(String::as_str).collect::<Vec<_>>())?,
            };
            found.push(name);
            names.push(name.to_owned());
        }
        found.is_file().then_some(())?;
        // The result has as many parts as the link, and keeps its leading `.` and `..`.
        let parts: Vec<_> = link.split('/').collect();
        let own = parts.iter().rev().take_while(|part| !matches!(**part, "." | ".." | ""));
        let own = own.count().min(names.len());
        let kept = &parts[..parts.len() - own];
        let named = names[names.len() - own..].iter().map(String::as_str);
        Some(kept.iter().copied().chain(named).collect::<Vec<_>>().join("/"))
    }

    /// Reads the file at a path from [`find`](Self::find), or returns the file that was read there
    /// before.
    pub(super) fn read(
        &mut self,
        path: &Path,
        max_bytes: u64,
    ) -> Result<(FileId, Option<NotUtf8>), BadFile> {
        if let Some(index) = self.files.iter().position(|file| file.path == path) {
            return Ok((FileId(index), None));
        }
        if self.files.len() == MAX_FILES {
            return Err(BadFile::TooMany);
        }
        self.sought.insert(path.to_owned());
        let bytes = read_bytes(path, &self.name(path), max_bytes)?;
        Ok(self.add(path, &bytes))
    }

    /// Reads bytes from elsewhere, such as standard input, as a file of this name in the app's folder.
    pub(super) fn take(
        &mut self,
        name: &str,
        bytes: impl Read,
        max_bytes: u64,
    ) -> Result<(FileId, Option<NotUtf8>), BadFile> {
        let bytes = read_at_most(bytes, name, max_bytes)?;
        Ok(self.add(&self.folder.join(name), &bytes))
    }

    fn add(&mut self, path: &Path, bytes: &[u8]) -> (FileId, Option<NotUtf8>) {
        let name = self.name(path);
        let file = FileId(self.files.len());
        let mark = '\u{feff}'.len_utf8();
        let skipped = if bytes.starts_with("\u{feff}".as_bytes()) { mark } else { 0 };
        let at = |error: &std::str::Utf8Error| {
            let start = error.valid_up_to() - skipped;
            Span { file, start, end: start + '\u{fffd}'.len_utf8() }
        };
        let bad = std::str::from_utf8(bytes).err().map(|error| NotUtf8 { at: at(&error) });
        // The text is lossy only so that an excerpt can show where the invalid bytes are.
        let text = String::from_utf8_lossy(bytes);
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text).into();
        self.files.push(SourceFile { name, text, path: path.to_owned() });
        (file, bad)
    }

    /// Adds a file that was refused without reading it, and returns a place in it for the fault.
    pub(super) fn unread(&mut self, path: &Path) -> Span {
        let file = FileId(self.files.len());
        let name = self.name(path);
        let path = path.to_owned();
        self.files.push(SourceFile { name, text: "".into(), path });
        Span { file, start: 0, end: 0 }
    }

    /// Returns a path relative to the app's folder.
    pub(super) fn name(&self, path: &Path) -> String {
        path.strip_prefix(&self.folder).unwrap_or(path).display().to_string()
    }
}

impl Span {
    /// Returns the range from the start of this one to the end of another in the same file.
    pub(super) fn to(self, other: Self) -> Self {
        Self { end: other.end.max(self.end), ..self }
    }
}

/// Returns the byte at which the line of this byte begins. Lines end with LF, CR LF or CR (YAML 1.2,
/// 5.4).
pub(super) fn line_start(text: &str, at: usize) -> usize {
    let before = &text[..at];
    // CR LF is one line end.
    let before = match text[at..].starts_with('\n') {
        true => before.strip_suffix('\r').unwrap_or(before),
        false => before,
    };
    before.rfind('\n').max(before.rfind('\r')).map_or(0, |end| end + 1)
}

/// Returns the number of the line of this byte, from 1.
pub(super) fn line_number(text: &str, at: usize) -> usize {
    let before = &text[..line_start(text, at)];
    let [feeds, returns] = ['\n', '\r'].map(|sign| before.matches(sign).count());
    feeds + returns - before.matches("\r\n").count() + 1
}

/// Removes `.` and `..` from a path by its text alone. The path need not exist.
fn without_dots(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => drop(plain.pop()),
            _ => plain.push(part),
        }
    }
    plain
}

/// Reads a regular file of at most `max` bytes. It refuses pipes and devices, which could block.
fn read_bytes(path: &Path, name: &str, max: u64) -> Result<Vec<u8>, BadFile> {
    let unreadable = |error| BadFile::Unreadable(name.to_owned(), error);
    if !fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err(BadFile::NotAFile(name.to_owned()));
    }
    read_at_most(File::open(path).map_err(unreadable)?, name, max)
}

fn read_at_most(from: impl Read, name: &str, max: u64) -> Result<Vec<u8>, BadFile> {
    let mut bytes = Vec::new();
    let read = from.take(max + 1).read_to_end(&mut bytes);
    read.map_err(|error| BadFile::Unreadable(name.to_owned(), error))?;
    if bytes.len() as u64 > max {
        return Err(BadFile::TooLarge(name.to_owned(), max));
    }
    Ok(bytes)
}
