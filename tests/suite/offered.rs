//! What rows offer is what their viewer may do there, on the page and in rows that are pushed.

use serde_json::{Value as Json, json};

use crate::server::{Client, Server, Socket};

const APP: &str = "
name: offered
tables:
  - name: tasks
    fields:
      - { name: title, type: single-line-text }
      - { name: owner, type: single-line-text }
      - { name: state, type: status, options: [open, done, kept] }
      - { name: sealed, type: checkbox }
      - { name: updatedAt, type: updated-at }
    permissions:
      read: all
      update: authenticated
      delete: authenticated
      fields: [{ field: sealed, read: [admin], write: [admin] }, { field: updatedAt, read: [admin] }]
      rows:
        update: [{ field: owner, operator: eq, value: $currentUser.id }, { field: state, operator: neq, value: kept }]
        delete: [{ field: sealed, operator: neq, value: true }]
pages:
  - name: Tasks
    path: /
    components:
      - type: dataTable
        id: tasks
        columns: [{ field: title, editable: true }, state]
        dataSource: { table: tasks, sort: [{ field: title }], refreshMode: realtime }
        rowActions:
          - { type: set, label: Finish, field: state, value: done }
          - { type: set, label: Keep, field: state, value: kept }
          - { type: delete }
        bulkActions: [{ type: set, label: Finish all, field: state, value: done }]
  - name: Read
    path: /read
    components:
      - { type: dataTable, id: read, columns: [title], dataSource: { table: tasks, refreshMode: realtime } }
";

async fn start() -> Server {
    let server = Server::start(APP).await;
    server.sql(
        "insert into tasks (title, owner, state, sealed) values ('a', 'ada', 'open', 0),
         ('b', 'bob', 'open', 0), ('c', 'ada', 'done', 1), ('d', 'ada', 'kept', 0)",
    );
    server
}

/// What a row offers: what is done at a press, whether it can be chosen and whether it can be edited.
fn offered(row: &str) -> String {
    let mut offers = Vec::new();
    for (sign, offer) in [
        (r#"value="row.0"#, "finish"),
        (r#"value="row.1"#, "keep"),
        (r#"value="row.2"#, "delete"),
        (r#"name="_record""#, "choose"),
    ] {
        if row.contains(sign) {
            offers.push(offer);
        }
    }
    if !row.contains("data-fixed") {
        offers.push("edit");
    }
    offers.join(" ")
}

async fn rows(client: &Client) -> Vec<String> {
    let (status, page) = client.get("/").await;
    assert_eq!(status, 200);
    page.as_str().unwrap().split("<tr data-id").skip(1).map(offered).collect()
}

#[tokio::test]
async fn each_row_offers_what_may_be_done_to_its_record() {
    let server = start().await;
    let (ada, bob) = (server.person("ada", "member"), server.person("bob", "member"));
    assert_eq!(rows(&ada).await, ["finish delete choose edit", "delete", "choose edit", "delete"]);
    assert_eq!(rows(&bob).await, ["delete", "finish delete choose edit", "", "delete"]);
    // Twice, so that neither gets what was kept for the other.
    assert_eq!(rows(&ada).await[0], "finish delete choose edit");
    let guest = server.guest().await.get("/").await.1;
    let guest = guest.as_str().unwrap();
    assert!(
        !guest.contains("_action") && !guest.contains("data-fixed") && !guest.contains("_record")
    );
}

async fn subscribe(client: &Client, component: &str, url: &str) -> Socket {
    let mut socket = client.open("/api/realtime/subscribe").await.unwrap();
    socket.send(json!({ "component": component, "url": url })).await;
    socket.next().await;
    socket
}

async fn next_row(socket: &mut Socket) -> String {
    let change: Json = socket.next().await;
    offered(change["html"].as_str().unwrap())
}

#[tokio::test]
async fn rows_that_are_pushed_offer_the_same() {
    let server = start().await;
    let (ada, bob) = (server.person("ada", "member"), server.person("bob", "member"));
    let mut of_ada = subscribe(&ada, "tasks", "/").await;
    let mut of_bob = subscribe(&bob, "tasks", "/").await;
    server.sql("update tasks set title = 'a2' where id = 1");
    assert_eq!(next_row(&mut of_ada).await, "finish delete choose edit");
    assert_eq!(next_row(&mut of_bob).await, "delete");
    // The owner is no column, and decides who may change the record.
    server.sql("update tasks set owner = 'bob' where id = 1");
    assert_eq!(next_row(&mut of_ada).await, "delete");
    assert_eq!(next_row(&mut of_bob).await, "finish delete choose edit");
    // Nobody of them may read this, and it decides whether they may delete.
    server.sql("update tasks set sealed = 1 where id = 1");
    let change: Json = of_ada.next().await;
    assert_eq!(offered(change["html"].as_str().unwrap()), "");
    assert!(!change.to_string().contains("sealed"), "{change}");
}

#[tokio::test]
async fn where_nothing_is_offered_a_hidden_change_is_no_change() {
    let server = start().await;
    let mut socket = subscribe(&server.person("ada", "member"), "read", "/read").await;
    server
        .sql("update tasks set sealed = 1 where id = 1; update tasks set title = 'z' where id = 2");
    assert_eq!(socket.next().await["record"]["id"], "2");
}

#[tokio::test]
async fn viewers_of_rows_that_no_rule_touches_share_them() {
    let server = start().await;
    let (ada, bob) = (server.person("ada", "member"), server.person("bob", "member"));
    let _one = subscribe(&ada, "read", "/read").await;
    let _other = subscribe(&bob, "read", "/read").await;
    assert_eq!(server.metric("pagetide_groups").await, 1.0);
    let _third = subscribe(&ada, "tasks", "/").await;
    let _fourth = subscribe(&bob, "tasks", "/").await;
    assert_eq!(server.metric("pagetide_groups").await, 3.0);
}

#[tokio::test]
async fn the_page_of_a_record_offers_admins_what_they_may_do_to_it() {
    let server = start().await;
    let admin = server.admin().await;
    for (id, may_delete) in [(1, true), (3, false)] {
        let (status, page) = admin.get(&format!("/admin/tables/tasks/{id}")).await;
        assert_eq!(status, 200);
        assert_eq!(page.as_str().unwrap().contains("Delete this record"), may_delete, "{id}");
    }
}
