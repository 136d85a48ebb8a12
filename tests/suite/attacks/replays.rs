//! What a replay tells: the present. What was deleted, taken back or written over while a client was away
//! is nobody's to read any more, and a place to resume from is only what this database handed out.

use std::collections::BTreeMap;

use pagetide::model::refresh::{TRANSPORT, Transport};
use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::server::{Client, Server, Socket, shape_of, within};
use crate::streams::Stream;

const APP: &str = "
name: posts
tables:
  - name: posts
    fields:
      - { name: words, type: single-line-text }
      - { name: published, type: checkbox, default: true }
    permissions:
      read: all
      create: [admin]
      rows: { read: [{ field: published, operator: eq, value: true }] }
  - name: vault
    fields: [{ name: words, type: single-line-text }]
    permissions: { read: [admin] }
pages:
  - name: Posts
    path: /
    components:
      - { id: posts, type: dataTable, dataSource: { table: posts, refreshMode: realtime } }
";
const RECORDS: &str = "/api/tables/posts/records?limit=500";
const TABLE: &str = "/api/tables/posts/subscribe";
const EVERYTHING: &str = "/api/realtime/subscribe";

/// Texts that nobody may hear of who was away: each was there, and is not by now.
const SECRET: &str = "card 4111";

/// What happens while the client is away.
const MEANWHILE: &str = "
    insert into posts (id, words) values (11, 'card 4111, by mistake'), (12, 'card 4111, edited away'),
      (13, 'card 4111, then unpublished'), (14, 'new'), (15, 'x');
    delete from posts where id in (11, 15);
    update posts set words = 'fine' where id = 12;
    update posts set published = 0 where id = 13;
    update posts set words = 'card 4111, for a moment' where id = 1;
    update posts set words = 'One' where id = 1;
    update posts set published = 0, words = 'card 4111, hidden' where id = 2;
    delete from posts where id = 3;
    insert into posts (id, words) values (3, 'card 4111, back for a moment');
    delete from posts where id = 3;
    update posts set words = 'card 4111' where id = 4;
    update posts set words = 'four' where id = 4;
    update posts set published = 1 where id = 6;";

/// What is held after that, by whoever may see what is published.
const HELD: [(&str, &str); 6] =
    [("1", "One"), ("12", "fine"), ("14", "new"), ("4", "four"), ("5", "five"), ("6", "six")];

type Held = BTreeMap<String, String>;

/// A server with some posts, of which the sixth is not published.
async fn posts() -> Server {
    let server = Server::start(APP).await;
    server.sql(
        "insert into posts (id, words) values (1, 'one'), (2, 'two'), (3, 'three'), (4, 'four'),
         (5, 'five'), (6, 'six'); update posts set published = 0 where id = 6",
    );
    server
}

/// What a client holds that reads the list, and from where it goes on.
async fn read(client: &Client) -> (Held, String) {
    let (status, list) = client.get(RECORDS).await;
    assert_eq!(status, 200, "{list}");
    let text = |value: &Json| value.as_str().unwrap_or_default().to_owned();
    let records = list["records"].as_array().unwrap();
    let held = records.iter().map(|record| (text(&record["id"]), text(&record["fields"]["words"])));
    (held.collect(), text(&list["position"]))
}

/// Applies a message, as a client that knows nothing but insert, update and delete.
fn apply(held: &mut Held, message: &Json) {
    assert!(!message.to_string().contains(SECRET), "{message}");
    assert_eq!(message.get("oldRecord"), None, "what was is not told: {message}");
    match message["event"].as_str() {
        Some("insert" | "update") => {
            let record = &message["record"];
            let words = record["fields"]["words"].as_str().unwrap().to_owned();
            held.insert(record["id"].as_str().unwrap().to_owned(), words);
        }
        Some("delete") => {
            let gone = held.remove(&message["recordId"].to_string());
            assert!(gone.is_some(), "it never held that: {message}");
        }
        _ => panic!("{message}"),
    }
}

/// Hears what it missed, up to the record that is added last of all.
async fn hear(socket: &mut Socket, mut held: Held) -> (Held, Vec<Json>) {
    let mut told = Vec::new();
    assert_eq!(socket.next().await["type"], "subscribed");
    loop {
        let message = socket.next().await;
        if message["record"]["fields"]["words"] == "the end" {
            return (held, told);
        }
        apply(&mut held, &message);
        told.push(message);
    }
}

