//! The output folder of an export. Files of an earlier export are replaced or removed; no other file is touched, and
//! nothing is written outside the folder.
//!
//! New files are first written to a staging folder within it, and moved to their places when all of them are there. An
//! export that fails before that leaves the folder as it was; if it is killed, the next export removes its staging
//! folder. The list of written files is what tells an export's files from others. It names the new files before the
//! first of them is moved, so that the files of an export that is killed in between are known to the next one too.

use std::collections::BTreeSet;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Component, Path, PathBuf};

use crate::export::ExportError;
use crate::model::site_names::folders_of;

/// The list of the files that an export wrote, one name a line, for the next export.
const LIST: &str = ".pagetide-build";
/// The staging folder: new files wait here until all of them are written.
const WAITING: &str = ".pagetide-build.part";
/// The new list, in the staging folder, before it replaces the old one.
const NEXT_LIST: &str = ".list";
/// The folder for replaced files, in the staging folder. They are put back if a new file cannot take its place.
const KEPT: &str = ".before";

/// An output folder that is being filled. If it is dropped before it is finished, the folder is as it was before.
pub(super) struct Folder {
    path: PathBuf,
    /// The folders that this export created to reach `path`, the innermost first.
    made: Vec<PathBuf>,
    /// Whether there was no list of an earlier export.
    is_new: bool,
    /// The names of the files that an earlier export wrote.
    before: BTreeSet<String>,
    /// The names of the files of this export.
    written: BTreeSet<String>,
    /// The lock against a second export. The operating system releases it when the process ends, however it does.
    _lock: File,
}

impl Folder {
    /// Opens a folder that is new, empty, or was filled by an earlier export.
    ///
    /// # Errors
    /// [`ExportError::NotOurs`] if there are other files in it and no list, [`ExportError::Busy`] if another export
    /// is filling it, [`ExportError::Folder`] if it cannot be used.
    pub(super) fn open(path: &Path) -> Result<Self, ExportError> {
        let unusable = |error| ExportError::Folder(path.to_owned(), error);
        let made: Vec<_> = path.ancestors().take_while(|path| !path.exists()).collect();
        let made = made.into_iter().map(Path::to_owned).collect();
        fs::create_dir_all(path).map_err(unusable)?;
        let path = path.canonicalize().map_err(unusable)?;
        let lock = File::open(&path).map_err(unusable)?;
        match lock.try_lock() {
            Err(TryLockError::WouldBlock) => return Err(ExportError::Busy(path)),
            // Some file systems have no locks; there, nothing stops a second export.
            Ok(()) | Err(TryLockError::Error(_)) => {}
        }
        let list = fs::read_to_string(path.join(LIST));
        let is_ours = |name: &str| name == WAITING;
        let mut names = fs::read_dir(&path).map_err(unusable)?.flatten().map(|one| one.file_name());
        if list.is_err() && !names.all(|name| name.to_str().is_some_and(is_ours)) {
            return Err(ExportError::NotOurs(path));
        }
        let is_new = list.is_err();
        let before = list.unwrap_or_default().lines().map(str::to_owned).collect();
        let folder = Self { path, made, is_new, before, written: BTreeSet::new(), _lock: lock };
        // Removes the staging folder of an export that was killed.
        folder.clear()?;
        let waiting = folder.path.join(WAITING);
        fs::create_dir(&waiting).map_err(|error| folder.unusable(WAITING, error))?;
        Ok(folder)
    }

    /// Whether names that differ only in case are the same file on this disk.
    pub(super) fn folds_case(&self) -> bool {
        self.path.join(WAITING.to_uppercase()).exists()
    }

    /// Writes a file into the staging folder, under its path from the output folder, with `/`.
    ///
    /// # Errors
    /// If it cannot be written, or its name would lead out of the folder.
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

