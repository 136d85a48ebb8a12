//! Words that no client of ours would say: frames, handshakes, filters, positions.

use futures_util::SinkExt;
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio_tungstenite::tungstenite::Message;

use crate::attacks::{EVERYTHING, ORDERS, RECORDS};
use crate::server::{DESK, Server, Socket};
use crate::streams::Stream;

/// A frame of a client, masked with nothing: `head` is the first byte (RFC 6455, 5.2).
fn frame(head: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![head, 0x80 | 126];
    frame.extend(u16::try_from(payload.len()).unwrap().to_be_bytes());
    frame.extend([0; 4]);
    frame.extend(payload);
    frame
}

const TEXT: u8 = 0x01;
const PING: u8 = 0x89;
const FINAL: u8 = 0x80;

async fn write(socket: &mut Socket, bytes: &[u8]) {
    socket.0.get_mut().write_all(bytes).await.unwrap();
}

#[tokio::test]
async fn a_filter_at_its_limits_is_answered_and_beyond_them_refused() {
    let server = Server::start(DESK).await;
    let guest = server.guest().await;
    let ask = async |filter: String| guest.get(&format!("{RECORDS}?filter={filter}")).await;
    let one = r#"{"field":"customer","operator":"startsWith","value":"a"}"#;
    let not = |depth: usize| format!("{}[]{}", r#"{"not":"#.repeat(depth), "}".repeat(depth));
    let list = |parts: usize, part: &str| format!("[{}]", vec![part; parts].join(","));
    let values = |count: usize| format!("customer:in:{}", vec!["x"; count].join(","));
    let nested = |groups: usize| {
        let ors = vec![format!(r#"{{"or":[{one}]}}"#); groups];
        format!("[{}]", ors.join(","))
    };
    for filter in [not(8), list(100, one), list(99, "[]"), nested(99), values(500)] {
        let (status, answer) = ask(filter.clone()).await;
        assert_eq!(status, 200, "{filter:.60}: {answer}");
    }
    let beyond = [
        not(9),
        list(101, one),
        list(20_000, "[]"),
        list(2_000, r#"{"or":[]}"#),
        nested(101),
        values(501),
        list(20_000, "1"),
    ];
    for filter in beyond {
        let (status, answer) = ask(filter.clone()).await;
        assert_eq!((status, &answer["code"]), (400, &json!("BAD_REQUEST")), "{filter:.60}");
        assert!(answer.to_string().len() < 10_000, "{filter:.60}");
    }
}

#[tokio::test]
async fn a_message_in_fragments_is_one_message_whatever_stands_between() {
    let server = Server::start(DESK).await;
    let mut socket = server.guest().await.open(EVERYTHING).await.unwrap();
    let ping = [PING, 0x80 | 2, 0, 0, 0, 0, b'h', b'i'];
    write(&mut socket, &frame(TEXT, b"{\"table\":")).await;
    write(&mut socket, &ping).await;
    write(&mut socket, &frame(0, b"\"ord")).await;
    for byte in frame(FINAL, b"ers\"}") {
        write(&mut socket, &[byte]).await;
    }
    assert_eq!(socket.next_frame().await, Message::Pong("hi".into()));
    assert_eq!(socket.next().await["type"], "subscribed");
}

#[tokio::test]
async fn frames_that_no_client_may_send_end_the_socket_and_nothing_else() {
    let server = Server::start(DESK).await;
    let guest = server.guest().await;
    let endless = frame(0, &[b' '; 60_000]);
    let attacks: [(&str, Vec<u8>, u16); 8] = [
        ("fragments without end", [frame(TEXT, b"{"), endless.clone(), endless].concat(), 1009),
        ("a length of 8 EiB", [&[0x81, 0xFF, 0x7F][..], &[0xFF; 11]].concat(), 1009),
        ("no mask", vec![0x81, 2, b'{', b'}'], 1002),
        ("a reserved bit", frame(FINAL | TEXT | 0x40, b"{}"), 1002),
        ("a reserved opcode", frame(FINAL | 0x03, b"{}"), 1002),
        ("a ping in fragments", frame(0x09, b"{}"), 1002),
        ("a long ping", frame(PING, &[b'x'; 126]), 1002),
        ("a message within a message", [frame(TEXT, b"{"), frame(TEXT, b"{")].concat(), 1002),
    ];
    let mut bystander = guest.open(ORDERS).await.unwrap();
    bystander.next().await;
    for (attack, bytes, code) in attacks {
        let mut socket = guest.open(EVERYTHING).await.unwrap();
        write(&mut socket, &bytes).await;
        assert_eq!(socket.close_code().await, code, "{attack}");
    }
    server.sql("insert into orders (customer) values ('Ada')");
    assert_eq!(bystander.next().await["event"], "insert");
}

#[tokio::test]
async fn a_handshake_that_says_a_thing_twice_or_too_deep_is_refused() {
    let server = Server::start(DESK).await;
    let mut socket = server.admin().await.open(EVERYTHING).await.unwrap();
    let twice = r#"{"table":"orders","table":"notes"}"#;
    socket.0.send(Message::text(twice)).await.unwrap();
    assert_eq!(socket.next().await["code"], "BAD_REQUEST");
    let not = |depth| (0..depth).fold(json!([]), |filter, _| json!({ "not": filter }));
    socket.send(json!({ "table": "orders", "filter": not(8) })).await;
    assert_eq!(socket.next().await["type"], "subscribed");
    socket.send(json!({ "table": "orders", "filter": not(9) })).await;
    assert_eq!(socket.next().await["message"], "a filter may nest 8 deep");
}

#[tokio::test]
async fn a_position_that_means_nothing_is_a_resync_and_then_all_is_told() {
    let server = Server::start(DESK).await;
    let guest = server.guest().await;
    server.sql("insert into orders (customer) values ('Ada')");
    let (_, list) = guest.get(RECORDS).await;
    let position = list["position"].as_str().unwrap();
    let epoch = server.sql("select value from _pagetide_meta where key = 'epoch'");
    let mut socket = guest.open(EVERYTHING).await.unwrap();
    // Said once the server has heard of the other program's commit itself.
    socket.send(json!({ "table": "orders", "since": position })).await;
    assert_eq!(socket.next().await["type"], "subscribed");
    for since in [
        String::new(),
        "x".to_owned(),
        "-".to_owned(),
        "0".to_owned(),
        "\u{0}\n\r\u{202e}".to_owned(),
        "x".repeat(50_000),
        "deadbeef-1".to_owned(),
        format!("{epoch}-"),
        format!("{epoch}--1"),
        format!("{epoch}-1.5"),
        format!("{epoch}-9223372036854775807"),
        format!("{epoch}-9223372036854775808"),
        format!("{epoch}-99"),
        format!("{position},{position}"),
        format!("{position} or 1=1"),
    ] {
        socket.send(json!({ "table": "orders", "since": since })).await;
        assert_eq!(socket.next().await["type"], "subscribed", "{since:.40}");
        let resync = socket.next().await;
        assert_eq!(resync["type"], "resync", "{since:.40}");
        assert_eq!(resync["position"], json!(position), "{since:.40}");
    }
    for since in [json!(5), json!(null), json!([]), json!({})] {
        socket.send(json!({ "table": "orders", "since": since })).await;
        let expected = if since.is_null() { "subscribed" } else { "error" };
        assert_eq!(socket.next().await["type"], expected, "{since}");
    }
    server.sql("insert into orders (customer) values ('Grace')");
    assert_eq!(socket.next().await["record"]["fields"]["customer"], "Grace");
    let mut stream = Stream::open(&guest, &format!("{ORDERS}/sse"), "not-a-position").await;
    assert!(stream.next().await.unwrap().data.contains("subscribed"));
    assert!(stream.next().await.unwrap().data.contains("resync"));
}
