//! Server-Sent Events: the same messages as on a WebSocket, and what only a stream has.

use pagetide::model::refresh::{TRANSPORT, Transport};
use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::server::{Client, DESK, Server, says_connected, until, within};

const ORDERS: &str = "/api/tables/orders/subscribe";

/// An open stream of events.
pub struct Stream {
    answer: reqwest::Response,
    unread: String,
}

/// One event: what stood in `id:` and in `data:`.
#[derive(Debug, PartialEq)]
pub struct Event {
    pub id: String,
    pub data: String,
}

impl Stream {
    pub async fn open(client: &Client, path: &str, last_event_id: &str) -> Self {
        let request = client.request(Method::GET, path).header("last-event-id", last_event_id);
        let answer = within("the stream to open", request.send()).await.unwrap();
        assert_eq!(answer.status(), 200);
        let mut stream = Self { answer, unread: String::new() };
        assert!(stream.block().await.unwrap().starts_with("retry: "));
        stream
    }

    /// The next event about records or people; nothing once the stream has ended or is broken.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            let event = self.next_event().await?;
            if !says_connected(&serde_json::from_str(&event.data).unwrap_or_default()) {
                return Some(event);
            }
        }
    }

    /// The next event, whatever it is.
    pub async fn next_event(&mut self) -> Option<Event> {
        let block = self.block().await?;
        let line = |name: &str| {
            let line = block.lines().find_map(|line| line.strip_prefix(name));
            line.unwrap_or_default().to_owned()
        };
        Some(Event { id: line("id: "), data: line("data: ") })
    }

    pub async fn json(&mut self) -> Json {
        serde_json::from_str(&self.next().await.unwrap().data).unwrap()
    }

    async fn block(&mut self) -> Option<String> {
        loop {
            if let Some((block, rest)) = self.unread.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.unread = rest;
                return Some(block);
            }
            let more = within("an event", self.answer.chunk()).await.ok()??;
            self.unread.push_str(std::str::from_utf8(&more).unwrap());
        }
    }
}

fn everything(handshakes: Json) -> String {
    let query = serde_urlencoded::to_string([("subscribe", handshakes.to_string())]).unwrap();
    format!("/api/realtime/subscribe/sse?{query}")
}

#[tokio::test]
async fn a_stream_and_a_socket_carry_the_same_bytes() {
    let server = Server::start(DESK).await;
    let (guest, admin) = (server.guest().await, server.admin().await);
    let scope = "?filter=status:eq:open&fields=customer,total&sort=total:desc";
    let (_, list) = guest.get("/api/tables/orders/records").await;
    let scope = format!("{scope}&since={}", list["position"].as_str().unwrap());
    let mut socket = guest.open(&format!("{ORDERS}{scope}")).await.unwrap();
    let mut stream = Stream::open(&guest, &format!("{ORDERS}/sse{scope}"), "").await;
    let id = admin.add_order(json!({ "customer": "Zoë \u{2028} \"<&>\"", "total": "1.50" })).await;
    server.sql("insert into orders (customer, secret) values ('Ada', 'xyzzy')");
    server.sql(&format!("update orders set total = 7, status = 'done' where id = {id}"));
    server.sql("update orders set customer = 'Eve' where customer = 'Ada'");
    server.sql("delete from orders");
    for kind in ["subscribed", "connected", "insert", "insert", "delete", "update", "delete"] {
        let frame = socket.next_frame().await.into_text().unwrap();
        let event = stream.next_event().await.unwrap();
        if kind == "connected" {
            assert_eq!(frame.replace("websocket", "sse"), event.data);
            continue;
        }
        assert_eq!(frame.as_str(), event.data);
        let json: Json = serde_json::from_str(&event.data).unwrap();
        assert!(json["type"] == kind || json["event"] == kind, "{json}");
        assert_eq!(json["position"], json!(event.id));
        assert!(!event.data.contains("xyzzy"));
    }
}

#[tokio::test]
async fn a_stream_tells_proxies_and_caches_to_keep_their_hands_off() {
    let server = Server::start(DESK).await;
    let request = server.guest().await.request(Method::GET, &format!("{ORDERS}/sse"));
    let answer = request.header("accept-encoding", "gzip, br").send().await.unwrap();
    let header = |name| answer.headers().get(name).map(|value| value.to_str().unwrap());
    assert_eq!(header("content-type"), Some("text/event-stream"));
    assert_eq!(header("cache-control"), Some("no-cache, no-transform"));
    assert_eq!(header("x-accel-buffering"), Some("no"));
    assert_eq!(header("content-encoding"), None);
}

