//! `pagetide build`: whatever an address stands in, it leads to what it leads to under `serve`.

use std::fs;
use std::path::Path;

use crate::cli::app;
use crate::export::build;

const SITE: &str = r##"
name: site
theme: { stylesheet: ./public/css/own.css }
pages:
  - name: Home
    path: /
    access: all
    components:
      - { type: text, content: Hello, props: { style: 'background: url(/img/logo.svg)' } }
      - type: html
        file: ./home.html
  - name: About
    path: /about
    access: all
    components:
      - type: html
        content: <a href="team">Team</a> <a href="./about">Here</a> <img src="img/logo.svg" alt="Logo"> <a href="nobody">Nobody</a>
  - { name: Team, path: /team, access: all, components: [{ type: text, content: We }] }
"##;

const HOME: &str = r#"<img src="/img/logo.svg" srcset="/img/logo.svg 1x, /img/large.svg 2x" alt="Logo">
<object data="/img/logo.svg"></object>
<svg width="9" height="9"><image xlink:href="/img/logo.svg"/></svg>
<p style="background:url(/img/logo.svg)" data-value="9" data-limit="3">x</p>
<style>p { background: url('/img/logo.svg') }</style>
<form action="//forms.example/x"><button>Go</button></form>
<form action="/team"><button>Ask</button></form>
"#;

const CSS: &str = "@import '/css/more.css';\nbody { background: url(/img/logo.svg) }\np { background: url(../img/logo.svg) }\n";

fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn site() -> tempfile::TempDir {
    let folder = app(SITE);
    for (name, text) in [
        ("home.html", HOME),
        ("public/img/logo.svg", "<svg><a href='/team'/></svg>"),
        ("public/img/large.svg", "<svg/>"),
        ("public/css/own.css", CSS),
        ("public/css/more.css", "p { color: red }\n"),
        (
            "public/old/page.html",
            "<a href='/team'>x</a><form action='/team'></form><a href=page2.html>y</a>",
        ),
        ("public/site.webmanifest", "{\"start_url\": \"/\"}"),
        ("public/data.json", "{\"url\": \"/img/logo.svg\"}"),
    ] {
        write(folder.path(), name, text);
    }
    folder
}

fn read(folder: &Path, name: &str) -> String {
    fs::read_to_string(folder.join("dist").join(name)).unwrap()
}

#[test]
fn every_address_leads_below_the_base_path() {
    let folder = site();
    let (fine, told) = build(folder.path(), &["--base-path", "/site"]);
    assert!(fine, "{told}");
    let home = read(folder.path(), "index.html");
    for led in [
        r#"<img src="/site/img/logo.svg" srcset="/site/img/logo.svg 1x, /site/img/large.svg 2x" alt="Logo">"#,
        r#"<object data="/site/img/logo.svg">"#,
        r#"xlink:href="/site/img/logo.svg""#,
        r#"<p style="background:url(&quot;/site/img/logo.svg&quot;)" data-value="9" data-limit="3">"#,
        r#"<style>p { background: url("/site/img/logo.svg") }</style>"#,
        r#"style="background: url(&quot;/site/img/logo.svg&quot;)""#,
    ] {
        assert!(home.contains(led), "{led}\n{home}");
    }
    let own = read(folder.path(), "css/own.css");
    assert!(
        own.contains("@import \"/site/css/more.css\"") && own.contains("(\"/site/img/logo.svg\")"),
        "{own}"
    );
    assert!(own.contains("url(../img/logo.svg)"), "{own}");
    assert!(read(folder.path(), "img/logo.svg").contains("\"/site/team/\""));
    let page = read(folder.path(), "old/page.html");
    assert_eq!(
        page,
        "<a href=\"/site/team/\">x</a><form action=\"/site/team/\"></form><a href=page2.html>y</a>"
    );
    assert!(told.contains("public/site.webmanifest is copied as it is"), "{told}");
    assert!(read(folder.path(), "data.json").contains("\"/img/logo.svg\""));
}

#[test]
fn without_a_base_path_public_files_keep_their_bytes() {
    let folder = site();
    let (fine, told) = build(folder.path(), &[]);
    assert!(fine, "{told}");
    for name in ["css/own.css", "img/logo.svg", "old/page.html", "site.webmanifest"] {
        let public = fs::read_to_string(folder.path().join("public").join(name)).unwrap();
        assert_eq!(read(folder.path(), name), public, "{name}");
    }
}

