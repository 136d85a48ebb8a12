//! Behind a proxy that is trusted: who is asking, and how they reached it.

use reqwest::{Method, Response};
use serde_json::{Value as Json, json};

use crate::cli::{Process, app, pagetide};
use crate::server::{Client, DESK, within};

fn start(folder: &tempfile::TempDir) -> (Process, Client) {
    start_within(folder, "")
}

fn start_within(folder: &tempfile::TempDir, limits: &str) -> (Process, Client) {
    let mut serve = pagetide();
    serve.args(["serve", "--listen", "127.0.0.1:0", "--trusted-proxies", "127.0.0.0/8,10.0.0.0/8"]);
    serve.env("PAGETIDE_ADMIN_EMAIL", "ada@example.org");
    serve.env("PAGETIDE_ADMIN_PASSWORD", "correct horse");
    serve.env("PAGETIDE_LIMITS", limits);
    let process = Process::start(serve.current_dir(folder.path()));
    let client = Client::at(process.address.parse().unwrap());
    (process, client)
}

#[tokio::test]
async fn clients_of_a_trusted_proxy_are_told_apart() {
    let folder = app(DESK);
    let (_process, client) = start(&folder);
    let status = async |from: &str| {
        let body = json!({ "email": "ada@example.org", "password": "wrong horse" });
        let request = client.request(Method::POST, "/api/auth/sign-in/email").json(&body);
        request.header("x-forwarded-for", from).send().await.unwrap().status().as_u16()
    };
    for _ in 0..10 {
        assert_eq!(status("198.51.100.1").await, 401);
    }
    assert_eq!(status("198.51.100.1").await, 429);
    // What a client puts before the proxy's own word is made up.
    assert_eq!(status("203.0.113.9, 198.51.100.1").await, 429);
    assert_eq!(status("198.51.100.1, 10.1.1.1").await, 429);
    assert_eq!(status("198.51.100.2").await, 401);
}

#[tokio::test]
async fn a_proxy_that_speaks_https_says_so() {
    let folder = app(DESK);
    let (_process, client) = start(&folder);
    let proxied = |method, path: &str, origin: &str| {
        let request = client.request(method, path).header("x-forwarded-proto", "https");
        request.header("x-forwarded-host", "desk.example").header("origin", origin.to_owned())
    };
    let answer = proxied(Method::GET, "/", "https://desk.example").send().await.unwrap();
    assert!(answer.headers()["set-cookie"].to_str().unwrap().contains("Secure"));
    let body = json!({ "email": "ada@example.org", "password": "correct horse" });
    for (origin, status) in
        [("https://desk.example", 200), ("http://desk.example", 403), ("https://evil.example", 403)]
    {
        let request = proxied(Method::POST, "/api/auth/sign-in/email", origin).json(&body);
        assert_eq!(request.send().await.unwrap().status(), status, "{origin}");
    }
}

#[tokio::test]
async fn one_address_has_so_many_connections_and_begins_so_many_subscriptions() {
    let folder = app(DESK);
    let limits = "connections-per-address=2,handshakes-per-requester=4";
    let (_process, client) = start_within(&folder, limits);
    let client = client.into_guest().await;
    let open = async |from: &str| {
        let stream = client.request(Method::GET, "/api/tables/orders/subscribe/sse");
        stream.header("x-forwarded-for", from).send().await.unwrap()
    };
    let code = async |refused: Response| {
        assert_eq!(refused.status(), 429);
        assert!(refused.headers().contains_key("retry-after"));
        refused.json::<Json>().await.unwrap()["code"].as_str().unwrap().to_owned()
    };
    let held = [open("198.51.100.1").await, open("198.51.100.1").await];
    assert!(held.iter().all(|stream| stream.status() == 200));
    assert_eq!(code(open("198.51.100.1").await).await, "TOO_MANY_CONNECTIONS");
    // Others are not in the way of each other.
    assert_eq!(open("198.51.100.2").await.status(), 200);
    drop(held);
    let again = async {
        loop {
            let stream = open("198.51.100.1").await;
            if stream.status() != 200 {
                let code = code(stream).await;
                if code != "TOO_MANY_CONNECTIONS" {
                    return code;
                }
            }
        }
    };
    let refused = within("the subscriptions of a minute to be begun", again).await;
    assert_eq!(refused, "TOO_MANY_REQUESTS");
    assert_eq!(open("198.51.100.2").await.status(), 200);
}
