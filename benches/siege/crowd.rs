//! The crowd: one kind of the worst that guests can do, over and over until it is told to end.

use std::sync::Arc;
use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value as Json, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::wire::{ask, connect, cookie, discard, flood, get, post, websocket};

/// The argument by which the bench starts itself as a crowd, followed by kind and address.
pub const CROWD: &str = "--crowd";
/// What a crowd can do.
pub const KINDS: [&str; 12] = [
    "statements",
    "words",
    "bodies",
    "answers",
    "batches",
    "passwords",
    "replays",
    "dry-runs",
    "exports",
    "streams",
    "filters",
    "writes",
];
/// How long one who was refused waits before they try again.
const AGAIN: Duration = Duration::from_millis(50);
const JSON: &str = "application/json";
const BATCH: &str = "/api/tables/plain/records/batch";

/// Is a crowd, if this process was started as that.
pub async fn crowd() -> bool {
    let mut arguments = std::env::args().skip_while(|arg| arg != CROWD).skip(1);
    let (Some(kind), Some(address)) = (arguments.next(), arguments.next()) else { return false };
    order().await;
    let since = position(&address).await;
    println!("prepared");
    order().await;
    let mut besiegers = JoinSet::new();
    gather(&kind, &address, &since, &mut besiegers);
    println!("begun");
    order().await;
    besiegers.shutdown().await;
    println!("ended");
    true
}

/// Waits for the bench to say what is next.
async fn order() {
    let line = tokio::task::spawn_blocking(|| std::io::stdin().lines().next());
    line.await.expect("it only reads").expect("the bench is there").expect("it writes text");
}

/// Where the table stands before anything is written to it.
async fn position(address: &str) -> String {
    let request = get(address, "/api/tables/plain/records?limit=1", "Connection: close\r\n");
    let answer = ask(2, address, &request).await.expect("it answers");
    let text = String::from_utf8_lossy(&answer);
    let body = text.split("\r\n\r\n").nth(1).unwrap_or_default();
    let json: Json = serde_json::from_str(body.trim()).expect("it is JSON");
    json["position"].as_str().expect("it says where it stands").to_owned()
}

/// Sends so many besiegers of one kind out.
fn gather(kind: &str, address: &str, since: &str, all: &mut JoinSet<()>) {
    let address: Arc<str> = address.into();
    let mut each = |count: u8, request: Vec<u8>, how: How| {
        let request: Arc<[u8]> = request.into();
        for nth in 0..count {
            let (address, request) = (address.clone(), request.clone());
            // From four networks.
            all.spawn(over_and_over(2 + nth % 4, address, request, how));
        }
    };
    match kind {
        "statements" => {
            let costly = |table, field, word: &str| {
                let path =
                    format!("/api/tables/{table}/records?limit=1&filter={}", any_of(field, word));
                get(&address, &path, "Connection: close\r\n")
            };
            each(4, costly("letters", "body", &format!("{}b", "a".repeat(890))), How::Ask);
            each(4, costly("plain", "name", "nowhere"), How::Ask);
        }
        "bodies" => {
            let body = vec![b' '; 7 << 20];
            each(200, post(&address, BATCH, JSON, 8 << 20, &body), How::Hold);
        }
        "answers" => {
            let list = get(&address, "/api/tables/letters/records?limit=500", "");
            each(20, list, How::Hold);
        }
        "batches" => {
            let record: String = (0..400).map(|nth| format!(",\"f{nth}\":1")).collect();
            let record = format!("{{\"fields\":{{{}}}}}", &record[1..]);
            let body = format!("{{\"records\":[{}]}}", vec![record; 1_000].join(","));
            each(6, post(&address, BATCH, JSON, body.len(), body.as_bytes()), How::Ask);
        }
        "passwords" => {
            let body = r#"{"email":"somebody@example.org","password":"wrong password"}"#;
            let path = "/api/auth/sign-in/email";
            each(10, post(&address, path, JSON, body.len(), body.as_bytes()), How::Ask);
        }
        "replays" => {
            let path = format!("/api/tables/plain/subscribe/sse?since={since}");
            each(20, get(&address, &path, ""), How::Stream { reads: true });
        }
        "dry-runs" => {
            let lines: String = (0..50_000).map(|nth| format!("name {nth},{nth}\n")).collect();
            let body = format!("name,number\n{lines}");
            let path = "/api/tables/plain/records/import?dryRun=true";
            each(4, post(&address, path, "text/csv", body.len(), body.as_bytes()), How::Ask);
        }
        "exports" => {
            let export = get(&address, "/api/tables/letters/records.csv", "Connection: close\r\n");
            each(20, export, How::Sip);
        }
        "streams" => {
            each(
                50,
                get(&address, "/api/tables/letters/subscribe/sse", ""),
                How::Stream { reads: false },
            );
            for mark in ["one", "other"] {
                each(2, change(&address, mark), How::Ask);
            }
        }
        "words" => {
            each(5, Vec::new(), How::Subscribe { long: true });
            for mark in ["one", "other"] {
                each(1, change(&address, mark), How::Ask);
            }
        }
        "filters" => {
            each(100, Vec::new(), How::Subscribe { long: false });
            for mark in ["one", "other"] {
                each(1, change(&address, mark), How::Ask);
            }
        }
        _ => {
            let body = json!({ "fields": { "body": "x".repeat(99_000) } }).to_string();
            let path = "/api/tables/letters/records";
            each(8, post(&address, path, JSON, body.len(), body.as_bytes()), How::Ask);
        }
    }
}