#[test]
fn a_relative_address_leads_where_it_leads_from_the_path_of_its_page() {
    let folder = site();
    let (fine, told) = build(folder.path(), &[]);
    assert!(fine, "{told}");
    let about = read(folder.path(), "about/index.html");
    for led in
        [r#"<a href="/team/">Team"#, r#"<a href="/about/">Here"#, r#"<img src="/img/logo.svg""#]
    {
        assert!(about.contains(led), "{led}\n{about}");
    }
    assert!(told.contains("/nobody is not exported, and there are links to it"), "{told}");
}

#[test]
fn of_html_by_an_author_only_forms_that_lead_to_the_app_go_and_are_told() {
    let folder = site();
    let (fine, told) = build(folder.path(), &[]);
    assert!(fine, "{told}");
    let home = read(folder.path(), "index.html");
    assert!(home.contains(r#"data-value="9" data-limit="3""#), "{home}");
    assert!(
        home.contains(r#"<form action="//forms.example/x"><button>Go</button></form>"#),
        "{home}"
    );
    assert!(!home.contains("Ask"), "{home}");
    assert!(
        told.contains("/ is without a form that leads to /team, which needs a server"),
        "{told}"
    );
}

#[test]
fn what_guests_can_press_in_a_table_goes_and_its_rows_stay() {
    let folder = app("
name: desk
tables:
  - name: tasks
    fields: [{ name: title, type: single-line-text }, { name: done, type: checkbox }]
    seed: ./tasks.csv
    permissions: { read: all, update: all, delete: all }
pages:
  - name: Tasks
    path: /
    access: all
    components:
      - type: dataTable
        dataSource: { table: tasks }
        bulkActions: [{ type: delete, label: Remove }]
        rowActions: [{ type: set, label: Do, field: done, value: true }]
");
    fs::write(folder.path().join("tasks.csv"), "title\nSweep\n").unwrap();
    let (fine, told) = build(folder.path(), &[]);
    assert!(fine && told.contains("/ is without its buttons, which need a server"), "{told}");
    let home = read(folder.path(), "index.html");
    assert!(home.contains("Sweep"), "{home}");
    for gone in ["<form", ">Do<", "<input", "data-component"] {
        assert!(!home.contains(gone), "{gone} in {home}");
    }
}

#[test]
fn addresses_of_a_sitemap_hold_nothing_but_ascii() {
    let folder = app(
        "name: x\npages: [{ name: A, path: /über, access: all, components: [{ type: html, content: '<a href=/über>x</a>' }] }, { name: B, path: /, access: all }]\n",
    );
    let (fine, told) = build(folder.path(), &["--site-url", "https://example.org/s"]);
    assert!(fine, "{told}");
    let sitemap = read(folder.path(), "sitemap.xml");
    for place in ["https://example.org/s/", "https://example.org/s/%C3%BCber/"] {
        assert!(sitemap.contains(&format!("<loc>{place}</loc>")), "{sitemap}");
    }
    assert!(sitemap.is_ascii(), "{sitemap}");
    assert!(read(folder.path(), "über/index.html").contains("<a href=\"/s/%C3%BCber/\">x"));
}

#[test]
fn links_that_ask_a_page_for_something_are_told() {
    let folder = app("
name: shop
tables:
  - { name: goods, fields: [{ name: kind, type: single-line-text }], permissions: { read: all } }
pages:
  - name: Home
    path: /
    access: all
    components:
      - { type: link, href: /goods?kind=tea, label: Tea }
      - { type: link, href: '/?utm=x', label: Home }
  - name: Goods
    path: /goods
    access: all
    components:
      - { type: link, href: /goods?kind=mate, label: Mate }
      - { type: dataTable, dataSource: { table: goods, filter: [{ field: kind, operator: eq, value: $query.kind }] } }
");
    let (fine, told) = build(folder.path(), &[]);
    assert!(fine, "{told}");
    let asked = "links with a query string lead to /goods as it is without one";
    assert_eq!(told.matches("query string").count(), 1, "{told}");
    assert!(told.contains(asked), "{told}");
    assert!(read(folder.path(), "index.html").contains("href=\"/goods/?kind=tea\""));
    assert!(read(folder.path(), "goods/index.html").contains("href=\"/goods/?kind=mate\""));
    let (_, told) = build(folder.path(), &["--live", "https://live.example"]);
    assert!(!told.contains("query string"), "{told}");
}

#[test]
fn a_template_of_its_own_for_html_may_do_with_it_what_it_likes() {
    let folder = site();
    write(folder.path(), "templates/html.html", "<pre>{{ content | escape }}</pre>{{ content }}");
    let (fine, told) = build(folder.path(), &[]);
    assert!(fine, "{told}");
    let about = read(folder.path(), "about/index.html");
    assert!(about.contains("Nobody</a>") && about.contains("<a href=\"/team/\">"), "{about}");
    assert!(!about.contains("pagetide-html"), "{about}");
}
