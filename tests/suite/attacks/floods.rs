//! Too much of what is allowed, and the moments between two messages.

use futures_util::{SinkExt, StreamExt};
use pagetide::model::refresh::{TRANSPORT, Transport};
use reqwest::Method;
use serde_json::{Value as Json, json};
use tokio_tungstenite::tungstenite::Message;

use crate::attacks::{EVERYTHING, ORDERS, RECORDS};
use crate::server::{DESK, Server, within};
use crate::streams::Stream;

#[tokio::test]
async fn ten_thousand_subscriptions_are_a_hundred_and_the_rest_is_told() {
    const ASKED: usize = 10_000;
    let server = Server::start(DESK).await;
    let guest = server.guest().await;
    let mut bystander = guest.open(ORDERS).await.unwrap();
    bystander.next().await;
    let (mut sink, mut answers) = guest.open(EVERYTHING).await.unwrap().0.split();
    let ask = async {
        for number in 0..ASKED {
            let handshake = json!({ "table": "orders", "subscriptionId": number.to_string() });
            sink.send(Message::text(handshake.to_string())).await.unwrap();
        }
    };
    let count = async {
        let (mut subscribed, mut refused) = (0, 0);
        while subscribed + refused < ASKED {
            let answer = within("an answer", answers.next()).await.unwrap().unwrap();
            let answer: Json = serde_json::from_str(answer.to_text().unwrap()).unwrap();
            match answer["type"].as_str().unwrap() {
                "subscribed" => subscribed += 1,
                "connection-status" => {}
                _ => {
                    assert_eq!(answer["code"], "TOO_MANY_SUBSCRIPTIONS");
                    refused += 1;
                }
            }
        }
        subscribed
    };
    let ((), subscribed) = tokio::join!(ask, count);
    assert_eq!(subscribed, 100);
    assert_eq!(server.metric("pagetide_subscriptions").await, 101.0);
    assert_eq!(server.metric("pagetide_groups").await, 1.0);
    server.sql("insert into orders (customer) values ('Ada')");
    assert_eq!(bystander.next().await["event"], "insert");
}

#[tokio::test]
async fn a_name_that_is_used_again_means_only_the_new_scope() {
    let server = Server::start(DESK).await;
    let mut socket = server.admin().await.open(EVERYTHING).await.unwrap();
    for filter in [json!([]), json!([{ "field": "status", "operator": "eq", "value": "done" }])] {
        socket.send(json!({ "table": "orders", "subscriptionId": "a", "filter": filter })).await;
        assert_eq!(socket.next().await["type"], "subscribed");
    }
    server.sql("insert into orders (customer) values ('no longer asked for')");
    server.sql("insert into orders (customer, status) values ('Ada', 'done')");
    assert_eq!(socket.next().await["record"]["fields"]["customer"], "Ada");
    socket.send(json!({ "table": "notes", "subscriptionId": "a" })).await;
    assert_eq!(socket.next().await["table"], "notes");
    server.sql("insert into orders (customer, status) values ('Eve', 'done')");
    server.sql("insert into notes (words) values ('once')");
    server.sql("insert into notes (words) values ('and only once')");
    assert_eq!(socket.next().await["record"]["fields"]["words"], "once");
    assert_eq!(socket.next().await["record"]["fields"]["words"], "and only once");
    assert_eq!(server.metric("pagetide_subscriptions").await, 1.0);
}

#[tokio::test]
async fn a_storm_of_coming_and_going_leaves_nothing_behind() {
    let server = Server::start(DESK).await;
    let mut socket = server.guest().await.open(EVERYTHING).await.unwrap();
    for round in 0..500 {
        let filter = json!([{ "field": "customer", "operator": "eq", "value": round.to_string() }]);
        socket.send(json!({ "table": "orders", "filter": filter })).await;
        socket.send(json!({ "type": "unsubscribe", "table": "orders" })).await;
        assert_eq!(socket.next().await["type"], "subscribed");
        assert_eq!(socket.next().await["type"], "unsubscribed");
    }
    assert_eq!(server.metric("pagetide_subscriptions").await, 0.0);
    assert_eq!(server.metric("pagetide_groups").await, 0.0);
}

