//! People on pages and at work on the same records: presence, conflicts, and the end of a right.

use pagetide::model::refresh::{TRANSPORT, Transport};
use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::server::{DESK, Server, Socket};

const EVERYTHING: &str = "/api/realtime/subscribe";

/// The desk, with a page that shows who is on it, and one that guests may not open.
fn app() -> String {
    format!(
        "{DESK}  - name: Room
    path: /room
    presence: true
    components: [{{ type: text, content: hello }}]
  - name: Office
    path: /office
    presence: true
    access: authenticated
    components: [{{ type: text, content: hello }}]
"
    )
}

async fn enter(socket: &mut Socket, path: &str) -> Json {
    socket.send(json!({ "type": "presence", "pagePath": path })).await;
    socket.next().await
}

#[tokio::test]
async fn people_on_a_page_hear_of_each_other_once() {
    let server = Server::start(&app()).await;
    let (guest, admin) = (server.guest().await, server.admin().await);
    let mut watcher = guest.open(EVERYTHING).await.unwrap();
    let sync = json!({ "type": "presence-sync", "pagePath": "/room", "users": [] });
    assert_eq!(enter(&mut watcher, "/room").await, sync);
    let mut first = admin.open(EVERYTHING).await.unwrap();
    let mut second = admin.open(EVERYTHING).await.unwrap();
    let sync = enter(&mut first, "/room").await;
    let ada = sync["users"][0].clone();
    assert_eq!((&ada["name"], &ada["pagePath"]), (&json!("Ada"), &json!("/room")));
    assert!(ada["joinedAt"].as_str().unwrap().ends_with('Z'));
    assert_eq!(sync["users"], json!([ada]));
    assert_eq!(watcher.next().await, json!({ "type": "join", "user": ada }));
    assert_eq!(enter(&mut second, "/room").await["users"], json!([ada]));
    drop(first);
    second.send(json!({ "type": "unsubscribe", "pagePath": "/room" })).await;
    let leave = json!({ "type": "leave", "userId": ada["id"], "pagePath": "/room" });
    assert_eq!(watcher.next().await, leave);
}

#[tokio::test]
async fn nobody_hears_of_people_on_a_page_they_may_not_open() {
    let server = Server::start(&app()).await;
    let admin = server.admin().await;
    let mut socket = admin.open(EVERYTHING).await.unwrap();
    assert_eq!(enter(&mut socket, "/office").await["type"], "presence-sync");
    let mut guest = server.guest().await.open(EVERYTHING).await.unwrap();
    let closed = enter(&mut guest, "/office").await;
    assert_eq!(closed, json!({ "type": "error", "code": "NOT_FOUND", "message": "not found" }));
    // A page that is not there, and one without presence, get the same answer.
    assert_eq!(enter(&mut guest, "/nowhere").await, closed);
    assert_eq!(enter(&mut guest, "/").await, closed);
    assert_eq!(enter(&mut guest, "/room").await["users"], json!([]));
}

#[tokio::test]
async fn silence_takes_a_person_off_the_page() {
    let transport = Transport { presence_stale_ms: 300, ..TRANSPORT };
    let server = Server::start_with(&app(), transport).await;
    let mut watcher = server.guest().await.open(EVERYTHING).await.unwrap();
    enter(&mut watcher, "/room").await;
    let mut silent = server.admin().await.open(EVERYTHING).await.unwrap();
    enter(&mut silent, "/room").await;
    assert_eq!(watcher.next().await["type"], "join");
    assert_eq!(watcher.next().await["type"], "leave");
    // Any frame is a sign of life, even one that cannot be understood.
    silent.send(json!({ "hello": 1 })).await;
    assert_eq!(watcher.next().await["type"], "join");
}

