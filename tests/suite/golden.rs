//! The HTML of every component, word for word: `tests/specs/valid/gallery` has a page for each, and
//! `tests/expected/components` what it holds.
//!
//! Run with `UPDATE_EXPECTED=1` to write what is there now, then read the difference.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use pagetide::components::TYPES;
use pagetide::spec;

use crate::server::Server;
use crate::specs::difference;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name)
}

/// What is between the tags of `main`, without what another run would have otherwise.
fn settled(page: &str) -> String {
    let main = page.split_once("<main id=\"pt-content\" tabindex=\"-1\">").unwrap().1;
    let main = main.split_once("</main>").unwrap().0;
    let changing = [
        ("data-position=\"", "POSITION"),
        ("data-shape=\"", "SHAPE"),
        ("name=\"_shape\" value=\"", "SHAPE"),
    ];
    let settled = changing.into_iter().fold(main.to_owned(), |html, (before, word)| {
        let mut parts = html.split(before);
        let first = parts.next().unwrap_or_default().to_owned();
        parts
            .fold(first, |settled, part| settled + before + word + &part[part.find('"').unwrap()..])
    });
    format!("{}\n", settled.trim())
}

#[tokio::test]
async fn every_component_is_the_html_that_is_expected() {
    let update = std::env::var_os("UPDATE_EXPECTED").is_some();
    let app = spec::load(&folder("specs/valid/gallery")).unwrap().app.unwrap();
    let server = Server::start_app(&folder("specs/valid/gallery")).await;
    let guest = server.nobody();
    let (mut failures, mut names) = (Vec::new(), BTreeSet::new());
    for page in &app.pages {
        let name = format!("{}.html", page.path.trim_start_matches('/'));
        let (status, html) = guest.get(&page.path).await;
        assert_eq!(status, 200, "{name}");
        let html = settled(html.as_str().unwrap());
        let file = folder("expected/components").join(&name);
        if update {
            fs::write(&file, &html).unwrap();
        }
        let expected = fs::read_to_string(&file).unwrap_or_default();
        if expected != html {
            failures.push(format!("{name}:\n{}", difference(&expected, &html)));
        }
        names.insert(name);
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    let files = fs::read_dir(folder("expected/components")).unwrap();
    let files = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    assert_eq!(files.collect::<BTreeSet<_>>(), names);
}

#[test]
fn every_component_has_a_page_in_the_gallery() {
    let pages = fs::read_dir(folder("specs/valid/gallery/pages")).unwrap();
    let pages = pages.map(|page| fs::read_to_string(page.unwrap().path()).unwrap());
    let pages = pages.collect::<String>();
    let missing: Vec<_> =
        TYPES.iter().filter(|name| !pages.contains(&format!("type: {name}"))).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
