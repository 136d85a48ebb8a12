//! What requests cost beside a crowd that listens, and polls that find nothing new.

use std::io::{Read, Write};
use std::net::TcpStream as Blocking;
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::bare::Handler;
use crate::crowd::Order;
use crate::quantiles::quantiles;
use crate::server::{Server, now_ms};
use crate::{ROUNDS, change, filled, listeners};

const WRITES: usize = 300;
/// Ten writes a second.
const PACE: Duration = Duration::from_millis(100);
/// How many clients poll at once.
const POLLERS: usize = 16;
const POLLS: usize = 2_000;

/// Round trips and receipts of writes by the API, with a crowd and without, in turn; and receipts
/// of another program's commits.
pub async fn latency(count: usize) {
    const FILTERS: usize = 50;
    let ((alone, _outside), (crowded, mut outside)) = (filled(), filled());
    let handshakes = (0..count).map(|nth| {
        let filter =
            json!([{ "field": "total", "operator": "gt", "value": -((nth % FILTERS) as i64) }]);
        vec![json!({ "table": "orders", "filter": filter }).to_string()]
    });
    let mut crowd = listeners(&crowded, count, handshakes.collect());
    let (mut by_one, mut by_other) = (Writer::new(&alone).await, Writer::new(&crowded).await);
    let (mut without, mut with, mut received) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..WRITES {
        tokio::time::sleep(PACE / 2).await;
        let (_, took) = by_one.write().await;
        without.push(took);
        tokio::time::sleep(PACE / 2).await;
        crowd.begin(&Order::Expect(count));
        let (began, took) = by_other.write().await;
        with.push(took);
        received.extend(crowd.heard().at.iter().map(|at| at - began));
    }
    let ((alone, alone_p99), (with, with_p99)) = (quantiles(without), quantiles(with));
    let received = quantiles(received);
    println!("PATCH without subscribers: median {alone:.2} ms, p99 {alone_p99:.2} ms");
    println!(
        "PATCH with {count} subscribers in {FILTERS} groups: median {with:.2} ms, p99 {with_p99:.2} ms, ratio {:.2}",
        with / alone
    );
    println!(
        "… sent until received by each: median {:.2} ms, p99 {:.2} ms",
        received.0, received.1
    );
    let mut told = Vec::new();
    for _ in 0..WRITES {
        tokio::time::sleep(PACE / 5).await;
        crowd.begin(&Order::Expect(count));
        let committed = outside.run(&change(1));
        told.extend(crowd.heard().at.iter().map(|at| at - committed));
    }
    let told = quantiles(told);
    println!(
        "another program's commit until received by each: median {:.2} ms, p99 {:.2} ms",
        told.0, told.1
    );
}

struct Writer {
    stream: TcpStream,
    request: String,
}

impl Writer {
    async fn new(server: &Server) -> Self {
        let (_, cookie) = position(&server.address);
        let body = r#"{"fields":{"customer":"Grace Hopper"}}"#;
        let other = body.replace("Grace", "Edith");
        let request = |body: &str| {
            format!(
                "PATCH /api/tables/orders/records/7 HTTP/1.1\r\nHost: {}\r\nCookie: {cookie}\r\n\
             Sec-Fetch-Site: same-origin\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
                server.address,
                body.len(),
            )
        };
        let (first, second) = (request(body), request(&other));
        let stream = TcpStream::connect(&server.address).await.expect("it can be reached");
        stream.set_nodelay(true).expect("it is a socket");
        let mut writer = Self { stream, request: first };
        writer.write().await;
        writer.request = second;
        writer
    }

    /// Writes, and says when that began and how long it took.
    async fn write(&mut self) -> (f64, f64) {
        // Another value each time, or nothing would have changed.
        self.request = match self.request.contains("Edith") {
            true => self.request.replace("Edith", "Grace"),
            false => self.request.replace("Grace", "Edith"),
        };
        let began = now_ms();
        let answer = exchange(&mut self.stream, &self.request).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        (began, now_ms() - began)
    }
}

