//! The live side: deliveries, memory, latencies, polls, stuck readers, a stampede.
//!
//! `cargo bench --bench fanout` runs the release program and prints what docs/benchmarks.md holds;
//! `cargo bench --bench fanout -- memory polls` runs only these parts. Server, clients and bare
//! limits are processes of their own, and ours and the limit are measured in turn.

use std::time::Duration;

use serde_json::json;

use bare::Loop;
use crowd::{Crowd, Order};
use quantiles::quantiles;
use server::{Outside, Server, now_ms};

#[path = "../crowd/mod.rs"]
mod crowd;
#[path = "../server/mod.rs"]
mod server;

#[path = "../quantiles/mod.rs"]
mod quantiles;

mod bare;
mod requests;

const ROUNDS: usize = 15;
const BURST: usize = 16;
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
    permissions: { read: all, create: all, update: all }
pages:
  - name: Orders
    path: /
    components:
      - type: dataTable
        id: newest
        pageSize: 50
        dataSource: { table: orders, sort: [{ field: createdAt, direction: desc }], refreshMode: realtime }
      - type: dataTable
        id: open
        dataSource: { table: orders, filter: [{ field: status, operator: eq, value: open }], refreshMode: realtime }
      - type: dataTable
        id: done
        dataSource: { table: orders, filter: [{ field: status, operator: eq, value: done }], refreshMode: realtime }
";
const FILL: &str = "with recursive n(i) as (select 1 union all select i + 1 from n where i < 1000)
    insert into orders (customer, total) select 'Ada Lovelace', 12.5 from n";
/// What the parts are called on the command line.
const PARTS: [&str; 6] = ["deliveries", "memory", "latency", "polls", "stuck", "stampede"];

fn main() {
    if !bare::bare() {
        let thread = tokio::runtime::Builder::new_current_thread().enable_all().build();
        thread.expect("a thread").block_on(measure());
    }
}

async fn measure() {
    if server::outside_program().await || crowd::crowd().await {
        return;
    }
    let asked: Vec<_> = std::env::args().filter(|arg| PARTS.contains(&arg.as_str())).collect();
    for part in PARTS.iter().filter(|part| asked.is_empty() || asked.iter().any(|a| a == *part)) {
        match *part {
            "deliveries" => [1_000, 10_000].into_iter().for_each(deliveries),
            "memory" => memory(10_000),
            "latency" => requests::latency(500).await,
            "polls" => requests::polls().await,
            "stuck" => stuck(2_000, 5_000),
            _ => stampede(1_000),
        }
    }
}

/// A server with a thousand orders, and another program.
fn filled() -> (Server, Outside) {
    let server = Server::start(APP);
    let mut outside = Outside::start(&server.database());
    outside.run(&FILL.replace('\n', " "));
    (server, outside)
}

/// Opens WebSockets that hear these.
fn listeners(server: &Server, count: usize, handshakes: Vec<Vec<String>>) -> Crowd {
    let mut crowd = Crowd::gather();
    crowd.order(&Order::Open { address: server.address.clone(), count });
    crowd.order(&Order::Subscribe(handshakes));
    crowd.order(&Order::Read);
    crowd
}

fn all_orders() -> Vec<Vec<String>> {
    vec![vec![json!({ "table": "orders" }).to_string()]]
}

/// Changes so many orders in one transaction.
fn change(count: usize) -> String {
    format!("update orders set total = total + 1 where id <= {count}")
}

/// How many messages a second reach a crowd, from the commit to the last of them.
fn deliveries(count: usize) {
    let (server, mut outside) = filled();
    let mut ours = listeners(&server, count, all_orders());
    let mut bare = Loop::start(count);
    let mut theirs = Crowd::gather();
    theirs.order(&Order::Plain { address: bare.address.clone(), count });
    theirs.order(&Order::Read);
    bare.is_full();
    for burst in [1, BURST] {
        let (mut rates, mut limits, mut cpu) = (Vec::new(), Vec::new(), Vec::new());
        let (mut ends, mut limit_ends) = (Vec::new(), Vec::new());
        // From the first to the last: how soon the first comes is what `latency` measures.
        let rate = |at: &[f64]| {
            let (first, last) = (at.first().expect("one came"), at.last().expect("one came"));
            (at.len() - 1) as f64 / (last - first) * 1_000.0
        };
        for _ in 0..ROUNDS {
            let before = server.cpu_ms();
            ours.begin(&Order::Expect(count * burst));
            let committed = outside.run(&change(burst));
            let heard = ours.heard();
            rates.push(rate(&heard.at));
            ends.push(heard.at.last().expect("something came") - committed);
            cpu.push(server.cpu_ms() - before);
            theirs.begin(&Order::Expect(count * burst));
            let began = bare.send(burst, heard.frame);
            let at = theirs.heard().at;
            limits.push(rate(&at));
            limit_ends.push(at.last().expect("something came") - began);
        }
        let (ours, limit) = (quantiles(rates).0, quantiles(limits).0);
        let cpu = cpu.iter().sum::<f64>() / (ROUNDS * count) as f64 * 1_000.0;
        println!(
            "{count} subscribers, {burst} at once: {ours:.0} deliveries/s, bare loop {limit:.0}/s, \
             ratio {:.2}; server CPU {cpu:.1} µs a subscriber and round",
            ours / limit,
        );
        let (end, limit_end) = (quantiles(ends).0, quantiles(limit_ends).0);
        println!("… from the commit to the last of them {end:.1} ms, bare loop {limit_end:.1} ms");
    }
}

