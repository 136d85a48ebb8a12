//! Components that show what is made of records: their HTML, who may see it, and what is told of it.

use std::path::Path;

use serde_json::{Value as Json, json};

use crate::server::{Client, Server, Socket};

const SHOP: &str = "
name: shop
tables:
  - name: sales
    fields:
      - { name: article, type: single-line-text }
      - { name: state, type: status, options: [open, done], default: open }
      - { name: amount, type: currency, currency: EUR }
      - { name: margin, type: decimal }
      - { name: soldOn, type: date }
    permissions:
      read: all
      update: [admin]
      fields: [{ field: margin, read: [admin] }]
pages:
  - name: Shop
    path: /
    presence: true
    components:
      - { type: presence, id: people }
      - type: kpi
        id: count
        label: Open sales
        value: { aggregate: count }
        hint: of today & <always>
        dataSource:
          table: sales
          filter: [{ field: state, operator: eq, value: open }]
          refreshMode: realtime
      - type: kpi
        id: worth
        label: Worth
        value: { aggregate: sum, field: amount }
        dataSource: { table: sales, refreshMode: poll, pollIntervalMs: 1000 }
      - type: kpi
        id: margin
        label: Margin
        value: { aggregate: avg, field: margin }
        dataSource: { table: sales, refreshMode: realtime }
      - type: chart
        id: by-month
        kind: line
        title: By month
        x: { field: soldOn, by: month }
        value: { aggregate: sum, field: amount }
        dataSource: { table: sales, refreshMode: realtime }
      - type: chart
        id: by-day
        kind: bar
        title: By day
        x: { field: soldOn }
        limit: 7
        dataSource: { table: sales }
      - type: chart
        id: by-article
        kind: bar
        title: By article
        x: { field: article }
        limit: 1
        dataSource: { table: sales }
      - type: chart
        id: by-state
        kind: donut
        title: By state
        x: { field: state }
        dataSource: { table: sales, refreshMode: realtime }
      - type: list
        id: latest
        title: Latest
        pageSize: 2
        item: { title: article, subtitle: margin, meta: amount, badge: state, href: '/sale?of={article}' }
        dataSource:
          table: sales
          sort: [{ field: soldOn, direction: desc }]
          refreshMode: realtime
      - type: gallery
        id: cards
        pageSize: 2
        card: { title: article, fields: [margin, amount, { field: state, visible: [admin] }], href: '/sale?of={article}' }
        dataSource:
          table: sales
          sort: [{ field: soldOn, direction: desc }]
          refreshMode: realtime
";
const ROWS: &str = "
    insert into sales (article, state, amount, margin, soldOn) values
      ('<Lamp> & co', 'open', 10.10, 0.1234, '2026-01-05'),
      ('Chair', 'done', 20.20, 0.2, '2026-03-31'),
      ('Chair', 'open', 0.05, 0.3, '2026-03-29')";
const EVERYTHING: &str = "/api/realtime/subscribe";

async fn fragment(client: &Client, component: &str) -> (u16, String) {
    let (status, body) = client.get(&format!("/api/fragments?url=/&component={component}")).await;
    (status, body.as_str().unwrap_or_default().to_owned())
}

/// The figure that a kpi shows.
async fn figure(client: &Client, component: &str) -> String {
    let (status, html) = fragment(client, component).await;
    assert_eq!(status, 200, "{html}");
    let start = html.find("data-figure>").unwrap() + "data-figure>".len();
    html[start..start + html[start..].find("</span>").unwrap()].to_owned()
}

async fn listen(client: &Client, component: &str) -> (Socket, Json) {
    let mut socket = client.open(EVERYTHING).await.unwrap();
    let handshake = json!({ "component": component, "url": "/", "subscriptionId": component });
    socket.send(handshake).await;
    let answer = socket.next().await;
    (socket, answer)
}

#[tokio::test]
async fn each_component_is_written_as_expected() {
    let server = Server::start(SHOP).await;
    server.sql(ROWS);
    let guest = server.guest().await;
    let mut told = String::new();
    for id in ["count", "worth", "by-month", "by-day", "by-article", "by-state", "latest", "cards"]
    {
        let (status, html) = fragment(&guest, id).await;
        assert_eq!(status, 200, "{id}");
        told.push_str(&without_position(&html));
    }
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/expected/figures.html");
    if std::env::var_os("UPDATE_EXPECTED").is_some() {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, &told).unwrap();
    }
    assert_eq!(told, std::fs::read_to_string(&file).unwrap());
}

fn without_position(html: &str) -> String {
    let start = html.find("data-position=\"").unwrap() + "data-position=\"".len();
    let end = start + html[start..].find('"').unwrap();
    let shape = end + html[end..].find(" data-shape=").unwrap();
    let after = shape + html[shape..].find('>').unwrap();
    format!("{}…\"{}", &html[..start], &html[after..])
}