    /// Moves all files to their places, and removes the files of the earlier export that this one did not write.
    ///
    /// # Errors
    /// [`ExportError::InTheWay`] if a file that no export wrote stands at the path of a new one, and
    /// [`ExportError::Folder`] if a file cannot be moved. The files of the earlier export are then in place again.
    pub(super) fn finish(mut self) -> Result<(), ExportError> {
        for name in &self.written {
            self.check_way(name)?;
        }
        // From here to the end the list names old and new files: a kill in between must leave no unknown file.
        self.write_list(self.before.union(&self.written))?;
        let stale: Vec<_> = self.before.difference(&self.written).cloned().collect();
        let (in_the_way, rest): (Vec<_>, Vec<_>) =
            stale.into_iter().partition(|name| self.is_in_the_way(name));
        let mut changed = Vec::new();
        let placed = self.place_all(&in_the_way, &mut changed);
        if placed.is_err() {
            changed.iter().rev().for_each(|name| self.take_back(name));
            self.forget_list()?;
            return placed;
        }
        // The export has succeeded, so dropping it must no longer remove the folders that it created.
        self.made.clear();
        rest.iter().for_each(|name| self.remove(name));
        self.write_list(self.written.iter())
    }

    /// Removes the old files `in_the_way` of new ones, then moves every new file to its place. Adds each name to
    /// `changed` before it touches its file, so that the caller can undo everything after an error.
    fn place_all(
        &self,
        in_the_way: &[String],
        changed: &mut Vec<String>,
    ) -> Result<(), ExportError> {
        for name in in_the_way {
            changed.push(name.clone());
            self.keep(name)?;
            self.remove(name);
        }
        for name in &self.written {
            let from = self.path.join(WAITING).join(name);
            let to = self.path.join(name);
            // An unchanged file keeps its modification time, by which web servers and uploads notice changes.
            if let (Ok(now), Ok(before)) = (fs::read(&from), fs::read(&to))
                && now == before
            {
                continue;
            }
            changed.push(name.clone());
            self.keep(name)?;
            self.place(name)?;
        }
        Ok(())
    }

    /// Saves a file of the earlier export to [`KEPT`], as a hard link or else a copy. Does nothing if there is none.
    fn keep(&self, name: &str) -> Result<(), ExportError> {
        let from = self.path.join(name);
        let kept = self.kept(name);
        if !from.is_file() {
            return Ok(());
        }
        let made = fs::create_dir_all(kept.parent().unwrap_or(&self.path));
        // Some file systems have no hard links.
        let linked = made.and_then(|()| fs::hard_link(&from, &kept));
        let copied = linked.or_else(|_| fs::copy(&from, &kept).map(drop));
        copied.map_err(|error| self.unusable(name, error))
    }

    /// Undoes a change: puts the saved file back, or removes the new one if there was none before. Ignores errors,
    /// since the export is failing with one already.
    fn take_back(&self, name: &str) {
        let kept = self.kept(name);
        let to = self.path.join(name);
        if !kept.is_file() {
            return self.remove(name);
        }
        let _ = fs::create_dir_all(to.parent().unwrap_or(&self.path));
        let _ = fs::rename(kept, to);
    }

    /// The path of a saved file.
    fn kept(&self, name: &str) -> PathBuf {
        self.path.join(WAITING).join(KEPT).join(name)
    }

    /// Restores the list of the earlier export, or removes the list if there was none.
    fn forget_list(&self) -> Result<(), ExportError> {
        if self.is_new {
            // The list may be gone already.
            let _ = fs::remove_file(self.path.join(LIST));
            return Ok(());
        }
        self.write_list(self.before.iter())
    }

