//! Changes of long records: the log keeps what did not change once, and is bounded by bytes.

use pagetide::limits::Limit;
use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::server::{Client, Server, within};

const APP: &str = "
name: letters
tables:
  - name: letters
    fields:
      - { name: body, type: long-text }
      - { name: data, type: json }
      - { name: mark, type: single-line-text }
      - { name: changed, type: updated-at }
    permissions: { read: all, create: all, update: all }
pages: [{ name: Letters, path: /, components: [] }]
";
const RECORD: &str = "/api/tables/letters/records/1";
const SUBSCRIBE: &str = "/api/tables/letters/subscribe";

async fn letters(limits: &[(Limit, u64)]) -> Server {
    let server = Server::start_within(APP, limits).await;
    server.sql(
        "insert into letters (body, data, mark) values (printf('%.99000c', 'a'), '[]', 'first')",
    );
    server
}

async fn change(client: &Client, fields: Json) {
    let body = json!({ "fields": fields });
    let (status, told) = client.send(Method::PATCH, RECORD, Some(body)).await;
    assert_eq!(status, 200, "{told}");
}

#[tokio::test]
async fn what_did_not_change_is_kept_once_and_told_whole() {
    let server = letters(&[]).await;
    let (guest, admin) = (server.guest().await, server.admin().await);
    let mut socket = guest.open(SUBSCRIBE).await.unwrap();
    assert_eq!(socket.next().await["type"], "subscribed");
    let long = "a".repeat(99_000);
    // A short text, a long one that changes, one that is like what stands for no change, none at all.
    for (fields, before) in [
        (json!({ "mark": "second" }), json!([long, [], "first"])),
        (json!({ "body": "b".repeat(70) }), json!([long, [], "second"])),
        (json!({ "data": [[]], "mark": "b".repeat(70) }), json!(["b".repeat(70), [], "second"])),
        (json!({ "data": null }), json!(["b".repeat(70), [[]], "b".repeat(70)])),
        (json!({ "body": null }), json!(["b".repeat(70), null, "b".repeat(70)])),
        (json!({ "body": long, "data": {"x": long} }), json!([null, null, "b".repeat(70)])),
        (json!({ "mark": null }), json!([long, {"x": long}, "b".repeat(70)])),
    ] {
        change(&guest, fields.clone()).await;
        let told = socket.next().await;
        let old = &told["oldRecord"]["fields"];
        assert_eq!(json!([old["body"], old["data"], old["mark"]]), before);
        let (_, past) = admin.get(&format!("{RECORD}/history")).await;
        let changed = past["history"][0]["changes"].as_object().unwrap();
        let changed = changed.keys().filter(|name| *name != "changed");
        assert!(changed.eq(fields.as_object().unwrap().keys()), "{fields}");
    }
    let before = "select max(octet_length(old)) from _pagetide_changes where seq in (2, 8)";
    let before = before.replace("octet_length(old)", "length(old)");
    let longest: usize = server.sql(&before).parse().unwrap();
    assert!(longest < 300, "{longest}");
}

#[tokio::test]
async fn the_log_is_bounded_by_bytes() {
    let limit = 1024 * 1024;
    let server = letters(&[(Limit::LogBytes, limit)]).await;
    let guest = server.guest().await;
    let position = async || {
        let (_, list) = guest.get("/api/tables/letters/records?fields=mark").await;
        list["position"].as_str().unwrap().to_owned()
    };
    let early = position().await;
    let mut socket = guest.open(SUBSCRIBE).await.unwrap();
    assert_eq!(socket.next().await["type"], "subscribed");
    for nth in 0..60 {
        change(&guest, json!({ "mark": format!("{nth}") })).await;
        assert_eq!(socket.next().await["record"]["fields"]["mark"], format!("{nth}"));
    }
    let length = || {
        let sql = "select sum(length(old) + length(new)) from _pagetide_changes";
        server.sql(sql).parse::<u64>().unwrap()
    };
    // A step removes at most as much as the limit is here.
    within("the log to be pruned", async {
        while length() > limit {
            // To look takes the thread that the server runs on: a request lets it go on.
            position().await;
        }
    })
    .await;
    let late = position().await;
    change(&guest, json!({ "mark": "last" })).await;
    let mut back = guest.open(&format!("{SUBSCRIBE}?since={early}")).await.unwrap();
    assert_eq!(back.next().await["type"], "subscribed");
    assert_eq!(back.next().await["type"], "resync");
    let mut back = guest.open(&format!("{SUBSCRIBE}?since={late}")).await.unwrap();
    assert_eq!(back.next().await["type"], "subscribed");
    assert_eq!(back.next().await["record"]["fields"]["mark"], "last");
}
