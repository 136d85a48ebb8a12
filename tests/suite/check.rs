//! `pagetide check` as machines read it: where a file is, and what becomes of an answer that nobody
//! waits for.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value as Json;

use crate::cli::{app, pagetide, run, text};
use crate::server::DESK;

const FAULTY: &str = "name: desk\npagse: []\n";

/// A repository with a faulty app deep in it.
fn repository() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for below in ["sites/desk", "other"] {
        fs::create_dir_all(folder.path().join(below)).unwrap();
    }
    fs::write(folder.path().join("sites/desk/app.yaml"), FAULTY).unwrap();
    folder
}

/// Runs `check` from a folder, in a workflow of GitHub where there is a repository.
fn check(from: &Path, repository: Option<&Path>, arguments: &[&str]) -> Output {
    let mut command: Command = pagetide();
    command.arg("check").args(arguments).current_dir(from).env_remove("GITHUB_WORKSPACE");
    if let Some(repository) = repository {
        command.env("GITHUB_WORKSPACE", repository);
    }
    command.output().unwrap()
}

#[track_caller]
fn github(from: &Path, repository: Option<&Path>, app: &str, file: &str) {
    let told = text(&check(from, repository, &[app, "--format", "github"]).stdout);
    assert!(told.starts_with(&format!("::error file={file},line=2,")), "{told}");
}

#[track_caller]
fn sarif(from: &Path, repository: Option<&Path>, app: &str, uri: &str) {
    let told = text(&check(from, repository, &[app, "--format", "sarif"]).stdout);
    let told: Json = serde_json::from_str(&told).unwrap();
    let place = &told["runs"][0]["results"][0]["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], uri);
}

#[test]
fn in_a_workflow_files_are_named_from_the_root_of_the_repository() {
    let repository = repository();
    let root = repository.path().canonicalize().unwrap();
    let (desk, other) = (root.join("sites/desk"), root.join("other"));
    let given = desk.to_str().unwrap();
    for (from, app) in [
        (&desk, "."),
        (&desk, "app.yaml"),
        (&root, "sites/desk"),
        (&other, "../sites/desk"),
        (&other, given),
    ] {
        github(from, Some(&root), app, "sites/desk/app.yaml");
        sarif(from, Some(&root), app, "sites/desk/app.yaml");
    }
}

#[test]
fn elsewhere_files_are_named_from_where_the_program_runs() {
    let repository = repository();
    let root = repository.path().canonicalize().unwrap();
    let (desk, other) = (root.join("sites/desk"), root.join("other"));
    github(&desk, None, ".", "app.yaml");
    github(&root, None, "sites/desk", "sites/desk/app.yaml");
    github(&other, None, "../sites/desk", "../sites/desk/app.yaml");
    // A repository that does not hold the app says nothing about it.
    github(&desk, Some(&other), ".", "app.yaml");
    github(&desk, Some(Path::new("nowhere")), ".", "app.yaml");
    sarif(&root, None, "sites/desk", "sites/desk/app.yaml");
    let whole = format!("file://{}/sites/desk/app.yaml", root.display());
    sarif(&other, None, "../sites/desk", &whole);
    sarif(&other, Some(&other), desk.to_str().unwrap(), &whole);
}

#[test]
fn a_reader_that_goes_away_is_no_fault() {
    let good = app(DESK);
    for (arguments, code) in [
        (&["check"][..], 0),
        (&["check", "--format", "sarif"], 0),
        (&["schema", "app"], 0),
        (&["migrate", "--dry-run"], 0),
    ] {
        let mut command = pagetide();
        command.args(arguments).current_dir(good.path());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", text(&output.stderr));
        assert_eq!(text(&output.stderr), "", "{arguments:?}");
    }
    let bad = app(FAULTY);
    let mut command = pagetide();
    let child = command.args(["serve"]).current_dir(bad.path()).stdout(Stdio::null());
    let mut child = child.stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stderr.take());
    assert_eq!(child.wait().unwrap().code(), Some(1));
}

#[test]
fn a_first_file_of_another_name_is_pointed_at() {
    let folder = tempfile::tempdir().unwrap();
    let told = |name: &str| {
        let file = folder.path().join(name);
        fs::write(&file, "name: desk\n").unwrap();
        let output = run(&["check"], folder.path());
        fs::remove_file(file).unwrap();
        assert_eq!(output.status.code(), Some(2));
        text(&output.stderr)
    };
    assert_eq!(
        told("app.yml"),
        "error: there is no app.yaml in `.`; rename `app.yml` to app.yaml\n"
    );
    assert_eq!(
        told("App.yaml"),
        "error: there is no app.yaml in `.`; rename `App.yaml` to app.yaml\n"
    );
    assert_eq!(told("desk.yaml"), "error: there is no app.yaml in `.`\n");
}

#[test]
fn each_part_has_a_schema() {
    let folder = tempfile::tempdir().unwrap();
    for (part, title) in
        [("page", "Page"), ("table", "Table"), ("field", "Field"), ("component", "Component")]
    {
        let output = run(&["schema", part], folder.path());
        assert_eq!(output.status.code(), Some(0));
        let schema: Json = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(schema["title"], title);
        assert!(jsonschema::validator_for(&schema).is_ok(), "{part}");
    }
}
