//! The shapes of the realtime contract, literally, over a real socket.

use pagetide::model::refresh::{TRANSPORT, Transport};
use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::server::{self, DESK, Server, Socket};
use crate::streams::Stream;

const ORDERS: &str = "/api/tables/orders/subscribe";
const EVERYTHING: &str = "/api/realtime/subscribe";

/// Takes what differs from run to run out of a message, after a look at its form.
fn steady(mut message: Json) -> Json {
    let object = message.as_object_mut().unwrap();
    if let Some(position) = object.remove("position") {
        assert!(position.as_str().is_some_and(|text| text.len() == 64), "{position}");
    }
    if let Some(timestamp) = object.remove("timestamp") {
        assert_is_time(&timestamp);
    }
    for record in ["record", "oldRecord"] {
        if let Some(fields) =
            object.get_mut(record).and_then(|record| record["fields"].as_object_mut())
            && let Some(updated_at) = fields.remove("updatedAt")
        {
            assert_is_time(&updated_at);
        }
    }
    message
}

fn assert_is_time(time: &Json) {
    let form = |c: char| if c.is_ascii_digit() { '0' } else { c };
    let text: String = time.as_str().unwrap().chars().map(form).collect();
    assert_eq!(text, "0000-00-00T00:00:00.000Z");
}

#[track_caller]
fn assert_message(message: Json, expected: Json) {
    assert_eq!(steady(message), expected);
}

async fn patch(server: &Server, id: &str, fields: Json) -> Json {
    let path = format!("/api/tables/orders/records/{id}");
    let body = Some(json!({ "fields": fields }));
    let (status, record) = server.admin().await.send(Method::PATCH, &path, body).await;
    assert_eq!(status, 200, "{record}");
    record
}

async fn guest_socket(server: &Server, path: &str) -> Socket {
    server.guest().await.open(path).await.expect("a guest may listen")
}

#[tokio::test]
async fn a_table_socket_is_subscribed_on_opening() {
    let server = Server::start(DESK).await;
    let mut socket = guest_socket(&server, ORDERS).await;
    let fields = ["customer", "status", "total", "code", "updatedAt"];
    assert_message(
        socket.next().await,
        json!({ "type": "subscribed", "table": "orders", "filter": [], "fields": fields }),
    );
}

#[tokio::test]
async fn an_insert_carries_the_record_without_what_the_reader_may_not_see() {
    let server = Server::start(DESK).await;
    let mut socket = guest_socket(&server, ORDERS).await;
    socket.next().await;
    let admin = server.admin().await;
    let id =
        admin.add_order(json!({ "customer": "Ada", "total": "12.5", "secret": "xyzzy" })).await;
    let message = socket.next().await;
    assert!(!message.to_string().contains("xyzzy") && !message.to_string().contains("secret"));
    let fields = json!({ "customer": "Ada", "status": "open", "total": "12.50", "code": null });
    assert_message(
        message,
        json!({
            "type": "change", "event": "insert", "table": "orders",
            "record": { "id": id, "fields": fields }, "transition": "enter",
        }),
    );
}

#[tokio::test]
async fn an_update_carries_both_records_and_a_delete_only_the_key() {
    let server = Server::start(DESK).await;
    let admin = server.admin().await;
    let id = admin.add_order(json!({ "customer": "Ada" })).await;
    let mut socket = guest_socket(&server, &format!("{ORDERS}?fields=customer")).await;
    socket.next().await;
    patch(&server, &id, json!({ "customer": "Grace" })).await;
    assert_message(
        socket.next().await,
        json!({
            "type": "change", "event": "update", "table": "orders",
            "record": { "id": id, "fields": { "customer": "Grace" } },
            "oldRecord": { "id": id, "fields": { "customer": "Ada" } },
        }),
    );
    admin.send(Method::DELETE, &format!("/api/tables/orders/records/{id}"), None).await;
    let key: i64 = id.parse().unwrap();
    assert_message(
        socket.next().await,
        json!({
            "type": "change", "event": "delete", "table": "orders", "recordId": key,
            "transition": "leave",
        }),
    );
}

