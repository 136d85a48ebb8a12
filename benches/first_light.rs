//! How soon another program's commit reaches a browser, what a page costs, what an idle server holds.
//!
//! `cargo bench --bench first_light` runs the release program and prints what docs/benchmarks.md
//! holds. Each figure stands beside a floor measured in the same run.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use futures_util::StreamExt;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection, SqliteConnection};
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

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
    if let Some(database) = std::env::args().skip_while(|arg| arg != "--outside-program").nth(1) {
        return outside_program(&database).await;
    }
    let folder = tempfile::tempdir().expect("there is a temporary folder");
    std::fs::write(folder.path().join("app.yaml"), APP).expect("it can be written to");
    let server = Server::start(folder.path());
    println!("idle server: {:.1} MB resident", server.resident_mb());
    commit_to_message(&server, folder.path()).await;
    cost_of_a_page(&server, folder.path()).await;
    println!("after all that: {:.1} MB resident", server.resident_mb());
}

/// The release program with an app.
struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn start(app: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_pagetide"))
            .args(["serve", "--listen", "127.0.0.1:0", "--database", "data.db"])
            .current_dir(app)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("it is piped");
        BufReader::new(stdout).read_line(&mut line).expect("it says where it is");
        let address = line.trim().rsplit("http://").next().unwrap_or_default().to_owned();
        Self { child, address }
    }

    fn resident_mb(&self) -> f64 {
        let status = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(status).expect("Linux tells");
        let line = status.lines().find(|line| line.starts_with("VmRSS")).expect("it does");
        let kilobytes = line.split_whitespace().nth(1).and_then(|text| text.parse::<f64>().ok());
        kilobytes.expect("it is a number") / 1024.0
    }

    /// User and system time so far, in milliseconds.
    fn cpu_ms(&self) -> f64 {
        const MS_PER_TICK: f64 = 10.0;
        let stat = format!("/proc/{}/stat", self.child.id());
        let stat = std::fs::read_to_string(stat).expect("Linux tells");
        let after_name = stat.rsplit(')').next().unwrap_or_default();
        let ticks = after_name.split_whitespace().skip(11).take(2);
        ticks.filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() * MS_PER_TICK
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It is ours, and this is the end of it either way.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// From a commit by another process to the WebSocket message; beside it, to the first read that
/// sees the row by somebody who does nothing but look.
async fn commit_to_message(server: &Server, folder: &Path) {
    let database = folder.join("data.db");
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
    let mut looking = SqliteConnection::connect_with(&options(&database).read_only(true))
        .await
        .expect("it can be read");
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
async fn cost_of_a_page(server: &Server, folder: &Path) {
    let floor = cpu_per_request(server, "/healthz", None).await;
    let kept = cpu_per_request(server, "/", None).await;
    let mut outside = Outside::start(&folder.join("data.db"));
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

/// Another process that does to the database what it is told.
struct Outside {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Outside {
    fn start(database: &Path) -> Self {
        let program = std::env::current_exe().expect("a program has a file");
        let mut child = Command::new(program)
            .arg("--outside-program")
            .arg(database)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let stdin = child.stdin.take().expect("it is piped");
        let stdout = BufReader::new(child.stdout.take().expect("it is piped"));
        Self { child, stdin, stdout }
    }

    /// Runs one line of SQL and says when it was committed.
    fn run(&mut self, sql: &str) -> f64 {
        writeln!(self.stdin, "{sql}").expect("it listens");
        let mut line = String::new();
        self.stdout.read_line(&mut line).expect("it answers");
        line.trim().parse().expect("it is a time")
    }
}

impl Drop for Outside {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn outside_program(database: &str) {
    let mut connection = SqliteConnection::connect_with(&options(Path::new(database)))
        .await
        .expect("the database opens");
    for line in std::io::stdin().lines() {
        let sql = sqlx::AssertSqlSafe(line.expect("the bench is there"));
        sqlx::query(sql).execute(&mut connection).await.expect("it can be written");
        println!("{}", now_ms());
    }
}

fn options(database: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new().filename(database)
}

fn now_ms() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970");
    since.as_secs_f64() * 1_000.0
}

/// The median and the 99th percentile.
fn quantiles(mut times: Vec<f64>) -> (f64, f64) {
    times.sort_by(f64::total_cmp);
    (times[times.len() / 2], times[times.len() * 99 / 100])
}