#[tokio::test]
async fn a_stream_that_hears_nothing_is_closed_like_a_socket() {
    let transport = Transport { idle_timeout_ms: 50, ..TRANSPORT };
    let server = Server::start_with(DESK, transport).await;
    let guest = server.guest().await;
    let mut stream = Stream::open(&guest, &format!("{EVERYTHING}/sse?subscribe=[]"), "").await;
    assert_eq!(stream.next().await, None);
    let mut stream = Stream::open(&guest, &format!("{ORDERS}/sse"), "").await;
    assert!(stream.next().await.unwrap().data.contains("subscribed"));
    server.sql("insert into orders (customer) values ('Ada')");
    assert!(stream.next().await.unwrap().data.contains("Ada"));
}

#[tokio::test]
async fn a_page_that_is_entered_again_and_again_is_entered_once() {
    let room = "  - { name: Room, path: /room, presence: true, access: all, components: [] }\n";
    let server = Server::start(&format!("{DESK}{room}")).await;
    let enter = |path: &str| json!({ "type": "presence", "pagePath": path });
    let mut watcher = server.guest().await.open(EVERYTHING).await.unwrap();
    watcher.send(enter("/room")).await;
    watcher.next().await;
    let mut socket = server.admin().await.open(EVERYTHING).await.unwrap();
    for page in 0..10_000 {
        socket.send(enter(&format!("/{page}"))).await;
        assert_eq!(socket.next().await["code"], "NOT_FOUND");
    }
    for _ in 0..1_000 {
        socket.send(enter("/room")).await;
        assert_eq!(socket.next().await["users"].as_array().unwrap().len(), 1);
    }
    drop(socket);
    assert_eq!(watcher.next().await["type"], "join");
    assert_eq!(watcher.next().await["type"], "leave");
}

#[tokio::test]
async fn a_flood_of_edits_is_bounded_and_each_that_ends_makes_room() {
    let server = Server::start(DESK).await;
    let mut socket = server.admin().await.open(EVERYTHING).await.unwrap();
    let edit = |record: usize, fields: Json| json!({ "type": "editing", "table": "orders", "recordId": record, "fields": fields });
    for record in 0..5_000 {
        socket.send(edit(record % 100 + 1, json!(["total"]))).await;
    }
    socket.send(edit(101, json!(["total"]))).await;
    assert_eq!(socket.next().await["code"], "TOO_MANY_EDITS");
    socket.send(edit(1, json!([]))).await;
    socket.send(edit(101, json!(["total"]))).await;
    socket.send(json!({ "table": "orders", "filter": { "or": [] } })).await;
    assert_eq!(socket.next().await["type"], "subscribed");
    server.sql("insert into orders (id, customer) values (1, 'Ada'), (101, 'Grace')");
    server.sql("update orders set total = 5");
    assert_eq!(socket.next().await["recordId"], 101);
}

#[tokio::test]
async fn what_is_written_right_after_subscribed_is_told() {
    let server = Server::start(DESK).await;
    let admin = server.admin().await;
    let mut socket = server.guest().await.open(EVERYTHING).await.unwrap();
    for round in 0..100 {
        let name = json!({ "table": "orders", "subscriptionId": "a", "fields": ["customer"] });
        socket.send(name).await;
        assert_eq!(socket.next().await["type"], "subscribed");
        admin.add_order(json!({ "customer": round.to_string() })).await;
        let told = socket.next().await;
        assert_eq!(told["record"]["fields"]["customer"], json!(round.to_string()));
    }
}

#[tokio::test]
async fn saving_again_with_what_a_save_answered_is_no_conflict() {
    let server = Server::start(DESK).await;
    let admin = server.admin().await;
    let id = admin.add_order(json!({ "customer": "0" })).await;
    let path = format!("{RECORDS}/{id}");
    let (_, mut record) = admin.get(&path).await;
    for round in 1..20 {
        let updated_at = record["fields"]["updatedAt"].clone();
        let patch = json!({ "fields": { "customer": round.to_string() }, "updatedAt": updated_at });
        let (status, saved) = admin.send(Method::PATCH, &path, Some(patch)).await;
        assert_eq!(status, 200, "{saved}");
        assert_ne!(saved["fields"]["updatedAt"], updated_at);
        record = saved;
    }
}