/// What a WebSocket that nothing happens on holds in memory.
fn memory(count: usize) {
    let (server, _outside) = filled();
    let before = server.resident_kb();
    let mut crowd = Crowd::gather();
    crowd.order(&Order::Open { address: server.address.clone(), count });
    let each = |now: f64, before: f64| (now - before) / count as f64;
    let open = server.resident_kb();
    println!("{count} WebSockets: {:.2} KB each", each(open, before));
    crowd.order(&Order::Subscribe(all_orders()));
    let subscribed = server.resident_kb();
    println!("… with one subscription: {:.2} KB each", each(subscribed, before));
    let before = server.cpu_ms();
    std::thread::sleep(Duration::from_secs(10));
    println!("… CPU while nothing happens: {:.2} %", (server.cpu_ms() - before) / 100.0);
    let mut bare = Loop::start(count);
    let before = bare.resident_kb();
    let mut plain = Crowd::gather();
    plain.order(&Order::Plain { address: bare.address.clone(), count });
    bare.is_full();
    println!("… in the bare loop: {:.2} KB each", each(bare.resident_kb(), before));
}

/// Readers that never read, and others that must not notice.
fn stuck(count: usize, changes: usize) {
    const OTHERS: usize = 20;
    let (server, mut outside) = filled();
    let mut stuck = Crowd::gather();
    stuck.order(&Order::Open { address: server.address.clone(), count });
    stuck.order(&Order::Ignore);
    stuck.order(&Order::Subscribe(all_orders()));
    let mut others = listeners(&server, OTHERS, all_orders());
    let before = server.resident_kb();
    others.begin(&Order::Expect(OTHERS * changes));
    for _ in 0..changes / 10 {
        outside.run(&change(10));
    }
    let heard = others.heard();
    let grown = (server.resident_kb() - before) / count as f64;
    println!("{count} readers that never read, {changes} changes: {grown:.1} KB each");
    println!("… {OTHERS} others heard {} of {}", heard.at.len(), OTHERS * changes);
    println!("… and had to read again {} times", heard.resyncs);
}

/// Ends the program as a crash would, and starts it again on the same data.
fn crash(server: &mut Server) {
    server::end(&mut server.child);
    (server.child, server.address) = server::run(server.folder.path());
}

/// Everyone comes back at once after a crash, each with three components since the last position.
fn stampede(count: usize) {
    const MISSED: usize = 200;
    let (mut server, mut outside) = filled();
    let mut rounds: Vec<(f64, f64, f64, f64)> = Vec::new();
    for _ in 0..5 {
        let (since, _) = requests::position(&server.address);
        outside.run(&change(MISSED));
        crash(&mut server);
        let mut crowd = Crowd::gather();
        let bare = server.cpu_ms();
        let began = now_ms();
        crowd.order(&Order::Open { address: server.address.clone(), count });
        let (open, cpu) = (now_ms() - began, server.cpu_ms() - bare);
        let components = ["newest", "open", "done"].map(|component| {
            let handshake = json!({
                "component": component, "url": "/", "subscriptionId": component, "since": since,
                "shape": requests::shape(&server.address, component),
            });
            handshake.to_string()
        });
        let (began, before) = (now_ms(), server.cpu_ms());
        crowd.order(&Order::Subscribe(vec![components.to_vec()]));
        rounds.push((open, cpu, now_ms() - began, server.cpu_ms() - before));
        crowd.order(&Order::Leave);
    }
    let of =
        |pick: fn(&(f64, f64, f64, f64)) -> f64| quantiles(rounds.iter().map(pick).collect()).0;
    println!(
        "{count} come back at once: open after {:.0} ms (CPU {:.0} ms), three components each live \
         {:.0} ms later (CPU {:.0} ms), {MISSED} changes missed",
        of(|round| round.0),
        of(|round| round.1),
        of(|round| round.2),
        of(|round| round.3),
    );
}