fn end(server: &Server) {
    server.sql("insert into posts (id, words) values (1000000, 'the end')");
}

fn held() -> Held {
    HELD.map(|(id, words)| (id.to_owned(), words.to_owned())).into()
}

async fn hear_in_every_way(server: &Server, before: &Held, since: &str, shape: &str) {
    let guest = server.guest().await;
    let mut socket = guest.open(&format!("{TABLE}?since={since}")).await.unwrap();
    let mut shared = guest.open(EVERYTHING).await.unwrap();
    let named = json!({ "subscriptionId": "a", "table": "posts", "since": since });
    shared.send(named).await;
    let mut shown = guest.open(EVERYTHING).await.unwrap();
    let component = json!({ "component": "posts", "url": "/", "since": since, "shape": shape });
    shown.send(component).await;
    let mut streams = Vec::new();
    for (path, id) in [(format!("{TABLE}/sse?since={since}"), ""), (format!("{TABLE}/sse"), since)]
    {
        streams.push(Stream::open(&guest, &path, id).await);
    }
    end(server);
    for socket in [&mut socket, &mut shared, &mut shown] {
        assert_eq!(hear(socket, before.clone()).await.0, held());
    }
    for stream in &mut streams {
        let mut heard = before.clone();
        assert_eq!(stream.json().await["type"], "subscribed");
        loop {
            let message = stream.json().await;
            if message["record"]["fields"]["words"] == "the end" {
                break;
            }
            apply(&mut heard, &message);
        }
        assert_eq!(heard, held());
    }
    server.sql("delete from posts where id = 1000000");
}

#[tokio::test]
async fn what_is_gone_is_not_told_to_whoever_comes_back() {
    let mut server = posts().await;
    let guest = server.guest().await;
    let (before, since) = read(&guest).await;
    let (_, page) = guest.get("/").await;
    let shape = shape_of(page.as_str().unwrap(), "posts");
    server.sql(MEANWHILE);
    hear_in_every_way(&server, &before, &since, &shape).await;
    // The memory of the process has nothing to do with it.
    server.restart().await;
    hear_in_every_way(&server, &before, &since, &shape).await;
}

#[tokio::test]
async fn a_long_absence_tells_nothing_more() {
    const MANY: usize = 2_500;
    let server = posts().await;
    let guest = server.guest().await;
    let (before, since) = read(&guest).await;
    let mut witness = guest.open(TABLE).await.unwrap();
    server.sql(MEANWHILE);
    // Each of them held a secret for a while; the first of them are told in other parts than the last.
    server.sql(&format!(
        "with recursive n(i) as (select 100 union all select i + 1 from n where i < 99 + {MANY})
         insert into posts (id, words) select i, '{SECRET} ' || i from n;
         update posts set words = 'post ' || id where id >= 100;
         delete from posts where id >= 100 and id % 5 = 0;
         insert into posts (id, words) values (99, 'all is told'); delete from posts where id = 99"
    ));
    while witness.next().await["recordId"] != 99 {}
    let mut socket = guest.open(&format!("{TABLE}?since={since}")).await.unwrap();
    let mut stream = Stream::open(&guest, &format!("{TABLE}/sse"), &since).await;
    end(&server);
    let mut expected = held();
    let ids = (100..100 + MANY).filter(|id| id % 5 != 0);
    expected.extend(ids.map(|id| (id.to_string(), format!("post {id}"))));
    let (heard, told) = hear(&mut socket, before.clone()).await;
    assert_eq!(heard, expected);
    // A break in the middle of it: whoever goes on from there holds the same in the end.
    for at in [0, 1, told.len() / 2, told.len() - 2, told.len() - 1] {
        let mut held = before.clone();
        told[..=at].iter().for_each(|message| apply(&mut held, message));
        let position = told[at]["position"].as_str().unwrap();
        let mut again = guest.open(&format!("{TABLE}?since={position}")).await.unwrap();
        assert_eq!(hear(&mut again, held).await.0, expected, "{at}");
    }
    let mut heard = before.clone();
    let mut last = String::new();
    loop {
        let event = stream.next().await.unwrap();
        let message: Json = serde_json::from_str(&event.data).unwrap();
        match message["record"]["fields"]["words"].as_str() {
            Some("the end") => break,
            _ if message["type"] == "change" => apply(&mut heard, &message),
            _ => {}
        }
        last = event.id;
    }
    assert_eq!(heard, expected);
    assert!(!last.is_empty());
}