#[tokio::test]
async fn a_key_that_many_programs_would_round_is_also_told_as_text() {
    let server = Server::start(DESK).await;
    let mut socket = guest_socket(&server, &format!("{ORDERS}?fields=customer")).await;
    socket.next().await;
    let last = (1_i64 << 53) - 1;
    for (key, text) in [(last, None), (last + 1, Some(last + 1)), (last + 2, Some(last + 2))] {
        server.sql(&format!("insert into orders (id, customer) values ({key}, 'Ada')"));
        assert_eq!(socket.next().await["record"]["id"], key.to_string());
        server.sql(&format!("delete from orders where id = {key}"));
        let gone = socket.next().await;
        assert_eq!(gone["recordId"], key);
        assert_eq!(gone.get("id"), text.map(|key: i64| json!(key.to_string())).as_ref());
    }
}

#[tokio::test]
async fn a_row_enters_and_leaves_a_filter() {
    let server = Server::start(DESK).await;
    let admin = server.admin().await;
    let id = admin.add_order(json!({ "customer": "Ada", "status": "done" })).await;
    let mut socket = guest_socket(&server, &format!("{ORDERS}?filter=status:eq:open")).await;
    assert_eq!(
        socket.next().await["filter"],
        json!([{ "field": "status", "operator": "eq", "value": "open" }])
    );
    patch(&server, &id, json!({ "customer": "never told" })).await;
    patch(&server, &id, json!({ "status": "open" })).await;
    let entered = socket.next().await;
    assert_eq!((&entered["event"], &entered["transition"]), (&json!("insert"), &json!("enter")));
    patch(&server, &id, json!({ "customer": "Eve", "status": "done" })).await;
    let left = socket.next().await;
    assert_eq!((&left["event"], &left["transition"]), (&json!("delete"), &json!("leave")));
    assert!(!left.to_string().contains("Eve"));
    admin.send(Method::DELETE, &format!("/api/tables/orders/records/{id}"), None).await;
    let next = admin.add_order(json!({ "customer": "Grace" })).await;
    assert_eq!(socket.next().await["record"]["id"], json!(next));
}

#[tokio::test]
async fn a_change_of_what_a_reader_may_not_see_is_not_told() {
    let server = Server::start(DESK).await;
    let admin = server.admin().await;
    let id = admin.add_order(json!({ "customer": "Ada" })).await;
    let mut socket = guest_socket(&server, &format!("{ORDERS}?fields=customer")).await;
    socket.next().await;
    patch(&server, &id, json!({ "secret": "xyzzy" })).await;
    patch(&server, &id, json!({ "customer": "Grace" })).await;
    assert_eq!(socket.next().await["record"]["fields"], json!({ "customer": "Grace" }));
}

#[tokio::test]
async fn many_subscriptions_share_a_socket_and_end_by_themselves() {
    let server = Server::start(DESK).await;
    let admin = server.admin().await;
    let mut socket = admin.open(EVERYTHING).await.unwrap();
    socket.send(json!({ "type": "subscribe", "table": "orders", "subscriptionId": "a" })).await;
    let subscribed = socket.next().await;
    assert_eq!(
        (&subscribed["type"], &subscribed["subscriptionId"]),
        (&json!("subscribed"), &json!("a"))
    );
    socket.send(json!({ "table": "notes", "fields": ["words"] })).await;
    assert_message(
        socket.next().await,
        json!({ "type": "subscribed", "table": "notes", "filter": [], "fields": ["words"] }),
    );
    socket.send(json!({ "type": "unsubscribe", "subscriptionId": "a" })).await;
    assert_message(
        socket.next().await,
        json!({ "type": "unsubscribed", "table": "orders", "subscriptionId": "a" }),
    );
    admin.add_order(json!({ "customer": "Ada" })).await;
    server.sql("insert into notes (words) values ('next')");
    assert_eq!(socket.next().await["record"]["fields"], json!({ "words": "next" }));
}

