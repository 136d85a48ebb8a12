//! Names that authors and the program share: classes and ids of ours begin with `pt-`, so that none of an
//! author's is among them.

use std::path::Path;

use pagetide::spec;
use serde_json::json;

use crate::server::{Client, DESK, Server};

/// The classes and ids in a page that are not ours to give.
fn foreign(page: &str) -> Vec<&str> {
    let values = |attribute: &'static str| {
        let after = page.split(attribute).skip(1);
        after.map(|rest| rest.split('"').next().unwrap_or_default())
    };
    let classes = values(" class=\"").flat_map(str::split_whitespace);
    let named = classes.chain(values(" id=\"")).filter(|name| !name.starts_with("pt-"));
    named.filter(|name| *name != "pagetide-config").collect()
}

async fn check(client: &Client, path: &str, of_the_author: &[String]) {
    let (_, page) = client.get(path).await;
    for name in foreign(page.as_str().unwrap()) {
        // What a component's element holds is told by a dot from the author's id: no id has one.
        let first = name.split('.').next().unwrap_or_default();
        assert!(of_the_author.iter().any(|own| own == first), "{path}: {name}");
    }
}

#[tokio::test]
async fn classes_and_ids_of_components_are_their_authors_or_begin_with_ours() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/specs/valid/gallery");
    let app = spec::load(&folder).unwrap().app.unwrap();
    let server = Server::start_app(&folder).await;
    for page in &app.pages {
        let mut own = Vec::new();
        for component in page.all() {
            own.push(component.id.to_string());
            let classes = component.props.class_name.iter().flat_map(|names| names.split(' '));
            own.extend(classes.map(str::to_owned));
        }
        check(&server.nobody(), &page.path, &own).await;
    }
}

#[tokio::test]
async fn pages_that_every_app_has_bring_no_name_that_an_author_may_give() {
    let server = Server::start(DESK).await;
    let admin = server.admin().await;
    admin.add_order(json!({ "customer": "Bob" })).await;
    // The pages about tables are components like those of an author.
    let own = ["records", "record", "edit", "new"].map(str::to_owned);
    for path in [
        "/admin",
        "/admin/tables/orders",
        "/admin/tables/orders/new",
        "/admin/tables/orders/1",
        "/admin/import/orders",
        "/admin/users",
        "/admin/sessions",
        "/admin/tokens",
        "/admin/connections",
        "/account",
        "/nothing-here",
    ] {
        let (_, page) = admin.get(path).await;
        let is_made = |name: &&str| name.rsplit_once('-').is_some_and(|(_, at)| at.len() == 1);
        let made = foreign(page.as_str().unwrap()).into_iter().filter(is_made).map(str::to_owned);
        check(&admin, path, &own.iter().cloned().chain(made).collect::<Vec<_>>()).await;
    }
    for path in ["/sign-in", "/nothing-here"] {
        check(&server.nobody(), path, &[]).await;
    }
}
