//! Changes by another program on the same database file.

use reqwest::Method;
use serde_json::json;

use crate::server::{DESK, Server, until};

#[tokio::test]
async fn another_programs_writes_are_told_like_our_own() {
    let server = Server::start(DESK).await;
    let guest = server.guest().await;
    let mut socket = guest.open("/api/tables/orders/subscribe?fields=customer").await.unwrap();
    socket.next().await;
    server.sql("insert into orders (customer) values ('Ada'), ('Grace')");
    server.sql("update orders set customer = 'Ada L.' where customer = 'Ada'");
    server.sql("delete from orders");
    let mut told = Vec::new();
    for _ in 0..5 {
        let message = socket.next().await;
        told.push(format!(
            "{} {}",
            message["event"].as_str().unwrap(),
            message["record"]["fields"]["customer"].as_str().unwrap_or("-"),
        ));
    }
    assert_eq!(told, ["insert Ada", "insert Grace", "update Ada L.", "delete -", "delete -"]);
}

#[tokio::test]
async fn changes_of_one_record_come_in_the_order_of_their_commits() {
    let server = Server::start(DESK).await;
    let admin = server.admin().await;
    let id = admin.add_order(json!({ "customer": "0" })).await;
    let mut socket = admin.open("/api/tables/orders/subscribe?fields=customer").await.unwrap();
    socket.next().await;
    for number in 1..=20 {
        if number % 2 == 0 {
            server.sql(&format!("update orders set customer = '{number}' where id = {id}"));
        } else {
            let body = Some(json!({ "fields": { "customer": number.to_string() } }));
            let path = format!("/api/tables/orders/records/{id}");
            assert_eq!(admin.send(Method::PATCH, &path, body).await.0, 200);
        }
    }
    for number in 1..=20 {
        let fields = &socket.next().await["record"]["fields"];
        assert_eq!(fields["customer"], json!(number.to_string()));
    }
}

#[tokio::test]
async fn a_value_outside_its_rules_is_refused_by_the_database() {
    let server = Server::start(DESK).await;
    let refused = |statement: &str| {
        let output = std::process::Command::new("sqlite3")
            .args(["-cmd", ".timeout 5000"])
            .arg(server.database())
            .arg(statement)
            .output()
            .unwrap();
        assert!(!output.status.success(), "{statement}");
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(
        refused("insert into orders (customer, status) values ('A', 'lost')").contains("status")
    );
    assert!(refused("insert into orders (customer, total) values ('A', -1)").contains("total"));
    for total in ["9e999", "-9e999", "1e28", "x'00'", "'much'"] {
        let insert = format!("insert into orders (customer, total) values ('A', {total})");
        assert!(refused(&insert).contains("total"), "{total}");
    }
    assert!(refused("insert into orders (total) values (1)").contains("customer"));
    assert_eq!(server.sql("select count(*) from orders"), "0");
}

#[tokio::test]
async fn a_bare_insert_gets_its_defaults_and_times() {
    let server = Server::start(DESK).await;
    server.sql("insert into orders (customer) values ('Ada')");
    let (status, list) = server.nobody().get("/api/tables/orders/records").await;
    assert_eq!(status, 200);
    let fields = &list["records"][0]["fields"];
    assert_eq!(fields["status"], "open");
    assert!(fields["updatedAt"].as_str().unwrap().ends_with('Z'));
}

#[tokio::test]
async fn bytes_that_are_no_text_stop_nobody() {
    let server = Server::start(DESK).await;
    let guest = server.guest().await;
    let mut socket = guest.open("/api/tables/orders/subscribe").await.unwrap();
    socket.next().await;
    server.sql("insert into orders (customer) values (cast(x'ff41' as text))");
    assert_eq!(socket.next().await["record"]["fields"]["customer"], "\u{fffd}A");
    server.sql(
        "insert into _pagetide_changes (table_name, key, new, at) values ('orders', 'x', '{', 1)",
    );
    server.sql("insert into orders (customer) values ('Ada')");
    assert_eq!(socket.next().await["record"]["fields"]["customer"], "Ada");
    let (_, list) = guest.get("/api/tables/orders/records?sort=id:asc").await;
    assert_eq!(list["records"][0]["fields"]["customer"], "\u{fffd}A");
    assert_eq!(guest.get("/").await.0, 200);
}

#[tokio::test]
async fn a_feed_that_cannot_read_makes_the_server_not_ready_until_it_can() {
    let server = Server::start(DESK).await;
    let guest = server.guest().await;
    let mut socket = guest.open("/api/tables/orders/subscribe").await.unwrap();
    socket.next().await;
    assert_eq!(guest.get("/readyz").await.0, 200);
    server.sql("alter table _pagetide_changes rename to elsewhere");
    let ready = async || guest.get("/readyz").await.0;
    let what = "the server to say that it is behind";
    until(what, async || (ready().await == 503).then_some(())).await;
    assert_eq!(guest.get("/healthz").await.0, 200);
    server.sql("alter table elsewhere rename to _pagetide_changes");
    until("the server to catch up", async || (ready().await == 200).then_some(())).await;
    server.sql("insert into orders (customer) values ('Ada')");
    assert_eq!(socket.next().await["record"]["fields"]["customer"], "Ada");
}
