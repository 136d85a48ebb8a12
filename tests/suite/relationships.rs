//! Fields that refer to records: what people may read of those, and what becomes of them.

use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::server::{Client, Server, Socket, shape_of};

const SHOP: &str = "
name: shop
auth: { roles: [packer, clerk] }
tables:
  - name: orders
    fields:
      - { name: title, type: single-line-text }
      - { name: customer, type: relationship, table: customers }
      - { name: parent, type: relationship, table: orders, onDelete: cascade }
      - { name: helper, type: relationship, table: helpers, onDelete: setNull }
      - { name: updatedAt, type: updated-at }
    permissions: { read: all, create: [admin, packer, clerk], update: [admin, packer, clerk] }
  - name: customers
    fields:
      - { name: code, type: integer }
      - { name: name, type: single-line-text }
      - { name: region, type: single-line-text }
      - { name: boss, type: relationship, table: customers }
    permissions:
      read: [admin, packer, clerk]
      fields: [{ field: name, read: [admin, packer] }]
      rows: { read: [{ or: [{ field: region, operator: neq, value: secret }, { field: region, operator: eq, value: $currentUser.role }] }] }
  - name: helpers
    displayField: mail
    fields:
      - { name: name, type: single-line-text }
      - { name: mail, type: email }
    permissions: { read: all }
pages:
  - name: Orders
    path: /
    access: all
    components:
      - { type: dataTable, columns: [title, customer, helper], dataSource: { table: orders, refreshMode: realtime } }
      - { type: chart, kind: bar, title: By customer, x: { field: customer }, dataSource: { table: orders } }
";

const ORDERS: &str = "/api/tables/orders/records";

/// Two customers, one of whom only admins' role `secret` would see; three orders.
async fn shop() -> (Server, Client) {
    let server = Server::start(SHOP).await;
    let admin = server.admin().await;
    server.sql(
        "insert into customers (id, name, region) values (1, 'Ada <b>', 'north'), (2, 'xyzzy', 'secret');
         insert into helpers (id, name, mail) values (5, 'Hal', 'hal@example.org');
         insert into orders (id, title, customer, helper) values (1, 'a', 1, 5), (2, 'b', 2, null), (3, 'c', null, null)",
    );
    (server, admin)
}

async fn post(client: &Client, fields: Json) -> (u16, Json) {
    client.send(Method::POST, ORDERS, Some(json!({ "fields": fields }))).await
}

async fn page(client: &Client) -> String {
    let (status, page) = client.get("/").await;
    assert_eq!(status, 200);
    page.as_str().unwrap().to_owned()
}

async fn live(client: &Client) -> Socket {
    let mut socket = client.open("/api/realtime/subscribe").await.unwrap();
    socket.send(json!({ "component": "dataTable-1", "url": "/" })).await;
    assert_eq!(socket.next().await["type"], "subscribed");
    socket
}

#[tokio::test]
async fn a_record_that_is_referred_to_is_an_id_and_where_asked_a_label() {
    let (server, _) = shop().await;
    let packer = server.person("paul", "packer");
    let (_, one) = packer.get(&format!("{ORDERS}/1")).await;
    assert_eq!(one["fields"]["customer"], "1");
    let (_, one) = packer.get(&format!("{ORDERS}/1?expand=customer,helper")).await;
    assert_eq!(one["fields"]["customer"], json!({ "id": "1", "label": "Ada <b>" }));
    assert_eq!(one["fields"]["helper"], json!({ "id": "5", "label": "hal@example.org" }));
    assert_eq!(one["fields"]["parent"], Json::Null);
    let (_, list) = packer.get(&format!("{ORDERS}?expand=customer&sort=id")).await;
    let records = list["records"].as_array().unwrap();
    // The second one is not for packers.
    assert_eq!(records[1]["fields"]["customer"], json!({ "id": "2", "label": null }));
    assert_eq!(records[2]["fields"]["customer"], Json::Null);
    assert_eq!(records[0]["fields"]["helper"], "5");
    for (names, told) in [
        ("nothing", "unknown field `nothing`"),
        ("title", "expand takes relationships, and `title` is none"),
        ("", "unknown field ``"),
    ] {
        let (status, answer) = packer.get(&format!("{ORDERS}?expand={names}")).await;
        assert_eq!((status, &answer["message"]), (400, &json!(told)));
    }
    let (_, file) =
        packer.get("/api/tables/orders/records.csv?fields=customer&expand=customer").await;
    assert_eq!(file, "id,customer\r\n1,Ada <b>\r\n2,2\r\n3,\r\n");
}