/// Sends a request and reads what comes back at once; answers here are short.
async fn exchange(stream: &mut TcpStream, request: &str) -> String {
    stream.write_all(request.as_bytes()).await.expect("the server listens");
    let mut answer = [0; 4 * 1024];
    let read = stream.read(&mut answer).await.expect("it answers");
    String::from_utf8_lossy(&answer[..read]).into_owned()
}

/// Everything up to here is on the first page; and a new guest's cookie.
pub fn position(address: &str) -> (String, String) {
    let page = first_page(address);
    (after(&page, "data-position=\"", '"'), after(&page, "set-cookie: ", ';'))
}

/// What a component of the first page means, as it says itself.
pub fn shape(address: &str, component: &str) -> String {
    let page = first_page(address);
    let own = after(&page, &format!("data-component=\"{component}\""), '>');
    after(&own, "data-shape=\"", '"')
}

fn first_page(address: &str) -> String {
    let mut stream = Blocking::connect(address).expect("it can be reached");
    write!(stream, "GET / HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")
        .expect("it listens");
    let mut page = String::new();
    stream.read_to_string(&mut page).expect("it answers");
    page
}

fn after(text: &str, mark: &str, end: char) -> String {
    let (_, rest) = text.split_once(mark).expect("the page has it");
    rest.split(end).next().unwrap_or_default().to_owned()
}

/// Polls of a fragment that has not changed, and of a bare handler that says the same, in turn.
pub async fn polls() {
    let (server, _outside) = filled();
    let handler = Handler::start();
    let (_, cookie) = position(&server.address);
    let ask = |address: &str, tag: &str| {
        format!(
            "GET /api/fragments?url=%2F&component=newest HTTP/1.1\r\nHost: {address}\r\n\
             Cookie: {cookie}\r\nIf-None-Match: {tag}\r\n\r\n"
        )
    };
    let mut first = TcpStream::connect(&server.address).await.expect("it can be reached");
    let page = exchange(&mut first, &ask(&server.address, "none")).await;
    let tag = page.lines().find_map(|line| line.strip_prefix("etag: ")).expect("it has a tag");
    let (ours, bare) = (ask(&server.address, tag), ask(&handler.address, tag));
    let (mut rates, mut limits) = (Vec::new(), Vec::new());
    let (began, bare_began) = (server.cpu_ms(), handler.cpu_ms());
    for _ in 0..ROUNDS {
        rates.push(rate(&server.address, &ours).await);
        limits.push(rate(&handler.address, &bare).await);
    }
    let cpu = |ms: f64| ms / (ROUNDS * POLLERS * POLLS) as f64 * 1_000.0;
    let (rate, limit) = (quantiles(rates).0, quantiles(limits).0);
    println!(
        "polls answered by 304: {rate:.0}/s, bare handler {limit:.0}/s, ratio {:.2}",
        rate / limit
    );
    println!(
        "… CPU of each: {:.1} µs, bare handler {:.1} µs",
        cpu(server.cpu_ms() - began),
        cpu(handler.cpu_ms() - bare_began),
    );
}

async fn rate(address: &str, request: &str) -> f64 {
    let mut pollers = Vec::new();
    for _ in 0..POLLERS {
        let stream = TcpStream::connect(address).await.expect("it can be reached");
        stream.set_nodelay(true).expect("it is a socket");
        pollers.push((stream, request.to_owned()));
    }
    let began = now_ms();
    let pollers = pollers.into_iter().map(|(mut stream, request)| {
        tokio::spawn(async move {
            let mut answer = [0; 4 * 1024];
            for _ in 0..POLLS {
                stream.write_all(request.as_bytes()).await.expect("the server listens");
                let read = stream.read(&mut answer).await.expect("it answers");
                assert!(answer[..read].starts_with(b"HTTP/1.1 304"), "not unchanged");
            }
        })
    });
    for poller in pollers.collect::<Vec<_>>() {
        poller.await.expect("it polls to its end");
    }
    (POLLERS * POLLS) as f64 / (now_ms() - began) * 1_000.0
}