#[tokio::test]
async fn whoever_breaks_off_in_the_middle_ends_with_the_same() {
    let server = posts().await;
    let guest = server.guest().await;
    let (before, since) = read(&guest).await;
    server.sql(MEANWHILE);
    end(&server);
    let mut socket = guest.open(&format!("{TABLE}?since={since}")).await.unwrap();
    let (_, told) = hear(&mut socket, before.clone()).await;
    assert!(told.len() >= 6, "{told:?}");
    for at in 0..told.len() {
        let mut held = before.clone();
        told[..=at].iter().for_each(|message| apply(&mut held, message));
        let position = told[at]["position"].as_str().unwrap();
        let mut again = guest.open(&format!("{TABLE}?since={position}")).await.unwrap();
        let (heard, rest) = hear(&mut again, held).await;
        assert_eq!(heard, self::held(), "{at}");
        assert_eq!(rest.len(), told.len() - at - 1, "nothing is told twice: {rest:?}");
    }
}

#[tokio::test]
async fn a_position_that_was_not_handed_out_is_none() {
    let server = posts().await;
    let guest = server.guest().await;
    let (_, since) = read(&guest).await;
    server.sql(MEANWHILE);
    let epoch = server.sql("select value from _pagetide_meta where key = 'epoch'");
    let bent = since.replacen(&since[20..21], if &since[20..21] == "A" { "B" } else { "A" }, 1);
    let plain = format!("{epoch}-0");
    let whole = format!("{epoch}-0-0");
    for made_up in [&plain, &whole, &bent, "0", "-", &since[1..], &"A".repeat(2_000)] {
        let mut socket = guest.open(&format!("{TABLE}?since={made_up}")).await.unwrap();
        assert_eq!(socket.next().await["type"], "subscribed", "{made_up}");
        assert_eq!(socket.next().await["type"], "resync", "{made_up}");
        if made_up == "-" {
            // In an event's id that stands for no position.
            continue;
        }
        let mut stream = Stream::open(&guest, &format!("{TABLE}/sse"), made_up).await;
        assert_eq!(stream.json().await["type"], "subscribed", "{made_up}");
        assert_eq!(stream.json().await["type"], "resync", "{made_up}");
    }
}

/// That something is written elsewhere shows in no position: of a list, a page, a subscription or a
/// heartbeat.
#[tokio::test]
async fn a_position_says_nothing_of_closed_tables() {
    let transport = Transport { heartbeat_interval_ms: 100, ..TRANSPORT };
    let server = Server::start_with(APP, transport).await;
    server.sql("insert into posts (words) values ('one')");
    let guest = server.guest().await;
    // What was written just now is told first: until then it is not known which table it was.
    let mut vault = Vault::open(&server).await;
    let mut stream = Stream::open(&guest, &format!("{TABLE}/sse"), "").await;
    let subscribed = stream.next().await.unwrap();
    let positions = async || {
        let (_, list) = read(&guest).await;
        let (_, page) = guest.get("/").await;
        let (_, page) = page.as_str().unwrap().split_once("data-position=\"").unwrap();
        let mut socket = guest.open(TABLE).await.unwrap();
        let subscribed = socket.next().await["position"].as_str().unwrap().to_owned();
        let mut lost = guest.open(&format!("{TABLE}?since=made-up")).await.unwrap();
        assert_eq!(lost.next().await["type"], "subscribed");
        let resync = lost.next().await;
        assert_eq!(resync["type"], "resync");
        let resync = resync["position"].as_str().unwrap().to_owned();
        [list, page.split_once('"').unwrap().0.to_owned(), subscribed, resync]
    };
    let before = positions().await;
    for _ in 0..3 {
        server.sql("insert into vault (words) values ('closed')");
        assert_eq!(positions().await, before, "at once");
        vault.hear_change().await;
        assert_eq!(positions().await, before, "and later");
        let heartbeat = stream.next().await.unwrap();
        assert!(heartbeat.data.contains("heartbeat"), "{heartbeat:?}");
        assert_eq!(heartbeat.id, subscribed.id);
    }
    let epoch = server.sql("select value from _pagetide_meta where key = 'epoch'");
    assert!(before.iter().all(|position| !position.contains(&epoch)));
    server.sql("insert into posts (words) values ('two')");
    let after = positions().await;
    assert!(
        before.iter().zip(&after).all(|(before, after)| before != after),
        "{before:?} {after:?}"
    );
    // However much happens elsewhere, and however long ago that was: nothing was missed.
    server.sql(
        "with recursive n(i) as (select 1 union all select i + 1 from n where i < 6000)
         insert into vault (words) select 'closed' from n",
    );
    while vault.hear_change().await["record"]["id"] != "6003" {}
    server.sql("delete from _pagetide_changes where seq < 6000");
    let [since, ..] = after;
    let mut socket = guest.open(&format!("{TABLE}?since={since}")).await.unwrap();
    assert_eq!(socket.next().await["type"], "subscribed");
    server.sql("insert into posts (words) values ('three')");
    assert_eq!(socket.next().await["record"]["fields"]["words"], "three");
}

