//! Bad input by HTTP and by frames: a clear error, no panic, nothing lost.

use futures_util::SinkExt;
use reqwest::Method;
use serde_json::{Value as Json, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

use crate::server::{self, Client, DESK, Server, within};

const RECORDS: &str = "/api/tables/orders/records";
const EVERYTHING: &str = "/api/realtime/subscribe";

async fn post(client: &Client, body: impl Into<reqwest::Body>) -> (u16, Json) {
    let request = client.request(Method::POST, RECORDS).header("content-type", "application/json");
    let answer = request.body(body).send().await.unwrap();
    let status = answer.status().as_u16();
    (status, answer.json().await.unwrap())
}

#[tokio::test]
async fn bodies_of_another_kind_are_refused_in_json() {
    let server = Server::start(DESK).await;
    let admin = server.admin().await;
    let send = async |name: &str, value: &str, body: &[u8]| {
        let request = admin.request(Method::POST, RECORDS).header(name, value).body(body.to_vec());
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.json::<Json>().await.unwrap()["code"].clone())
    };
    let body = br#"{"fields":{"customer":"Ada"}}"#;
    let unsupported = (415, json!("UNSUPPORTED_MEDIA_TYPE"));
    for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "", "?"]
    {
        assert_eq!(send("content-type", kind, body).await, unsupported, "{kind}");
    }
    for encoding in ["gzip", "br", "x"] {
        assert_eq!(send("content-encoding", encoding, &[0x1f, 0x8b, 8, 0]).await, unsupported);
    }
    for kind in ["application/json; charset=utf-8", "Application/JSON", "application/ld+json"] {
        assert_eq!(send("content-type", kind, body).await.0, 201, "{kind}");
    }
    assert_eq!(send("content-encoding", "identity", body).await.0, 201);
    // Of fields with one name the last counts.
    let twice = br#"{"fields":{"customer":"x","customer":"Grace"}}"#;
    assert_eq!(send("accept", "*/*", twice).await.0, 201);
    assert_eq!(server.sql("select customer from orders order by id desc limit 1"), "Grace");
    // What says nothing is taken as what it must be, a mark of its encoding or not.
    assert_eq!(send("accept", "*/*", &[b"\xEF\xBB\xBF", &body[..]].concat()).await.0, 201);
    assert_eq!(server.sql("select count(*) from orders"), "6");
}

