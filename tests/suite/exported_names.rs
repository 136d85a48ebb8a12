//! `pagetide build`: where two want one name, one is left out, and both are told.

use std::fs;

use crate::cli::app;
use crate::export::{build, files};

fn pages(paths: &[&str]) -> String {
    let page = |path: &&str| {
        format!(
            "  - {{ name: P, path: {path}, access: all, components: [{{ type: text, content: 'At {path}' }}] }}\n"
        )
    };
    format!("name: names\npages:\n{}", paths.iter().map(page).collect::<String>())
}

/// Builds an app of these pages and public files; what is exported, and what is told.
#[track_caller]
fn built(paths: &[&str], public: &[&str]) -> (Vec<String>, String) {
    let folder = app(&pages(paths));
    for name in public {
        let path = folder.path().join("public").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "public").unwrap();
    }
    let (fine, told) = build(folder.path(), &["--site-url", "https://example.org"]);
    assert!(fine, "{told}");
    let mut files = files(&folder.path().join("dist"));
    files.retain(|name| !name.starts_with('.'));
    (files, told)
}

#[test]
fn a_page_that_is_called_like_a_file_of_every_export_has_its_place() {
    for (path, file) in [
        ("/robots.txt", "robots.txt/index.html"),
        ("/sitemap.xml", "sitemap.xml/index.html"),
        ("/404.html", "404.html"),
    ] {
        let (files, told) = built(&["/", path], &[]);
        assert!(files.contains(&file.to_owned()), "{files:?}");
        let note = format!("{} is left out: the page {path} has its place", &path[1..]);
        assert!(told.contains(&note), "{told}");
    }
    let (files, told) = built(&["/", "/index.html"], &[]);
    assert_eq!(files, ["404.html", "index.html", "robots.txt", "sitemap.xml"]);
    assert!(told.contains("/index.html is left out: the page / has its place"), "{told}");
}

#[test]
fn a_page_and_a_public_file_of_one_name_are_told() {
    let (files, told) = built(&["/", "/about"], &["about"]);
    assert!(files.contains(&"about/index.html".to_owned()), "{files:?}");
    assert!(told.contains("public/about is left out: the page /about has its place"), "{told}");
    let (files, told) = built(&["/", "/about/team"], &["about"]);
    assert!(files.contains(&"about/team/index.html".to_owned()), "{files:?}");
    assert!(
        told.contains("public/about is left out: the page /about/team has its place"),
        "{told}"
    );
    let (files, told) = built(&["/", "/a.txt"], &["a.txt"]);
    assert!(files.contains(&"a.txt".to_owned()), "{files:?}");
    assert!(told.contains("/a.txt is left out: public/a.txt has its place"), "{told}");
}

#[test]
fn no_row_of_data_stops_a_build() {
    let folder = app("
name: shop
tables:
  - name: goods
    fields: [{ name: slug, type: single-line-text }]
    seed: ./goods.csv
    permissions: { read: all }
pages:
  - { name: Goods, path: /goods, access: all, components: [{ type: text, content: Goods }] }
  - name: One
    path: /goods/:slug
    access: all
    components:
      - { type: list, item: { title: slug }, dataSource: { table: goods, filter: [{ field: slug, operator: eq, value: $params.slug }] } }
  - name: Any
    path: /:slug
    access: all
    components:
      - { type: list, item: { title: slug }, dataSource: { table: goods, filter: [{ field: slug, operator: eq, value: $params.slug }] } }
");
    let names = [
        "index.html",
        "..",
        ".",
        ".git",
        "a/b",
        "a\\b",
        "robots.txt",
        "404.html",
        "sitemap.xml",
        "_pagetide",
        "goods",
        "fine",
        "Fine",
        "%",
        "%2F",
        "a b?c#d",
        "con",
        "x:y",
        "é ü",
        "logo.svg",
    ];
    let long = "l".repeat(240);
    let rows: String = names.iter().chain([&&*long]).map(|name| format!("\"{name}\"\n")).collect();
    fs::write(folder.path().join("goods.csv"), format!("slug\n{rows}")).unwrap();
    fs::create_dir(folder.path().join("public")).unwrap();
    fs::write(folder.path().join("public/logo.svg"), "<svg/>").unwrap();
    let (fine, told) = build(folder.path(), &["--site-url", "https://example.org"]);
    assert!(fine, "{told}");
    let out = folder.path().join("dist");
    assert!(fs::read_to_string(out.join("goods/index.html")).unwrap().contains("Goods</p>"));
    assert!(fs::read_to_string(out.join("robots.txt")).unwrap().starts_with("User-agent"));
    assert_eq!(fs::read_to_string(out.join("logo.svg")).unwrap(), "<svg/>");
    assert!(out.join("goods/a b?c#d/index.html").is_file() && out.join("é ü/index.html").is_file());
    for note in [
        "/goods/index.html is left out: the page /goods has its place",
        "/robots.txt is left out: robots.txt has its place",
        "/goods/.git is left out: it cannot be the name of a file",
        "/logo.svg is left out: public/logo.svg has its place",
    ] {
        assert!(told.contains(note), "{note}\n{told}");
    }
    let sitemap = fs::read_to_string(out.join("sitemap.xml")).unwrap();
    assert!(!sitemap.contains("index.html") && !sitemap.contains(".git"), "{sitemap}");
}

#[test]
fn a_public_file_that_only_a_link_leads_to_is_exported_as_it_is_served() {
    let folder = app(&pages(&["/"]));
    let public = folder.path().join("public");
    fs::create_dir(&public).unwrap();
    fs::write(public.join("a.txt"), "a").unwrap();
    std::os::unix::fs::symlink("a.txt", public.join("b.txt")).unwrap();
    std::os::unix::fs::symlink("../app.yaml", public.join("c.txt")).unwrap();
    let (fine, told) = build(folder.path(), &[]);
    assert!(fine, "{told}");
    assert_eq!(fs::read_to_string(folder.path().join("dist/b.txt")).unwrap(), "a");
    assert!(!folder.path().join("dist/c.txt").exists());
}

#[test]
fn a_site_has_a_first_page_where_the_app_has_none() {
    let folder = app("
name: threads
tables:
  - name: threads
    fields: [{ name: title, type: single-line-text }]
    seed: ./threads.csv
    permissions: { read: all }
pages:
  - name: Thread
    path: /t/:id
    access: all
    components:
      - { type: list, item: { title: title }, dataSource: { table: threads, filter: [{ field: id, operator: eq, value: $params.id }] } }
");
    fs::write(folder.path().join("threads.csv"), "title\nFirst\nSecond\n").unwrap();
    let (fine, told) = build(folder.path(), &["--base-path", "/s"]);
    assert!(fine && told.contains("there is no page at /: index.html leads to /t/1"), "{told}");
    let index = fs::read_to_string(folder.path().join("dist/index.html")).unwrap();
    assert!(index.replace("&#x2f;", "/").contains("0; url=/s/t/1/"), "{index}");
}