#[tokio::test]
async fn a_handshake_rescopes_a_table_socket() {
    let server = Server::start(DESK).await;
    let mut socket = guest_socket(&server, ORDERS).await;
    socket.next().await;
    let filter = json!([{ "field": "customer", "operator": "startsWith", "value": "g" }]);
    socket.send(json!({ "table": "orders", "filter": filter, "fields": ["customer"] })).await;
    assert_message(
        socket.next().await,
        json!({ "type": "subscribed", "table": "orders", "filter": filter, "fields": ["customer"] }),
    );
    let admin = server.admin().await;
    admin.add_order(json!({ "customer": "Ada" })).await;
    admin.add_order(json!({ "customer": "Grace" })).await;
    assert_eq!(socket.next().await["record"]["fields"], json!({ "customer": "Grace" }));
}

#[tokio::test]
async fn since_replays_what_came_after_a_read() {
    let mut server = Server::start(DESK).await;
    let admin = server.admin().await;
    let (_, list) = admin.get("/api/tables/orders/records").await;
    let position = list["position"].as_str().unwrap().to_owned();
    let first = admin.add_order(json!({ "customer": "Ada" })).await;
    server.restart().await;
    server.sql("insert into orders (customer) values ('Grace')");
    let mut socket = guest_socket(&server, &format!("{ORDERS}?since={position}")).await;
    assert_eq!(socket.next().await["type"], "subscribed");
    let told = socket.next().await;
    assert_eq!(told["record"]["id"], json!(first));
    let seen = socket.next().await;
    assert_eq!(seen["record"]["fields"]["customer"], "Grace");
    let resumed = seen["position"].as_str().unwrap();
    let mut again = guest_socket(&server, &format!("{ORDERS}?since={resumed}")).await;
    again.next().await;
    let next = admin.add_order(json!({ "customer": "Eve" })).await;
    assert_eq!(again.next().await["record"]["id"], json!(next));
}

/// Whoever was away for long hears everything all the same, in order and once.
#[tokio::test]
async fn a_long_absence_is_made_up_for_in_parts() {
    const MISSED: usize = 6_000;
    let mut server = Server::start(DESK).await;
    let guest = server.guest().await;
    let (_, list) = guest.get("/api/tables/orders/records").await;
    let since = list["position"].as_str().unwrap().to_owned();
    let filler = "x".repeat(400);
    server.sql(&format!(
        "with recursive n(i) as (select 1 union all select i + 1 from n where i < {MISSED})
         insert into orders (customer) select i || '{filler}' from n",
    ));
    let mut socket = guest.open(&format!("{ORDERS}?since={since}")).await.unwrap();
    hear_all(MISSED, async || socket.next().await).await;
    let path = format!("{ORDERS}/sse?since={since}");
    let mut stream = Stream::open(&guest, &path, "").await;
    hear_all(MISSED, async || stream.json().await).await;
    server.sql("update orders set status = 'done' where id = 1");
    assert_eq!(socket.next().await["event"], "update");
    assert_eq!(stream.json().await["event"], "update");
    // The memory of the process has nothing to do with it.
    drop((socket, stream));
    server.restart().await;
    let mut socket = guest.open(EVERYTHING).await.unwrap();
    socket.send(json!({ "table": "orders", "since": since, "subscriptionId": "s" })).await;
    // What has become of the first of them since is in its insert.
    hear_all(MISSED, async || socket.next().await).await;
    server.sql("update orders set status = 'open' where id = 1");
    let next = socket.next().await;
    assert_eq!(
        (&next["event"], &next["oldRecord"]["fields"]["status"]),
        (&json!("update"), &json!("done"))
    );
}

/// Hears `subscribed`, and then the insert of each order once, in order.
async fn hear_all(missed: usize, mut next: impl AsyncFnMut() -> Json) {
    assert_eq!(next().await["type"], "subscribed");
    for nth in 1..=missed {
        let message = next().await;
        assert_eq!(message["event"], "insert", "{message}");
        let customer = message["record"]["fields"]["customer"].as_str().unwrap();
        assert!(customer.starts_with(&format!("{nth}x")), "{nth}: {customer}");
    }
}

#[tokio::test]
async fn a_position_of_another_database_means_resync() {
    let server = Server::start(DESK).await;
    let mut socket = guest_socket(&server, &format!("{ORDERS}?since=deadbeef-3")).await;
    assert_eq!(socket.next().await["type"], "subscribed");
    let reason = "the changes since then are no longer kept";
    assert_message(socket.next().await, json!({ "type": "resync", "reason": reason }));
}

