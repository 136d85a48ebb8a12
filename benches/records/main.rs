//! The Records API: lists, deep pages, creates, a large export.
//!
//! `cargo bench --bench records` runs the release program and prints what docs/benchmarks.md holds;
//! `cargo bench --bench records -- list deep` runs only these parts. Each figure stands beside a bare
//! limit through sqlx alone, measured in the same run.

use std::path::Path;
use std::time::Instant;

use reqwest::Client;
use serde_json::Value as Json;

use server::{Outside, Server};

#[path = "../server/mod.rs"]
mod server;

mod bare;
mod writers;

const APP: &str = "
name: bench
tables:
  - name: orders
    fields:
      - { name: customer, type: single-line-text, required: true }
      - { name: status, type: single-select, options: [open, done], default: open }
      - { name: total, type: currency, currency: EUR }
      - { name: createdAt, type: created-at }
      - { name: updatedAt, type: updated-at }
    permissions: { read: all, create: all }
pages: []
";
/// What the parts are called on the command line.
const PARTS: [&str; 4] = ["list", "deep", "creates", "export"];
const REQUESTS: usize = 3_000;
const CONNECTIONS: usize = 32;
const CREATES: usize = 1_000;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    if server::outside_program().await || bare::group_commits().await {
        return;
    }
    let asked: Vec<_> = std::env::args().filter(|arg| PARTS.contains(&arg.as_str())).collect();
    for part in PARTS.iter().filter(|part| asked.is_empty() || asked.iter().any(|a| a == *part)) {
        match *part {
            "list" => list().await,
            "deep" => deep().await,
            "creates" => creates().await,
            _ => export().await,
        }
    }
}

/// A server with so many orders, put in long ago: nothing is left to be told of them.
fn filled(orders: usize) -> Server {
    let mut server = Server::start(APP);
    server::end(&mut server.child);
    let mut outside = Outside::start(&server.database());
    let fill = format!(
        "with recursive n(i) as (select 1 union all select i + 1 from n where i < {orders})
         insert into orders (customer, total) select 'Ada Lovelace ' || i, i % 1000 + 0.5 from n"
    );
    outside.run(&fill.replace('\n', " "));
    outside
        .run("delete from _pagetide_changes where seq < (select max(seq) from _pagetide_changes)");
    outside.run("pragma wal_checkpoint(truncate)");
    (server.child, server.address) = server::run(server.folder.path());
    server
}

fn records(server: &Server) -> String {
    format!("http://{}/api/tables/orders/records", server.address)
}

/// CPU of the server for each of many requests, in milliseconds.
async fn cpu_per_request(server: &Server, url: &str) -> f64 {
    let client = Client::new();
    let get = async || {
        let answer = client.get(url).send().await.expect("it answers");
        assert!(answer.status().is_success());
        answer.bytes().await.expect("it is whole");
    };
    for _ in 0..REQUESTS / 10 {
        get().await;
    }
    let before = server.cpu_ms();
    for _ in 0..REQUESTS {
        get().await;
    }
    (server.cpu_ms() - before) / REQUESTS as f64
}

async fn list() {
    let server = filled(10_000);
    for (name, query, order) in [
        ("by id", "?limit=50", "id"),
        ("by a field", "?limit=50&sort=total:desc", "total is null, total desc, id"),
    ] {
        let ours = cpu_per_request(&server, &format!("{}{query}", records(&server))).await;
        let bare = bare::cpu_per_query(&server.database(), order, 0, REQUESTS).await;
        println!("CPU of a list of 50 of 10,000, {name}: {ours:.3} ms");
        println!("  the same rows through sqlx alone: {bare:.3} ms, ratio {:.2}", ours / bare);
    }
}

async fn deep() {
    let server = filled(1_000_000);
    let client = Client::new();
    let records = records(&server);
    let last = format!("{records}?limit=50&offset=999900");
    let last: Json = client.get(last).send().await.expect("it answers").json().await.expect("JSON");
    let cursor = last["pagination"]["nextCursor"].as_str().expect("50 more").to_owned();
    let first = cpu_per_request(&server, &format!("{records}?limit=50")).await;
    let deep = cpu_per_request(&server, &format!("{records}?limit=50&cursor={cursor}")).await;
    println!("CPU of the first 50 of 1,000,000: {first:.3} ms");
    println!("CPU of the last 50, by cursor: {deep:.3} ms, ratio {:.2}", deep / first);
}

async fn creates() {
    let plain = tempfile::tempdir().expect("there is a temporary folder");
    for round in 1..=3 {
        let (ours, cpu) = created().await;
        println!("creates from {CONNECTIONS} connections, round {round}: {ours:.0} a second");
        println!("  CPU of each: {cpu:.0} µs");
        let database = plain.path().join(format!("{round}.db"));
        compare("on a plain table", ours, &database);
        let mut server = Server::start(APP);
        server::end(&mut server.child);
        compare("on a file of ours, with its triggers", ours, &server.database());
    }
}

/// Shows a figure of ours beside that of the bare loop on this database.
fn compare(name: &str, ours: f64, database: &Path) {
    let (bare, cpu) = bare::Commits::start(database, CONNECTIONS, CREATES).finished();
    println!("  a bare loop that commits in groups, {name}: {bare:.0}, ratio {:.2}", ours / bare);
    println!("    CPU of each: {cpu:.0} µs");
}

/// How many records are created in a second, and CPU of each, in microseconds.
async fn created() -> (f64, f64) {
    let server = Server::start(APP);
    let before = server.cpu_ms();
    let rate = writers::create(&server.address, CONNECTIONS, CREATES).await;
    (rate, (server.cpu_ms() - before) * 1_000.0 / (CONNECTIONS * CREATES) as f64)
}

async fn export() {
    let server = filled(1_000_000);
    let before = server.resident_kb();
    let (mut most, mut bytes, mut pieces) = (before, 0, 0);
    let begin = Instant::now();
    let url = format!("{}.csv", records(&server));
    let mut answer = reqwest::get(url).await.expect("it answers");
    while let Some(piece) = answer.chunk().await.expect("it goes on") {
        bytes += piece.len();
        pieces += 1;
        if pieces % 100 == 0 {
            most = most.max(server.resident_kb());
        }
    }
    let seconds = begin.elapsed().as_secs_f64();
    println!("export of 1,000,000 records: {} MB in {seconds:.1} s", bytes / 1_000_000);
    println!("  memory at most {:.1} MB above {:.1} MB", (most - before) / 1024.0, before / 1024.0);
}