#[tokio::test]
async fn last_event_id_resumes_every_subscription_where_it_was() {
    let mut server = Server::start(DESK).await;
    let admin = server.admin().await;
    let path = everything(json!([
        { "table": "orders", "subscriptionId": "o", "fields": ["customer"] },
        { "table": "notes" },
    ]));
    let mut stream = Stream::open(&admin, &path, "").await;
    stream.next().await;
    stream.next().await;
    server.sql("insert into orders (customer) values ('Ada')");
    server.sql("insert into notes (words) values ('first')");
    let first = stream.next().await.unwrap();
    let last = stream.next().await.unwrap();
    assert!(first.data.contains("Ada") && last.data.contains("first"));
    assert_ne!(first.id, last.id);
    drop(stream);
    server.sql("insert into orders (customer) values ('Grace')");
    server.restart().await;
    // Whoever read only the first event gets the second again, and nothing twice.
    for (id, expected) in [(&first.id, vec!["Grace", "first"]), (&last.id, vec!["Grace"])] {
        let mut stream = Stream::open(&admin, &path, id).await;
        let mut told = Vec::new();
        while told.len() < expected.len() {
            let json = stream.json().await;
            if json["type"] == "change" {
                let fields = json["record"]["fields"].as_object().unwrap();
                told.push(fields.values().next().unwrap().as_str().unwrap().to_owned());
            }
        }
        assert_eq!(told, expected);
    }
    let request = admin.request(Method::GET, &path).header("last-event-id", "x");
    assert_eq!(request.send().await.unwrap().status(), 400);
}

#[tokio::test]
async fn a_component_without_a_name_is_resumed_too() {
    let server = Server::start(DESK).await;
    let guest = server.guest().await;
    let path = everything(json!([{ "component": "dataTable-1", "url": "/" }]));
    let mut stream = Stream::open(&guest, &path, "").await;
    let id = stream.next().await.unwrap().id;
    drop(stream);
    server.sql("insert into orders (customer) values ('Ada')");
    let mut stream = Stream::open(&guest, &path, &id).await;
    assert_eq!(stream.json().await["type"], "subscribed");
    assert_eq!(stream.json().await["event"], "insert");
}

#[tokio::test]
async fn a_heartbeat_moves_the_place_to_resume_from() {
    let transport = Transport { heartbeat_interval_ms: 20, ..TRANSPORT };
    let server = Server::start_with(DESK, transport).await;
    let path = format!("{ORDERS}/sse?filter=status:eq:done");
    let mut stream = Stream::open(&server.guest().await, &path, "").await;
    let before = stream.next().await.unwrap().id;
    server.sql("insert into orders (customer) values ('of no concern')");
    loop {
        let event = stream.next().await.unwrap();
        let json: Json = serde_json::from_str(&event.data).unwrap();
        assert_eq!(json["type"], "heartbeat");
        if event.id != before {
            break;
        }
    }
}

#[tokio::test]
async fn a_stream_that_hears_something_outlives_every_idle_limit() {
    let transport = Transport { idle_timeout_ms: 50, heartbeat_interval_ms: 300, ..TRANSPORT };
    let server = Server::start_with(DESK, transport).await;
    let guest = server.guest().await;
    let mut stream = Stream::open(&guest, &format!("{ORDERS}/sse"), "").await;
    assert_eq!(stream.json().await["type"], "subscribed");
    for _ in 0..2 {
        assert_eq!(stream.json().await["type"], "heartbeat");
    }
    server.sql("insert into orders (customer) values ('Ada')");
    // However long that took: there may have been heartbeats meanwhile.
    let mut told = stream.json().await;
    while told["type"] == "heartbeat" {
        told = stream.json().await;
    }
    assert_eq!(told["event"], "insert");
}

#[tokio::test]
async fn a_stream_says_once_that_it_is_open_after_its_first_answer() {
    let server = Server::start(DESK).await;
    let guest = server.guest().await;
    let connected =
        json!({ "type": "connection-status", "status": "connected", "transport": "sse" });
    let handshakes = json!([{ "table": "salaries" }, { "table": "orders" }, { "table": "orders", "subscriptionId": "b" }]);
    let mut stream = Stream::open(&guest, &everything(handshakes), "").await;
    let mut kinds = Vec::new();
    for _ in 0..4 {
        let message: Json = serde_json::from_str(&stream.next_event().await.unwrap().data).unwrap();
        kinds.push(message["type"].clone());
        if message["type"] == "connection-status" {
            assert_eq!(message, connected);
        }
    }
    assert_eq!(kinds, ["error", "subscribed", "connection-status", "subscribed"]);
    let mut one = Stream::open(&guest, &format!("{ORDERS}/sse"), "").await;
    assert_eq!(one.json().await["type"], "subscribed");
    let second = one.next_event().await.unwrap().data;
    assert_eq!(serde_json::from_str::<Json>(&second).unwrap(), connected);
}