#[tokio::test]
async fn a_component_is_told_by_what_its_page_says() {
    let server = Server::start(DESK).await;
    let mut socket = guest_socket(&server, EVERYTHING).await;
    let handshake = json!({ "component": "dataTable-1", "url": "/?x=1", "subscriptionId": "c" });
    socket.send(handshake).await;
    let subscribed = socket.next().await;
    assert_eq!(subscribed["table"], "orders");
    assert_eq!(subscribed.get("filter"), None);
    server.sql("insert into orders (customer, status, secret) values ('Hidden', 'done', 'xyzzy')");
    server.sql("insert into orders (customer, secret) values ('<Ada>', 'xyzzy')");
    let change = socket.next().await;
    let html = change["html"].as_str().unwrap();
    assert!(html.starts_with("<tr") && html.contains("&lt;Ada"), "{html}");
    assert!(!change.to_string().contains("xyzzy"));
    assert!(html.contains(change["sortKey"].as_str().unwrap()));
}

#[tokio::test]
async fn a_heartbeat_comes_at_its_interval() {
    let transport = Transport { heartbeat_interval_ms: 20, ..TRANSPORT };
    let server = Server::start_with(DESK, transport).await;
    let mut socket = guest_socket(&server, ORDERS).await;
    socket.next().await;
    let mut heard = 0;
    while heard < 3 {
        let message = socket.next_message().await;
        if !server::says_connected(&message) {
            assert_message(message, json!({ "type": "heartbeat" }));
            heard += 1;
        }
    }
}

#[tokio::test]
async fn a_socket_without_a_subscription_is_closed() {
    let transport = Transport { idle_timeout_ms: 50, ..TRANSPORT };
    let server = Server::start_with(DESK, transport).await;
    assert_eq!(guest_socket(&server, EVERYTHING).await.close_code().await, 1000);
}

/// What a socket hears first, as `type` and what is said of the connection.
async fn heard<const N: usize>(socket: &mut Socket) -> [String; N] {
    let mut heard = [const { String::new() }; N];
    for one in &mut heard {
        let message = socket.next_message().await;
        let status = message["status"].as_str().unwrap_or_default();
        let transport = message["transport"].as_str().unwrap_or_default();
        *one = [message["type"].as_str().unwrap(), status, transport].join(" ").trim().to_owned();
    }
    heard
}

#[tokio::test]
async fn a_connection_is_told_once_that_it_is_open_after_its_first_answer() {
    const CONNECTED: &str = "connection-status connected websocket";
    let server = Server::start(DESK).await;
    let mut socket = guest_socket(&server, ORDERS).await;
    assert_eq!(heard(&mut socket).await, ["subscribed", CONNECTED]);
    socket.send(json!({ "table": "orders", "fields": ["customer"] })).await;
    assert_eq!(heard(&mut socket).await, ["subscribed"]);
    server.sql("insert into orders (customer) values ('Ada')");
    assert_eq!(heard(&mut socket).await, ["change"]);

    let (_, list) = server.guest().await.get("/api/tables/orders/records").await;
    let since = list["position"].as_str().unwrap().to_owned();
    server.sql("insert into orders (customer) values ('Grace')");
    let mut socket = guest_socket(&server, EVERYTHING).await;
    // Neither what cannot be honoured nor an edit makes it live.
    socket.send(json!({ "table": "nothing" })).await;
    assert_eq!(heard(&mut socket).await, ["error"]);
    socket.send(json!({ "table": "orders", "since": since })).await;
    assert_eq!(heard(&mut socket).await, ["subscribed", CONNECTED, "change"]);
    socket.send(json!({ "component": "dataTable-1", "url": "/" })).await;
    assert_eq!(heard(&mut socket).await, ["subscribed"]);
    server.sql("insert into orders (customer) values ('Eve')");
    assert_eq!(heard(&mut socket).await, ["change"]);

    let mut socket = guest_socket(&server, EVERYTHING).await;
    socket.send(json!({ "table": "orders", "since": "deadbeef-3" })).await;
    assert_eq!(heard(&mut socket).await, ["subscribed", CONNECTED, "resync"]);
}