/// Whoever comes back while the feed is far behind the log is sent what became of the records, and none of the
/// states that they had on the way.
#[tokio::test]
async fn whoever_comes_back_while_much_is_still_to_be_told_hears_of_nothing_that_is_no_more() {
    let server = posts().await;
    let guest = server.guest().await;
    for nth in 0..5 {
        let (before, since) = read(&guest).await;
        // So much to be told first, that nothing of what follows is when the client is back.
        server.sql(&format!(
            "with recursive n(i) as (select 1 union all select i + 1 from n where i < 5000)
             insert into vault (words) select 'closed' from n;
             insert into posts (id, words) values (100, 'card 4111, by mistake');
             update posts set words = 'card 4111, for a moment' where id = 5;
             update posts set words = 'five {nth}' where id = 5;
             delete from posts where id = 100"
        ));
        let mut socket = guest.open(&format!("{TABLE}?since={since}")).await.unwrap();
        end(&server);
        let (held, told) = hear(&mut socket, before).await;
        assert_eq!(told.len(), 1, "{told:?}");
        assert_eq!(held["5"], format!("five {nth}"));
        server.sql("delete from posts where id = 1000000");
    }
}

/// Whoever polls a page must not learn that somebody works on what they may not see.
#[tokio::test]
async fn a_tag_says_nothing_of_rows_that_are_not_shown() {
    let server = Server::start(APP).await;
    server.sql("insert into posts (words) values ('one')");
    let guest = server.guest().await;
    let mut vault = Vault::open(&server).await;
    let tags = async || {
        let mut tags = Vec::new();
        for path in ["/", "/api/fragments?url=/&component=posts"] {
            let answer = guest.request(Method::GET, path).send().await.unwrap();
            tags.push(answer.headers()["etag"].to_str().unwrap().to_owned());
        }
        tags
    };
    let before = tags().await;
    for sql in [
        "insert into posts (words, published) values ('draft', 0)",
        "update posts set words = 'another draft' where words = 'draft'",
        "delete from posts where published = 0",
    ] {
        server.sql(sql);
        assert_eq!(tags().await, before, "at once");
        vault.catch_up(&server).await;
        assert_eq!(tags().await, before, "and later");
        for (path, tag) in ["/", "/api/fragments?url=/&component=posts"].iter().zip(&before) {
            let request = guest.request(Method::GET, path).header("if-none-match", tag);
            assert_eq!(request.send().await.unwrap().status(), 304);
        }
    }
    server.sql("insert into posts (words) values ('two')");
    let after = tags().await;
    assert!(before.iter().zip(&after).all(|(before, after)| before != after));
}

/// A table that only admins read, listened to by one.
struct Vault(Socket);

impl Vault {
    async fn open(server: &Server) -> Self {
        let mut socket = server.admin().await.open("/api/tables/vault/subscribe").await.unwrap();
        assert_eq!(socket.next().await["type"], "subscribed");
        Self(socket)
    }

    /// Waits until everything that has happened is told.
    async fn catch_up(&mut self, server: &Server) {
        server.sql("insert into vault (words) values ('after it')");
        self.hear_change().await;
    }

    /// The next change, as it is told.
    async fn hear_change(&mut self) -> Json {
        let heard = async {
            loop {
                let message = self.0.next().await;
                if message["type"] == "change" {
                    return message;
                }
            }
        };
        within("a change to be told", heard).await
    }
}