#[tokio::test]
async fn figures_follow_every_commit_and_their_filter() {
    let server = Server::start(SHOP).await;
    let guest = server.guest().await;
    assert_eq!(figure(&guest, "count").await, "0");
    assert!(figure(&guest, "worth").await.contains("€0.00"));
    server.sql(ROWS);
    assert_eq!(figure(&guest, "count").await, "2");
    assert_eq!(figure(&guest, "worth").await, "€30.35");
    server.sql("update sales set state = 'open', amount = 0.1");
    assert_eq!(figure(&guest, "count").await, "3");
    assert_eq!(figure(&guest, "worth").await, "€0.30");
}

#[tokio::test]
async fn what_is_made_of_hidden_fields_is_not_there() {
    let server = Server::start(SHOP).await;
    server.sql(ROWS);
    let (guest, admin) = (server.guest().await, server.admin().await);
    let (_, page) = guest.get("/").await;
    let page = page.as_str().unwrap();
    assert!(!page.contains("Margin") && !page.contains("0.1234") && page.contains("Worth"));
    assert_eq!(fragment(&guest, "margin").await.0, 404);
    let (_, refused) = listen(&guest, "margin").await;
    assert_eq!((&refused["type"], &refused["code"]), (&json!("error"), &json!("NOT_FOUND")));
    assert_eq!(figure(&admin, "margin").await, "0.2078");
    let (_, subscribed) = listen(&admin, "margin").await;
    assert_eq!(subscribed["fields"], json!(["margin"]));
    assert!(fragment(&admin, "latest").await.1.contains("0.3"));
    let (_, cards) = fragment(&admin, "cards").await;
    assert!(cards.contains("<dt>Margin</dt>") && cards.contains("<dt>State</dt>"), "{cards}");
    let (_, cards) = fragment(&guest, "cards").await;
    assert!(!cards.contains("Margin") && !cards.contains("State"), "{cards}");
    let (_, subscribed) = listen(&guest, "cards").await;
    assert_eq!(subscribed["fields"], json!(["article", "amount"]));
}

#[tokio::test]
async fn a_figure_is_told_what_may_change_it_and_nothing_else() {
    let server = Server::start(SHOP).await;
    server.sql(ROWS);
    let guest = server.guest().await;
    let (mut socket, subscribed) = listen(&guest, "by-state").await;
    assert_eq!(
        (&subscribed["type"], &subscribed["fields"]),
        (&json!("subscribed"), &json!(["state"]))
    );
    server.sql("update sales set amount = 99, margin = 0.5, article = 'Secret' where id = 1");
    server.sql("update sales set state = 'done' where id = 1");
    let change = socket.next().await;
    assert_eq!(change["record"], json!({ "id": "1", "fields": { "state": "done" } }));
    assert_eq!((change.get("html"), change.get("sortKey")), (None, None));
    assert!(!change.to_string().contains("Secret"));
}

#[tokio::test]
async fn a_count_is_told_who_comes_and_goes() {
    let server = Server::start(SHOP).await;
    server.sql(ROWS);
    let (mut socket, subscribed) = listen(&server.guest().await, "count").await;
    assert_eq!(subscribed["fields"], json!([]));
    server.sql("update sales set amount = 1, article = 'x' where id = 1");
    server.sql("update sales set state = 'done' where id = 3");
    let left = socket.next().await;
    assert_eq!((&left["transition"], &left["recordId"]), (&json!("leave"), &json!(3)));
    server.sql("update sales set state = 'open' where id = 2");
    let entered = socket.next().await;
    assert_eq!(entered["record"], json!({ "id": "2", "fields": {} }));
}

#[tokio::test]
async fn a_list_is_told_of_its_order_and_not_of_hidden_fields() {
    let server = Server::start(SHOP).await;
    server.sql(ROWS);
    let (mut socket, subscribed) = listen(&server.guest().await, "latest").await;
    assert_eq!(subscribed["fields"], json!(["article", "state", "amount"]));
    server.sql("update sales set margin = 7.77 where id = 1");
    server.sql("update sales set soldOn = '2026-12-24' where id = 1");
    let change = socket.next().await;
    assert_eq!(change["event"], "update");
    assert!(!change.to_string().contains("7.77"));
    assert_eq!((change.get("html"), change.get("sortKey")), (None, None));
}

#[tokio::test]
async fn people_are_shown_where_the_page_says() {
    let server = Server::start(SHOP).await;
    let (_, page) = server.guest().await.get("/").await;
    let page = page.as_str().unwrap();
    assert_eq!(page.matches("data-presence=").count(), 1);
    assert!(page.contains(r#"<ul id="people" class="pt-presence" data-presence="&#x2f;""#));
}
