//! Rules about rows: a record that a viewer may not read is nowhere, on no page, in no answer, on no
//! stream.

use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::server::{Client, Server};

/// Everyone signed in sees what they own, and packers nothing that is secret.
const APP: &str = "
name: rows
auth: { roles: [packer] }
tables:
  - name: tasks
    fields:
      - { name: title, type: single-line-text, required: true }
      - { name: owner, type: single-line-text }
      - { name: maker, type: created-by }
      - { name: updatedAt, type: updated-at }
    permissions:
      read: all
      create: authenticated
      update: authenticated
      delete: authenticated
      rows:
        read:
          - or:
              - { field: owner, operator: eq, value: $currentUser.id }
              - { field: maker, operator: eq, value: $currentUser.id }
              - { field: owner, operator: eq, value: everyone }
pages:
  - name: Tasks
    path: /
    components:
      - type: dataTable
        id: tasks
        dataSource:
          table: tasks
          sort: [{ field: title, direction: asc }]
          refreshMode: realtime
";
const LIST: &str = "/api/tables/tasks/records";

async fn start() -> (Server, Client, Client, Client) {
    let server = Server::start(APP).await;
    server.sql(
        "insert into tasks (title, owner) values ('for ada', 'ada'), ('for bob', 'bob'), ('for all', 'everyone')",
    );
    let (ada, bob) = (server.person("ada", "member"), server.person("bob", "member"));
    let guest = server.guest().await;
    (server, ada, bob, guest)
}

