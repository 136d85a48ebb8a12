//! The folder of an export: whatever an earlier export wrote there gives way, nothing else is
//! touched, and nothing is written anywhere else.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use crate::export::ExportError;

/// The list of what was written, so that the next export knows what is its own.
const LIST: &str = ".pagetide-build";
/// Where files wait until all of them are there.
const WAITING: &str = ".pagetide-build.part";

/// A folder that is being filled.
pub(super) struct Folder {
    path: PathBuf,
    /// What an earlier export wrote.
    before: BTreeSet<String>,
    written: BTreeSet<String>,
}

impl Folder {
    /// A folder to fill: a new one, an empty one, or one that was filled before.
    pub(super) fn open(path: &Path) -> Result<Self, ExportError> {
        let unusable = |error| ExportError::Folder(path.to_owned(), error);
        fs::create_dir_all(path).map_err(unusable)?;
        let path = path.canonicalize().map_err(unusable)?;
        let list = fs::read_to_string(path.join(LIST));
        let is_empty = fs::read_dir(&path).map_err(unusable)?.next().is_none();
        if list.is_err() && !is_empty {
            return Err(ExportError::NotOurs(path));
        }
        let before = list.unwrap_or_default().lines().map(str::to_owned).collect();
        let folder = Self { path, before, written: BTreeSet::new() };
        // What an export that was cut short left behind.
        folder.clear()?;
        Ok(folder)
    }

    /// Whether a file is to be written already.
    pub(super) fn has(&self, name: &str) -> bool {
        self.written.contains(name)
    }

    /// Puts a file among those that wait.
    pub(super) fn put(&mut self, name: &str, bytes: &[u8]) -> Result<(), ExportError> {
        let target = self.path.join(WAITING).join(name);
        let unusable = |error| ExportError::Folder(target.clone(), error);
        if !is_inside(name) {
            return Err(ExportError::Folder(target.clone(), io::ErrorKind::InvalidFilename.into()));
        }
        fs::create_dir_all(target.parent().unwrap_or(&self.path)).map_err(unusable)?;
        fs::write(&target, bytes).map_err(unusable)?;
        self.written.insert(name.to_owned());
        Ok(())
    }

    /// Puts everything in its place, and takes away what an earlier export wrote and this one did
    /// not.
    pub(super) fn finish(mut self) -> Result<(), ExportError> {
        for name in &self.written {
            self.check_way(name)?;
        }
        let list = self.written.iter().map(|name| format!("{name}\n")).collect::<String>();
        for name in &self.written {
            self.place(name)?;
        }
        for name in std::mem::take(&mut self.before) {
            if !self.written.contains(&name) && is_inside(&name) {
                self.remove(&name);
            }
        }
        fs::write(self.path.join(LIST), list).map_err(|error| self.unusable(LIST, error))?;
        self.clear()
    }

    /// Refuses to write over what is not ours, and through a link, which may lead anywhere.
    fn check_way(&self, name: &str) -> Result<(), ExportError> {
        let mut way = self.path.clone();
        for part in Path::new(name).components() {
            way.push(part);
            let is_last = way == self.path.join(name);
            match fs::symlink_metadata(&way) {
                Ok(found) if is_last && (found.is_dir() || !self.before.contains(name)) => {
                    return Err(ExportError::InTheWay(way));
                }
                Ok(found) if !is_last && !found.is_dir() && !self.is_ours(&way) => {
                    return Err(ExportError::InTheWay(way));
                }
                Ok(_) => {}
                Err(_) => break,
            }
        }
        Ok(())
    }

    /// Whether an earlier export wrote a file.
    fn is_ours(&self, path: &Path) -> bool {
        let name = path.strip_prefix(&self.path).ok().and_then(Path::to_str);
        name.is_some_and(|name| self.before.contains(name))
    }

    fn place(&self, name: &str) -> Result<(), ExportError> {
        let (from, to) = (self.path.join(WAITING).join(name), self.path.join(name));
        // What is the same stays, with its time.
        if let (Ok(now), Ok(before)) = (fs::read(&from), fs::read(&to))
            && now == before
        {
            return Ok(());
        }
        let folder = to.parent().unwrap_or(&self.path);
        self.make_way(folder)?;
        fs::rename(&from, &to).map_err(|error| self.unusable(name, error))
    }

