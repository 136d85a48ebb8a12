//! Lists of the Records API: searches, and pages by cursor while rows come and go.

use pagetide::limits::Limit;
use reqwest::Method;
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

/// Long records are read and encoded in another way than short ones, which shows in nothing.
#[tokio::test]
async fn a_list_of_long_records_is_what_its_records_are_one_by_one() {
    const APP: &str = "
name: letters
tables:
  - name: people
    displayField: name
    fields: [{ name: name, type: single-line-text }]
    permissions: { read: all }
  - name: letters
    fields:
      - { name: body, type: long-text }
      - { name: number, type: integer }
      - { name: to, type: relationship, table: people }
    permissions: { read: all }
pages:
  - name: Letters
    path: /
    components: [{ type: dataTable, id: letters, dataSource: { table: letters, sort: [{ field: number, direction: desc }] }, columns: [{ field: number }, { field: body }, { field: to }] }]
";
    // As long as it takes: on a busy machine, the whole list may take some seconds.
    let server = Server::start_within(APP, &[(Limit::StatementTime, 600_000)]).await;
    server.sql(
        "insert into people (name) values ('Ada'), ('Grace');
         with recursive n(i) as (select 1 union all select i + 1 from n where i < 60)
         insert into letters (body, number, \"to\")
         select case i % 4 when 0 then null when 1 then 'short' when 2 then printf('%.1200c', 'é\"\\')
           else printf('%d%.60000c\n', i, 'a') end, i * 7 % 60, 1 + i % 2 from n",
    );
    // What is no text reads as nothing, however much of it there is.
    server.sql(
        "pragma ignore_check_constraints = on;
         update letters set body = zeroblob(60000000) where id = 8",
    );
    let guest = server.guest().await;
    let letters = "/api/tables/letters/records";
    let mut alone = std::collections::HashMap::new();
    for id in 1..=60 {
        let (status, record) = guest.get(&format!("{letters}/{id}?expand=to")).await;
        assert_eq!(status, 200, "{record}");
        alone.insert(record["id"].as_str().unwrap().to_owned(), record);
    }
    for query in ["", "&sort=number:desc", "&sort=body", "&filter=number:gt:30&sort=to,number"] {
        let (mut found, mut cursor, mut total) = (Vec::new(), String::new(), 0);
        loop {
            let path = format!("{letters}?expand=to&limit=23{query}{cursor}");
            let (status, page) = guest.get(&path).await;
            assert_eq!(status, 200, "{path}");
            total = page["pagination"]["total"].as_u64().unwrap().max(total);
            found.extend(page["records"].as_array().unwrap().clone());
            match page["pagination"]["nextCursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!(found.len() as u64, total, "{query}");
        for record in &found {
            assert_eq!(record, &alone[record["id"].as_str().unwrap()], "{query}");
        }
        let (_, whole) = guest.get(&format!("{letters}?expand=to&limit=500{query}")).await;
        assert_eq!(whole["records"].as_array().unwrap(), &found, "{query}");
    }
    let page = guest.request(Method::GET, "/").send().await.unwrap().text().await.unwrap();
    // A cell shows how a long text begins.
    assert!(page.contains("Grace") && page.contains(&"a".repeat(250)), "{page}");
}