#[tokio::test]
async fn a_stale_write_tells_its_sender_what_it_would_have_overwritten() {
    let server = Server::start(DESK).await;
    let (admin, bystander) = (server.admin().await, server.admin().await);
    let id = admin.add_order(json!({ "customer": "Ada", "total": "1" })).await;
    let path = format!("/api/tables/orders/records/{id}");
    let (_, read) = admin.get(&path).await;
    let mut socket = admin.open(EVERYTHING).await.unwrap();
    socket.send(json!({ "table": "orders" })).await;
    socket.next().await;
    let mut other = bystander.open(EVERYTHING).await.unwrap();
    other.send(json!({ "table": "orders" })).await;
    other.next().await;
    let fields = json!({ "total": "2", "status": "done" });
    assert_eq!(
        bystander.send(Method::PATCH, &path, Some(json!({ "fields": fields }))).await.0,
        200
    );
    assert_eq!(socket.next().await["event"], "update");
    let stale = json!({
        "fields": { "total": "3", "status": "done" }, "updatedAt": read["fields"]["updatedAt"],
    });
    let (status, refused) = admin.send(Method::PATCH, &path, Some(stale)).await;
    assert_eq!((status, &refused["code"]), (409, &json!("CONFLICT")));
    let mut conflict = socket.next().await;
    let members = conflict.as_object_mut().unwrap();
    assert!(members.remove("timestamp").unwrap().as_str().unwrap().ends_with('Z'));
    let by = members.remove("overwrittenBy").unwrap();
    assert_eq!(by["name"], "Ada");
    let key: i64 = id.parse().unwrap();
    assert_eq!(
        conflict,
        json!({
            "type": "conflict", "table": "orders", "recordId": key,
            "overwrittenFields": ["total"], "authoritativeRecord": refused["record"],
        })
    );
    // Nobody else hears of it.
    assert_eq!(other.next().await["event"], "update");
    server.sql("delete from orders");
    assert_eq!(other.next().await["event"], "delete");
}

#[tokio::test]
async fn whoever_announces_an_edit_hears_when_somebody_else_is_faster() {
    let server = Server::start(DESK).await;
    let admin = server.admin().await;
    let id = admin.add_order(json!({ "customer": "Ada", "total": "1" })).await;
    let mut socket = admin.open(EVERYTHING).await.unwrap();
    let announce = |fields: Json| json!({ "type": "editing", "table": "orders", "recordId": id, "fields": fields });
    socket.send(announce(json!(["total"]))).await;
    // The answer to this says that the announcement has arrived.
    socket.send(json!({ "table": "orders", "filter": { "or": [] } })).await;
    assert_eq!(socket.next().await["type"], "subscribed");
    server.sql("update orders set customer = 'Grace'");
    let body = Some(json!({ "fields": { "total": "5" } }));
    admin.send(Method::PATCH, &format!("/api/tables/orders/records/{id}"), body).await;
    server.sql("update orders set total = 9, secret = 'for admins'");
    let conflict = socket.next().await;
    assert_eq!(conflict["overwrittenFields"], json!(["total"]));
    assert_eq!(conflict["overwrittenBy"], json!({ "id": null, "name": null }));
    let now = &conflict["authoritativeRecord"]["fields"];
    assert_eq!((&now["customer"], &now["total"]), (&json!("Grace"), &json!("9.00")));
    socket.send(announce(json!([]))).await;
    socket.send(json!({ "type": "unsubscribe", "table": "orders" })).await;
    assert_eq!(socket.next().await["type"], "unsubscribed");
    server.sql("update orders set total = 10");
    socket.send(announce(json!(["nothing"]))).await;
    assert_eq!(socket.next().await["code"], "BAD_REQUEST");
    socket.send(json!({ "type": "editing", "table": "orders", "fields": ["total"] })).await;
    assert_eq!(socket.next().await["message"], "editing needs a recordId");
}

#[tokio::test]
async fn a_guest_announces_nothing() {
    let server = Server::start(DESK).await;
    let mut socket = server.guest().await.open(EVERYTHING).await.unwrap();
    for (table, code) in [("orders", "UNAUTHENTICATED"), ("salaries", "NOT_FOUND")] {
        let edit = json!({ "type": "editing", "table": table, "recordId": 1, "fields": [] });
        socket.send(edit).await;
        assert_eq!(socket.next().await["code"], code);
    }
}

#[tokio::test]
async fn a_session_that_ends_anywhere_takes_its_connections_along() {
    let server = Server::start(DESK).await;
    let mut socket = server.admin().await.open(EVERYTHING).await.unwrap();
    let mut guest = server.guest().await.open("/api/tables/orders/subscribe").await.unwrap();
    guest.next().await;
    server.sql("delete from _pagetide_sessions");
    assert_eq!(socket.close_code().await, 4401);
    let mut socket = server.admin().await.open(EVERYTHING).await.unwrap();
    server.sql("update _pagetide_users set role = 'viewer'");
    assert_eq!(socket.close_code().await, 4403);
    let mut socket = server.admin().await.open(EVERYTHING).await.unwrap();
    server.sql("update _pagetide_sessions set expires_at = unixepoch() - 1");
    server.sql("update _pagetide_users set name = name");
    assert_eq!(socket.close_code().await, 4401);
    // Guests are not concerned.
    server.sql("insert into orders (customer) values ('Ada')");
    assert_eq!(guest.next().await["event"], "insert");
}
