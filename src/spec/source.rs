//! The files of an app: read whole, once each, never from outside the app's folder.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use crate::model::problem::nearest;

/// The most bytes one YAML file may have.
pub(super) const MAX_FILE_BYTES: u64 = 2_000_000;
/// How many files one app may be spread over.
const MAX_FILES: usize = 1_000;
/// How many names of a folder are looked through for one that was meant.
const MAX_LISTED: usize = 10_000;

/// Which file: an index that only [`Sources`] gives out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct FileId(usize);

/// A stretch of bytes in one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Span {
    pub(super) file: FileId,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// One file as read.
pub(super) struct SourceFile {
    /// Relative to the app's folder, as people write it.
    pub(super) name: String,
    pub(super) text: Arc<str>,
    /// Without symbolic links, so that two ways to one file are seen to be one.
    path: PathBuf,
}

/// Every file read so far.
pub(super) struct Sources {
    folder: PathBuf,
    files: Vec<SourceFile>,
    /// Every path that was read or looked for.
    sought: BTreeSet<PathBuf>,
}

/// Why a file that another one names cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum BadFile {
    #[error("there is no file `{link}`")]
    Missing {
        link: String,
        /// The file that was probably meant.
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
    /// What to write instead.
    pub(super) fn help(&self) -> Option<String> {
        match self {
            Self::Missing { nearest: Some(nearest), .. } => {
                Some(format!("did you mean `{nearest}`?"))
            }
            _ => None,
        }
    }
}

/// A file's bytes that are not UTF-8.
pub(super) struct NotUtf8 {
    pub(super) at: Span,
}

impl Sources {
    /// No files yet, in a folder that exists.
    pub(super) fn new(folder: &Path) -> io::Result<Self> {
        let folder = folder.canonicalize()?;
        Ok(Self { folder, files: Vec::new(), sought: BTreeSet::new() })
    }

    /// The app's folder without symbolic links.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn get(&self, id: FileId) -> &SourceFile {
        &self.files[id.0]
    }

    /// The folder of a file.
    fn folder_of(&self, id: FileId) -> &Path {
        self.get(id).path.parent().unwrap_or(&self.folder)
    }

    /// Every path that was read or looked for.
    pub(super) fn sought(&self) -> &BTreeSet<PathBuf> {
        &self.sought
    }

    /// Finds the file that `link` names, seen from the folder of another file.
    pub(super) fn find(&mut self, from: FileId, link: &str) -> Result<PathBuf, BadFile> {
        self.find_at(self.folder_of(from).join(link), link)
    }

    /// Finds a file in a folder of the app.
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

    /// The file whose path is most like one that leads nowhere, as `link` would name it.
    fn nearest(&self, path: &Path, link: &str) -> Option<String> {
        let wanted = without_dots(path);
        let way = wanted.strip_prefix(&self.folder).ok()?;
        let (mut found, mut names) = (self.folder.clone(), Vec::new());
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
        // As much of it as the link says; what it goes up by stays as it is.
        let parts: Vec<_> = link.split('/').collect();
        let own = parts.iter().rev().take_while(|part| !matches!(**part, "." | ".." | ""));
        let own = own.count().min(names.len());
        let kept = &parts[..parts.len() - own];
        let named = names[names.len() - own..].iter().map(String::as_str);
        Some(kept.iter().copied().chain(named).collect::<Vec<_>>().join("/"))
    }

    /// Reads the file at a path from [`find`](Self::find), or finds it among those read before.
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

    /// Takes what comes from elsewhere for a file of this name in the app's folder.
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
        let (name, file) = (self.name(path), FileId(self.files.len()));
        let mark = '\u{feff}'.len_utf8();
        let skipped = if bytes.starts_with("\u{feff}".as_bytes()) { mark } else { 0 };
        let at = |error: &std::str::Utf8Error| {
            let start = error.valid_up_to() - skipped;
            Span { file, start, end: start + '\u{fffd}'.len_utf8() }
        };
        let bad = std::str::from_utf8(bytes).err().map(|error| NotUtf8 { at: at(&error) });
        // Lossy only so that the excerpt can show where the bytes go wrong.
        let text = String::from_utf8_lossy(bytes);
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text).into();
        self.files.push(SourceFile { name, text, path: path.to_owned() });
        (file, bad)
    }

    /// A place for a file that is refused unread.
    pub(super) fn unread(&mut self, path: &Path) -> Span {
        let file = FileId(self.files.len());
        let (name, path) = (self.name(path), path.to_owned());
        self.files.push(SourceFile { name, text: "".into(), path });
        Span { file, start: 0, end: 0 }
    }

    /// A path as people write it, relative to the app's folder.
    pub(super) fn name(&self, path: &Path) -> String {
        path.strip_prefix(&self.folder).unwrap_or(path).display().to_string()
    }
}

impl Span {
    /// From the start of this stretch to the end of another in the same file.
    pub(super) fn to(self, other: Self) -> Self {
        Self { end: other.end.max(self.end), ..self }
    }
}

/// Where the line of this byte begins. Lines end with LF, CR LF or CR (YAML 1.2, 5.4).
pub(super) fn line_start(text: &str, at: usize) -> usize {
    let before = &text[..at];
    // The two signs of CR LF are one end.
    let before = match text[at..].starts_with('\n') {
        true => before.strip_suffix('\r').unwrap_or(before),
        false => before,
    };
    before.rfind('\n').max(before.rfind('\r')).map_or(0, |end| end + 1)
}

/// The number of the line of this byte, from 1.
pub(super) fn line_number(text: &str, at: usize) -> usize {
    let before = &text[..line_start(text, at)];
    let [feeds, returns] = ['\n', '\r'].map(|sign| before.matches(sign).count());
    feeds + returns - before.matches("\r\n").count() + 1
}

/// The path as it reads, without `.` and `..`: it may lead nowhere.
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

/// The bytes of a file, `max` at most; never waits for a pipe or a device.
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
