//! What the address of a page gives: parameters of its path, its query string; and components that
//! only some see.

use serde_json::json;

use crate::server::Server;

const EVERYTHING: &str = "/api/realtime/subscribe";

const APP: &str = "
name: desk
tables:
  - name: orders
    fields:
      - { name: customer, type: single-line-text }
      - { name: total, type: integer }
      - { name: dueOn, type: date }
    permissions: { read: all, update: [admin] }
  - name: salaries
    fields: [{ name: amount, type: integer }]
    permissions: { read: [admin] }
pages:
  - { name: Home, path: / }
  - name: Orders
    path: /orders
    presence: true
    components:
      - type: dataTable
        id: found
        columns: [customer]
        dataSource:
          table: orders
          refreshMode: realtime
          filter:
            or:
              - { field: customer, operator: contains, value: $query.customer }
              - { field: total, operator: in, value: [$query.total, $query.other] }
              - { field: dueOn, operator: lt, value: $query.due }
  - name: New
    path: /orders/new
    components: [{ type: text, content: A new order }]
  - name: Order
    path: /orders/:id
    presence: true
    components:
      - type: dataTable
        id: order
        columns: [customer]
        dataSource:
          table: orders
          refreshMode: realtime
          filter: [{ field: id, operator: eq, value: $params.id }]
  - name: Details
    path: /details/:id
    access: all
    components:
      - type: details
        id: details
        titleField: customer
        fields: [{ field: total, label: Sum }, { field: dueOn, format: long, visible: [admin] }]
        dataSource:
          table: orders
          filter: [{ field: id, operator: eq, value: $params.id }]
          refreshMode: realtime
      - type: details
        id: pay
        dataSource:
          table: salaries
          filter: [{ field: id, operator: eq, value: $params.id }]
      - type: details
        id: first
        emptyMessage: No order is unpaid.
        dataSource:
          table: orders
          filter: [{ field: total, operator: gt, value: 100 }]
  - name: Secrets
    path: /secrets
    components:
      - { type: text, content: for everyone }
      - type: container
        visible: [admin]
        children:
          - { type: text, content: the safe is open }
          - type: dataTable
            id: salaries
            dataSource: { table: salaries, refreshMode: realtime }
          - { type: dataTable, id: hidden, dataSource: { table: orders, refreshMode: realtime } }
      - { type: text, content: you are in, visible: authenticated }
";

async fn desk() -> Server {
    let server = Server::start(APP).await;
    server.sql(
        "insert into orders (customer, total, dueOn) values
         ('Ada', 1, '2026-04-01'), ('Grace', 2, '2026-04-02'), ('100% Zoe', 3, '2026-04-03')",
    );
    server
}

/// The customers that a page or a fragment shows, in order.
async fn shown(server: &Server, path: &str) -> String {
    let (status, html) = server.guest().await.get(path).await;
    assert_eq!(status, 200, "{path}");
    let html = html.as_str().unwrap().to_owned();
    let mut found: Vec<_> = ["Ada", "Grace", "100% Zoe"].into_iter().collect();
    found.retain(|name| html.contains(&format!(">{name}</td>")));
    found.join(", ")
}

#[tokio::test]
async fn a_parameter_of_the_path_says_which_records() {
    let server = desk().await;
    assert_eq!(shown(&server, "/orders/1").await, "Ada");
    assert_eq!(shown(&server, "/orders/%32").await, "Grace");
    assert_eq!(shown(&server, "/api/fragments?component=order&url=/orders/3").await, "100% Zoe");
    for nothing in ["4", "x", "1.5", "-1", "99999999999999999999", "1%20or%201=1"] {
        assert_eq!(shown(&server, &format!("/orders/{nothing}")).await, "", "{nothing}");
    }
    let (_, new) = server.guest().await.get("/orders/new").await;
    assert!(new.as_str().unwrap().contains("A new order"));
    for path in ["/orders/", "/orders/1/2", "/orders/%00", "/orders/%ff"] {
        assert_ne!(server.guest().await.get(path).await.0, 200, "{path}");
    }
}

