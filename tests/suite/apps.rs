//! Two whole apps as people write them, `tests/apps`: they load without a word, live with triggers of
//! their owners, and every page of theirs is there for whom it is meant.

use std::path::{Path, PathBuf};

use pagetide::model::viewer::Viewer;
use pagetide::spec;
use reqwest::Method;
use serde_json::json;

use crate::server::Server;
use crate::specs::told;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/apps").join(name)
}

/// The app with its owner's triggers in the database.
async fn start(name: &str) -> Server {
    let server = Server::start_app(&folder(name)).await;
    server.sql(&format!(".read {}", folder(name).join("triggers.sql").display()));
    server
}

#[test]
fn they_load_without_a_word() {
    for name in ["events", "workshop"] {
        assert_eq!(told(&spec::load(&folder(name)).unwrap()), "no problems\n", "{name}");
    }
}

async fn check(name: &str) {
    let app = spec::load(&folder(name)).unwrap().app.unwrap();
    let server = start(name).await;
    let (guest, admin) = (server.nobody(), server.admin().await);
    for page in &app.pages {
        let path = page.path.replace(":id", "1").replace(":day", "2026-12-03");
        assert_eq!(admin.get(&path).await.0, 200, "{path}");
        let is_open = app.may_open(page, &Viewer::Guest);
        assert_eq!(guest.get(&path).await.0 == 200, is_open, "{path}");
    }
    for page in app.admin_pages.iter().filter(|page| !page.has_params()) {
        assert_eq!(admin.get(&page.path).await.0, 200, "{}", page.path);
        assert_ne!(guest.get(&page.path).await.0, 200, "{}", page.path);
    }
}

#[tokio::test]
async fn every_page_is_there_for_whom_it_is_meant() {
    check("events").await;
    check("workshop").await;
}

#[tokio::test]
async fn a_trigger_of_its_owner_works_on_what_people_write() {
    let server = start("workshop").await;
    let admin = server.admin().await;
    let fields = json!({ "invoice": "1", "what": "A screen", "pieces": "2", "unitPrice": "49.95" });
    let records = "/api/tables/invoice-lines/records";
    let sent = admin.send(Method::POST, records, Some(json!({ "fields": fields }))).await;
    assert_eq!(sent.0, 201, "{}", sent.1);
    let sum = "select round(sum(amount), 2) from \"invoice-lines\" where invoice = 1";
    assert_eq!(server.sql("select total from invoices where id = 1"), server.sql(sum));
    assert_eq!(server.sql("select amount from \"invoice-lines\" where what = 'A screen'"), "99.9");
}
