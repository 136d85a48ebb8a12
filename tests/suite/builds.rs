//! `pagetide build` that fails, is stopped or is run again.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::cli::{app, pagetide};
use crate::export::{build, files, said};

const ONE: &str =
    "name: one\npages: [{ name: A, path: /, access: all, components: [{ type: divider }] }]\n";

/// Everything in a folder by its name; nothing if there is no folder.
fn names(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).collect()
}

#[test]
fn a_build_that_fails_leaves_nothing_and_locks_nobody_out() {
    let folder = app(ONE);
    let (template, out) =
        (folder.path().join("templates/divider.html"), folder.path().join("dist"));
    fs::create_dir(folder.path().join("templates")).unwrap();
    fs::write(&template, "<hr>{{ nothing.there }}").unwrap();
    let (fine, told) = build(folder.path(), &[]);
    assert!(!fine && told.contains("the page / cannot be made"), "{told}");
    assert!(!out.exists(), "{:?}", names(&out));
    fs::write(&template, "<hr class=mine>").unwrap();
    let (fine, told) = build(folder.path(), &[]);
    assert!(fine, "{told}");
    let before = files(&out);
    fs::write(&template, "<hr>{{ nothing.there }}").unwrap();
    assert!(!build(folder.path(), &[]).0);
    assert_eq!(files(&out), before);
    assert!(fs::read_to_string(out.join("index.html")).unwrap().contains("<hr class=mine>"));
}

/// An app with so many pages that a build of it takes its time.
fn large() -> tempfile::TempDir {
    let folder = app("
name: large
tables:
  - { name: threads, fields: [{ name: title, type: single-line-text }], seed: ./threads.csv, permissions: { read: all } }
pages:
  - name: Thread
    path: /t/:id
    access: all
    components:
      - { type: list, item: { title: title }, dataSource: { table: threads, filter: [{ field: id, operator: eq, value: $params.id }] } }
");
    let rows: String = (0..4_000).map(|number| format!("Thread {number}\n")).collect();
    fs::write(folder.path().join("threads.csv"), format!("title\n{rows}")).unwrap();
    folder
}

/// Builds until files are waiting, and sends this signal then.
fn stopped(folder: &Path, signal: &str) -> (bool, String) {
    let (mut command, temporary) = (pagetide(), folder.join("temporary"));
    fs::create_dir_all(&temporary).unwrap();
    command.arg("build").arg(folder).current_dir(folder).env("TMPDIR", temporary);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    while names(&folder.join("dist/.pagetide-build.part")).is_empty() {
        std::thread::yield_now();
    }
    let id = child.id().to_string();
    assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
    said(&child.wait_with_output().unwrap())
}

#[test]
fn a_build_that_is_stopped_leaves_nothing_and_one_that_is_killed_locks_nobody_out() {
    let folder = large();
    let (fine, told) = stopped(folder.path(), "-TERM");
    assert!(!fine && told.contains("nothing is written"), "{told}");
    assert!(!folder.path().join("dist").exists());
    assert_eq!(names(&folder.path().join("temporary")).len(), 0);
    let (fine, _) = stopped(folder.path(), "-KILL");
    assert!(!fine);
    assert_eq!(names(&folder.path().join("dist")).len(), 1);
    fs::write(folder.path().join("app.yaml"), ONE).unwrap();
    let (fine, told) = build(folder.path(), &[]);
    assert!(fine, "{told}");
    let left = [".nojekyll", ".pagetide-build", "404.html", "index.html", "robots.txt"];
    assert_eq!(files(&folder.path().join("dist")), left);
}

#[test]
fn what_only_looks_like_a_build_is_left_alone() {
    let folder = app(ONE);
    let out = folder.path().join("dist");
    fs::create_dir_all(out.join(".pagetide-build.part")).unwrap();
    fs::write(out.join("thesis.txt"), "mine").unwrap();
    let (fine, told) = build(folder.path(), &[]);
    assert!(!fine && told.contains("is not empty"), "{told}");
    assert!(out.join(".pagetide-build.part").is_dir() && out.join("thesis.txt").is_file());
}

const NOTES: &str = "
name: notes
tables:
  - name: notes
    fields:
      - { name: title, type: single-line-text }
      - { name: added, type: created-at }
      - { name: changed, type: updated-at }
    seed: ./notes.csv
    permissions: { read: all }
pages:
  - { name: Notes, path: /, access: all, components: [{ type: dataTable, dataSource: { table: notes } }] }
";

#[test]
fn two_builds_of_the_same_seeds_give_the_same_bytes() {
    let folder = app(NOTES);
    fs::write(folder.path().join("notes.csv"), "title,added\nOne,\nTwo,2024-05-06T07:08:09Z\n")
        .unwrap();
    let (fine, told) = build(folder.path(), &["--out", "once"]);
    assert!(fine && told.contains("SOURCE_DATE_EPOCH sets another time"), "{told}");
    assert!(build(folder.path(), &["--out", "twice"]).0);
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    assert_eq!(read("once/index.html"), read("twice/index.html"));
    assert!(read("once/index.html").contains("1 Jan 2000"), "{}", read("once/index.html"));
    assert_eq!(read("once/index.html").matches("6 May 2024").count(), 2);
    let dated = |seconds: &str| {
        let mut command = pagetide();
        command.args(["build", "--out", "dated"]).env("SOURCE_DATE_EPOCH", seconds);
        said(&command.current_dir(folder.path()).output().unwrap())
    };
    let (fine, told) = dated("1700000000");
    assert!(fine && !told.contains("SOURCE_DATE_EPOCH"), "{told}");
    assert!(read("dated/index.html").contains("14 Nov 2023"));
    let (fine, told) = dated("yesterday");
    assert!(
        !fine && told.contains("SOURCE_DATE_EPOCH is a number of seconds since 1970"),
        "{told}"
    );
}
