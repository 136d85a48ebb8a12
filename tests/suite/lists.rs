//! Lists of the Records API: searches, and pages by cursor while rows come and go.

use serde_json::Value as Json;

use crate::server::{Client, DESK, Server};

const RECORDS: &str = "/api/tables/orders/records";

async fn list(client: &Client, query: &str) -> Json {
    let (status, list) = client.get(&format!("{RECORDS}?{query}")).await;
    assert_eq!(status, 200, "{query}: {list}");
    list
}

fn customers(list: &Json) -> Vec<&str> {
    let records = list["records"].as_array().unwrap();
    records.iter().map(|record| record["fields"]["customer"].as_str().unwrap()).collect()
}

/// Every customer by cursor, this many at a time.
async fn by_cursor(client: &Client, query: &str, limit: usize) -> Vec<String> {
    let (mut all, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = list(client, &format!("{query}&limit={limit}{cursor}")).await;
        all.extend(customers(&page).into_iter().map(str::to_owned));
        match page["pagination"]["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return all,
        }
    }
}

#[tokio::test]
async fn a_search_finds_every_word_in_some_text_that_may_be_read() {
    let server = Server::start(DESK).await;
    server.sql(
        "insert into orders (customer, code, secret, total) values
         ('Ada Lovelace', 'A1', 'xyzzy', 7), ('Grace Hopper', 'B2', 'plugh', 1), ('Ada Yonath', 'C3', null, 2)",
    );
    let (admin, guest) = (server.admin().await, server.guest().await);
    assert_eq!(customers(&list(&guest, "search=ada").await), ["Ada Lovelace", "Ada Yonath"]);
    assert_eq!(customers(&list(&guest, "search=c3%20ADA").await), ["Ada Yonath"]);
    assert_eq!(customers(&list(&guest, "search=love%20hopper").await), [""; 0]);
    assert_eq!(customers(&list(&guest, "search=%20&limit=1").await), ["Ada Lovelace"]);
    assert_eq!(list(&guest, "search=ada").await["pagination"]["total"], 2);
    assert_eq!(customers(&list(&guest, "search=a&filter=total:gt:2").await), ["Ada Lovelace"]);
    // What one may not read is not found by it.
    assert_eq!(customers(&list(&admin, "search=xyzzy").await), ["Ada Lovelace"]);
    assert_eq!(customers(&list(&guest, "search=xyzzy").await), [""; 0]);
    for query in [format!("search={}", "a%20".repeat(11)), format!("search={}", "a".repeat(201))] {
        assert_eq!(guest.get(&format!("{RECORDS}?{query}")).await.0, 400);
    }
    assert_eq!(guest.get(&format!("{RECORDS}?search=a%00")).await.0, 400);
}

#[tokio::test]
async fn a_cursor_goes_through_the_whole_list_in_any_order() {
    let server = Server::start(DESK).await;
    server.sql(
        "insert into orders (customer, total, status) values ('b', 2, 'open'), ('A', 3, 'done'),
         ('a', null, 'open'), ('c', null, null), ('B', 2, 'done'), ('d', 12.5, null)",
    );
    let guest = server.guest().await;
    for sort in ["", "sort=customer", "sort=total:desc", "sort=status,total:desc", "sort=id:desc"] {
        let whole = list(&guest, sort).await;
        for limit in 1..=7 {
            assert_eq!(by_cursor(&guest, sort, limit).await, customers(&whole), "{sort} {limit}");
        }
    }
    let filtered = by_cursor(&guest, "sort=total&filter=status:isNotEmpty", 1).await;
    assert_eq!(filtered, ["b", "B", "A", "a"]);
    let last = list(&guest, "limit=6").await;
    assert!(last["pagination"].get("nextCursor").is_none(), "{last}");
}

#[tokio::test]
async fn pages_stay_right_while_rows_come_and_go() {
    let server = Server::start(DESK).await;
    server.sql("insert into orders (customer) values ('b'), ('d'), ('f'), ('h')");
    let guest = server.guest().await;
    let page = list(&guest, "sort=customer&limit=2").await;
    assert_eq!(customers(&page), ["b", "d"]);
    let next = page["pagination"]["nextCursor"].as_str().unwrap();
    // Even the record that the page ended with may go.
    server.sql("insert into orders (customer) values ('a'), ('e'); delete from orders where customer = 'd'");
    let page = list(&guest, &format!("sort=customer&limit=2&cursor={next}")).await;
    assert_eq!(customers(&page), ["e", "f"]);
    assert_eq!(page["pagination"]["total"], 5);
    assert!(page["pagination"].get("offset").is_none(), "{page}");
}

#[tokio::test]
async fn a_cursor_serves_only_its_own_list() {
    let server = Server::start(DESK).await;
    server.sql("insert into orders (customer) values ('a'), ('b'), ('c')");
    let (guest, admin) = (server.guest().await, server.admin().await);
    let page = list(&guest, "sort=customer&limit=1").await;
    let next = page["pagination"]["nextCursor"].as_str().unwrap();
    for query in [
        format!("cursor={next}"),
        format!("sort=customer:desc&cursor={next}"),
        format!("sort=customer&search=a&cursor={next}"),
        format!("sort=customer&filter=customer:neq:b&cursor={next}"),
        format!("sort=customer&offset=1&cursor={next}"),
        format!("sort=customer&cursor={next}A"),
        "cursor=".to_owned(),
        "cursor=%00".to_owned(),
        "cursor=bnVsbA".to_owned(),
    ] {
        let (status, answer) = guest.get(&format!("{RECORDS}?{query}")).await;
        assert_eq!((status, answer["code"].as_str()), (400, Some("BAD_REQUEST")), "{query}");
    }
    let notes = format!("/api/tables/notes/records?sort=words&cursor={next}");
    assert_eq!(admin.get(&notes).await.0, 400);
}

#[tokio::test]
async fn a_cursor_says_nothing_that_its_reader_may_not_read() {
    let server = Server::start(DESK).await;
    server.sql("insert into orders (customer, secret) values ('a', 'xyzzy'), ('b', 'plugh')");
    let (guest, admin) = (server.guest().await, server.admin().await);
    let page = list(&admin, "sort=secret&limit=1").await;
    let next = page["pagination"]["nextCursor"].as_str().unwrap();
    let (status, answer) = guest.get(&format!("{RECORDS}?sort=secret&cursor={next}")).await;
    let unknown = guest.get(&format!("{RECORDS}?sort=nosuch&cursor={next}")).await;
    assert_eq!(status, 400);
    assert_eq!(answer.to_string().replace("secret", "nosuch"), unknown.1.to_string());
}