async fn titles(client: &Client, query: &str) -> Vec<String> {
    let (status, list) = client.get(&format!("{LIST}?sort=title{query}")).await;
    assert_eq!(status, 200, "{list}");
    let records = list["records"].as_array().unwrap();
    assert_eq!(list["pagination"]["total"], records.len());
    records.iter().map(|record| record["fields"]["title"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn lists_and_their_totals_hold_what_the_viewer_may_read() {
    let (_server, ada, bob, guest) = start().await;
    assert_eq!(titles(&ada, "").await, ["for ada", "for all"]);
    assert_eq!(titles(&bob, "").await, ["for all", "for bob"]);
    assert_eq!(titles(&guest, "").await, ["for all"]);
    // No filter of a viewer's own opens the rule.
    let filter = r#"&filter={"or":[{"field":"title","operator":"isNotEmpty"}]}"#;
    assert_eq!(titles(&guest, filter).await, ["for all"]);
    assert_eq!(titles(&ada, "&filter=owner:eq:bob").await, [""; 0]);
    // The same words serve everyone.
    assert_eq!(titles(&bob, "&filter=owner:eq:$currentUser.id").await, ["for bob"]);
    assert_eq!(titles(&guest, "&filter=owner:eq:$currentUser.id").await, [""; 0]);
}

#[tokio::test]
async fn a_record_out_of_sight_is_as_missing_as_one_that_is_not_there() {
    let (server, ada, bob, _guest) = start().await;
    let nothing = ada.get(&format!("{LIST}/99")).await;
    assert_eq!(nothing.0, 404);
    assert_eq!(ada.get(&format!("{LIST}/2")).await, nothing);
    let patch = || Some(json!({ "fields": { "title": "mine" } }));
    assert_eq!(ada.send(Method::PATCH, &format!("{LIST}/2"), patch()).await, nothing);
    let stale = json!({ "fields": { "title": "mine" }, "updatedAt": "2020-01-01T00:00:00.000Z" });
    assert_eq!(ada.send(Method::PATCH, &format!("{LIST}/2"), Some(stale)).await, nothing);
    assert_eq!(ada.send(Method::DELETE, &format!("{LIST}/2"), None).await, nothing);
    assert_eq!(server.sql("select title from tasks where id = 2"), "for bob");
    assert_eq!(bob.send(Method::PATCH, &format!("{LIST}/2"), patch()).await.0, 200);
    assert_eq!(bob.send(Method::DELETE, &format!("{LIST}/2"), None).await.0, 200);
}

#[tokio::test]
async fn pages_are_kept_apart_for_those_who_see_other_rows() {
    let (_server, ada, bob, guest) = start().await;
    for _ in 0..2 {
        for (client, sees, hides) in [
            (&ada, "for ada", "for bob"),
            (&bob, "for bob", "for ada"),
            (&guest, "for all", "for bob"),
        ] {
            for path in ["/", "/api/fragments?url=/&component=tasks"] {
                let (_, html) = client.get(path).await;
                let html = html.as_str().unwrap();
                assert!(html.contains(sees) && html.contains("for all"), "{path}");
                assert!(!html.contains(hides), "{path}");
            }
        }
    }
}

#[tokio::test]
async fn whoever_makes_a_record_may_read_it() {
    let (_server, ada, bob, _guest) = start().await;
    let body = json!({ "fields": { "title": "by ada", "owner": "carol" } });
    let (status, made) = ada.send(Method::POST, LIST, Some(body)).await;
    assert_eq!(status, 201, "{made}");
    assert_eq!(titles(&ada, "").await, ["by ada", "for ada", "for all"]);
    assert_eq!(titles(&bob, "").await, ["for all", "for bob"]);
}

#[tokio::test]
async fn a_row_comes_and_goes_with_the_right_to_read_it() {
    let (server, ada, bob, guest) = start().await;
    let mut sockets = Vec::new();
    for client in [&ada, &bob, &guest] {
        let mut socket = client.open("/api/tables/tasks/subscribe").await.unwrap();
        assert_eq!(socket.next().await["type"], "subscribed");
        sockets.push(socket);
    }
    server.sql("update tasks set owner = 'bob', title = 'secret' where id = 1");
    let gone = sockets[0].next().await;
    assert_eq!((&gone["event"], &gone["transition"]), (&json!("delete"), &json!("leave")));
    assert_eq!((&gone["recordId"], &gone["record"]), (&json!(1), &Json::Null));
    assert!(!gone.to_string().contains("secret"));
    let come = sockets[1].next().await;
    assert_eq!((&come["event"], &come["transition"]), (&json!("insert"), &json!("enter")));
    assert_eq!(come["record"]["fields"]["title"], "secret");
    // Nobody else hears of it, nor of its end; what everyone sees, they all hear.
    server.sql("delete from tasks where id = 1; update tasks set title = 'news' where id = 3");
    assert_eq!(sockets[1].next().await["event"], "delete");
    for socket in &mut sockets {
        assert_eq!(socket.next().await["record"]["fields"]["title"], "news");
    }
}

#[tokio::test]
async fn a_conflict_shows_no_record_that_may_no_longer_be_read() {
    let (server, ada, _bob, _guest) = start().await;
    let mut socket = ada.open("/api/realtime/subscribe").await.unwrap();
    socket.send(json!({ "table": "tasks" })).await;
    socket.next().await;
    let editing =
        json!({ "type": "editing", "table": "tasks", "recordId": 1, "fields": ["title"] });
    socket.send(editing).await;
    socket.send(json!({ "type": "unsubscribe", "subscriptionId": "none" })).await;
    assert_eq!(socket.next().await["type"], "error");
    server.sql("update tasks set owner = 'bob', title = 'secret' where id = 1");
    let told = socket.next().await;
    assert_eq!(told["transition"], "leave");
    server.sql("update tasks set title = 'news' where id = 3");
    assert_eq!(socket.next().await["record"]["fields"]["title"], "news");
}

#[tokio::test]
async fn a_replay_knows_the_rule_as_well() {
    let (server, ada, _bob, _guest) = start().await;
    let (_, list) = ada.get(LIST).await;
    server.sql("update tasks set owner = 'ada', title = 'given' where id = 2");
    server.sql("update tasks set owner = 'bob', title = 'secret' where id = 1");
    let since = list["position"].as_str().unwrap();
    let path = format!("/api/tables/tasks/subscribe?since={since}");
    let mut socket = ada.open(&path).await.unwrap();
    socket.next().await;
    let (come, gone) = (socket.next().await, socket.next().await);
    assert_eq!((&come["event"], &come["record"]["id"]), (&json!("insert"), &json!("2")));
    assert_eq!((&gone["event"], &gone["recordId"]), (&json!("delete"), &json!(1)));
    assert!(!gone.to_string().contains("secret"));
}

#[tokio::test]
async fn whoever_becomes_another_is_asked_anew() {
    let (server, ada, _bob, _guest) = start().await;
    let mut socket = ada.open("/api/tables/tasks/subscribe").await.unwrap();
    server.sql("update _pagetide_users set email = 'new@example.org' where id = 'ada'");
    assert_eq!(socket.close_code().await, 4403);
}

/// Everyone may read all tasks, and do something only to their own; nobody may give one away.
const OWN: &str = "
name: own
tables:
  - name: tasks
    fields:
      - { name: title, type: single-line-text, required: true }
      - { name: owner, type: single-line-text }
      - { name: code, type: single-line-text, unique: true }
      - { name: updatedAt, type: updated-at }
    permissions:
      read: authenticated
      create: authenticated
      update: authenticated
      delete: authenticated
      rows:
        read: [{ field: owner, operator: neq, value: nobody }]
        create: [{ field: owner, operator: eq, value: $currentUser.id }]
        update: [{ field: owner, operator: eq, value: $currentUser.id }]
        delete: [{ field: owner, operator: eq, value: $currentUser.id }, { field: title, operator: neq, value: kept }]
pages: []
";

async fn own() -> (Server, Client) {
    let server = Server::start(OWN).await;
    server.sql(
        "insert into tasks (title, owner, code) values ('mine', 'ada', 'A'), ('other', 'bob', 'B'),
         ('kept', 'ada', 'C'), ('hidden', 'nobody', 'D')",
    );
    let ada = server.person("ada", "member");
    (server, ada)
}

/// Sends something that must change nothing.
async fn refused(
    server: &Server,
    ada: &Client,
    method: Method,
    path: &str,
    body: Option<Json>,
    status: u16,
) {
    let before = server.sql("select * from tasks; select count(*) from _pagetide_changes");
    let (told, answer) = ada.send(method, &format!("{LIST}{path}"), body).await;
    assert_eq!(told, status, "{path}: {answer}");
    if status == 403 {
        assert_eq!(answer["code"], "FORBIDDEN");
        assert!(answer["message"].as_str().unwrap().contains("this record"), "{answer}");
    }
    assert!(!answer.to_string().contains("hidden"), "{answer}");
    let after = server.sql("select * from tasks; select count(*) from _pagetide_changes");
    assert_eq!(after, before, "{path}");
}

#[tokio::test]
async fn a_record_that_may_be_read_and_not_changed_is_refused() {
    let (server, ada) = own().await;
    let patch = |fields: Json| Some(json!({ "fields": fields }));
    let title = || patch(json!({ "title": "new" }));
    refused(&server, &ada, Method::PATCH, "/2", title(), 403).await;
    refused(&server, &ada, Method::DELETE, "/2", None, 403).await;
    refused(&server, &ada, Method::DELETE, "/3", None, 403).await;
    // Out of sight is as good as not there.
    refused(&server, &ada, Method::PATCH, "/4", title(), 404).await;
    refused(&server, &ada, Method::DELETE, "/4", None, 404).await;
    assert_eq!(ada.send(Method::PATCH, &format!("{LIST}/1"), title()).await.0, 200);
    assert_eq!(ada.send(Method::DELETE, &format!("{LIST}/1"), None).await.0, 200);
}

#[tokio::test]
async fn what_a_record_becomes_must_pass_too() {
    let (server, ada) = own().await;
    let give = Some(json!({ "fields": { "owner": "bob" } }));
    refused(&server, &ada, Method::PATCH, "/1", give, 403).await;
    let clear = Some(json!({ "fields": { "owner": null } }));
    refused(&server, &ada, Method::PATCH, "/1", clear, 403).await;
    for fields in [json!({ "title": "x", "owner": "bob" }), json!({ "title": "x" })] {
        refused(&server, &ada, Method::POST, "", Some(json!({ "fields": fields })), 403).await;
    }
    let body = Some(json!({ "fields": { "title": "x", "owner": "ada" } }));
    assert_eq!(ada.send(Method::POST, LIST, body).await.0, 201);
}

#[tokio::test]
async fn a_batch_is_held_to_the_rules_of_each_record() {
    let (server, ada) = own().await;
    let patches = json!({ "records": [
        { "id": "1", "fields": { "title": "new" } }, { "id": "2", "fields": { "title": "new" } },
    ] });
    refused(&server, &ada, Method::PATCH, "/batch", Some(patches), 403).await;
    refused(&server, &ada, Method::DELETE, "/batch", Some(json!({ "ids": ["1", "2"] })), 403).await;
    refused(&server, &ada, Method::DELETE, "/batch", Some(json!({ "ids": ["1", "4"] })), 404).await;
    let new = json!({ "records": [
        { "fields": { "title": "x", "owner": "ada" } }, { "fields": { "title": "y", "owner": "bob" } },
    ] });
    refused(&server, &ada, Method::POST, "/batch", Some(new), 403).await;
    let upsert = |code: &str, owner: &str| {
        let fields = json!({ "code": code, "title": "x", "owner": owner });
        Some(json!({ "mergeOn": "code", "records": [{ "fields": fields }] }))
    };
    refused(&server, &ada, Method::POST, "/upsert", upsert("B", "ada"), 403).await;
    refused(&server, &ada, Method::POST, "/upsert", upsert("D", "ada"), 404).await;
    refused(&server, &ada, Method::POST, "/upsert", upsert("E", "bob"), 403).await;
    assert_eq!(ada.send(Method::POST, &format!("{LIST}/upsert"), upsert("A", "ada")).await.0, 200);
    assert_eq!(ada.send(Method::POST, &format!("{LIST}/upsert"), upsert("E", "ada")).await.0, 200);
}