#[tokio::test]
async fn nobody_learns_a_label_that_they_may_not_read() {
    let (server, admin) = shop().await;
    let (guest, clerk) = (server.guest().await, server.person("cleo", "clerk"));
    let packer = server.person("paul", "packer");
    for (client, sees_ada) in [(&admin, true), (&packer, true), (&clerk, false), (&guest, false)] {
        let mut socket = live(client).await;
        server.sql("update orders set title = title || '.'");
        let mut told = page(client).await;
        told += &client.get("/api/fragments?url=/&component=dataTable-1").await.1.to_string();
        told += &client.get("/api/fragments?url=/&component=chart-1").await.1.to_string();
        told += &client.get(&format!("{ORDERS}?expand=customer")).await.1.to_string();
        told += &client.get(&format!("{ORDERS}/2?expand=customer")).await.1.to_string();
        told += &client.get("/api/tables/orders/records.csv?expand=customer").await.1.to_string();
        for _ in 0..3 {
            told += &socket.next().await.to_string();
        }
        assert!(!told.contains("xyzzy"), "{told}");
        assert_eq!(told.contains("Ada &lt;b&gt;"), sees_ada, "{told}");
        assert_eq!(told.contains("Ada <b>"), sees_ada, "{told}");
        assert!(told.contains("#2"));
    }
    // A label that changes for others is not even mentioned.
    let mut socket = live(&guest).await;
    server.sql("update customers set name = 'Grace'; update orders set title = 'x' where id = 3");
    assert_eq!(socket.next().await["record"]["id"], "3");
}

#[tokio::test]
async fn a_page_and_its_rows_follow_a_label() {
    let (server, admin) = shop().await;
    let mut socket = live(&admin).await;
    assert!(page(&admin).await.contains("Ada &lt;b&gt;"));
    // What is shown of no order changes: not its label, or nothing refers to it.
    server.sql("update customers set code = 7 where id = 1");
    server.sql("insert into customers (id, name) values (8, 'Eve')");
    server
        .sql("update customers set name = 'Eva' where id = 8; delete from customers where id = 8");
    server.sql("update orders set title = 'z' where id = 1");
    let told = socket.next().await;
    assert!(told["html"].as_str().unwrap().contains("Ada &lt;b&gt;"), "{told}");
    assert_eq!(told["record"]["fields"]["customer"], "1");
    server.sql("update customers set name = 'Grace' where id = 1");
    assert_eq!(socket.next().await["type"], "resync");
    assert!(page(&admin).await.contains("Grace") && !page(&admin).await.contains("Ada &lt;"));
    server.sql("begin; insert into customers (id, name) values (9, 'New'); insert into orders (title, customer) values ('y', 9); commit");
    // Nobody can tell whether the order came first.
    assert_eq!(socket.next().await["type"], "resync");
    assert!(socket.next().await["html"].as_str().unwrap().contains("New"));
}

#[tokio::test]
async fn a_label_that_changed_while_nobody_listened_is_told_on_coming_back() {
    let (server, admin) = shop().await;
    let mut socket = live(&admin).await;
    server.sql("update orders set title = 'z' where id = 1");
    let since = socket.next().await["position"].clone();
    drop(socket);
    let shape = shape_of(&page(&admin).await, "dataTable-1");
    server.sql("update customers set name = 'Grace' where id = 1");
    let mut socket = admin.open("/api/realtime/subscribe").await.unwrap();
    socket
        .send(json!({ "component": "dataTable-1", "url": "/", "since": since, "shape": shape }))
        .await;
    let mut told = Vec::new();
    while told.last() != Some(&json!("resync")) {
        told.push(socket.next().await["type"].clone());
    }
    assert_eq!(told, ["subscribed", "resync"]);
}

#[tokio::test]
async fn a_record_that_is_not_there_and_one_not_to_be_seen_are_refused_alike() {
    let (server, admin) = shop().await;
    let packer = server.person("paul", "packer");
    let told = json!([{ "field": "customer", "message": "names no record" }]);
    for id in [json!("2"), json!(2), json!("777"), json!(-1), json!("9223372036854775807")] {
        let (status, answer) = post(&packer, json!({ "customer": id })).await;
        assert_eq!((status, &answer["details"]), (422, &told), "{id}");
        let body = Some(json!({ "fields": { "customer": id } }));
        let (status, answer) = packer.send(Method::PATCH, &format!("{ORDERS}/1"), body).await;
        assert_eq!((status, &answer["details"]), (422, &told), "{id}");
    }
    for id in [
        json!("01"),
        json!("+1"),
        json!(1.5),
        json!([1]),
        json!({ "id": "1" }),
        json!("9223372036854775808"),
    ] {
        let (status, answer) = post(&packer, json!({ "customer": id })).await;
        assert_eq!(status, 422);
        let message = answer["details"][0]["message"].as_str().unwrap();
        assert!(message.starts_with("must be the id of a record"), "{message}");
    }
    let (status, made) = post(&packer, json!({ "customer": 1, "helper": "5" })).await;
    assert_eq!((status, &made["fields"]["customer"]), (201, &json!("1")));
    // What stays as it is need not be seen.
    let body = Some(json!({ "fields": { "title": "x", "customer": "2" } }));
    assert_eq!(packer.send(Method::PATCH, &format!("{ORDERS}/2"), body).await.0, 200);
    let many = json!({ "records": [{ "fields": { "customer": "1" } }, { "fields": { "customer": "777" } }] });
    let (status, answer) = admin.send(Method::POST, &format!("{ORDERS}/batch"), Some(many)).await;
    assert_eq!((status, &answer["details"][0]["record"]), (422, &json!(1)), "{answer}");
}

