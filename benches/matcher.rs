//! What a change costs as subscriptions grow that it does not concern.
//!
//! `cargo bench --bench matcher` runs the release program and prints what docs/benchmarks.md holds:
//! the server's CPU per change of another program, beside that with nobody listening.

use serde_json::json;

use crowd::{Crowd, Order};
use server::{Outside, Server};

#[path = "crowd/mod.rs"]
mod crowd;
#[path = "server/mod.rs"]
mod server;

/// How many subscriptions one connection may hold.
const PER_SOCKET: usize = 100;
const CHANGES: usize = 2_000;
const ROUNDS: usize = 20;
const APP: &str = "
name: bench
tables:
  - name: orders
    fields:
      - { name: customer, type: single-line-text, required: true }
      - { name: total, type: currency, currency: EUR }
      - { name: updatedAt, type: updated-at }
    permissions: { read: all }
pages:
  - name: Orders
    path: /
    components: [{ type: dataTable, dataSource: { table: orders } }]
";

#[tokio::main(flavor = "current_thread")]
async fn main() {
    if server::outside_program().await || crowd::crowd().await {
        return;
    }
    let server = Server::start(APP);
    let mut outside = Outside::start(&server.database());
    outside.run("insert into orders (customer, total) values ('Ada Lovelace', 12.5)");
    // Somebody must hear the changes, or nobody could tell when they are dealt with.
    let mut witness = listener(&server, 1, vec![vec![json!({ "table": "orders" }).to_string()]]);
    let mut crowds = Vec::new();
    let mut subscriptions = 0;
    let bare = cost(&server, &mut outside, &mut witness);
    println!("nobody else listens: {bare:.1} µs a change");
    for wanted in [100, 1_000, 10_000, 100_000] {
        let before = server.resident_kb();
        let more = wanted - subscriptions;
        let handshakes = (0..more / PER_SOCKET).map(|socket| {
            let of_socket = (0..PER_SOCKET).map(|nth| {
                let name = subscriptions + socket * PER_SOCKET + nth;
                let filter = json!([{
                    "field": "customer", "operator": "eq", "value": format!("customer {name}"),
                }]);
                json!({ "table": "orders", "subscriptionId": nth.to_string(), "filter": filter })
                    .to_string()
            });
            of_socket.collect()
        });
        let handshakes = handshakes.collect();
        crowds.push(listener(&server, more / PER_SOCKET, handshakes));
        subscriptions = wanted;
        let memory = (server.resident_kb() - before) / more as f64;
        let cost = cost(&server, &mut outside, &mut witness);
        println!(
            "{wanted} subscriptions that do not match: {cost:.1} µs a change, ratio {:.2}; \
             {memory:.2} KB a subscription",
            cost / bare,
        );
    }
}

fn listener(server: &Server, count: usize, handshakes: Vec<Vec<String>>) -> Crowd {
    let mut crowd = Crowd::gather();
    crowd.order(&Order::Open { address: server.address.clone(), count });
    crowd.order(&Order::Subscribe(handshakes));
    crowd.order(&Order::Read);
    crowd
}

/// The server's CPU per change, in microseconds.
fn cost(server: &Server, outside: &mut Outside, witness: &mut Crowd) -> f64 {
    let many = format!(
        "with recursive n(i) as (select 1 union all select i + 1 from n where i < {CHANGES})
         insert into orders (customer, total) select 'Grace Hopper', i from n"
    );
    let many = many.replace('\n', " ");
    // The system counts by hundredths of a second, so the rounds are counted together.
    let before = server.cpu_ms();
    for _ in 0..ROUNDS {
        witness.begin(&Order::Expect(CHANGES));
        outside.run(&many);
        witness.heard();
    }
    (server.cpu_ms() - before) / (ROUNDS * CHANGES) as f64 * 1_000.0
}
