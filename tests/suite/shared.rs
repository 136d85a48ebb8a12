//! Pages of other sites that are kept live: what they may ask for, and in whose name.

use reqwest::Method;
use serde_json::json;

use crate::server::{Client, DESK, Server};

const SITE: &str = "https://desk.example";

async fn start() -> Server {
    let server = Server::start(&format!("live: {{ origins: [{SITE}] }}\n{DESK}")).await;
    server.sql("insert into orders (customer, secret) values ('Ada', 'xyzzy')");
    server
}

/// What a page of this origin is answered: the status, the origin that may read it, and the body.
async fn ask(client: &Client, path: &str, origin: &str) -> (u16, Option<String>, String) {
    let answer = client.bare(Method::GET, path).header("origin", origin).send().await.unwrap();
    let allowed = answer.headers().get("access-control-allow-origin");
    let allowed = allowed.map(|value| value.to_str().unwrap().to_owned());
    (answer.status().as_u16(), allowed, answer.text().await.unwrap())
}

async fn token(server: &Server) -> String {
    let (_, _, body) = ask(&server.nobody(), "/api/auth/guest", SITE).await;
    let body: serde_json::Value = serde_json::from_str(&body).unwrap();
    body["token"].as_str().unwrap().to_owned()
}

const FRAGMENT: &str = "/api/fragments?url=/&component=dataTable-1";

#[tokio::test]
async fn a_known_site_reads_what_guests_see() {
    let server = start().await;
    let path = format!("{FRAGMENT}&token={}", token(&server).await);
    let (status, allowed, body) = ask(&server.nobody(), &path, SITE).await;
    assert_eq!((status, allowed.as_deref()), (200, Some(SITE)));
    assert!(body.contains("Ada") && !body.contains("xyzzy"));
}

#[tokio::test]
async fn a_cookie_does_not_count_on_another_site() {
    let server = start().await;
    let admin = server.admin().await;
    let (_, _, own) = ask(&admin, FRAGMENT, &format!("http://{}", server.address)).await;
    assert!(own.contains("xyzzy"));
    let (status, _, body) = ask(&admin, FRAGMENT, SITE).await;
    assert_eq!(status, 200);
    assert!(body.contains("Ada") && !body.contains("xyzzy"), "{body}");
    // Nor does the token of somebody who has signed in.
    let person = server.person("eve", "admin");
    drop(person);
    let (_, _, body) = ask(&server.nobody(), &format!("{FRAGMENT}&token=token-of-eve"), SITE).await;
    assert!(!body.contains("xyzzy"), "{body}");
}

#[tokio::test]
async fn a_socket_of_a_known_site_needs_a_guests_token() {
    let server = start().await;
    let path = format!("/api/realtime/subscribe?token={}", token(&server).await);
    let mut socket = server.nobody().open_from(&path, Some(SITE)).await.unwrap();
    socket.send(json!({ "component": "dataTable-1", "url": "/" })).await;
    assert_eq!(socket.next().await["type"], "subscribed");
    let admin = server.admin().await;
    let refused = async |client: &Client, path: &str, origin: &str| {
        client.open_from(path, Some(origin)).await.unwrap_err().0
    };
    assert_eq!(refused(&admin, "/api/realtime/subscribe", SITE).await, 401);
    assert_eq!(refused(&server.nobody(), "/api/realtime/subscribe?token=x", SITE).await, 401);
    assert_eq!(refused(&server.nobody(), &path, "https://evil.example").await, 401);
    assert_eq!(refused(&admin, &path, "https://evil.example").await, 403);
}

#[tokio::test]
async fn a_stream_of_a_known_site_needs_a_guests_token() {
    let server = start().await;
    let asked = "/api/realtime/subscribe/sse?subscribe=%5B%7B%22component%22%3A%22dataTable-1%22%2C%22url%22%3A%22%2F%22%7D%5D";
    let ask = async |client: &Client, path: &str| {
        let answer = client.bare(Method::GET, path).header("origin", SITE).send().await.unwrap();
        answer.status().as_u16()
    };
    let with_token = format!("{asked}&token={}", token(&server).await);
    assert_eq!(ask(&server.nobody(), &with_token).await, 200);
    assert_eq!(ask(&server.nobody(), asked).await, 401);
    assert_eq!(ask(&server.admin().await, asked).await, 401);
}

#[tokio::test]
async fn an_unknown_site_reads_nothing_and_a_known_one_only_what_pages_need() {
    let server = start().await;
    let origins = [
        "https://evil.example",
        "http://desk.example",
        "https://desk.example:8443",
        "https://desk.example.evil.example",
        "null",
    ];
    for origin in origins {
        let (_, allowed, _) = ask(&server.nobody(), FRAGMENT, origin).await;
        assert_eq!(allowed, None, "{origin}");
    }
    for path in
        ["/", "/api/auth/session", "/api/tables/orders/records", "/api/tables/orders/subscribe/sse"]
    {
        let (_, allowed, _) = ask(&server.nobody(), path, SITE).await;
        assert_eq!(allowed, None, "{path}");
    }
}

#[tokio::test]
async fn a_browser_that_asks_first_is_told_what_it_may_ask() {
    let server = start().await;
    let ask = async |path: &str, origin: &str| {
        let request = server.nobody().bare(Method::OPTIONS, path).header("origin", origin);
        let answer = request.header("access-control-request-method", "GET").send().await.unwrap();
        let methods = answer.headers().get("access-control-allow-methods").cloned();
        (answer.status().as_u16(), methods.map(|value| value.to_str().unwrap().to_owned()))
    };
    assert_eq!(ask(FRAGMENT, SITE).await, (204, Some("GET".to_owned())));
    assert_eq!(ask(FRAGMENT, "https://evil.example").await.1, None);
    assert_eq!(ask("/api/tables/orders/records", SITE).await.1, None);
}