#[tokio::test]
async fn a_planned_end_of_a_stream_is_told() {
    let mut server = Server::start(DESK).await;
    let mut stream = Stream::open(&server.guest().await, &format!("{ORDERS}/sse"), "").await;
    stream.next().await;
    let told = async { (stream.json().await, stream.next().await) };
    let (told, ()) = tokio::join!(told, server.stop());
    let status = json!({
        "type": "connection-status", "status": "reconnecting", "transport": "sse",
    });
    assert_eq!(told, (status, None));
}

#[tokio::test]
async fn a_stream_ends_with_its_session() {
    let server = Server::start(DESK).await;
    let admin = server.admin().await;
    let mut stream = Stream::open(&admin, &format!("{ORDERS}/sse"), "").await;
    stream.next().await;
    assert_eq!(admin.send(Method::POST, "/api/auth/sign-out", None).await.0, 204);
    let ended = json!({
        "type": "error", "code": "SESSION_ENDED", "message": "the session has ended",
    });
    assert_eq!(stream.json().await, ended);
    assert_eq!(stream.next().await, None);
}

#[tokio::test]
async fn one_bad_handshake_of_a_stream_does_not_take_the_others_along() {
    let server = Server::start(DESK).await;
    let guest = server.guest().await;
    let handshakes = json!([
        { "table": "salaries", "subscriptionId": "a" }, {}, { "table": "orders" },
    ]);
    let mut stream = Stream::open(&guest, &everything(handshakes), "").await;
    let refused = stream.json().await;
    assert_eq!((&refused["code"], &refused["subscriptionId"]), (&json!("NOT_FOUND"), &json!("a")));
    assert_eq!(stream.json().await["code"], "BAD_REQUEST");
    assert_eq!(stream.json().await["type"], "subscribed");
    server.sql("insert into orders (customer) values ('Ada')");
    assert_eq!(stream.json().await["event"], "insert");
}

#[tokio::test]
async fn a_stream_is_refused_like_a_socket() {
    let server = Server::start(DESK).await;
    let (nobody, guest) = (server.nobody(), server.guest().await);
    let one = format!("{ORDERS}/sse");
    assert_eq!(nobody.get(&one).await.0, 401);
    assert_eq!(nobody.get(&everything(json!([]))).await.0, 401);
    let unknown = guest.get("/api/tables/nothing/subscribe/sse").await;
    assert_eq!(unknown, guest.get("/api/tables/salaries/subscribe/sse").await);
    assert_eq!(unknown.0, 404);
    assert_eq!(guest.get(&format!("{one}?filter=secret:eq:x")).await.0, 400);
    let bad = [json!({}), json!([1]), json!([{ "table": "orders", "colour": 1 }])];
    for handshakes in bad {
        assert_eq!(guest.get(&everything(handshakes.clone())).await.0, 400, "{handshakes}");
    }
    assert_eq!(guest.get("/api/realtime/subscribe/sse?subscribe=[").await.0, 400);
    assert_eq!(guest.get("/api/realtime/subscribe/sse").await.0, 400);
    let foreign = guest.request(Method::GET, &one).header("origin", "https://evil.example");
    assert_eq!(foreign.send().await.unwrap().status(), 403);
    let mut open = Vec::new();
    for _ in 0..10 {
        open.push(Stream::open(&guest, &one, "").await);
    }
    assert_eq!(guest.get(&one).await.0, 429);
}

#[tokio::test]
async fn a_reader_that_leaves_gives_its_place_back() {
    let server = Server::start(DESK).await;
    let guest = server.guest().await;
    let mut open = Vec::new();
    for _ in 0..10 {
        open.push(Stream::open(&guest, &format!("{ORDERS}/sse"), "").await);
    }
    assert_eq!(server.metric("pagetide_connections").await, 10.0);
    drop(open);
    let free = async || (server.metric("pagetide_connections").await == 0.0).then_some(());
    until("the places to be free", free).await;
    Stream::open(&guest, &format!("{ORDERS}/sse"), "").await;
}