    /// Replaces the list in one step, by a rename, so that it is never half written.
    fn write_list<'a>(&self, names: impl Iterator<Item = &'a String>) -> Result<(), ExportError> {
        let list = names.map(|name| format!("{name}\n")).collect::<String>();
        let next = self.path.join(WAITING).join(NEXT_LIST);
        let place = self.path.join(LIST);
        let written = fs::write(&next, list).and_then(|()| fs::rename(&next, place));
        written.map_err(|error| self.unusable(LIST, error))
    }

    /// Checks that a new file would replace only files of an earlier export, and would not be written through a
    /// symbolic link, which may lead out of the folder.
    ///
    /// # Errors
    /// [`ExportError::InTheWay`] with the path that is in the way.
    fn check_way(&self, name: &str) -> Result<(), ExportError> {
        for above in folders_of(name) {
            let way = self.path.join(above);
            match fs::symlink_metadata(&way) {
                Ok(found) if !found.is_dir() && !self.before.contains(above) => {
                    return Err(ExportError::InTheWay(way));
                }
                Ok(_) => {}
                Err(_) => return Ok(()),
            }
        }
        let way = self.path.join(name);
        let is_ours = match fs::symlink_metadata(&way) {
            Ok(found) if found.is_dir() => self.holds_only_ours(&way),
            Ok(_) => self.before.contains(name),
            Err(_) => true,
        };
        if is_ours { Ok(()) } else { Err(ExportError::InTheWay(way)) }
    }

    /// Whether an earlier export wrote every file in a folder and below it. `false` if it cannot be read.
    fn holds_only_ours(&self, folder: &Path) -> bool {
        let Ok(entries) = fs::read_dir(folder) else { return false };
        entries.flatten().all(|entry| match entry.file_type() {
            Ok(kind) if kind.is_dir() => self.holds_only_ours(&entry.path()),
            _ => self.is_ours(&entry.path()),
        })
    }

    /// Whether an earlier export wrote the file at this path.
    fn is_ours(&self, path: &Path) -> bool {
        let name = path.strip_prefix(&self.path).ok().and_then(Path::to_str);
        name.is_some_and(|name| self.before.contains(name))
    }

    /// Whether an old file has the name of a new folder, or an old file's folder has the name of a new file.
    fn is_in_the_way(&self, name: &str) -> bool {
        let below = format!("{name}/");
        let first_below = self.written.range(below.clone()..).next();
        first_below.is_some_and(|first| first.starts_with(&below))
            || folders_of(name).any(|above| self.written.contains(above))
    }

    /// Moves one file from the staging folder to its place.
    fn place(&self, name: &str) -> Result<(), ExportError> {
        let from = self.path.join(WAITING).join(name);
        let to = self.path.join(name);
        // A folder of this name is empty by now: `check_way` saw only old files in it. Otherwise the rename fails.
        let _ = fs::remove_dir(&to);
        let folder = to.parent().unwrap_or(&self.path);
        let placed = fs::create_dir_all(folder).and_then(|()| fs::rename(&from, &to));
        placed.map_err(|error| self.unusable(name, error))
    }

    /// Removes a file, and the folders around it that become empty. Ignores errors.
    fn remove(&self, name: &str) {
        if !is_inside(name) {
            return;
        }
        let path = self.path.join(name);
        // The file may be gone already.
        let _ = fs::remove_file(&path);
        for above in path.ancestors().skip(1).take_while(|above| *above != self.path) {
            if fs::remove_dir(above).is_err() {
                break;
            }
        }
    }

    /// Removes the staging folder, if there is one.
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

impl Drop for Folder {
    fn drop(&mut self) {
        // If the staging folder cannot be removed now, the next export does it.
        let _ = self.clear();
        for folder in &self.made {
            let _ = fs::remove_dir(folder);
        }
    }
}