    /// Makes a folder, also where an earlier export had a file.
    fn make_way(&self, folder: &Path) -> Result<(), ExportError> {
        for above in folder.ancestors().take_while(|above| *above != self.path) {
            if above.is_file() && self.is_ours(above) {
                fs::remove_file(above)
                    .map_err(|error| ExportError::Folder(above.to_owned(), error))?;
            }
        }
        fs::create_dir_all(folder).map_err(|error| ExportError::Folder(folder.to_owned(), error))
    }

    /// Removes a file, and the folders that are empty then.
    fn remove(&self, name: &str) {
        let path = self.path.join(name);
        // It may be gone already.
        let _ = fs::remove_file(&path);
        for above in path.ancestors().skip(1).take_while(|above| *above != self.path) {
            if fs::remove_dir(above).is_err() {
                break;
            }
        }
    }

    fn clear(&self) -> Result<(), ExportError> {
        match fs::remove_dir_all(self.path.join(WAITING)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(self.unusable(WAITING, error))
            }
            _ => Ok(()),
        }
    }

    fn unusable(&self, name: &str, error: io::Error) -> ExportError {
        ExportError::Folder(self.path.join(name), error)
    }
}

/// Whether a name stays within the folder that it is joined to.
fn is_inside(name: &str) -> bool {
    let parts = || Path::new(name).components();
    parts().next().is_some() && parts().all(|part| matches!(part, Component::Normal(_)))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn fill(path: &Path, files: &[(&str, &str)]) -> Result<(), ExportError> {
        let mut folder = Folder::open(path)?;
        for (name, text) in files {
            folder.put(name, text.as_bytes())?;
        }
        folder.finish()
    }

    #[test]
    fn an_export_takes_the_place_of_the_one_before_and_leaves_the_rest() {
        let parent = tempfile::tempdir().unwrap();
        let out = parent.path().join("dist");
        fill(&out, &[("index.html", "1"), ("a/index.html", "1"), ("b", "1")]).unwrap();
        fs::write(out.join("CNAME"), "mine").unwrap();
        fs::write(out.join("a/mine.txt"), "mine").unwrap();
        fill(&out, &[("index.html", "2"), ("b/index.html", "2")]).unwrap();
        assert_eq!(fs::read_to_string(out.join("index.html")).unwrap(), "2");
        assert_eq!(fs::read_to_string(out.join("b/index.html")).unwrap(), "2");
        assert!(!out.join("a/index.html").exists());
        assert_eq!(fs::read_to_string(out.join("CNAME")).unwrap(), "mine");
        assert_eq!(fs::read_to_string(out.join("a/mine.txt")).unwrap(), "mine");
        assert!(!out.join(WAITING).exists());
    }

    #[test]
    fn what_is_not_ours_is_not_written_over() {
        let parent = tempfile::tempdir().unwrap();
        let out = parent.path().join("dist");
        fs::create_dir(&out).unwrap();
        fs::write(out.join("thesis.txt"), "mine").unwrap();
        assert!(matches!(fill(&out, &[("index.html", "1")]), Err(ExportError::NotOurs(_))));
        fs::remove_file(out.join("thesis.txt")).unwrap();
        fill(&out, &[("index.html", "1")]).unwrap();
        fs::write(out.join("about"), "mine").unwrap();
        let files = [("index.html", "2"), ("about/index.html", "2")];
        assert!(matches!(fill(&out, &files), Err(ExportError::InTheWay(_))));
        assert_eq!(fs::read_to_string(out.join("index.html")).unwrap(), "1");
        assert_eq!(fs::read_to_string(out.join("about")).unwrap(), "mine");
    }

    #[test]
    fn nothing_is_written_outside() {
        let parent = tempfile::tempdir().unwrap();
        let (out, elsewhere) = (parent.path().join("dist"), parent.path().join("elsewhere"));
        fs::create_dir(&elsewhere).unwrap();
        let mut folder = Folder::open(&out).unwrap();
        for name in ["../x", "/tmp/x", "a/../../x", "", "."] {
            assert!(folder.put(name, b"x").is_err(), "{name}");
        }
        folder.put("index.html", b"1").unwrap();
        folder.finish().unwrap();
        symlink(&elsewhere, out.join("link")).unwrap();
        assert!(fill(&out, &[("link/index.html", "2")]).is_err());
        assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 0);
    }
}