#[tokio::test]
async fn filters_and_sorts_go_by_id() {
    let (_server, admin) = shop().await;
    let titles = async |query: &str| {
        let (status, list) = admin.get(&format!("{ORDERS}?{query}")).await;
        assert_eq!(status, 200, "{list}");
        let records = list["records"].as_array().unwrap().iter();
        records
            .map(|record| record["fields"]["title"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(titles("filter=customer:eq:1").await, ["a"]);
    assert_eq!(titles("filter=customer:in:1,2").await, ["a", "b"]);
    assert_eq!(titles("filter=customer:notIn:1").await, ["b", "c"]);
    assert_eq!(titles("filter=customer:isEmpty").await, ["c"]);
    assert_eq!(
        titles(r#"filter=[{"field":"customer","operator":"neq","value":2}]"#).await,
        ["a", "c"]
    );
    assert_eq!(titles("sort=customer:desc").await, ["b", "a", "c"]);
    for filter in ["customer:gt:1", "customer:contains:1", "customer:eq:01", "customer:eq:x"] {
        assert_eq!(admin.get(&format!("{ORDERS}?filter={filter}")).await.0, 400, "{filter}");
    }
}

#[tokio::test]
async fn what_others_refer_to_is_kept_or_takes_them_along_as_declared() {
    let (server, admin) = shop().await;
    let (status, told) = admin.send(Method::DELETE, "/api/tables/customers/records/1", None).await;
    assert_eq!((status, &told["code"]), (409, &json!("REFERRED")));
    assert_eq!(told["message"], "other records refer to this one");
    server.sql("insert into orders (id, title, parent) values (10, 'child', 3), (11, 'grandchild', 10), (12, 'self', 12)");
    let mut socket = admin.open("/api/tables/orders/subscribe?fields=helper").await.unwrap();
    socket.next().await;
    assert_eq!(admin.send(Method::DELETE, "/api/tables/helpers/records/5", None).await.0, 200);
    let told = socket.next().await;
    assert_eq!(
        (&told["event"], &told["record"]["fields"]["helper"]),
        (&json!("update"), &Json::Null)
    );
    assert_eq!(admin.send(Method::DELETE, &format!("{ORDERS}/3"), None).await.0, 200);
    let mut gone = Vec::new();
    for _ in 0..3 {
        let told = socket.next().await;
        assert_eq!(told["event"], "delete");
        gone.push(told["recordId"].as_i64().unwrap());
    }
    gone.sort_unstable();
    assert_eq!(gone, [3, 10, 11]);
    assert_eq!(admin.send(Method::DELETE, &format!("{ORDERS}/12"), None).await.0, 200);
}

#[tokio::test]
async fn records_that_refer_to_each_other_are_removed_together() {
    let (server, admin) = shop().await;
    server.sql(
        "insert into orders (id, title, parent) values (10, 'parent', null), (11, 'child', 10);
         insert into customers (id, name, boss) values (20, 'boss', null), (21, 'aide', 20), (22, 'both', 1)",
    );
    let remove = async |table: &str, ids: Json| {
        let path = format!("/api/tables/{table}/records/batch");
        admin.send(Method::DELETE, &path, Some(json!({ "ids": ids }))).await
    };
    // Some others refer to the last one, so all of them stay; and that is told of it.
    let (status, told) = remove("customers", json!(["22", "20", "1"])).await;
    assert_eq!((status, &told["code"]), (409, &json!("REFERRED")));
    assert_eq!(told["details"][0]["record"], 1, "{told}");
    assert_eq!(server.sql("select count(*) from customers"), "5");
    // The one that is taken along, and the one that stands in the way, are among them.
    for (table, ids) in [("orders", json!(["10", "11"])), ("customers", json!(["20", "21"]))] {
        let (status, gone) = remove(table, ids.clone()).await;
        assert_eq!(status, 200, "{gone}");
        let told = gone["records"].as_array().unwrap().iter().map(|record| record["id"].clone());
        assert_eq!(Json::from_iter(told), ids);
    }
    assert_eq!(server.sql("select count(*) from orders where id > 9"), "0");
}

#[tokio::test]
async fn another_program_that_minds_foreign_keys_is_held_to_them() {
    let (server, _) = shop().await;
    let refused = |statement: &str| {
        let sqlite3 = std::process::Command::new("sqlite3")
            .args(["-cmd", "pragma foreign_keys = on"])
            .arg(server.database())
            .arg(statement)
            .output()
            .unwrap();
        String::from_utf8(sqlite3.stderr).unwrap()
    };
    assert!(refused("insert into orders (customer) values (777)").contains("FOREIGN KEY"));
    assert!(refused("delete from customers where id = 1").contains("FOREIGN KEY"));
    assert_eq!(refused("delete from helpers"), "");
    assert_eq!(server.sql("select count(helper) from orders"), "0");
}
