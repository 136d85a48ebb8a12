//! Who may be on a page is who may open it at that address, no longer than that.

use serde_json::{Value as Json, json};

use crate::server::{Client, Server, Socket};

const APP: &str = "
name: diary
auth: { roles: [writer] }
tables:
  - name: entries
    fields:
      - { name: title, type: single-line-text }
      - { name: owner, type: single-line-text }
    permissions:
      read: authenticated
      update: authenticated
      delete: [admin]
      rows: { read: [{ or: [{ field: owner, operator: eq, value: $currentUser.id }, { field: owner, operator: eq, value: all }] }] }
  - name: notes
    fields: [{ name: words, type: single-line-text }]
    permissions: { read: all, update: all }
pages:
  - name: Home
    path: /
    components: []
  - name: Entry
    path: /diary/:id
    presence: true
    components:
      - type: details
        dataSource: { table: entries, filter: [{ field: id, operator: eq, value: $params.id }], refreshMode: realtime }
  - name: Change
    path: /change/:id
    presence: true
    components:
      - type: form
        fields: [title]
        dataSource: { table: entries, filter: [{ field: id, operator: eq, value: $params.id }] }
  - name: Note
    path: /notes/:id
    access: all
    presence: true
    components:
      - type: details
        dataSource: { table: notes, filter: [{ field: id, operator: eq, value: $params.id }] }
  - name: Desk
    path: /desk/:id
    access: [writer]
    presence: true
    components:
      - type: details
        dataSource: { table: notes, filter: [{ field: id, operator: eq, value: $params.id }] }
  - name: Partly
    path: /partly/:id
    access: all
    presence: true
    components:
      - type: details
        visible: [writer]
        dataSource: { table: notes, filter: [{ field: id, operator: eq, value: $params.id }] }
";

async fn diary() -> Server {
    let server = Server::start(APP).await;
    server.sql(
        "insert into entries (id, title, owner) values (1, 'hers', 'ann'), (2, 'ours', 'all'), (3, 'his', 'bob');
         insert into notes (id, words) values (1, 'a note')",
    );
    server
}

async fn enter(client: &Client, path: &str) -> (Socket, Json) {
    let mut socket = client.open("/api/realtime/subscribe").await.unwrap();
    socket.send(json!({ "type": "presence", "pagePath": path })).await;
    let answer = socket.next().await;
    (socket, answer)
}

#[tokio::test]
async fn whoever_may_open_a_page_at_an_address_may_be_on_it_and_nobody_else() {
    let server = diary().await;
    let (guest, ann) = (server.guest().await, server.person("ann", "member"));
    let (bob, wim) = (server.person("bob", "member"), server.person("wim", "writer"));
    let everybody = [("guest", &guest), ("ann", &ann), ("bob", &bob), ("wim", &wim)];
    let paths = ["diary", "change", "notes", "desk", "partly"];
    let ids = ["1", "2", "3", "9", "x", "-1"];
    let mut open = Vec::new();
    for (name, client) in everybody {
        for path in paths.iter().flat_map(|path| ids.map(|id| format!("/{path}/{id}"))) {
            let (status, _) = client.get(&path).await;
            let (_socket, answer) = enter(client, &path).await;
            match status {
                200 => {
                    assert_eq!(answer["type"], "presence-sync", "{name} {path}");
                    open.push(format!("{name} {path}"));
                }
                _ => assert_eq!(answer["code"], "NOT_FOUND", "{name} {path}: {status} {answer}"),
            }
        }
    }
    for expected in [
        "guest /notes/1",
        "ann /diary/1",
        "ann /change/2",
        "bob /diary/3",
        "wim /desk/1",
        "guest /partly/9",
    ] {
        assert!(open.iter().any(|open| open == expected), "{expected}: {open:?}");
    }
    for refused in [
        "guest /diary/2",
        "ann /diary/3",
        "ann /change/9",
        "bob /change/1",
        "ann /desk/1",
        "wim /partly/9",
        "guest /notes/9",
    ] {
        assert!(!open.iter().any(|open| open == refused), "{refused}");
    }
}

