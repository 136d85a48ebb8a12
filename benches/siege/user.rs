//! The user who behaves: loads a page, lists, writes, and hears what was written, once a second.

use std::time::{Duration, Instant};

use futures_util::StreamExt;
use serde_json::{Value as Json, json};
use tokio::time::{sleep, timeout};
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::ROUND;
use crate::server::Told;

/// The argument by which the bench starts itself as the user.
const USER: &str = "--user";
/// Whoever waits longer gives up: it counts as failed, with this time.
const PATIENCE: Duration = Duration::from_secs(30);

/// The user, in a process of its own.
pub struct User(Told);

impl User {
    pub fn arrive(address: &str) -> Self {
        let mut user = Told::start(&[USER, address]);
        assert_eq!(user.answer(), "here");
        Self(user)
    }

    /// Comes so many times. How long each request took, in milliseconds, and how many of them failed.
    pub fn rounds(&mut self, count: u64, mut after_each: impl FnMut()) -> (Vec<f64>, usize) {
        let (mut times, mut failed) = (Vec::new(), 0);
        for _ in 0..count {
            let (took, faults): (Vec<f64>, usize) =
                serde_json::from_str(&self.0.ask("round")).expect("figures");
            times.extend(took);
            failed += faults;
            after_each();
        }
        (times, failed)
    }
}

/// Is the user, if this process was started as that.
pub async fn user() -> bool {
    let Some(address) = std::env::args().skip_while(|arg| arg != USER).nth(1) else {
        return false;
    };
    let http = reqwest::Client::builder().cookie_store(true).timeout(PATIENCE).build();
    let http = http.expect("a client");
    let url = format!("http://{address}");
    let first = http.get(&url).send().await.expect("the page is there");
    let cookie = first.headers()["set-cookie"].to_str().expect("it is text").to_owned();
    let subscribe = format!("ws://{address}/api/tables/items/subscribe");
    let mut request = subscribe.into_client_request().expect("it is an address");
    let cookie = cookie.split(';').next().expect("it has a value");
    request.headers_mut().insert("cookie", cookie.parse().expect("it is plain"));
    let (mut socket, _) = connect_async(request).await.expect("it is let in");
    println!("here");
    for (nth, line) in std::io::stdin().lines().enumerate() {
        line.expect("the bench is there");
        let began = Instant::now();
        let (mut times, mut failed) = (Vec::new(), 0);
        let mut note = |since: Instant, is_well: bool| {
            times.push(since.elapsed().as_secs_f64() * 1_000.0);
            failed += usize::from(!is_well);
        };
        for path in ["/", "/api/tables/items/records?limit=50&sort=name"] {
            let since = Instant::now();
            let answer = http.get(format!("{url}{path}")).send().await;
            let is_well = match answer {
                Ok(answer) => answer.status().is_success() && answer.bytes().await.is_ok(),
                Err(_) => false,
            };
            note(since, is_well);
        }
        let name = format!("written {nth}");
        let item = json!({ "fields": { "name": name } });
        let since = Instant::now();
        let records = format!("{url}/api/tables/items/records");
        // As browsers do: what a cookie stands for is only changed from the site itself.
        let written = http.post(records).header("origin", &url).json(&item).send().await;
        let is_written = written.is_ok_and(|answer| answer.status().is_success());
        note(since, is_written);
        if is_written {
            let heard = timeout(PATIENCE, async {
                while let Some(Ok(message)) = socket.next().await {
                    let json: Json = message
                        .to_text()
                        .ok()
                        .and_then(|text| serde_json::from_str(text).ok())
                        .unwrap_or_default();
                    if json["record"]["fields"]["name"] == *name {
                        return true;
                    }
                }
                false
            });
            note(since, heard.await == Ok(true));
        }
        println!("{}", serde_json::to_string(&(times, failed)).expect("figures"));
        sleep(ROUND.saturating_sub(began.elapsed())).await;
    }
    true
}