#[tokio::test]
async fn bodies_that_are_no_records_are_refused_in_json() {
    let server = Server::start(DESK).await;
    let admin = server.admin().await;
    let deep = format!("{{\"fields\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let bodies = [
        "",
        "{",
        "null",
        "[]",
        "\u{0}",
        "{\"fields\":[]}",
        "{\"fields\":{},\"more\":1}",
        "{\"fields\":{\"customer\":\"A\"}} trailing",
        &deep,
    ];
    for body in bodies {
        let (status, answer) = post(&admin, body.to_owned()).await;
        assert_eq!((status, &answer["code"]), (400, &json!("BAD_REQUEST")), "{body:.80}");
    }
    // These are JSON, of values that no field can keep.
    for value in ["1e999", r#""\ud800""#] {
        let (status, answer) =
            post(&admin, format!(r#"{{"fields":{{"customer":{value}}}}}"#)).await;
        assert_eq!((status, &answer["code"]), (422, &json!("VALIDATION_FAILED")), "{value}");
    }
    let (status, answer) = post(&admin, r#"{"fields":{},"fields":{}}"#).await;
    assert_eq!((status, &answer["code"]), (400, &json!("BAD_REQUEST")));
    let (status, answer) = post(&admin, vec![0xFF, 0xFE, b'{']).await;
    assert_eq!((status, &answer["code"]), (400, &json!("BAD_REQUEST")));
    // Read to its end, or its sender would be cut off before they read the answer.
    for megabytes in [2, 20] {
        let (status, answer) = post(&admin, "x".repeat(megabytes * 1024 * 1024)).await;
        assert_eq!((status, &answer["code"]), (413, &json!("TOO_LARGE")));
    }
    assert_eq!(server.sql("select count(*) from orders"), "0");
}

#[tokio::test]
async fn values_that_do_not_fit_are_told_by_field() {
    let server = Server::start(DESK).await;
    let admin = server.admin().await;
    for (field, value) in [
        ("customer", json!("a\u{0}b")),
        ("customer", json!({ "deep": [1, 2, { "x": null }] })),
        ("customer", json!("x".repeat(600_000))),
        ("total", json!("1e400")),
        ("total", json!("NaN")),
        ("total", json!("1234567890123456.78")),
        ("status", json!(["open"])),
        ("id", json!(5)),
    ] {
        let mut fields = json!({ "customer": "Ada" });
        fields[field] = value.clone();
        let (status, answer) =
            admin.send(Method::POST, RECORDS, Some(json!({ "fields": fields }))).await;
        assert!(status == 422 || status == 400, "{field} {value:.60}: {status} {answer}");
        assert_eq!(answer["details"][0]["field"], field, "{answer}");
    }
}

#[tokio::test]
async fn query_strings_that_mean_nothing_are_refused() {
    let server = Server::start(DESK).await;
    let guest = server.guest().await;
    let deep = format!("filter={}{}", "%7B%22not%22:".repeat(2_000), "%7D".repeat(2_000));
    for query in [
        "limit=0",
        "limit=501",
        "limit=-1",
        "limit=ten",
        "limit=99999999999999999999",
        "offset=-1",
        "offset=9223372036854775808",
        "sort=nosuch",
        "sort=customer:up",
        "sort=,",
        "fields=nosuch",
        "fields=",
        "filter=customer",
        "filter=customer:is:x",
        "filter=%5B%7B%7D%5D",
        "filter=%7B",
        "filter=total:gt:cheap",
        "filter=status:contains",
        "colour=red",
        "limit=1&limit=2",
        "filter=customer:eq:%00",
        &deep,
    ] {
        let (status, answer) = guest.get(&format!("{RECORDS}?{query}")).await;
        assert_eq!((status, &answer["code"]), (400, &json!("BAD_REQUEST")), "{query:.60} {answer}");
        assert!(!answer["message"].as_str().unwrap().is_empty());
    }
}

#[tokio::test]
async fn ids_and_paths_that_mean_nothing_are_not_found() {
    let server = Server::start(DESK).await;
    let admin = server.admin().await;
    for id in ["0", "-1", "007", "+7", "abc", "9223372036854775808", "1%20or%201=1", "%00", "%FF"] {
        let (status, answer) = admin.get(&format!("{RECORDS}/{id}")).await;
        assert!(status == 404 || status == 400, "{id}: {status} {answer}");
    }
    for table in ["ORDERS", "orders;", "%27", "sqlite_master", "_pagetide_users", "..", "%2e%2e"] {
        let (status, _) = admin.get(&format!("/api/tables/{table}/records")).await;
        assert_eq!(status, 404, "{table}");
    }
    for (method, path, status) in [
        (Method::GET, "/api", 404),
        (Method::GET, "/api/nosuch", 404),
        (Method::PUT, RECORDS, 405),
        (Method::GET, "/%00", 404),
        (Method::GET, "/%ff%fe", 404),
        (Method::GET, "/../../etc/passwd", 404),
        (Method::GET, "/_pagetide/../Cargo.toml", 404),
        (Method::POST, "/", 415),
    ] {
        assert_eq!(admin.send(method, path, None).await.0, status, "{path}");
    }
}

#[tokio::test]
async fn frames_that_are_no_handshakes_are_answered_and_the_socket_lives() {
    let server = Server::start(DESK).await;
    let mut socket = server.guest().await.open(EVERYTHING).await.unwrap();
    let long = "x".repeat(200);
    let frames = [
        "".to_owned(),
        "{".to_owned(),
        "null".to_owned(),
        "[]".to_owned(),
        "\u{0}".to_owned(),
        "[".repeat(60_000),
        json!({ "table": "nosuch" }).to_string(),
        json!({ "table": "salaries" }).to_string(),
        json!({ "table": "orders", "filter": { "field": "secret", "operator": "eq", "value": "x" } })
            .to_string(),
        json!({ "table": "orders", "filter": "status:eq:open" }).to_string(),
        json!({ "table": "orders", "fields": ["secret"] }).to_string(),
        json!({ "table": "orders", "fields": "customer" }).to_string(),
        json!({ "table": "orders", "more": 1 }).to_string(),
        json!({ "table": "orders", "subscriptionId": long }).to_string(),
        json!({ "type": "unsubscribe", "table": "orders" }).to_string(),
        json!({ "type": "explode" }).to_string(),
        json!({ "component": "dataTable-1", "url": "/notes" }).to_string(),
        json!({}).to_string(),
    ];
    for frame in frames {
        socket.0.send(Message::text(frame.clone())).await.unwrap();
        let answer = socket.next().await;
        assert_eq!(answer["type"], "error", "{frame:.80}");
        assert!(answer["code"].is_string() && answer["message"].is_string());
    }
    socket.send(json!({ "table": "orders" })).await;
    assert_eq!(socket.next().await["type"], "subscribed");
}

#[tokio::test]
async fn frames_against_the_protocol_end_the_socket_with_the_right_code() {
    let server = Server::start(DESK).await;
    let guest = server.guest().await;
    let not_utf8 = Frame::message(vec![0xFF, 0xFE], OpCode::Data(Data::Text), true);
    for (frame, code) in [
        (Message::binary(vec![1, 2, 3]), 1003),
        (Message::Frame(not_utf8), 1007),
        (Message::text("x".repeat(70_000)), 1009),
        (Message::Frame(Frame::message(vec![0], OpCode::Data(Data::Continue), true)), 1002),
    ] {
        let mut socket = guest.open(EVERYTHING).await.unwrap();
        socket.0.send(frame.clone()).await.unwrap();
        assert_eq!(socket.close_code().await, code, "{frame:.40?}");
    }
}

#[tokio::test]
async fn a_ping_is_answered_between_messages() {
    let server = Server::start(DESK).await;
    let mut socket = server.guest().await.open(EVERYTHING).await.unwrap();
    socket.0.send(Message::Ping("are you there?".into())).await.unwrap();
    assert_eq!(socket.next_frame().await, Message::Pong("are you there?".into()));
}

#[tokio::test]
async fn a_socket_may_hold_a_hundred_subscriptions() {
    let server = Server::start(DESK).await;
    let mut socket = server.guest().await.open(EVERYTHING).await.unwrap();
    let subscribe =
        |number: usize| json!({ "table": "orders", "subscriptionId": number.to_string() });
    for number in 0..100 {
        socket.send(subscribe(number)).await;
        assert_eq!(socket.next().await["type"], "subscribed");
    }
    socket.send(subscribe(100)).await;
    assert_eq!(socket.next().await["code"], "TOO_MANY_SUBSCRIPTIONS");
    // A name that is used again replaces what it named.
    socket.send(subscribe(7)).await;
    assert_eq!(socket.next().await["type"], "subscribed");
}

#[tokio::test]
async fn requests_that_are_no_http_do_no_harm() {
    let server = Server::start(DESK).await;
    for request in [
        "\r\n\r\n".to_owned(),
        "GET\r\n\r\n".to_owned(),
        "GET / HTTP/9.9\r\n\r\n".to_owned(),
        format!("GET /{} HTTP/1.1\r\nhost: a\r\n\r\n", "a".repeat(500_000)),
        "GET /api/realtime/subscribe HTTP/1.1\r\nhost: a\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n".to_owned(),
        "GET / HTTP/1.1\r\nhost: a\r\ncookie: pagetide_session=\u{1}\u{7f}\r\n\r\n".to_owned(),
    ] {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        // The server may hang up before it has read all.
        let _ = stream.write_all(request.as_bytes()).await;
        let _ = stream.shutdown().await;
        let mut answer = Vec::new();
        let _ = within("an end", stream.read_to_end(&mut answer)).await;
        let answer = String::from_utf8_lossy(&answer);
        assert!(!answer.contains("HTTP/1.1 5"), "{answer}");
    }
    assert_eq!(server.nobody().get("/healthz").await.0, 200);
}

#[tokio::test]
async fn a_request_says_once_which_host_it_is_for() {
    let server = Server::start(DESK).await;
    for (request, status) in [
        ("GET / HTTP/1.1\r\nhost: desk.example\r\n", "200"),
        ("GET / HTTP/1.1\r\n", "400"),
        ("GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n", "400"),
        ("GET / HTTP/1.1\r\nhost: a, b\r\n", "400"),
        ("GET http://evil.example/ HTTP/1.1\r\nhost: desk.example\r\n", "400"),
        ("GET http://desk.example/ HTTP/1.1\r\nhost: desk.example\r\n", "200"),
        ("GET / HTTP/1.0\r\n", "200"),
    ] {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        let request = format!("{request}connection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        within("an end", stream.read_to_end(&mut answer)).await.unwrap();
        let answer = String::from_utf8_lossy(&answer);
        assert_eq!(answer.split(' ').nth(1), Some(status), "{request}");
    }
}

#[tokio::test]
async fn a_reader_that_does_not_read_is_told_to_read_again_and_others_notice_nothing() {
    // More than the system keeps for a reader that does not read, in steps that fit into a queue.
    const STEPS: usize = 30;
    const STEP: usize = 1_000;
    let room = "  - { name: Room, path: /room, presence: true, access: all, components: [] }\n";
    let server = Server::start(&format!("{DESK}{room}")).await;
    let guest = server.guest().await;
    let mut stuck = guest.open("/api/tables/orders/subscribe").await.unwrap();
    stuck.send(json!({ "type": "presence", "pagePath": "/room" })).await;
    let mut reader = guest.open("/api/tables/orders/subscribe?fields=customer").await.unwrap();
    reader.next().await;
    for _ in 0..STEPS {
        server.sql(&format!(
            "with recursive n(i) as (select 1 union all select i + 1 from n where i < {STEP})
             insert into orders (customer) select hex(zeroblob(320)) from n"
        ));
        for _ in 0..STEP {
            let message = reader.next().await;
            assert_eq!(message["event"], "insert", "{message}");
        }
    }
    while stuck.next().await["type"] != "resync" {}
    // Who came and went in the meantime was dropped as well.
    while stuck.next().await["type"] != "presence-sync" {}
    assert!(server.metric("pagetide_drops_total").await >= 1.0);
    server.sql("insert into orders (customer) values ('Ada')");
    while stuck.next().await["record"]["fields"]["customer"] != "Ada" {}
    assert_eq!(reader.next().await["record"]["fields"]["customer"], "Ada");
}

/// RFC 6455, 5.5.1: no data is sent after a close frame. Browsers take it for a fault.
#[tokio::test]
async fn a_socket_that_its_client_closes_brings_nothing_after_the_answer() {
    let server = Server::start(DESK).await;
    let answer = server.nobody().request(Method::GET, "/").send().await.unwrap();
    let cookie = server::cookie(&answer).unwrap();
    // As a client sends it: with a mask, here of zeroes.
    let frame = |opcode: u8, text: &str| {
        let head = [0x80 | opcode, 0x80 | u8::try_from(text.len()).unwrap(), 0, 0, 0, 0];
        [&head, text.as_bytes()].concat()
    };
    let mut sent = format!(
        "GET {EVERYTHING} HTTP/1.1\r\nhost: {}\r\nupgrade: websocket\r\nconnection: upgrade\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\ncookie: {cookie}\r\n\r\n",
        server.address
    )
    .into_bytes();
    for nth in 0..40 {
        // Each has an answer, and some of these wait when the socket is closed.
        sent.extend(frame(1, &format!(r#"{{"table":"orders","subscriptionId":"{nth}"}}"#)));
    }
    sent.extend(frame(8, ""));
    for _ in 0..10 {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(&sent).await.unwrap();
        let mut bytes = Vec::new();
        within("the socket to end", stream.read_to_end(&mut bytes)).await.unwrap();
        let head = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
        assert!(bytes.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&bytes));
        let mut opcodes = Vec::new();
        let mut frames = &bytes[head..];
        while let [first, length, rest @ ..] = frames {
            let (extra, length) = match length {
                126 => (2, usize::from(u16::from_be_bytes([rest[0], rest[1]]))),
                length => (0, usize::from(*length)),
            };
            opcodes.push(first & 0x0f);
            frames = &rest[extra + length..];
        }
        assert_eq!(opcodes.iter().position(|opcode| *opcode == 8), Some(opcodes.len() - 1));
    }
}