#[tokio::test]
async fn whoever_only_comes_to_a_page_is_told_too() {
    const CONNECTED: &str = "connection-status connected websocket";
    let room = "  - { name: Room, path: /room, presence: true, access: all, components: [] }\n";
    let server = Server::start(&format!("{DESK}{room}")).await;
    let mut socket = guest_socket(&server, EVERYTHING).await;
    socket.send(json!({ "type": "presence", "pagePath": "/nowhere" })).await;
    assert_eq!(heard(&mut socket).await, ["error"]);
    socket.send(json!({ "type": "presence", "pagePath": "/room" })).await;
    assert_eq!(heard(&mut socket).await, ["presence-sync", CONNECTED]);
    socket.send(json!({ "table": "orders" })).await;
    assert_eq!(heard(&mut socket).await, ["subscribed"]);
    server.sql("insert into orders (customer) values ('Ada')");
    assert_eq!(heard(&mut socket).await, ["change"]);
}

#[tokio::test]
async fn a_planned_end_is_told_before_the_close() {
    let mut server = Server::start(DESK).await;
    let mut socket = guest_socket(&server, ORDERS).await;
    socket.next().await;
    let (message, ()) = tokio::join!(
        async {
            let message = socket.next().await;
            (message, socket.close_code().await)
        },
        server.stop(),
    );
    let status = json!({
        "type": "connection-status", "status": "reconnecting", "transport": "websocket",
    });
    assert_eq!(message, (status, 1012));
}

#[tokio::test]
async fn whoever_signs_out_hears_no_more() {
    let server = Server::start(DESK).await;
    let admin = server.admin().await;
    let mut socket = admin.open(ORDERS).await.unwrap();
    socket.next().await;
    assert_eq!(admin.send(Method::POST, "/api/auth/sign-out", None).await.0, 204);
    assert_eq!(socket.close_code().await, 4401);
    assert_eq!(admin.open(ORDERS).await.unwrap_err().0, 401);
}

#[tokio::test]
async fn a_socket_is_refused_before_the_upgrade() {
    let server = Server::start(DESK).await;
    let (nobody, guest, admin) = (server.nobody(), server.guest().await, server.admin().await);
    let status = |opened: Result<Socket, (u16, Json)>| opened.err().map(|(status, _)| status);
    assert_eq!(status(nobody.open(ORDERS).await), Some(401));
    assert_eq!(status(nobody.open(EVERYTHING).await), Some(401));
    let unknown = guest.open("/api/tables/nothing/subscribe").await.unwrap_err();
    let unreadable = guest.open("/api/tables/salaries/subscribe").await.unwrap_err();
    assert_eq!(unknown.0, 404);
    assert_eq!(unknown, unreadable);
    assert_eq!(status(admin.open("/api/tables/salaries/subscribe").await), Some(404));
    assert_eq!(status(guest.open_from(ORDERS, Some("https://evil.example")).await), Some(403));
    assert_eq!(status(guest.open_from(ORDERS, Some("null")).await), Some(403));
    let own = format!("http://{}", server.address);
    assert!(guest.open_from(ORDERS, Some(&own)).await.is_ok());
    assert_eq!(guest.get(ORDERS).await.0, 426);
    let filtered = |filter: &str| format!("{ORDERS}?filter={filter}");
    for bad in ["secret:eq:x", "status:is:open", "status", "[{", "nothing:eq:1"] {
        assert_eq!(status(guest.open(&filtered(bad)).await), Some(400), "{bad}");
    }
    assert_eq!(status(guest.open(&format!("{ORDERS}?colour=red")).await), Some(400));
}

#[tokio::test]
async fn the_eleventh_connection_is_one_too_many() {
    let server = Server::start(DESK).await;
    let guest = server.guest().await;
    let mut open = Vec::new();
    for _ in 0..10 {
        open.push(guest.open(ORDERS).await.unwrap());
    }
    let (status, body) = guest.open(ORDERS).await.unwrap_err();
    assert_eq!((status, &body["code"]), (429, &json!("TOO_MANY_CONNECTIONS")));
    // Another guest is somebody else.
    assert!(server.guest().await.open(ORDERS).await.is_ok());
}