/// Whether a relative name stays within the folder that it is joined to: no `..`, no `.` alone, no root.
fn is_inside(name: &str) -> bool {
    let parts = || Path::new(name).components();
    parts().next().is_some() && parts().all(|part| matches!(part, Component::Normal(_)))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// Exports these files, by name and text, into a folder.
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

    /// The names of the files and folders in a folder, sorted.
    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let mut names: Vec<_> =
            entries.map(|entry| entry.file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn an_export_that_fails_leaves_the_folder_as_it_was() {
        let parent = tempfile::tempdir().unwrap();
        let out = parent.path().join("deep/dist");
        let mut folder = Folder::open(&out).unwrap();
        folder.put("a/index.html", b"1").unwrap();
        drop(folder);
        assert_eq!(names(parent.path()), Vec::<String>::new());
        fill(&out, &[("index.html", "1")]).unwrap();
        let mut folder = Folder::open(&out).unwrap();
        folder.put("index.html", b"2").unwrap();
        drop(folder);
        assert_eq!(names(&out), [LIST, "index.html"]);
        assert_eq!(fs::read_to_string(out.join("index.html")).unwrap(), "1");
        fs::create_dir(parent.path().join("empty")).unwrap();
        drop(Folder::open(&parent.path().join("empty")).unwrap());
        assert_eq!(names(parent.path()), ["deep", "empty"]);
    }

    #[test]
    fn what_a_killed_export_leaves_locks_nobody_out() {
        let parent = tempfile::tempdir().unwrap();
        let out = parent.path().join("dist");
        // Killed while it wrote to the staging folder.
        fs::create_dir_all(out.join(WAITING).join("a")).unwrap();
        fs::write(out.join(WAITING).join("a/index.html"), "half").unwrap();
        fill(&out, &[("index.html", "1"), ("old", "1")]).unwrap();
        assert_eq!(names(&out), [LIST, "index.html", "old"]);
        // Killed while it moved files to their places.
        let mut folder = Folder::open(&out).unwrap();
        folder.put("index.html", b"2").unwrap();
        folder.put("new/index.html", b"2").unwrap();
        folder.write_list(folder.before.union(&folder.written)).unwrap();
        folder.place("new/index.html").unwrap();
        drop(folder);
        fill(&out, &[("index.html", "3"), ("new/index.html", "3")]).unwrap();
        assert_eq!(names(&out), [LIST, "index.html", "new"]);
        assert_eq!(fs::read_to_string(out.join("new/index.html")).unwrap(), "3");
    }

    #[test]
    fn an_export_whose_files_cannot_take_their_places_puts_back_those_of_before() {
        let parent = tempfile::tempdir().unwrap();
        let out = parent.path().join("dist");
        let fail = |files: &[(&str, &str)]| {
            let mut folder = Folder::open(&out).unwrap();
            for (name, text) in files {
                folder.put(name, text.as_bytes()).unwrap();
            }
            let (last, _) = files.last().unwrap();
            fs::remove_file(out.join(WAITING).join(last)).unwrap();
            assert!(folder.finish().is_err());
        };
        fail(&[("a", "0"), ("b/index.html", "0")]);
        assert!(!out.exists());
        fill(&out, &[("a", "1"), ("b", "1"), ("z/index.html", "1")]).unwrap();
        fail(&[("a", "2"), ("b/new", "2"), ("c/index.html", "2"), ("d", "2")]);
        assert_eq!(names(&out), [LIST, "a", "b", "z"]);
        for name in ["a", "b", "z/index.html"] {
            assert_eq!(fs::read_to_string(out.join(name)).unwrap(), "1", "{name}");
        }
        fill(&out, &[("a", "3")]).unwrap();
        assert_eq!(names(&out), [LIST, "a"]);
    }

    #[test]
    fn a_file_becomes_a_folder_and_a_folder_a_file() {
        let parent = tempfile::tempdir().unwrap();
        let out = parent.path().join("dist");
        fill(&out, &[("a", "1"), ("b/c/index.html", "1")]).unwrap();
        fill(&out, &[("a/index.html", "2"), ("b", "2")]).unwrap();
        assert_eq!(names(&out), [LIST, "a", "b"]);
        assert_eq!(fs::read_to_string(out.join("b")).unwrap(), "2");
        fill(&out, &[("b/c/index.html", "3")]).unwrap();
        fs::write(out.join("b/c/mine"), "mine").unwrap();
        assert!(matches!(fill(&out, &[("b", "4")]), Err(ExportError::InTheWay(_))));
        assert_eq!(names(&out.join("b/c")), ["index.html", "mine"]);
    }

    #[test]
    fn two_exports_do_not_fill_one_folder_at_once() {
        let parent = tempfile::tempdir().unwrap();
        let out = parent.path().join("dist");
        let mut first = Folder::open(&out).unwrap();
        first.put("index.html", b"1").unwrap();
        assert!(matches!(Folder::open(&out), Err(ExportError::Busy(_))));
        first.finish().unwrap();
        assert_eq!(names(&out), [LIST, "index.html"]);
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
