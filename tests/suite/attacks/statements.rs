//! Questions that keep the database at work: each has a time, and nobody else waits for it.

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use pagetide::limits::Limit;
use reqwest::Method;
use serde_json::{Value as Json, json};
use tokio::task::JoinHandle;

use crate::server::{Client, Server, until, within};

const APP: &str = "
name: letters
tables:
  - name: letters
    fields: [{ name: body, type: long-text }]
    permissions: { read: all }
  - name: notes
    fields: [{ name: words, type: single-line-text }]
    permissions: { read: all, create: all }
pages:
  - name: Notes
    path: /
    components: [{ type: dataTable, dataSource: { table: notes, refreshMode: realtime } }]
";
const NOTES: &str = "/api/tables/notes/records";

/// A list that takes the database minutes: no text ends as is asked, which only shows at the end.
fn costly() -> String {
    let word = format!("{}b", "a".repeat(890));
    let condition = json!({ "field": "body", "operator": "contains", "value": word });
    let filter = json!({ "or": vec![condition; 50] }).to_string();
    format!("/api/tables/letters/records?limit=1&filter={filter}")
}

async fn letters(limits: &[(Limit, u64)]) -> Server {
    let server = Server::start_within(APP, limits).await;
    server.sql(
        "with recursive n(i) as (select 1 union all select i + 1 from n where i < 300)
         insert into letters (body) select printf('%.99000c', 'a') from n",
    );
    server
}

/// Asks what takes long, so many times at once.
fn ask(client: &Client, count: usize) -> Vec<JoinHandle<(u16, Json)>> {
    let asking = |_| {
        let client = client.clone();
        tokio::spawn(async move { client.get(&costly()).await })
    };
    (0..count).map(asking).collect()
}

#[tokio::test]
async fn a_question_that_takes_too_long_is_stopped_and_told() {
    let server = letters(&[(Limit::StatementTime, 300)]).await;
    let guest = server.guest().await;
    let answer = guest.request(Method::GET, &costly()).send().await.unwrap();
    assert_eq!(answer.status(), 503);
    assert!(answer.headers().contains_key("retry-after"));
    let told: Json = answer.json().await.unwrap();
    assert_eq!(told["code"], "BUSY");
    assert!(told["message"].as_str().unwrap().contains("300 ms"), "{told}");
    let met = server.metric("pagetide_limit_met_total{name=\"statement-time\"}").await;
    assert_eq!(met, 1.0);
    // The same connections answer rightly, again and again.
    server.sql("insert into notes (words) values ('kept')");
    for _ in 0..100 {
        let (status, list) = guest.get(NOTES).await;
        assert_eq!((status, &list["records"][0]["fields"]["words"]), (200, &json!("kept")));
    }
}

#[tokio::test]
async fn while_slow_questions_are_asked_others_read_write_sign_in_and_hear() {
    let server = letters(&[(Limit::SlowStatementsPerRequester, 8)]).await;
    // Guests are all one requester here, whose quick questions are asked one after the other.
    let (admin, other) = (server.admin().await, server.guest().await);
    let mut socket = other.open("/api/tables/notes/subscribe").await.unwrap();
    socket.next().await;
    let asking = ask(&admin, 8);
    // None of these is among the slow ones, so none waits for them.
    for nth in 0..10 {
        let note = json!({ "fields": { "words": format!("note {nth}") } });
        let add = other.send(Method::POST, NOTES, Some(note));
        assert_eq!(within("a note to be added", add).await.0, 201);
        let list = within("a list", other.get(NOTES)).await.1;
        assert_eq!(list["pagination"]["total"], nth + 1);
        assert_eq!(within("a page", other.get("/")).await.0, 200);
        while socket.next().await["record"]["fields"]["words"] != format!("note {nth}") {}
        assert_eq!(within("the state", other.get("/readyz")).await.0, 200);
    }
    within("somebody to sign in", server.admin()).await;
    for asked in &asking {
        asked.abort();
    }
}

