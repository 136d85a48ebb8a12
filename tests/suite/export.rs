//! `pagetide build`: which pages become files, and what it refuses.

use std::fs;
use std::path::Path;
use std::process::Output;

use crate::cli::{app, pagetide, text};

const SHOP: &str = "
name: shop
tables:
  - name: goods
    fields:
      - { name: slug, type: single-line-text, required: true }
      - { name: kind, type: single-line-text }
      - { name: hidden, type: checkbox }
    seed: ./goods.csv
    permissions: { read: all }
  - name: wages
    fields: [{ name: amount, type: integer }]
    permissions: { read: [admin] }
pages:
  - name: Home
    path: /
    access: all
    components:
      - { type: link, href: /goods/tea, label: Tea }
      - { type: link, href: /nowhere, label: Nowhere }
      - { type: html, content: '<form action=/go><input name=q></form><img src=/logo.svg alt=Logo><a href=https://example.org/>Out</a>' }
  - name: One
    path: /goods/:slug
    access: all
    components:
      - type: list
        item: { title: slug, subtitle: kind }
        dataSource:
          table: goods
          filter: [{ field: slug, operator: eq, value: $params.slug }, { field: hidden, operator: neq, value: true }]
  - name: Any
    path: /any/:what
    access: all
    components: [{ type: text, content: Whatever }]
";

const GOODS: &str = "slug,kind,hidden\ntea,leaf,false\nfine tea,leaf,false\n../../up,trick,false\n.git,trick,false\nsecret,leaf,true\n";

/// Builds an app with these arguments; what it says, and whether it is content.
pub fn build(folder: &Path, options: &[&str]) -> (bool, String) {
    let output =
        pagetide().arg("build").arg(folder).args(options).current_dir(folder).output().unwrap();
    said(&output)
}

/// Whether a program is content, and what it says.
pub fn said(output: &Output) -> (bool, String) {
    (output.status.success(), text(&[&*output.stdout, &*output.stderr].concat()))
}

fn shop() -> tempfile::TempDir {
    let folder = app(SHOP);
    fs::write(folder.path().join("goods.csv"), GOODS).unwrap();
    fs::create_dir(folder.path().join("public")).unwrap();
    fs::write(folder.path().join("public/logo.svg"), "<svg/>").unwrap();
    folder
}

/// Every file of a folder, by its name there.
pub fn files(folder: &Path) -> Vec<String> {
    let (mut found, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(at) = folders.pop() {
        for entry in fs::read_dir(at).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => found.push(path.strip_prefix(folder).unwrap().display().to_string()),
            }
        }
    }
    found.retain(|name| !name.starts_with("_pagetide/"));
    found.sort();
    found
}

#[test]
fn a_page_with_parameters_is_one_for_each_record_that_its_filter_names() {
    let folder = shop();
    let (fine, told) = build(folder.path(), &["--site-url", "https://shop.example"]);
    assert!(fine, "{told}");
    let out = folder.path().join("dist");
    let expected = [
        ".nojekyll",
        ".pagetide-build",
        "404.html",
        "goods/fine tea/index.html",
        "goods/tea/index.html",
        "index.html",
        "logo.svg",
        "robots.txt",
        "sitemap.xml",
    ];
    assert_eq!(files(&out), expected);
    assert!(fs::read_to_string(out.join("goods/tea/index.html")).unwrap().contains("leaf"));
    let sitemap = fs::read_to_string(out.join("sitemap.xml")).unwrap();
    assert!(sitemap.contains("<loc>https://shop.example/goods/fine%20tea/</loc>"), "{sitemap}");
    assert!(!sitemap.contains("secret") && !sitemap.contains(".git"), "{sitemap}");
    assert!(told.contains("/any/:what is left out"), "{told}");
    assert!(told.contains("/nowhere is not exported"), "{told}");
    assert!(told.contains("from the seeds"), "{told}");
    assert!(!folder.path().join(".pagetide").exists());
}

#[test]
fn addresses_lead_where_the_export_has_things() {
    let folder = shop();
    let (fine, told) = build(folder.path(), &["--base-path", "/shop/"]);
    assert!(fine, "{told}");
    let home = fs::read_to_string(folder.path().join("dist/index.html")).unwrap();
    assert!(home.contains(r#"href="/shop/goods/tea/""#), "{home}");
    assert!(home.contains(r#"src="/shop/logo.svg""#), "{home}");
    assert!(home.contains("href=https://example.org/"), "{home}");
    assert!(home.contains(r#"href="/shop/_pagetide/"#), "{home}");
    for gone in ["<script", "<form", "nonce", "data-position", "/sign-in", "theme-switch"] {
        assert!(!home.contains(gone), "{gone} in {home}");
    }
}

#[test]
fn what_is_private_is_refused_or_left_out_and_never_written() {
    let folder = shop();
    let wages = "  - { name: Wages, path: /wages, components: [{ type: dataTable, dataSource: { table: wages } }] }\n";
    fs::write(folder.path().join("app.yaml"), format!("{SHOP}{wages}")).unwrap();
    let (fine, told) = build(folder.path(), &[]);
    assert!(!fine && told.contains("/wages") && told.contains("--skip-private"), "{told}");
    assert!(!folder.path().join("dist/index.html").exists());
    let (fine, told) = build(folder.path(), &["--skip-private"]);
    assert!(fine && told.contains("/wages is left out"), "{told}");
    assert!(!folder.path().join("dist/wages").exists());
    let home = fs::read_to_string(folder.path().join("dist/index.html")).unwrap();
    assert!(!home.contains("wages"), "{home}");
}

#[test]
fn a_folder_that_is_not_ours_is_left_alone() {
    let folder = shop();
    for out in [".", "public", "public/site", "/"] {
        let (fine, told) = build(folder.path(), &["--out", out]);
        assert!(!fine, "{out}: {told}");
    }
    fs::create_dir(folder.path().join("mine")).unwrap();
    fs::write(folder.path().join("mine/thesis.txt"), "mine").unwrap();
    let (fine, told) = build(folder.path(), &["--out", "mine"]);
    assert!(!fine && told.contains("is not empty"), "{told}");
    assert_eq!(files(&folder.path().join("mine")), ["thesis.txt"]);
    for bad in [
        ["--base-path", "/../x"],
        ["--base-path", "a b"],
        ["--live", "example.org"],
        ["--live", "https://a.b/c"],
        ["--site-url", "https://a b"],
    ] {
        let (fine, told) = build(folder.path(), &bad);
        assert!(!fine && told.contains(bad[0]), "{bad:?}: {told}");
    }
}

#[test]
fn a_live_export_tells_its_pages_where_the_server_is() {
    let folder = shop();
    let (fine, told) =
        build(folder.path(), &["--live", "https://live.example", "--base-path", "/s"]);
    assert!(fine && told.contains("live from https://live.example"), "{told}");
    let page = fs::read_to_string(folder.path().join("dist/goods/tea/index.html")).unwrap();
    assert!(
        page.contains(
            r#""site":{"base":"/s","path":"/goods/tea","server":"https://live.example"}"#
        ),
        "{page}"
    );
    // What is not exported is still at the server.
    let home = fs::read_to_string(folder.path().join("dist/index.html")).unwrap();
    assert!(home.contains(r#"href="https://live.example/nowhere""#), "{home}");
}
