//! How soon another program's commit reaches a browser, what a page costs, what an idle server holds.
//!
//! `cargo bench --bench first_light` runs the release program and prints what docs/benchmarks.md
//! holds. Each figure stands beside a floor measured in the same run.

use futures_util::StreamExt;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection, SqliteConnection};
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use quantiles::quantiles;
use server::{Outside, Server, now_ms};

mod quantiles;
mod server;

const WRITES: usize = 500;
const PAGES: usize = 2_000;
const ADD: &str = "insert into orders (customer, total) values ('Ada Lovelace', 12.5)";
const CHANGE: &str = "update orders set total = total + 1 where id = 1000";
const APP: &str = "
name: bench
tables:
  - name: orders
    fields:
      - { name: customer, type: single-line-text, required: true }
      - { name: status, type: single-select, options: [open, done], default: open }
      - { name: total, type: currency, currency: EUR }
      - { name: dueOn, type: date }
      - { name: createdAt, type: created-at }
      - { name: updatedAt, type: updated-at }
    permissions: { read: all }
pages:
  - name: Orders
    path: /
    components:
      - type: dataTable
        pageSize: 50
        dataSource:
          table: orders
          sort: [{ field: createdAt, direction: desc }]
          refreshMode: realtime
";

#[tokio::main(flavor = "current_thread")]
async fn main() {
    if server::outside_program().await {
        return;
    }
    let server = Server::start(APP);
    let resident_mb = || server.resident_kb() / 1024.0;
    println!("idle server: {:.1} MB resident", resident_mb());
    commit_to_message(&server).await;
    cost_of_a_page(&server).await;
    println!("after all that: {:.1} MB resident", resident_mb());
}

/// From a commit by another process to the WebSocket message; beside it, to the first read that
/// sees the row by somebody who does nothing but look.
async fn commit_to_message(server: &Server) {
    let database = server.database();
    let http = reqwest::Client::new();
    let page = http.get(format!("http://{}/", server.address)).send().await.expect("it answers");
    let cookie = page.headers()["set-cookie"].to_str().expect("it is text").to_owned();
    let cookie = cookie.split(';').next().unwrap_or_default();
    let url = format!("ws://{}/api/tables/orders/subscribe", server.address);
    let mut request = url.into_client_request().expect("it is a URL");
    request.headers_mut().insert("cookie", cookie.parse().expect("it is a header"));
    let (mut socket, _) = connect_async(request).await.expect("it opens");
    socket.next().await;
    let mut outside = Outside::start(&database);
    let reading = SqliteConnectOptions::new().filename(&database).read_only(true);
    let mut looking = SqliteConnection::connect_with(&reading).await.expect("it can be read");
    let (mut told, mut seen) = (Vec::new(), Vec::new());
    for number in 1..=WRITES {
        let committed = outside.run(ADD);
        socket.next().await;
        told.push(now_ms() - committed);
        let committed = outside.run(ADD);
        let wanted = (2 * number) as i64;
        loop {
            let count: i64 = sqlx::query_scalar("select max(id) from orders")
                .fetch_one(&mut looking)
                .await
                .expect("it answers");
            if count == wanted {
                break;
            }
        }
        seen.push(now_ms() - committed);
        socket.next().await;
    }
    let (told, seen) = (quantiles(told), quantiles(seen));
    println!("outside commit to message: median {:.2} ms, p99 {:.2} ms", told.0, told.1);
    println!("  floor, a busy reader sees it: median {:.2} ms, p99 {:.2} ms", seen.0, seen.1);
}

/// CPU of the server per page: as it stands in the cache, and rendered anew because another program
/// has committed in between. What the commit itself costs the server is measured by itself.
async fn cost_of_a_page(server: &Server) {
    let floor = cpu_per_request(server, "/healthz", None).await;
    let kept = cpu_per_request(server, "/", None).await;
    let mut outside = Outside::start(&server.database());
    let anew = cpu_per_request(server, "/", Some(&mut outside)).await;
    let commit = cpu_per_request(server, "/healthz", Some(&mut outside)).await - floor;
    println!("CPU of a page of 50 rows, nothing changed: {kept:.3} ms");
    println!("CPU of a page of 50 rows, rendered anew: {:.3} ms", anew - commit);
    println!("  beside it, to notice and tell the commit: {commit:.3} ms");
    println!("  floor, a request that does nothing: {floor:.3} ms");
}

async fn cpu_per_request(server: &Server, path: &str, mut outside: Option<&mut Outside>) -> f64 {
    let http = reqwest::Client::new();
    let url = format!("http://{}{path}", server.address);
    let before = server.cpu_ms();
    for _ in 0..PAGES {
        if let Some(outside) = &mut outside {
            outside.run(CHANGE);
        }
        let answer = http.get(&url).send().await.expect("it answers");
        assert!(answer.status().is_success());
        answer.bytes().await.expect("it is whole");
    }
    (server.cpu_ms() - before) / PAGES as f64
}
