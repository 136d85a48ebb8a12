//! Cells that can be edited in place: what the page tells the browser about them, and whom.

use serde_json::Value as Json;

use crate::server::{Client, DESK, Server};

fn app() -> String {
    let source = "        dataSource:\n          table: orders\n";
    let columns = "        columns: [{ field: customer, editable: true }, { field: total, editable: true }, { field: status, editable: true }]\n";
    let yaml = DESK.replacen(source, &format!("{columns}{source}"), 1);
    let yaml = yaml.replacen("update: [admin]", "update: [admin, packer]", 1);
    yaml.replace(
        "      fields: [{ field: secret, read: [admin] }]\n",
        "      fields: [{ field: secret, read: [admin] }, { field: total, write: [packer] }]\n",
    )
}

async fn page(client: &Client) -> String {
    let (status, page) = client.get("/").await;
    assert_eq!(status, 200);
    page.as_str().unwrap().replace("&quot;", "\"")
}

#[tokio::test]
async fn whoever_may_change_a_field_is_told_how() {
    let server = Server::start(&app()).await;
    server.sql("insert into orders (customer, total) values ('Ada & \"co\"', 24.5), ('Bob', null)");
    let of_admin = page(&server.admin().await).await;
    let editor = r#"{"field":"customer","label":"Customer","required":true,"control":"text"}"#;
    assert!(of_admin.contains(editor), "{of_admin}");
    let editor = r#""control":"select","options":["open","done"]}"#;
    assert!(of_admin.contains(editor), "{of_admin}");
    // `total` is for packers to set.
    assert_eq!(of_admin.matches("data-editor").count(), 2);
    assert!(of_admin.contains(r#"data-table="orders" data-lock="updatedAt""#));
    assert!(of_admin.contains(r#"data-value="24.50">€24.50<"#));
    assert!(of_admin.contains(r#"data-value="Ada &amp; "co"">"#));
    assert!(of_admin.contains("data-updated-at=\"20"));
    // A missing value has none.
    assert!(of_admin.contains(r#"data-label="Total"><span class="pt-empty""#));
    let of_guest = page(&server.guest().await).await;
    assert!(!of_guest.contains("data-editor") && !of_guest.contains("data-table="));
    assert!(of_guest.contains("Bob"));
}

#[tokio::test]
async fn a_row_that_is_pushed_is_the_row_of_the_page() {
    let server = Server::start(&app()).await;
    let (admin, guest) = (server.admin().await, server.guest().await);
    let mut sockets = Vec::new();
    for client in [&admin, &guest] {
        let mut socket = client.open("/api/realtime/subscribe").await.unwrap();
        socket.send(serde_json::json!({ "component": "dataTable-1", "url": "/" })).await;
        socket.next().await;
        sockets.push(socket);
    }
    server.sql("insert into orders (customer, total) values ('Ada', 24.5)");
    for (socket, client) in sockets.iter_mut().zip([&admin, &guest]) {
        let change: Json = socket.next().await;
        let html = change["html"].as_str().unwrap();
        assert!(html.contains("data-value"), "{html}");
        assert!(page(client).await.contains(&html.replace("&quot;", "\"")), "{html}");
    }
}

#[tokio::test]
async fn a_table_without_editable_columns_tells_nothing_more() {
    let server = Server::start(DESK).await;
    server.sql("insert into orders (customer) values ('Ada')");
    let of_admin = page(&server.admin().await).await;
    for word in ["data-editor", "data-value", "data-updated-at", "data-lock"] {
        assert!(!of_admin.contains(word), "{word}");
    }
}