#[tokio::test]
async fn whoever_asks_for_too_much_at_once_is_told_and_others_may_ask() {
    // Nothing ends a question before this test ends.
    let limits = [(Limit::SlowStatementsPerRequester, 2), (Limit::StatementTime, 600_000)];
    let server = letters(&limits).await;
    // Whoever has an account is another, wherever they are, and has as many places.
    for client in [server.guest().await, server.admin().await] {
        let mut asking: FuturesUnordered<_> = ask(&client, 5).into_iter().collect();
        for _ in 0..3 {
            let refused = within("a question to be refused", asking.next()).await;
            assert_eq!(refused.unwrap().unwrap().0, 429);
        }
        assert_eq!(client.get(&costly()).await.0, 429);
        asking.iter().for_each(JoinHandle::abort);
        while let Some(ended) = asking.next().await {
            assert!(ended.is_err_and(|error| error.is_cancelled()), "it was still being answered");
        }
    }
}

#[tokio::test]
async fn a_question_ends_when_whoever_asked_leaves() {
    // Nothing but their leaving ends it in time.
    let limits = [(Limit::SlowStatementsPerRequester, 1), (Limit::StatementTime, 600_000)];
    let server = letters(&limits).await;
    let guest = server.guest().await;
    for _ in 0..5 {
        let request = guest.request(Method::GET, &costly()).timeout(Duration::from_millis(200));
        assert!(request.send().await.unwrap_err().is_timeout());
        // The one place among the slow ones is free again.
        let small = "/api/tables/letters/records?limit=1&sort=body&fields=id";
        let free = async || (guest.get(small).await.0 == 200).then_some(());
        until("the place to be free", free).await;
    }
}

#[tokio::test]
async fn a_server_that_is_told_to_stop_stops_whatever_is_asked() {
    let mut server = letters(&[(Limit::StatementTime, 600_000)]).await;
    let guest = server.guest().await;
    let asking = ask(&guest, 4);
    assert_eq!(guest.get(NOTES).await.0, 200);
    server.stop().await;
    drop(asking);
}

/// Triggers of the owner's may make much of one write, and there is one writer for all.
#[tokio::test]
async fn a_write_that_takes_too_long_is_stopped_and_hurts_no_other() {
    const NOTES: &str = "
name: notes
tables:
  - name: notes
    fields: [{ name: words, type: single-line-text }]
    permissions: { read: all, create: all }
pages:
  - { name: Notes, path: /, components: [] }
";
    let server = Server::start_within(NOTES, &[(Limit::WriteTime, 300)]).await;
    server.sql(
        "with recursive n(i) as (select 1 union all select i + 1 from n where i < 3000)
         insert into notes (words) select 'plain' from n;
         create trigger slow after insert on notes when new.words = 'slow' begin
           update notes set words = (select count(*) from notes a, notes b, notes c)
             where id = new.id;
         end",
    );
    let guest = server.guest().await;
    let add = async |words: &str| {
        let body = json!({ "fields": { "words": words } });
        guest.send(Method::POST, "/api/tables/notes/records", Some(body)).await
    };
    let (slow, plain, other, slow_too) =
        tokio::join!(add("slow"), add("beside it"), add("and another"), add("slow"));
    for (status, told) in [slow, slow_too] {
        assert_eq!((status, &told["code"]), (422, &json!("TOO_MUCH")), "{told}");
        assert!(told["message"].as_str().unwrap().contains("longer than 300 ms"), "{told}");
    }
    assert_eq!((plain.0, other.0), (201, 201), "{} {}", plain.1, other.1);
    assert_eq!(add("after it").await.0, 201);
    assert_eq!(server.sql("select count(*) from notes where words <> 'plain'"), "3");
    let limit = "pagetide_limit_met_total{name=\"write-time\"}";
    assert_eq!(server.metric(limit).await, 2.0);
}
