//! The files of the database, seen without SQLite: whether the files at its paths are still the ones that are
//! open.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};
use std::time::SystemTime;

use crate::store::StoreError;
use crate::system::{FileIdentity, file_id, free_space};

/// The endings of the two files that SQLite keeps beside the database: its WAL and the index of that.
const BESIDE: [&str; 2] = ["-wal", "-shm"];
/// The first bytes of every SQLite database (<https://www.sqlite.org/fileformat.html>, 1.3).
const MAGIC: &[u8] = b"SQLite format 3\0";
/// The length of a database's header, in bytes.
const HEADER: usize = 100;

/// The files of one database.
#[derive(Debug)]
pub(in crate::store) struct DatabaseFiles {
    /// The path of the database, as the server was started with it.
    path: PathBuf,
    open: RwLock<OpenFiles>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct OpenFiles {
    /// The path without symbolic links.
    real: PathBuf,
    file: Option<FileIdentity>,
    beside: [Option<FileIdentity>; 2],
}

/// The difference between the open files and those at the paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum Displaced {
    /// There is no file at the path.
    Gone,
    /// There is another file at the path.
    Replaced,
    /// The `-wal` or `-shm` file is gone or another one.
    Beside,
}

impl DatabaseFiles {
    /// The files of a database that has just been opened at this path.
    pub(in crate::store) fn of(path: &Path) -> Self {
        Self { open: RwLock::new(OpenFiles::at(path)), path: path.to_owned() }
    }

    /// Notes that the files at the path now are the open ones.
    pub(in crate::store) fn turn_to(&self) {
        *self.open.write().unwrap_or_else(PoisonError::into_inner) = OpenFiles::at(&self.path);
    }

    pub(in crate::store) fn path(&self) -> &Path {
        &self.path
    }

    /// The path of the open file, without symbolic links.
    pub(in crate::store) fn real(&self) -> PathBuf {
        self.opened().real
    }

    /// Compares the files at the paths with the open ones. `None` if they are the same. Takes microseconds.
    pub(in crate::store) fn displaced(&self) -> Option<Displaced> {
        let open = self.opened();
        match id_of(&self.path) {
            None => Some(Displaced::Gone),
            now if now != open.file => Some(Displaced::Replaced),
            _ if files_beside(&open.real) != open.beside => Some(Displaced::Beside),
            _ => None,
        }
    }

    /// Returns how many bytes are free on the disk of the file. `None` if the system does not say. Takes
    /// microseconds.
    pub(in crate::store) fn room(&self) -> Option<u64> {
        free_space(self.path.parent()?)
    }

    /// The time at which the file at the path was last modified. `None` if there is none.
    pub(in crate::store) fn modified(&self) -> Option<SystemTime> {
        fs::metadata(&self.path).and_then(|about| about.modified()).ok()
    }

    /// Whether the file is complete without its WAL, which is empty.
    pub(in crate::store) fn is_all_in_one(&self) -> bool {
        fs::metadata(with_end(&self.real(), BESIDE[0])).is_ok_and(|about| about.len() == 0)
    }

    /// Checks that the file at the path is a complete database, and not one that is still being copied.
    ///
    /// # Errors
    /// If it is not complete.
    pub(in crate::store) fn expect_whole(&self) -> Result<(), StoreError> {
        match is_complete_database(&self.path) {
            true => Ok(()),
            false => Err(StoreError::Unfit(
                "the file at the database's path is not a complete database".to_owned(),
            )),
        }
    }

    /// Removes the `-wal` and `-shm` files of the database that is open.
    pub(in crate::store) fn remove_beside(&self) {
        let open = self.opened();
        for (end, known) in BESIDE.iter().zip(open.beside) {
            let path = with_end(&open.real, end);
            if known.is_some() && id_of(&path) == known {
                // An error does no harm: the WAL is empty by now.
                let _ = fs::remove_file(path);
            }
        }
    }

    fn opened(&self) -> OpenFiles {
        self.open.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl OpenFiles {
    fn at(path: &Path) -> Self {
        let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        Self { file: id_of(path), beside: files_beside(&real), real }
    }
}

fn id_of(path: &Path) -> Option<FileIdentity> {
    fs::metadata(path).ok().as_ref().map(file_id)
}

fn files_beside(real: &Path) -> [Option<FileIdentity>; 2] {
    BESIDE.map(|end| id_of(&with_end(real, end)))
}

fn with_end(path: &Path, end: &str) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push(end);
    path.into()
}

/// Whether a file begins as a database and is as long as its header says. The file must not be open as a
/// database: closing it here would give up SQLite's locks on it.
fn is_complete_database(path: &Path) -> bool {
    let mut header = [0; HEADER];
    let read = File::open(path).and_then(|mut file| {
        file.read_exact(&mut header)?;
        file.metadata()
    });
    let Ok(about) = read else { return false };
    let number =
        |at: usize| u64::from(u32::from_be_bytes([0, 1, 2, 3].map(|nth| header[at + nth])));
    let page = match u64::from(u16::from_be_bytes([header[16], header[17]])) {
        1 => 65_536,
        size => size,
    };
    // The number of pages is valid only if the last program that wrote has set it (file format, 1.3.7).
    let is_said = number(24) == number(92) && number(28) > 0;
    header.starts_with(MAGIC) && page > 0 && (!is_said || about.len() >= number(28) * page)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_file_or_none_is_noticed_and_so_is_what_stands_beside() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data.db");
        let at = |end| with_end(&path, end);
        for end in ["", "-wal", "-shm"] {
            fs::write(at(end), "old").unwrap();
        }
        let files = DatabaseFiles::of(&path);
        assert_eq!(files.displaced(), None);
        fs::rename(at("-wal"), at("-aside")).unwrap();
        assert_eq!(files.displaced(), Some(Displaced::Beside));
        fs::rename(&path, at("-moved")).unwrap();
        assert_eq!(files.displaced(), Some(Displaced::Gone));
        fs::write(&path, "new").unwrap();
        assert_eq!(files.displaced(), Some(Displaced::Replaced));
        files.turn_to();
        assert_eq!(files.displaced(), None);
    }

    #[test]
    fn half_a_database_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data.db");
        let made =
            std::process::Command::new("sqlite3").arg(&path).arg("create table t (x)").status();
        assert!(made.unwrap().success());
        assert!(is_complete_database(&path));
        let whole = fs::read(&path).unwrap();
        fs::write(&path, &whole[..whole.len() / 2 + 1]).unwrap();
        assert!(!is_complete_database(&path));
        fs::write(&path, "no database at all").unwrap();
        assert!(!is_complete_database(&path));
    }
}
