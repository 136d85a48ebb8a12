//! Who changed what, as the change log knows it.

use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::server::{DESK, Server};

const RECORDS: &str = "/api/tables/orders/records";

#[tokio::test]
async fn an_admin_is_told_who_changed_what() {
    let server = Server::start(DESK).await;
    let admin = server.admin().await;
    let id = admin.add_order(json!({ "customer": "Ada", "total": 5 })).await;
    admin.add_order(json!({ "customer": "Grace" })).await;
    let body = Some(json!({ "fields": { "total": 7, "secret": "xyzzy" } }));
    admin.send(Method::PATCH, &format!("{RECORDS}/{id}"), body).await;
    server.sql(&format!("delete from orders where id = {id}"));
    let (status, answer) = admin.get(&format!("{RECORDS}/{id}/history")).await;
    assert_eq!(status, 200, "{answer}");
    let history = answer["history"].as_array().unwrap();
    let events: Vec<_> = history.iter().map(|change| change["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["delete", "update", "insert"]);
    assert_eq!(history[0]["by"], Json::Null);
    assert_eq!(history[1]["by"]["name"], "Ada");
    assert_eq!(history[1]["changes"]["total"], json!({ "old": "5.00", "new": "7.00" }));
    assert_eq!(history[1]["changes"]["secret"], json!({ "old": null, "new": "xyzzy" }));
    assert!(history[1]["changes"].get("customer").is_none());
    assert_eq!(history[2]["changes"]["customer"], json!({ "old": null, "new": "Ada" }));
    assert_eq!(answer["kept"], json!({ "hours": 24, "changes": 1_000_000 }));
}

#[tokio::test]
async fn nobody_else_is_told_and_an_admin_no_more_than_they_may_read() {
    let yaml = DESK.replace("{ field: secret, read: [admin] }", "{ field: secret, read: [packer] }").replace(
        "update: [admin]",
        "update: [admin]\n      rows: { read: [{ field: customer, operator: neq, value: hidden }] }",
    );
    let server = Server::start(&yaml).await;
    server.sql("insert into orders (customer, secret) values ('Ada', 'xyzzy'), ('hidden', null); update orders set secret = 'plugh' where id = 1");
    let (admin, guest) = (server.admin().await, server.guest().await);
    let packer = server.person("bob", "packer");
    let path = format!("{RECORDS}/1/history");
    assert_eq!(guest.get(&path).await.0, 401);
    assert_eq!(packer.get(&path).await.0, 403);
    let (_, told) = admin.get(&path).await;
    let told = told.to_string();
    assert!(
        told.contains("Ada")
            && !told.contains("xyzzy")
            && !told.contains("plugh")
            && !told.contains("secret"),
        "{told}"
    );
    let nothing = admin.get(&format!("{RECORDS}/99/history")).await;
    assert_eq!(nothing.0, 404);
    for path in
        [format!("{RECORDS}/2/history"), "/api/tables/salaries/records/1/history".to_owned()]
    {
        assert_eq!(admin.get(&path).await, nothing);
    }
    server.sql("delete from _pagetide_changes");
    assert_eq!(
        admin.get(&path).await,
        (200, json!({ "history": [], "kept": { "hours": 24, "changes": 1_000_000 } }))
    );
}
