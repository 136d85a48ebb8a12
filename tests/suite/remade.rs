//! Tables are made anew by other programs, as SQLite's manual says and many tools do, and triggers are
//! dropped with them. What is told live and what pages show is what is there all the same.

use reqwest::Method;
use serde_json::Value as Json;

use crate::server::{self, Client, Server, Socket};

const APP: &str = "
name: remade
tables:
  - name: plain
    fields:
      - { name: code, type: single-line-text }
      - { name: rank, type: integer }
    permissions: { read: all, create: all }
pages:
  - name: Plain
    path: /
    access: all
    components: [{ type: dataTable, dataSource: { table: plain, refreshMode: realtime } }]
";
const SUBSCRIBE: &str = "/api/tables/plain/subscribe";

async fn listen(client: &Client) -> Socket {
    let mut socket = client.open(SUBSCRIBE).await.unwrap();
    assert_eq!(socket.next().await["type"], "subscribed");
    socket
}

async fn until(socket: &mut Socket, is_it: impl Fn(&Json) -> bool) -> Json {
    loop {
        let message = socket.next().await;
        if is_it(&message) {
            return message;
        }
    }
}

async fn told(socket: &mut Socket, code: &str) {
    until(socket, |message| message["record"]["fields"]["code"] == code).await;
}

async fn page_shows(client: &Client, shown: &str, is_shown: bool) {
    server::until("the page to show what is there", async || {
        let (_, page) = client.get("/").await;
        (page.as_str().unwrap().contains(shown) == is_shown).then_some(())
    })
    .await;
}

async fn turned(client: &Client, status: u16) {
    let turned = async || (client.get("/readyz").await.0 == status).then_some(());
    server::until("the server to turn", turned).await;
}

/// The statement that made the table, for one of another name.
fn made_as(server: &Server, name: &str) -> String {
    let sql = server.sql("select sql from sqlite_master where name = 'plain' and type = 'table'");
    sql.replacen("\"plain\"", &format!("\"{name}\""), 1)
}

#[tokio::test]
async fn a_table_that_takes_its_own_place_is_told_and_shown_as_before() {
    let server = Server::start(APP).await;
    let guest = server.guest().await;
    let mut socket = listen(&guest).await;
    server.sql("insert into plain (code) values ('first')");
    told(&mut socket, "first").await;
    page_shows(&guest, "first", true).await;
    let (_, list) = guest.get("/api/tables/plain/records").await;
    let made = made_as(&server, "plain_new");
    server.sql(&format!(
        "pragma foreign_keys = off; begin; {made};
         insert into plain_new select * from plain; drop table plain;
         alter table plain_new rename to plain; commit;
         insert into plain (code) values ('unlogged')"
    ));
    until(&mut socket, |message| message["type"] == "resync").await;
    page_shows(&guest, "unlogged", true).await;
    server.sql("insert into plain (code) values ('told')");
    told(&mut socket, "told").await;
    // Nobody who was away can have heard of it.
    let since = list["position"].as_str().unwrap();
    let mut late = guest.open(&format!("{SUBSCRIBE}?since={since}")).await.unwrap();
    until(&mut late, |message| message["type"] == "resync").await;
    turned(&guest, 200).await;
}

#[tokio::test]
async fn a_table_that_is_dropped_makes_the_server_not_ready_until_there_is_one() {
    let server = Server::start(APP).await;
    let guest = server.guest().await;
    server.sql("insert into plain (code) values ('first')");
    page_shows(&guest, "first", true).await;
    let mut socket = listen(&guest).await;
    let made = made_as(&server, "plain");
    server.sql("drop table plain");
    turned(&guest, 503).await;
    server.sql(&made);
    turned(&guest, 200).await;
    until(&mut socket, |message| message["type"] == "resync").await;
    page_shows(&guest, "first", false).await;
    server.sql("insert into plain (code) values ('told')");
    told(&mut socket, "told").await;
}

#[tokio::test]
async fn triggers_that_were_dropped_are_made_again() {
    let mut server = Server::start(APP).await;
    let guest = server.guest().await;
    let mut socket = listen(&guest).await;
    let drops = "select group_concat('drop trigger \"' || name || '\";', ' ') from sqlite_master
                 where type = 'trigger' and tbl_name = 'plain'";
    let drops = server.sql(drops);
    server.sql(&format!("{drops} insert into plain (code) values ('unlogged')"));
    until(&mut socket, |message| message["type"] == "resync").await;
    page_shows(&guest, "unlogged", true).await;
    server.sql("insert into plain (code) values ('told')");
    told(&mut socket, "told").await;
    // The same while nobody serves it.
    let (_, list) = guest.get("/api/tables/plain/records").await;
    server.stop().await;
    server.sql(&format!("{drops} insert into plain (code) values ('away')"));
    server.restart().await;
    let guest = server.guest().await;
    let since = list["position"].as_str().unwrap();
    let mut late = guest.open(&format!("{SUBSCRIBE}?since={since}")).await.unwrap();
    until(&mut late, |message| message["type"] == "resync").await;
}

#[tokio::test]
async fn an_index_and_a_column_of_ones_own_disturb_nobody() {
    let server = Server::start(APP).await;
    let guest = server.guest().await;
    let mut socket = listen(&guest).await;
    server.sql("alter table plain add column extra text; create index mine on plain (rank)");
    server.sql("insert into plain (code) values ('told')");
    let first = socket.next().await;
    assert_eq!(first["record"]["fields"]["code"], "told", "{first}");
    turned(&guest, 200).await;
    let body = Some(serde_json::json!({ "fields": { "code": "written" } }));
    assert_eq!(guest.send(Method::POST, "/api/tables/plain/records", body).await.0, 201);
}

#[tokio::test]
async fn rows_that_an_index_of_ones_own_replaces_are_told() {
    let server = Server::start(APP).await;
    let guest = server.guest().await;
    server.sql("create unique index mine on plain (code collate nocase, rank)");
    server.sql("insert into plain (id, code, rank) values (1, 'a', 1), (2, 'b', 1)");
    turned(&guest, 200).await;
    let holds =
        "select count(*) from sqlite_master where type = 'trigger' and sql like '%collate nocase%'";
    server::until("the index to be noticed", async || (server.sql(holds) != "0").then_some(()))
        .await;
    let mut socket = listen(&guest).await;
    server.sql("insert or replace into plain (id, code, rank) values (3, 'A', 1)");
    let gone = until(&mut socket, |message| message["event"] == "delete").await;
    assert_eq!(gone["recordId"], 1);
    server.sql("update or replace plain set code = 'B' where id = 3");
    let gone = until(&mut socket, |message| message["event"] == "delete").await;
    assert_eq!(gone["recordId"], 2);
}
