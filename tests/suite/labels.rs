//! What records go by, at random: whoever applies what they are told ends with what the page shows.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use crate::oracle::dice::Dice;
use crate::server::{Client, Server, Socket, shape_of};

const APP: &str = "
name: labels
auth: { roles: [packer, clerk] }
tables:
  - name: orders
    fields:
      - { name: title, type: single-line-text }
      - { name: customer, type: relationship, table: customers, onDelete: setNull }
      - { name: also, type: relationship, table: customers, onDelete: cascade }
      - { name: updatedAt, type: updated-at }
    permissions: { read: all }
  - name: customers
    fields:
      - { name: name, type: single-line-text }
      - { name: region, type: single-line-text }
    permissions:
      read: [admin, packer, clerk]
      fields: [{ field: name, read: [admin, packer] }]
      rows: { read: [{ or: [{ field: region, operator: neq, value: secret }, { field: region, operator: eq, value: $currentUser.role }] }] }
pages:
  - name: Orders
    path: /
    access: all
    components:
      - id: rows
        type: dataTable
        columns: [title, customer, also]
        pagination: false
        pageSize: 200
        dataSource: { table: orders, filter: [{ field: title, operator: neq, value: hidden }], refreshMode: realtime }
";
const STEPS: u64 = 200;

/// Somebody who looks at the page and applies what they are told.
struct Onlooker {
    client: Client,
    socket: Socket,
    rows: BTreeMap<String, String>,
}

impl Onlooker {
    async fn new(client: Client) -> Self {
        let mut socket = client.open("/api/realtime/subscribe").await.unwrap();
        let (rows, since, shape) = read(&client).await;
        let handshake = json!({ "component": "rows", "url": "/", "since": since, "shape": shape });
        socket.send(handshake).await;
        Self { client, socket, rows }
    }

    /// Listens until a row has this title, and then is to see what the page shows.
    async fn meets(&mut self, title: &str) {
        while !self.rows.values().any(|row| row.contains(title)) {
            self.hear().await;
        }
        let (now, ..) = read(&self.client).await;
        assert_eq!(self.rows, now);
    }

    async fn hear(&mut self) {
        let told = self.socket.next().await;
        match (told["type"].as_str().unwrap(), told["event"].as_str()) {
            ("change", Some("delete")) => {
                self.rows.remove(&told["recordId"].to_string());
            }
            ("change", _) => {
                let id = told["record"]["id"].as_str().unwrap().to_owned();
                self.rows.insert(id, told["html"].as_str().unwrap().trim().to_owned());
            }
            ("resync", _) => self.rows = read(&self.client).await.0,
            ("subscribed" | "heartbeat", _) => {}
            _ => panic!("{told}"),
        }
    }
}

/// The rows that the page shows, and the position that they are of.
async fn read(client: &Client) -> (BTreeMap<String, String>, Json, String) {
    let (status, page) = client.get("/").await;
    assert_eq!(status, 200);
    let page = page.as_str().unwrap();
    let rows = page.split("<tr data-id=\"").skip(1).map(|row| {
        let row = row.split("</tr>").next().unwrap();
        let id = row.split('"').next().unwrap().to_owned();
        (id, format!("<tr data-id=\"{row}</tr>"))
    });
    let position = page.split("data-position=\"").nth(1).unwrap().split('"').next().unwrap();
    (rows.collect(), json!(position), shape_of(page, "rows"))
}

/// What another program does: now and then one that does not mind foreign keys.
fn step(dice: &mut Dice) -> String {
    let minds = if dice.one_in(3) { "" } else { "pragma foreign_keys = on;" };
    let many = 1 + dice.roll(3);
    let statements: String = (0..many).map(|_| statement(dice)).collect();
    format!("{minds} begin; {statements} commit;")
}

fn statement(dice: &mut Dice) -> String {
    let (customer, order) = (1 + dice.roll(5), 1 + dice.roll(8));
    let name = *dice.pick(&["'Ada'", "'Grace & <b>'", "''", "null", "'xyzzy'"]);
    let region = *dice.pick(&["'secret'", "'north'", "'packer'", "null"]);
    let field = *dice.pick(&["customer", "also"]);
    match dice.roll(16) {
        0..2 => format!(
            "insert or ignore into customers (id, name, region) values ({customer}, {name}, {region});"
        ),
        2..4 => format!("update customers set name = {name} where id = {customer};"),
        4 => format!("update customers set region = {region} where id = {customer};"),
        5 => format!("delete from customers where id = {customer};"),
        6..8 => format!(
            "insert or ignore into orders (id, title, {field}) select {order}, 'o', id from customers where id = {customer};"
        ),
        8 => format!("delete from orders where id = {order};"),
        9 => {
            let title = *dice.pick(&["'hidden'", "'seen'"]);
            format!("update orders set title = {title} where id = {order};")
        }
        _ => format!(
            "update orders set {field} = (select id from customers where id = {customer}) where id = {order};"
        ),
    }
}

#[tokio::test]
async fn whoever_listens_ends_with_what_the_page_shows() {
    let server = Server::start(APP).await;
    server.sql(
        "insert into customers (id, name, region) values (1, 'Ada', null), (2, 'xyzzy', 'secret');
         insert into orders (title, customer, also) values ('a', 1, 2), ('b', 2, 1)",
    );
    let clients = [
        server.admin().await,
        server.person("paul", "packer"),
        server.person("cleo", "clerk"),
        server.guest().await,
    ];
    server.sql("insert into orders (id, title) values (100, 'step')");
    let mut all = Vec::new();
    for client in clients {
        all.push(Onlooker::new(client).await);
    }
    let mut dice = Dice(20260405);
    for nth in 0..STEPS {
        server.sql(&step(&mut dice));
        server.sql(&format!("update orders set title = 'step {nth}.' where id = 100"));
        for onlooker in &mut all {
            onlooker.meets(&format!("step {nth}.")).await;
        }
    }
}