#[tokio::test]
async fn a_form_without_its_record_is_no_page() {
    let server = diary().await;
    let ann = server.person("ann", "member");
    for (path, status) in
        [("/change/1", 200), ("/change/3", 404), ("/change/9", 404), ("/change/x", 404)]
    {
        assert_eq!(ann.get(path).await.0, status, "{path}");
    }
}

#[tokio::test]
async fn nobody_is_announced_to_a_page_that_is_not_open_to_them_nor_hears_of_it() {
    let server = diary().await;
    let (ann, bob) = (server.person("ann", "member"), server.person("bob", "member"));
    let (mut hers, _) = enter(&ann, "/diary/1").await;
    let (mut his, refused) = enter(&bob, "/diary/1").await;
    assert_eq!(refused["code"], "NOT_FOUND");
    assert!(!refused.to_string().contains("ann"));
    // What each hears next is of a page that both may open.
    let second = json!({ "type": "presence", "pagePath": "/diary/2" });
    hers.send(second.clone()).await;
    assert_eq!(hers.next().await["pagePath"], "/diary/2");
    his.send(second).await;
    let sync = his.next().await;
    assert_eq!((&sync["type"], &sync["pagePath"]), (&json!("presence-sync"), &json!("/diary/2")));
    let told = hers.next().await;
    assert_eq!((&told["type"], &told["user"]["pagePath"]), (&json!("join"), &json!("/diary/2")));
}

#[tokio::test]
async fn with_its_record_a_page_loses_its_people_and_gets_them_back() {
    let server = diary().await;
    let (ann, bob) = (server.person("ann", "member"), server.person("bob", "member"));
    let (mut hers, _) = enter(&ann, "/diary/2").await;
    let (mut his, _) = enter(&bob, "/diary/2").await;
    assert_eq!(hers.next().await["type"], "join");
    // It is hers alone now: he leaves, and is told of nobody.
    server.sql("update entries set owner = 'ann' where id = 2");
    let told = hers.next().await;
    assert_eq!((&told["type"], &told["userId"]), (&json!("leave"), &json!("bob")));
    assert_eq!(
        his.next().await,
        json!({ "type": "presence-sync", "pagePath": "/diary/2", "users": [] })
    );
    his.send(json!({ "type": "presence", "pagePath": "/diary/2" })).await;
    assert_eq!(his.next().await["code"], "NOT_FOUND");
    his.send(json!({ "type": "presence", "pagePath": "/diary/3" })).await;
    assert_eq!(his.next().await["pagePath"], "/diary/3");
    // It is gone for everybody, and comes back.
    server.sql("delete from entries where id = 2");
    assert_eq!(
        hers.next().await,
        json!({ "type": "presence-sync", "pagePath": "/diary/2", "users": [] })
    );
    server.sql("insert into entries (id, title, owner) values (2, 'again', 'ann')");
    let sync = hers.next().await;
    assert_eq!(sync["users"][0]["id"], "ann");
    server.sql("update entries set owner = 'ann', title = 'x' where id = 2");
    let (_again, answer) = enter(&ann, "/diary/2").await;
    assert_eq!(answer["users"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn with_their_role_people_lose_the_page() {
    let server = diary().await;
    let (wim, eve) = (server.person("wim", "writer"), server.person("eve", "writer"));
    let (mut his, _) = enter(&wim, "/desk/1").await;
    let (mut hers, _) = enter(&eve, "/desk/1").await;
    assert_eq!(his.next().await["type"], "join");
    server.sql("update _pagetide_users set role = 'member' where id = 'eve'");
    let told = his.next().await;
    assert_eq!((&told["type"], &told["userId"]), (&json!("leave"), &json!("eve")));
    assert_eq!(hers.close_code().await, 4403);
    let (_socket, refused) = enter(&eve, "/desk/1").await;
    assert_eq!(refused["code"], "NOT_FOUND");
}
