//! Attempts to learn what one may not know, or to act in somebody else's name.

use reqwest::Method;
use serde_json::json;

use crate::attacks::{EVERYTHING, ORDERS, RECORDS};
use crate::server::{DESK, Server};
use crate::streams::Stream;

#[tokio::test]
async fn a_hidden_field_is_answered_with_the_bytes_of_one_that_is_not_there() {
    let server = Server::start(DESK).await;
    let guest = server.guest().await;
    let mut socket = guest.open(EVERYTHING).await.unwrap();
    let mut told = Vec::new();
    for name in ["secret", "nosuch"] {
        let mut answers = Vec::new();
        for scope in ["filter=NAME:eq:x", "filter=NAME:explode:x", "sort=NAME", "fields=NAME"] {
            for path in [RECORDS, ORDERS, "/api/tables/orders/subscribe/sse"] {
                let path = format!("{path}?{}", scope.replace("NAME", name));
                answers.push(match path.starts_with(&format!("{ORDERS}?")) {
                    true => guest.open(&path).await.unwrap_err(),
                    false => guest.get(&path).await,
                });
            }
        }
        for operator in ["eq", "isEmpty", "gt", "explode"] {
            let filter = json!({ "not": { "field": name, "operator": operator, "value": 1 } });
            socket.send(json!({ "table": "orders", "filter": filter })).await;
            answers.push((0, socket.next().await));
        }
        socket.send(json!({ "table": "orders", "sort": name })).await;
        answers.push((0, socket.next().await));
        let edit = json!({ "type": "editing", "table": "orders", "recordId": 1, "fields": [name] });
        socket.send(edit).await;
        answers.push((0, socket.next().await));
        let patch = json!({ "fields": { name: "x" } });
        let path = format!("{RECORDS}/1");
        answers.push(guest.send(Method::PATCH, &path, Some(patch)).await);
        assert!(answers.iter().all(|(status, _)| *status != 200));
        told.push(format!("{answers:?}").replace(name, "NAME"));
    }
    assert_eq!(told[0], told[1]);
}

#[tokio::test]
async fn a_table_that_may_not_be_read_is_answered_with_the_bytes_of_one_that_is_not_there() {
    let server = Server::start(DESK).await;
    let guest = server.guest().await;
    let mut socket = guest.open(EVERYTHING).await.unwrap();
    let mut told = Vec::new();
    for table in ["salaries", "nosuch", "_pagetide_users"] {
        let mut answers = Vec::new();
        let records = format!("/api/tables/{table}/records");
        for path in ["", "?filter=amount:eq:1", "?sort=amount", "/1"] {
            answers.push(guest.get(&format!("{records}{path}")).await);
        }
        let body = || Some(json!({ "fields": { "amount": 1 } }));
        let one = format!("{records}/1");
        for (method, path) in
            [(Method::POST, &records), (Method::PATCH, &one), (Method::DELETE, &one)]
        {
            answers.push(guest.send(method, path, body()).await);
        }
        let subscribe = format!("/api/tables/{table}/subscribe");
        answers.push(guest.open(&subscribe).await.unwrap_err());
        answers.push(guest.get(&format!("{subscribe}/sse?filter=amount:eq:1")).await);
        let all = format!("{EVERYTHING}/sse?subscribe=[{{\"table\":\"{table}\"}}]");
        answers.push((0, Stream::open(&guest, &all, "").await.json().await));
        for handshake in [
            json!({ "table": table }),
            json!({ "table": table, "filter": [{ "field": "amount" }] }),
            json!({ "type": "unsubscribe", "table": table }),
            json!({ "type": "editing", "table": table, "recordId": 1, "fields": ["amount"] }),
        ] {
            socket.send(handshake).await;
            answers.push((0, socket.next().await));
        }
        told.push(answers);
    }
    assert_eq!(told[0], told[1]);
    assert_eq!(told[0], told[2]);
}

#[tokio::test]
async fn one_change_reaches_each_with_what_they_may_see() {
    let server = Server::start(DESK).await;
    let (guest, admin) = (server.guest().await, server.admin().await);
    server.sql("insert into orders (customer, secret) values ('Ada', 'before')");
    let mut sockets = Vec::new();
    for client in [&guest, &admin, &guest] {
        let mut socket = client.open(ORDERS).await.unwrap();
        socket.next().await;
        sockets.push(socket);
    }
    server.sql("update orders set total = 5, secret = 'after'");
    let mut texts = Vec::new();
    for socket in &mut sockets {
        texts.push(socket.next().await.to_string());
    }
    assert!(texts[1].contains("before") && texts[1].contains("after"));
    assert!(!texts[0].contains("secret") && !texts[0].contains("before"));
    assert!(!texts[0].contains("after\""));
    assert_eq!(texts[0], texts[2]);
}

#[tokio::test]
async fn signing_in_elsewhere_in_the_browser_gives_an_open_socket_no_more_rights() {
    let server = Server::start(DESK).await;
    let guest = server.guest().await;
    let mut socket = guest.open(EVERYTHING).await.unwrap();
    socket.send(json!({ "table": "orders" })).await;
    socket.next().await;
    for (password, status) in [("wrong", 401), ("correct horse", 200)] {
        let body = json!({ "email": "ada@example.org", "password": password });
        let answer = guest.send(Method::POST, "/api/auth/sign-in/email", Some(body)).await;
        assert_eq!(answer.0, status);
        socket.send(json!({ "email": "ada@example.org", "password": password })).await;
        assert_eq!(socket.next().await["code"], "BAD_REQUEST");
        socket.send(json!({ "table": "notes" })).await;
        assert_eq!(socket.next().await["code"], "NOT_FOUND");
        server.sql("insert into orders (customer, secret) values ('Ada', 'xyzzy')");
        let told = socket.next().await;
        assert_eq!(told["event"], "insert");
        assert!(!told.to_string().contains("xyzzy"));
    }
}

#[tokio::test]
async fn a_stream_is_not_opened_for_another_site() {
    let server = Server::start(DESK).await;
    let guest = server.guest().await;
    for (header, value) in [
        ("origin", "null"),
        ("origin", "https://evil.example"),
        ("origin", "http://127.0.0.1"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ] {
        for path in [format!("{ORDERS}/sse"), format!("{EVERYTHING}/sse?subscribe=[]")] {
            let request = guest.bare(Method::GET, &path).header(header, value);
            let answer = request.send().await.unwrap();
            assert_eq!(answer.status(), 403, "{header}: {value}");
        }
    }
}
