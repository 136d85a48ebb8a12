//! Filters that cost a lot to be held against every change: whoever sends them is told to read again, and
//! everybody else hears as before.

use pagetide::limits::Limit;
use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::server::{Client, Server, Socket, until, within};

const APP: &str = "
name: letters
tables:
  - name: letters
    fields: [{ name: body, type: long-text }, { name: mark, type: single-line-text }]
    permissions: { read: all, update: all }
pages:
  - name: Letters
    path: /
    components: []
";
const RECORD: &str = "/api/tables/letters/records/1";
const SUBSCRIBE: &str = "/api/realtime/subscribe";

async fn letters(limits: &[(Limit, u64)]) -> Server {
    let server = Server::start_within(APP, limits).await;
    server.sql("insert into letters (body) values (printf('%.99000c', 'a'))");
    server
}

/// A subscription that no change of the letter matches, which only shows at the end of each search.
fn costly(name: &str, searches: usize) -> Json {
    let search = |nth| {
        let word = format!("{}{nth}", "a".repeat(890));
        json!({ "field": "body", "operator": "contains", "value": word })
    };
    let filter = json!({ "or": (0..searches).map(search).collect::<Vec<_>>() });
    json!({ "subscriptionId": name, "table": "letters", "filter": filter })
}

async fn subscribe(socket: &mut Socket, handshake: &Json) -> Json {
    socket.send(handshake.clone()).await;
    loop {
        let message = socket.next().await;
        if message["type"] != "connection-status" {
            return message;
        }
    }
}

async fn change(client: &Client, mark: &str) {
    let body = json!({ "fields": { "mark": mark } });
    let (status, told) = client.send(Method::PATCH, RECORD, Some(body)).await;
    assert_eq!(status, 200, "{told}");
}

/// Waits for the change that gave the letter this mark.
async fn hears(socket: &mut Socket, mark: &str) {
    let heard = async { while socket.next().await["record"]["fields"]["mark"] != mark {} };
    within("the change to be told", heard).await;
}

#[tokio::test]
async fn what_costs_too_much_to_match_is_to_be_read_again_and_plain_ones_are_told() {
    // Less than a single one of them takes: however slowly they are matched, so much is never left.
    let server = letters(&[(Limit::MatchingBytesPerRequester, 1 << 20)]).await;
    let guest = server.guest().await;
    let mut crowd = guest.open(SUBSCRIBE).await.unwrap();
    for nth in 0..20 {
        let name = nth.to_string();
        assert_eq!(subscribe(&mut crowd, &costly(&name, 30)).await["type"], "subscribed");
    }
    let mut plain = guest.open("/api/tables/letters/subscribe").await.unwrap();
    plain.next().await;
    for nth in 0..5 {
        let mark = format!("mark {nth}");
        change(&guest, &mark).await;
        hears(&mut plain, &mark).await;
    }
    let message = within("the crowd to be told", crowd.next()).await;
    assert_eq!(message["type"], "resync");
    assert!(message["reason"].as_str().unwrap().contains("costs too much"), "{message}");
    let met = "pagetide_limit_met_total{name=\"matching-bytes-per-requester\"}";
    assert!(server.metric(met).await > 0.0);
}

#[tokio::test]
async fn a_filter_within_its_means_is_matched_however_long_the_text() {
    let server = letters(&[]).await;
    let guest = server.guest().await;
    let mut socket = guest.open(SUBSCRIBE).await.unwrap();
    let searched = json!([{ "field": "body", "operator": "contains", "value": "AAA" }]);
    let handshake = json!({ "table": "letters", "filter": searched });
    assert_eq!(subscribe(&mut socket, &handshake).await["type"], "subscribed");
    change(&guest, "first").await;
    hears(&mut socket, "first").await;
}

#[tokio::test]
async fn the_filters_of_one_requester_are_bounded_together_and_given_back() {
    let server = letters(&[(Limit::FilterBytesPerRequester, 150_000)]).await;
    let (guest, other) = (server.guest().await, server.guest().await);
    let mut socket = guest.open(SUBSCRIBE).await.unwrap();
    for name in ["one", "two"] {
        assert_eq!(subscribe(&mut socket, &costly(name, 60)).await["type"], "subscribed");
    }
    // One that takes the place of another is counted instead of it, not beside it.
    assert_eq!(subscribe(&mut socket, &costly("two", 60)).await["type"], "subscribed");
    // Another guest of the same network is the same requester.
    let mut second = other.open(SUBSCRIBE).await.unwrap();
    let refused = subscribe(&mut second, &costly("three", 60)).await;
    assert_eq!(
        (&refused["type"], &refused["code"]),
        (&json!("error"), &json!("TOO_MANY_REQUESTS"))
    );
    // The admin is not.
    let mut third = server.admin().await.open(SUBSCRIBE).await.unwrap();
    assert_eq!(subscribe(&mut third, &costly("three", 60)).await["type"], "subscribed");
    let leave = json!({ "type": "unsubscribe", "subscriptionId": "one" });
    socket.send(leave).await;
    let free = async || {
        let told = subscribe(&mut second, &costly("three", 60)).await;
        (told["type"] == "subscribed").then_some(())
    };
    until("what was given back to be there", free).await;
    drop(socket);
    let free = async || {
        let told = subscribe(&mut second, &costly("four", 60)).await;
        (told["type"] == "subscribed").then_some(())
    };
    until("what was left behind to be there", free).await;
}
