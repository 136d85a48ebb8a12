//! Triggers of the owner's run beside ours, before and after them: the last word told is what is there.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::Value as Json;

use crate::server::{Client, Server, Socket};

fn app(updated_at: &str) -> String {
    format!(
        "
name: raced
tables:
  - name: orders
    fields:
      - {{ name: customer, type: single-line-text }}
      - {{ name: total, type: integer }}
      - {{ name: code, type: single-line-text, unique: true }}
      {updated_at}
    permissions: {{ read: all }}
  - name: marks
    fields: [{{ name: words, type: single-line-text }}]
    permissions: {{ read: all, create: all }}
pages: [{{ name: Home, path: /, access: all, components: [] }}]
"
    )
}

/// What one who applies all messages holds.
struct Held {
    socket: Socket,
    rows: BTreeMap<String, Json>,
}

impl Held {
    async fn of(client: &Client, filter: &str) -> Self {
        let mut socket = client.open("/api/realtime/subscribe").await.unwrap();
        let filter: Json = serde_json::from_str(filter).unwrap();
        socket.send(serde_json::json!({ "table": "orders", "filter": filter })).await;
        socket.send(serde_json::json!({ "table": "marks" })).await;
        for _ in 0..2 {
            let message = socket.next().await;
            assert_eq!(message["type"], "subscribed", "{message}");
        }
        Self { socket, rows: BTreeMap::new() }
    }

    /// Hears everything up to a mark.
    async fn hear(&mut self, mark: &str) {
        loop {
            let message = self.socket.next().await;
            if message["table"] == "marks" {
                assert_eq!(message["record"]["fields"]["words"], mark);
                return;
            }
            match message["event"].as_str() {
                Some("delete") => drop(self.rows.remove(&message["recordId"].to_string())),
                Some(_) => {
                    let id = message["record"]["id"].as_str().unwrap().to_owned();
                    let fields = &message["record"]["fields"];
                    let row =
                        serde_json::json!([fields["customer"], fields["total"], fields["code"]]);
                    self.rows.insert(id, row);
                }
                None => panic!("{message}"),
            }
        }
    }
}

/// Runs a statement that the owner's own trigger may make impossible; then nothing happens.
fn attempt(server: &Server, statement: &str) {
    let ran = Command::new("sqlite3")
        .args(["-cmd", ".timeout 5000"])
        .arg(server.database())
        .arg(statement)
        .output();
    assert!(ran.is_ok());
}

fn truth(server: &Server, condition: &str) -> BTreeMap<String, Json> {
    let rows = server.sql(&format!(
        "select id || '|' || json_array(customer, total, code) from orders where {condition}"
    ));
    let row = |line: &str| {
        let (id, row) = line.split_once('|').unwrap();
        (id.to_owned(), serde_json::from_str(row).unwrap())
    };
    rows.lines().map(row).collect()
}

const OWNERS: [&str; 5] = [
    "create trigger u after insert on orders begin
       update orders set customer = upper(customer) where id = new.id; end",
    "create trigger u after update on orders when new.total is not length(new.customer) begin
       update orders set total = length(customer) where id = new.id; end",
    "create trigger u after update of total on orders when new.total > 100 begin
       update orders set total = 100 where id = new.id; end",
    "create trigger u after insert on orders when new.total = 7 begin
       delete from orders where id = new.id; end",
    "create trigger u after delete on orders begin
       insert into orders (id, customer, total) values (old.id, 'back', 1); end",
];

const STATEMENTS: [&str; 7] = [
    "insert into orders (id, customer, total, code) values (1, 'lower', 5, 'a'), (2, 'x', 7, 'b')",
    "update orders set total = 500, customer = 'changed' where id = 1",
    "update orders set total = 7",
    "insert or replace into orders (id, customer, total, code) values (3, 'three', 8, 'a')",
    "update or replace orders set code = 'c'",
    "update or replace orders set id = 9 where id = (select min(id) from orders)",
    "delete from orders",
];

#[tokio::test]
async fn the_last_word_told_is_what_is_there_whatever_triggers_run_beside_ours() {
    for updated_at in ["", "- { name: changedAt, type: updated-at }"] {
        let mut server = Server::start(&app(updated_at)).await;
        // Made after ours, and, once the server has made its own anew, before them.
        for owner in OWNERS {
            server.sql(owner);
            for recursive in ["off", "on"] {
                let guest = server.guest().await;
                let all = Held::of(&guest, "[]").await;
                let filter = r#"[{ "field": "total", "operator": "gte", "value": 6 }]"#;
                let mut listeners = [(all, "1"), (Held::of(&guest, filter).await, "total >= 6")];
                for (step, statement) in STATEMENTS.iter().enumerate() {
                    attempt(
                        &server,
                        &format!("pragma recursive_triggers = {recursive}; {statement}"),
                    );
                    server.sql(&format!("insert into marks (words) values ('{step}')"));
                    for (held, condition) in &mut listeners {
                        held.hear(&step.to_string()).await;
                        assert_eq!(
                            held.rows,
                            truth(&server, condition),
                            "where {condition}, after {statement}, beside {owner}, {recursive}"
                        );
                    }
                }
                let left = "drop trigger u; delete from orders;";
                server.sql(&format!("{left} {owner}"));
            }
            server.sql("drop trigger u");
            server.restart().await;
        }
    }
}

#[tokio::test]
async fn rows_that_an_update_replaces_are_told() {
    let server = Server::start(&app("")).await;
    let guest = server.guest().await;
    let mut held = Held::of(&guest, "[]").await;
    let mut step = 0;
    for statement in [
        "insert into orders (id, code) values (1, 'A'), (2, 'B'), (3, 'C'), (4, 'D')",
        "update or replace orders set code = 'A' where id = 2",
        "update or replace orders set id = 3 where id = 2",
        "update or replace orders set code = 'E'",
    ] {
        server.sql(statement);
        step += 1;
        server.sql(&format!("insert into marks (words) values ('{step}')"));
        held.hear(&step.to_string()).await;
        assert_eq!(held.rows, truth(&server, "1"), "{statement}");
    }
    assert_eq!(held.rows.len(), 1);
}
