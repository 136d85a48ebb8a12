//! Words with values in them: of the address, and about whoever looks.

use crate::server::{Client, Server};

const APP: &str = r#"
name: words
tables:
  - name: orders
    fields: [{ name: code, type: single-line-text }]
    permissions: { read: all, update: all }
pages:
  - name: Order
    path: /orders/:id
    access: all
    meta: { title: "Order {$params.id} for {$currentUser.name}", description: "Found by {$query.by}" }
    components:
      - { type: text, variant: title, content: "Order {$params.id}, by {$query.by}." }
      - { type: text, content: "Hello {$currentUser.name}! {braces} and { $params.id }" }
      - { type: link, label: "Edit {$params.id}", href: "/orders/{$params.id}/edit?by={$query.by}#{$params.id}" }
      - { type: button, label: "To {$params.id}", href: "/{$query.lang}/orders" }
      - type: button
        label: "Take {$params.id}"
        action: { type: set, field: code, value: taken, confirm: Sure? }
        dataSource: { table: orders }
  - name: Home
    path: /
    access: all
    components: [{ type: text, content: "It is {$currentUser.role} {$currentUser.email}." }]
"#;

async fn page(client: &Client, path: &str) -> String {
    let (status, page) = client.get(path).await;
    assert_eq!(status, 200, "{page}");
    // In HTML a slash may stand for itself, or not.
    page.as_str().unwrap().replace("&#x2f;", "/")
}

async fn holds(client: &Client, path: &str, wanted: &[&str]) {
    let page = page(client, path).await;
    for wanted in wanted {
        assert!(page.contains(wanted), "{wanted} in {page}");
    }
}

#[tokio::test]
async fn values_of_the_address_stand_in_words_titles_and_links() {
    let server = Server::start(APP).await;
    let guest = server.guest().await;
    holds(
        &guest,
        "/orders/7?by=ada",
        &[
            "Order 7, by ada.",
            "<title>Order 7 for ",
            r#"content="Found by ada""#,
            r#"href="/orders/7/edit?by=ada#7""#,
            "Edit 7",
            "To 7",
            "Hello ! {braces} and { $params.id }",
        ],
    )
    .await;
    // Of a value that is missing nothing is left, and no two slashes lead to another host.
    holds(&guest, "/orders/8", &["Order 8, by .", r#"/orders/8/edit?by=#8"#, r#"href="/orders""#])
        .await;
}

#[tokio::test]
async fn what_an_address_gives_is_never_html_nor_another_site() {
    let server = Server::start(APP).await;
    let guest = server.guest().await;
    let at = "/orders/%3Cb%3E%22?by=%3Cscript%3Ealert(1)%3C%2Fscript%3E&lang=%2Fevil.example";
    let page = page(&guest, at).await;
    assert!(!page.contains("<script>alert") && !page.contains("<b>\""), "{page}");
    assert!(page.contains("Order &lt;b&gt;&quot;, by &lt;script&gt;alert(1)"), "{page}");
    assert!(page.contains("/orders/%3Cb%3E%22/edit"), "{page}");
    assert!(page.contains(r#"href="/%2Fevil%2Eexample/orders""#), "{page}");
}

#[tokio::test]
async fn what_is_said_about_one_viewer_is_said_to_no_other() {
    let server = Server::start(APP).await;
    let (ada, bob) = (server.person("ada", "member"), server.person("bob", "member"));
    for _ in 0..2 {
        holds(&ada, "/", &["It is member ada@people.example."]).await;
        holds(&bob, "/", &["It is member bob@people.example."]).await;
        holds(&server.guest().await, "/", &["It is  ."]).await;
    }
}

#[tokio::test]
async fn a_name_that_no_words_ask_for_makes_no_other_page() {
    let server = Server::start(APP).await;
    let guest = server.guest().await;
    let tag = async |path: &str| {
        let answer = guest.request(reqwest::Method::GET, path).send().await.unwrap();
        answer.headers()["etag"].to_str().unwrap().to_owned()
    };
    let plain = tag("/orders/7").await;
    assert_eq!(tag("/orders/7?other=1").await, plain);
    assert_ne!(tag("/orders/7?by=ada").await, plain);
    assert_ne!(tag("/orders/8").await, plain);
}

#[tokio::test]
async fn a_button_asks_with_its_own_words() {
    let server = Server::start(APP).await;
    server.sql("insert into orders (code) values ('new')");
    let guest = server.guest().await;
    holds(&guest, "/orders/7", &["Take 7"]).await;
    let form = "application/x-www-form-urlencoded";
    let request = guest.request(reqwest::Method::POST, "/orders/7").header("content-type", form);
    let body = "_component=button-2&_record=1&_action=0";
    let asked = request.body(body).send().await.unwrap().text().await.unwrap();
    assert!(asked.contains("Sure?") && asked.contains("Take 7"), "{asked}");
}
