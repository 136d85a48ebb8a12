//! `pagetide new`: every template is an app that passes its own check and serves its pages.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use pagetide::spec;
use serde_json::Value as Json;

use crate::server::Server;

fn pagetide(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_pagetide"))
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap()
}

/// Makes an app, checks it in three ways and opens its pages.
async fn check(template: &str, shown: &str) {
    let folder = tempfile::tempdir().unwrap();
    let made = pagetide(folder.path(), &["new", "my desk", "--template", template]);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let app = folder.path().join("my desk");
    let checked = pagetide(&app, &["check", "--deny-warnings"]);
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stdout));
    let schema = fs::read(app.join("app.schema.json")).unwrap();
    let schema: Json = serde_json::from_slice(&schema).unwrap();
    assert_eq!(schema, spec::app_schema());
    let yaml = fs::read_to_string(app.join("app.yaml")).unwrap();
    assert!(yaml.starts_with("# yaml-language-server: $schema=./app.schema.json\n"));
    let json: Json = serde_yaml::from_str(&yaml).unwrap();
    let faults: Vec<_> = jsonschema::validator_for(&schema)
        .unwrap()
        .iter_errors(&json)
        .map(|e| e.to_string())
        .collect();
    assert!(faults.is_empty(), "{faults:?}");
    assert!(app.join(".github/workflows/check.yml").exists() && app.join(".gitignore").exists());
    assert!(fs::read_to_string(app.join("README.md")).unwrap().starts_with("# my desk\n"));
    let loaded = spec::load(&app).unwrap().app.unwrap();
    assert_eq!(loaded.name.as_ref(), "my desk");
    let server = Server::start_app(&app).await;
    let mut pages = String::new();
    for page in &loaded.pages {
        let (status, html) = server.nobody().get(&page.path).await;
        assert_eq!(status, 200, "{}", page.path);
        pages.push_str(html.as_str().unwrap());
    }
    assert!(pages.contains(shown), "{pages}");
}

#[tokio::test]
async fn a_blank_app_is_whole() {
    check("blank", "Read app.yaml: it is short").await;
}

#[tokio::test]
async fn a_dashboard_is_whole() {
    check("dashboard", "Open tickets").await;
}

#[tokio::test]
async fn a_directory_is_whole_and_keeps_addresses_from_guests() {
    check("directory", "Anneke de Wit").await;
}

#[tokio::test]
async fn guests_of_a_new_directory_see_no_address() {
    let folder = tempfile::tempdir().unwrap();
    assert!(pagetide(folder.path(), &["new", "x", "--template", "directory"]).status.success());
    let server = Server::start_app(&folder.path().join("x")).await;
    for path in ["/", "/makers", "/api/tables/makers/records"] {
        let (_, page) = server.guest().await.get(path).await;
        assert!(!page.to_string().contains("anneke@example.org"), "{path}");
    }
}

#[test]
fn what_is_there_is_never_touched() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("notes.txt"), "mine").unwrap();
    let refused = pagetide(folder.path(), &["new", "."]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("`.` is not empty"));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    let refused = pagetide(folder.path(), &["new", "notes.txt"]);
    assert_eq!(refused.status.code(), Some(2));
    assert_eq!(fs::read_to_string(folder.path().join("notes.txt")).unwrap(), "mine");
}

#[test]
fn a_folder_of_any_name_makes_an_app() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a\"b: {c}", "line\nbreak", "'", "# no", "日本", "..."] {
        fs::create_dir(folder.path().join(name)).unwrap();
        let made = pagetide(folder.path(), &["new", name]);
        assert!(made.status.success(), "{name}: {}", String::from_utf8_lossy(&made.stderr));
        assert!(pagetide(folder.path(), &["check", name]).status.success(), "{name}");
    }
}