#[tokio::test]
async fn a_page_with_parameters_is_not_in_the_menu() {
    let server = desk().await;
    let (_, page) = server.guest().await.get("/orders/1").await;
    let page = page.as_str().unwrap().replace("&#x2f;", "/");
    assert!(page.contains(r#"<a href="/orders/new""#) && !page.contains(r#"href="/orders/:id""#));
    assert!(page.contains(r#"data-presence="/orders/1""#));
}

#[tokio::test]
async fn the_query_string_says_which_records() {
    let server = desk().await;
    for (query, expected) in [
        ("", ""),
        ("?customer=A", "Ada, Grace"),
        ("?customer=100%25", "100% Zoe"),
        ("?customer=%", "100% Zoe"),
        ("?customer=&x=y", "Ada, Grace, 100% Zoe"),
        ("?total=2", "Grace"),
        ("?total=two", ""),
        ("?total=1&other=3", "Ada, 100% Zoe"),
        ("?total=1&total=3", "Ada"),
        ("?due=2026-04-02", "Ada"),
        ("?due=tomorrow", ""),
        ("?customer=%00", ""),
        ("?customer=Ada'--", ""),
        ("?Customer=Ada", ""),
    ] {
        assert_eq!(shown(&server, &format!("/orders{query}")).await, expected, "{query}");
        let url = format!("/orders{query}").replace('%', "%25").replace('&', "%26");
        let fragment = format!("/api/fragments?component=found&url={url}");
        assert_eq!(shown(&server, &fragment).await, expected, "{query}");
    }
    let long = format!("/orders?customer={}", "a".repeat(5_000));
    assert_eq!(shown(&server, &long).await, "");
    let many = format!("/orders?{}customer=Ada", "total=1&".repeat(200));
    assert_eq!(shown(&server, &many).await, "Ada");
}

#[tokio::test]
async fn a_subscription_is_scoped_by_the_address() {
    let server = desk().await;
    let guest = server.guest().await;
    let mut one = guest.open(EVERYTHING).await.unwrap();
    one.send(json!({ "component": "order", "url": "/orders/%31?x=y", "subscriptionId": "1" }))
        .await;
    assert_eq!(one.next().await["type"], "subscribed");
    let mut found = guest.open(EVERYTHING).await.unwrap();
    found
        .send(json!({ "component": "found", "url": "/orders?total=9", "subscriptionId": "9" }))
        .await;
    assert_eq!(found.next().await["type"], "subscribed");
    server.sql("update orders set total = 9 where id = 2");
    server.sql("update orders set total = 8 where id = 1");
    let change = one.next().await;
    assert_eq!((&change["event"], &change["record"]["id"]), (&json!("update"), &json!("1")));
    let change = found.next().await;
    assert_eq!((&change["event"], &change["record"]["id"]), (&json!("insert"), &json!("2")));
}

#[tokio::test]
async fn each_address_of_a_page_has_people_of_its_own() {
    let server = desk().await;
    let admin = server.admin().await;
    let mut socket = admin.open(EVERYTHING).await.unwrap();
    let mut enter = async |path: &str| {
        socket.send(json!({ "type": "presence", "pagePath": path })).await;
        let sync = socket.next().await;
        (sync["pagePath"].clone(), sync["users"].as_array().map(Vec::len))
    };
    assert_eq!(enter("/orders/1").await, (json!("/orders/1"), Some(1)));
    assert_eq!(enter("/orders/%31").await, (json!("/orders/1"), Some(1)));
    assert_eq!(enter("/orders/2").await, (json!("/orders/2"), Some(1)));
    assert_eq!(enter("/orders/:id/x").await.1, None);
    let mut guest = server.guest().await.open(EVERYTHING).await.unwrap();
    guest.send(json!({ "type": "presence", "pagePath": "/orders/3" })).await;
    assert_eq!(guest.next().await["users"], json!([]));
    socket.send(json!({ "type": "unsubscribe", "pagePath": "/orders/%32" })).await;
    socket.send(json!({ "type": "unsubscribe", "pagePath": "/orders/2" })).await;
    assert_eq!(socket.next().await["type"], "error");
}

#[tokio::test]
async fn what_is_visible_to_some_is_not_there_for_others() {
    let server = desk().await;
    server.sql("insert into salaries (amount) values (4711)");
    let (guest, member) = (server.guest().await, server.person("mo", "member"));
    for (client, is_in) in [(&guest, false), (&member, true)] {
        let (status, page) = client.get("/secrets").await;
        let page = page.as_str().unwrap();
        assert_eq!((status, page.contains("you are in")), (200, is_in));
        assert!(page.contains("for everyone"));
        assert!(!page.contains("safe") && !page.contains("4711") && !page.contains("Grace"));
        let absent = client.get("/api/fragments?url=/secrets&component=nothing").await;
        for id in ["hidden", "salaries"] {
            let path = format!("/api/fragments?url=/secrets&component={id}");
            assert_eq!(client.get(&path).await, absent);
        }
        let mut socket = client.open(EVERYTHING).await.unwrap();
        let mut told = Vec::new();
        for id in ["nothing", "hidden", "salaries"] {
            socket.send(json!({ "component": id, "url": "/secrets", "subscriptionId": "a" })).await;
            told.push(socket.next().await);
        }
        assert!(told[0]["type"] == "error" && told.iter().all(|other| *other == told[0]));
    }
    let (_, page) = server.admin().await.get("/secrets").await;
    let page = page.as_str().unwrap();
    assert!(page.contains("safe") && page.contains("4,711") && page.contains("Grace"));
}

#[tokio::test]
async fn details_show_one_record_field_by_field() {
    let server = desk().await;
    let (guest, admin) = (server.guest().await, server.admin().await);
    let (status, page) = guest.get("/details/2").await;
    let page = page.as_str().unwrap();
    assert_eq!(status, 200);
    assert!(page.contains(">Grace</h1>") && page.contains("<dt>Sum</dt>"));
    assert!(!page.contains("2 April") && !page.contains("Ada") && !page.contains("id=\"pay\""));
    // What the address does not name may be missing.
    assert!(page.contains("No order is unpaid."));
    server.sql("insert into salaries (id, amount) values (2, 4711)");
    let (_, page) = admin.get("/details/2").await;
    let page = page.as_str().unwrap();
    assert!(page.contains("Thursday, 2 April 2026") && page.contains("4,711"));
}

#[tokio::test]
async fn where_the_record_of_the_address_is_missing_there_is_no_page() {
    let server = desk().await;
    let guest = server.guest().await;
    let (status, missing) = guest.get("/details/9").await;
    assert_eq!(status, 404);
    assert!(missing.as_str().unwrap().contains("There is no such page"));
    for id in ["x", "-1", "2.0", "%00", "1%20or%201"] {
        assert_eq!(guest.get(&format!("/details/{id}")).await.0, 404, "{id}");
    }
    // An admin has two records to find, and one is missing.
    assert_eq!(server.admin().await.get("/details/2").await.0, 404);
    server.sql("delete from orders where id = 2");
    assert_eq!(guest.get("/details/2").await.0, 404);
}

#[tokio::test]
async fn details_are_told_of_their_record_only_and_say_when_it_is_gone() {
    let server = desk().await;
    let guest = server.guest().await;
    let mut socket = guest.open(EVERYTHING).await.unwrap();
    socket
        .send(json!({ "component": "details", "url": "/details/2", "subscriptionId": "a" }))
        .await;
    assert_eq!(socket.next().await["type"], "subscribed");
    server.sql("update orders set total = 7 where id = 1");
    server.sql("update orders set dueOn = null where id = 2");
    server.sql("update orders set total = 8 where id = 2");
    let change = socket.next().await;
    assert_eq!((&change["event"], &change["html"]), (&json!("update"), &json!(null)));
    let fragment = "/api/fragments?component=details&url=/details/2";
    assert!(guest.get(fragment).await.1.as_str().unwrap().contains(">8</dd>"));
    server.sql("delete from orders where id = 2");
    assert_eq!(socket.next().await["event"], "delete");
    let (status, gone) = guest.get(fragment).await;
    assert_eq!(status, 200);
    assert!(gone.as_str().unwrap().contains("There is no such record."));
}