const CLOSED: &str = "
name: posts
tables:
  - name: people
    displayField: name
    fields:
      - { name: name, type: single-line-text }
      - { name: listed, type: checkbox, default: true }
    permissions: { read: all, rows: { read: [{ field: listed, operator: eq, value: true }] } }
  - name: posts
    fields:
      - { name: words, type: single-line-text }
      - { name: published, type: checkbox, default: true }
      - { name: note, type: single-line-text }
      - { name: author, type: relationship, table: people }
    permissions:
      read: all
      fields: [{ field: note, read: [admin] }]
      rows: { read: [{ field: published, operator: eq, value: true }] }
  - name: vault
    fields: [{ name: words, type: single-line-text }]
    permissions: { read: [admin] }
pages:
  - name: Posts
    path: /
    access: all
    components:
      - id: posts
        type: dataTable
        columns: [words, author]
        dataSource: { table: posts, refreshMode: realtime }
";

/// Nor does it show in any position that rows or fields change which are closed to a reader of the same table, or
/// records whose labels they may not read.
#[tokio::test]
async fn a_position_says_nothing_of_closed_rows_and_fields() {
    let server = Server::start(CLOSED).await;
    server.sql(
        "insert into people (id, name, listed) values (1, 'Ada', 1), (2, 'Bob', 0);
         insert into posts (id, words, author) values (1, 'one', 1), (2, 'two', 2)",
    );
    let guest = server.guest().await;
    let mut vault = Vault::open(&server).await;
    let positions = async || {
        let (_, list) = guest.get("/api/tables/posts/records?expand=author").await;
        let (_, page) = guest.get("/").await;
        let (_, page) = page.as_str().unwrap().split_once("data-position=\"").unwrap();
        let mut socket = guest.open(TABLE).await.unwrap();
        let subscribed = socket.next().await["position"].as_str().unwrap().to_owned();
        let list = list["position"].as_str().unwrap().to_owned();
        [list, page.split_once('"').unwrap().0.to_owned(), subscribed]
    };
    let before = positions().await;
    for sql in [
        "insert into posts (id, words, published) values (3, 'draft', 0)",
        "update posts set words = 'another draft', author = 1 where id = 3",
        "update posts set note = 'closed' where id in (1, 3)",
        "delete from posts where id = 3",
        "insert into people (id, name, listed) values (3, 'Cleo', 0)",
        "update people set name = 'Bert' where id = 2",
        "delete from people where id = 3",
    ] {
        server.sql(sql);
        assert_eq!(positions().await, before, "{sql}: at once");
        vault.catch_up(&server).await;
        assert_eq!(positions().await, before, "{sql}: and later");
    }
    // However much of it: a position may move once in some hundred of such changes.
    let mut seen = std::collections::BTreeSet::from([before[0].clone()]);
    for _ in 0..20 {
        server.sql(
            "with recursive n(i) as (select 1 union all select i + 1 from n where i < 100)
             insert into posts (words, published) select 'draft', 0 from n",
        );
        seen.insert(positions().await[0].clone());
    }
    assert!(seen.len() <= 6, "{seen:?}");
    // What is seen moves them all, and whoever goes on from any of them misses nothing.
    let since = positions().await;
    for sql in [
        "update posts set words = 'three' where id = 1",
        "update people set name = 'Adele' where id = 1",
    ] {
        let before = positions().await;
        server.sql(sql);
        let after = positions().await;
        let is_of_people = sql.contains("people");
        // A subscription to the table alone shows no labels.
        let moved = before.iter().zip(&after).take(if is_of_people { 2 } else { 3 });
        assert!(
            moved.clone().all(|(before, after)| before != after),
            "{sql}: {before:?} {after:?}"
        );
    }
    for since in since.iter().chain(&seen).chain(&before) {
        let mut socket = guest.open(&format!("{TABLE}?since={since}")).await.unwrap();
        assert_eq!(socket.next().await["type"], "subscribed");
        let change = loop {
            let message = socket.next().await;
            if message["type"] != "connection-status" {
                break message;
            }
        };
        assert_eq!(change["type"], "change", "{change}");
        assert_eq!(change["record"]["fields"]["words"], "three");
    }
}