/// What a besieger does with a request.
#[derive(Clone, Copy)]
enum How {
    /// Sends it and reads the answer.
    Ask,
    /// Sends it and reads nothing.
    Hold,
    /// Sends it and reads the answer slowly.
    Sip,
    /// Sends it with the cookie of a guest, and reads what is streamed or leaves it.
    Stream { reads: bool },
    /// Opens a WebSocket with a hundred subscriptions.
    Subscribe { long: bool },
}

async fn over_and_over(from: u8, address: Arc<str>, request: Arc<[u8]>, how: How) {
    loop {
        // Whoever is refused or cut off comes again.
        let _ = once(from, &address, &request, how).await;
        sleep(AGAIN).await;
    }
}

async fn once(from: u8, address: &str, request: &[u8], how: How) -> std::io::Result<()> {
    match how {
        How::Ask => flood(from, address, request).await,
        How::Hold => {
            let mut stream = connect(from, address).await?;
            stream.write_all(request).await?;
            held(&mut stream).await
        }
        How::Sip => {
            let mut stream = connect(from, address).await?;
            stream.write_all(request).await?;
            let mut buffer = vec![0; 64 * 1024];
            while stream.read(&mut buffer).await? > 0 {
                sleep(Duration::from_millis(100)).await;
            }
            Ok(())
        }
        How::Stream { reads } => {
            let cookie = cookie(from, address).await?;
            let text = String::from_utf8_lossy(request).replace(
                "\r\n\r\n",
                &format!("\r\nCookie: {cookie}\r\nAccept: text/event-stream\r\n\r\n"),
            );
            let mut stream = connect(from, address).await?;
            stream.write_all(text.as_bytes()).await?;
            if reads { discard(&mut stream).await } else { held(&mut stream).await }
        }
        How::Subscribe { long } => {
            let texts: Vec<_> = (0..100).map(|nth| subscription(nth, long)).collect();
            let mut stream = websocket(from, address, &texts).await?;
            discard(&mut stream).await
        }
    }
}

/// Keeps a connection without reading, until the other end has gone.
async fn held(stream: &mut tokio::net::TcpStream) -> std::io::Result<()> {
    loop {
        sleep(Duration::from_secs(1)).await;
        // Whether it can still be written to shows whether anybody is there.
        if stream.peer_addr().is_err() || stream.write_all(b" ").await.is_err() {
            return Ok(());
        }
    }
}

/// A filter of as many conditions as fit, of which the last letter of each decides.
fn any_of(field: &str, word: &str) -> String {
    let condition = json!({ "field": field, "operator": "contains", "value": word });
    let filter = json!({ "or": vec![condition; 55] }).to_string();
    utf8_percent_encode(&filter, NON_ALPHANUMERIC).to_string()
}

fn subscription(nth: usize, long: bool) -> String {
    let (count, word) = if long { (58, "a".repeat(890)) } else { (5, "a".repeat(100)) };
    let conditions = (0..count).map(|condition| {
        json!({ "field": "body", "operator": "contains", "value": format!("{word}{nth}-{condition}") })
    });
    let conditions: Vec<_> = conditions.collect();
    json!({ "subscriptionId": nth.to_string(), "table": "letters", "filter": { "or": conditions } })
        .to_string()
}

/// A change of a record with a long text.
fn change(address: &str, mark: &str) -> Vec<u8> {
    let body = json!({ "fields": { "mark": mark } }).to_string();
    let text = post(address, "/api/tables/letters/records/1", JSON, body.len(), body.as_bytes());
    String::from_utf8_lossy(&text).replacen("POST", "PATCH", 1).into_bytes()
}
