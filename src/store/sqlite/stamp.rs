//! A stamp that changes with each commit to the database, read without asking SQLite.
//!
//! Every commit, by whatever program, changes the header of the WAL index before it can be seen by
//! a reader (<https://www.sqlite.org/walformat.html>, 2.1). Reading these bytes costs a microsecond;
//! a query costs a trip to another thread and back.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use crate::system::{FileIdentity, file_id, read_exact_at};

/// The length of the header of the WAL index, in bytes. The file begins with two copies of it, so that a
/// reader recognises a header that is just being written.
const HEADER: usize = 48;
/// The offset of the byte in the header that is set once the header is valid.
const IS_INITIALISED: usize = 12;

/// A state of the database. While it is the same, nothing was committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Stamp([u8; HEADER]);

/// Reads the stamp of one database. Clones share the file.
#[derive(Clone, Debug)]
pub(super) struct Stamps(Arc<RwLock<Option<&'static File>>>);

impl Stamps {
    /// Opens the WAL index of the database in this file, which must be open and in WAL mode.
    pub(super) fn of(database: &Path) -> Self {
        Self(Arc::new(RwLock::new(index_of(database))))
    }

    /// Opens the WAL index of the database that is now in this file, for all clones.
    pub(super) fn turn_to(&self, database: &Path) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = index_of(database);
    }

    /// The state of the database now. `None` if it cannot be read, as while the header is being written.
    pub(super) fn now(&self) -> Option<Stamp> {
        let mut bytes = [0; 2 * HEADER];
        let index = *self.0.read().unwrap_or_else(PoisonError::into_inner);
        read_exact_at(index?, &mut bytes, 0).ok()?;
        let (first, second) = bytes.split_at(HEADER);
        if first != second || first[IS_INITIALISED] == 0 {
            return None;
        }
        Some(Stamp(first.try_into().ok()?))
    }
}

fn index_of(database: &Path) -> Option<&'static File> {
    let mut index = database.as_os_str().to_owned();
    index.push("-shm");
    open_for_good(Path::new(&index)).ok()
}

/// Opens a file and never closes it: under POSIX, closing it would give up the locks that SQLite holds on the
/// same file through its own descriptor (<https://www.sqlite.org/howtocorrupt.html>, 2.2).
fn open_for_good(path: &Path) -> io::Result<&'static File> {
    static OPEN: Mutex<Option<HashMap<FileIdentity, &'static File>>> = Mutex::new(None);
    let about = std::fs::metadata(path)?;
    let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
    let open = open.get_or_insert_default();
    let which = file_id(&about);
    if let Some(file) = open.get(&which) {
        return Ok(file);
    }
    let file: &'static File = Box::leak(Box::new(File::open(path)?));
    open.insert(which, file);
    Ok(file)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use sqlx::{Connection, Executor, SqliteConnection};

    use super::*;
    use crate::store::sqlite::options;

    #[tokio::test]
    async fn a_stamp_stands_until_any_program_commits() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data.db");
        let mut ours = SqliteConnection::connect_with(&options(&path)).await.unwrap();
        ours.execute("create table t (x)").await.unwrap();
        let stamps = Stamps::of(&path);
        let before = stamps.now();
        assert!(before.is_some());
        ours.execute("select count(*) from t").await.unwrap();
        assert_eq!(stamps.now(), before);

        ours.execute("insert into t values (1)").await.unwrap();
        let between = stamps.now();
        assert_ne!(between, before);

        let theirs = Command::new("sqlite3").arg(&path).arg("insert into t values (2)").status();
        assert!(theirs.unwrap().success());
        assert_ne!(stamps.now(), between);
        ours.close().await.unwrap();
    }

    #[test]
    fn without_an_index_there_is_no_stamp() {
        assert_eq!(Stamps::of(Path::new("/nowhere/data.db")).now(), None);
    }
}
