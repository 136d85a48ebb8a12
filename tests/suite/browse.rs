//! What viewers choose about a table by the query string: order, words, filters, pages.

use serde_json::{Value as Json, json};

use crate::server::{Client, Server};

const EVERYTHING: &str = "/api/realtime/subscribe";

const APP: &str = "
name: desk
tables:
  - name: orders
    fields:
      - { name: customer, type: single-line-text }
      - { name: city, type: single-line-text }
      - { name: status, type: status, options: [open, done] }
      - { name: total, type: integer }
      - { name: paid, type: checkbox }
      - { name: dueOn, type: date }
      - { name: seenAt, type: datetime }
      - { name: secret, type: single-line-text }
    permissions: { read: all, fields: [{ field: secret, read: [admin] }] }
pages:
  - { name: Home, path: / }
  - name: Orders
    path: /orders
    components:
      - type: dataTable
        id: all
        sortable: true
        search: true
        filters: [status, city, total, paid, dueOn, seenAt, secret]
        pageSize: 3
        pageSizes: [2, 3, 100]
        rowLink: /orders/{id}
        emptyMessage: No orders yet.
        columns:
          - customer
          - { field: city, sortable: false }
          - total
          - { field: secret, visible: [admin] }
          - { field: dueOn, visible: [admin] }
        dataSource:
          table: orders
          sort: [{ field: total, direction: desc }]
          refreshMode: realtime
  - name: Two
    path: /two
    components:
      - type: dataTable
        id: left
        sortable: true
        pageSize: 2
        columns: [customer]
        dataSource: { table: orders, sort: [{ field: customer }] }
      - type: dataTable
        id: right
        search: { fields: [city] }
        pageSize: 2
        columns: [total, customer]
        dataSource: { table: orders, sort: [{ field: customer, direction: desc }] }
";

async fn desk() -> Server {
    let server = Server::start(APP).await;
    server.sql(
        "insert into orders (customer, city, status, total, paid, dueOn, seenAt, secret) values
         ('Ada', 'London', 'open', 10, 1, '2026-04-01', '2026-04-01T08:00:00.000Z', 'xyzzy'),
         ('Grace', 'New York', 'done', 30, 0, '2026-04-02', '2026-04-02T23:30:00.000Z', 'plugh'),
         ('Zoe', 'Bonn', 'open', 20, 1, '2026-04-03', null, 'xyzzy'),
         ('Bob', 'London', 'done', null, null, null, null, 'plugh')",
    );
    server
}

/// The first cell of every row, without what stands around it.
fn names(html: &str) -> String {
    let rows = html.split("<tr data-id").skip(1);
    let names = rows.map(|row| {
        let known = ["Ada", "Grace", "Zoe", "Bob"];
        known.into_iter().find(|name| row.contains(&format!(">{name}<"))).unwrap()
    });
    names.collect::<Vec<_>>().join(" ")
}

async fn html(client: &Client, path: &str) -> String {
    let (status, html) = client.get(path).await;
    assert_eq!(status, 200, "{path}");
    html.as_str().unwrap().replace("&#x2f;", "/").replace("&amp;", "&")
}

#[track_caller]
fn check(html: &str, query: &str, expected: &str) {
    assert_eq!(names(html), expected, "{query}");
}

#[tokio::test]
async fn the_query_string_sorts_searches_filters_and_turns_pages() {
    let server = desk().await;
    let guest = server.guest().await;
    for (query, expected) in [
        ("", "Grace Zoe Ada"),
        ("page=2", "Bob"),
        ("sort=customer:asc", "Ada Bob Grace"),
        ("sort=customer:desc", "Zoe Grace Bob"),
        ("sort=total:asc", "Ada Zoe Grace"),
        ("sort=customer&page=2", "Zoe"),
        ("limit=2", "Grace Zoe"),
        ("limit=2&page=2", "Ada Bob"),
        ("limit=100", "Grace Zoe Ada Bob"),
        ("search=LONDON", "Ada Bob"),
        ("search=lon+ad", "Ada"),
        ("search=lon&search=zoe", "Ada Bob"),
        ("search=", "Grace Zoe Ada"),
        ("filter=status:eq:open", "Zoe Ada"),
        ("filter=status:eq:open&filter=city:eq:Bonn", "Zoe"),
        (r#"filter={"not":[{"field":"city","operator":"eq","value":"London"}]}"#, "Grace Zoe"),
        ("filter.status=done", "Grace Bob"),
        ("filter.city=o&filter.status=open&filter.total.gte=15", "Zoe"),
        ("filter.total.lte=20", "Zoe Ada"),
        ("filter.paid=true", "Zoe Ada"),
        ("filter.paid=false", "Grace"),
        ("filter.dueOn.gte=2026-04-02&filter.dueOn.lte=2026-04-02", "Grace"),
        ("filter.seenAt.lte=2026-04-02", "Grace Ada"),
        ("filter.seenAt.gte=2026-04-02", "Grace"),
        ("filter.status=", "Grace Zoe Ada"),
        ("search=nobody", ""),
    ] {
        check(&html(&guest, &format!("/orders?{query}")).await, query, expected);
        let url = format!("/orders?{query}").replace('&', "%26").replace('+', "%2B");
        let fragment = format!("/api/fragments?component=all&url={url}");
        check(&html(&guest, &fragment).await, query, expected);
    }
}

#[tokio::test]
async fn what_makes_no_sense_is_as_if_it_were_not_there() {
    let server = desk().await;
    let guest = server.guest().await;
    let usual = html(&guest, "/orders").await;
    let long = format!("search={}", "a".repeat(5_000));
    let table = |html: &str| {
        let start = html.find("<section").unwrap();
        html[start..html.rfind("</section>").unwrap()].to_owned()
    };
    for query in [
        "sort=secret:asc",
        "sort=nosuch",
        "sort=city",
        "sort=customer:up",
        "sort=customer,secret",
        "sort=",
        "page=0",
        "page=-1",
        "page=x",
        "page=99999999999999999999",
        "limit=4",
        "limit=0",
        "limit=1000000",
        "filter=secret:eq:xyzzy",
        "filter=nosuch:eq:xyzzy",
        "filter.secret=xyzzy",
        "filter.secret.startsWith=x",
        "filter.nosuch=x",
        "filter.total.contains=1",
        "filter.total.=1",
        "filter.=1",
        "filter.status.explode=open",
        r#"filter=[{"field":"secret","operator":"isNotEmpty"}]"#,
        long.as_str(),
        "search=%00",
        "all.sort=customer",
        "left.sort=customer",
        "%00=%ff&&&=&%",
    ] {
        let shown = html(&guest, &format!("/orders?{query}")).await;
        assert_eq!(table(&shown), table(&usual), "{query:.80}");
    }
}

#[tokio::test]
async fn a_filter_that_is_not_understood_lets_nothing_pass_and_says_so() {
    let server = desk().await;
    let guest = server.guest().await;
    let deep = format!("filter={}[]{}", r#"{"not":"#.repeat(9), "}".repeat(9));
    let words = format!("search={}", "a+".repeat(99));
    let many = "filter=customer:neq:x&".repeat(2_000);
    for (query, told) in [
        ("filter.total=ten", "Total must be a number like 12.50, with a point."),
        ("filter.total.gte=1,5", "Total must be a number like 12.50, with a point."),
        ("filter.total.gte=5&filter.total.lte=abc", "Total must be a number like"),
        ("filter.total=1.5", "Total must be a number like"),
        ("filter.total.gte=0x10", "Total must be a number like"),
        ("filter.paid=perhaps", "Paid must be true or false."),
        ("filter.dueOn.gte=tomorrow", "Due on must be a day like 2026-04-05."),
        ("filter.dueOn.gte=12026-04-05", "Due on must be a day like 2026-04-05."),
        ("filter.seenAt.lte=noon", "Seen at must be a day like 2026-04-05, or a time like"),
        ("filter=total:gte:ten", "The filter: "),
        ("filter=customer", "The filter is not complete."),
        ("filter={", "The filter is not complete."),
        ("filter=[[[", "The filter is not complete."),
        (r#"filter=[{"field":"customer","operator":"eq","value":"$query.x"}]"#, "The filter: "),
        (deep.as_str(), "The filter"),
        (words.as_str(), "search may have"),
        (many.as_str(), "A filter may have"),
    ] {
        let shown = html(&guest, &format!("/orders?{query}")).await;
        check(&shown, query, "");
        assert!(shown.contains(told) && shown.contains("Show all"), "{query:.80}: {shown}");
        assert!(!shown.contains("Nothing matches"), "{query:.80}");
    }
}

#[tokio::test]
async fn what_was_typed_into_a_filter_stays_there() {
    let server = desk().await;
    let guest = server.guest().await;
    for (query, kept) in [
        (
            "filter.total.gte=1,5",
            r#"name="filter.total.gte" value="1,5" aria-label="Total from" aria-invalid="true""#,
        ),
        ("filter.total.gte=1.5", r#"name="filter.total.gte" value="1.5" aria-label="Total from">"#),
        (
            "filter.dueOn.gte=2026-04-05",
            r#"<input type="date" max="9999-12-31" name="filter.dueOn.gte" value="2026-04-05""#,
        ),
        (
            "filter.dueOn.gte=12026-04-05",
            r#"<input type="text" autocomplete="off" name="filter.dueOn.gte" value="12026-04-05""#,
        ),
        (
            "filter.seenAt.gte=2026-04-01T08:00:00Z",
            r#"<input type="text" autocomplete="off" name="filter.seenAt.gte" value="2026-04-01T08:00:00Z" aria-label="Seen at from, UTC">"#,
        ),
        ("filter.status=lost", r#"<option value="lost" selected>lost</option>"#),
        ("filter.paid=perhaps", r#"<option value="perhaps" selected>perhaps</option>"#),
        ("filter.city=%20a", r#"name="filter.city" value=" a""#),
        // What has no control goes on when something else is chosen.
        ("filter.city.neq=Bonn", r#"<input type="hidden" name="filter.city.neq" value="Bonn">"#),
        ("filter=city:neq:Bonn", r#"<input type="hidden" name="filter" value="city:neq:Bonn">"#),
    ] {
        let shown = html(&guest, &format!("/orders?{query}")).await;
        assert!(shown.contains(kept), "{kept} in {shown}");
    }
    assert!(html(&guest, "/orders").await.contains("<span>Seen at (UTC)</span>"));
    for (query, expected) in [
        ("filter.total.gte=19.5", "Grace Zoe"),
        ("filter.total.lte=20.5", "Zoe Ada"),
        ("filter.total.gte=20.0&filter.total.lte=20.0", "Zoe"),
    ] {
        check(&html(&guest, &format!("/orders?{query}")).await, query, expected);
    }
}

#[tokio::test]
async fn a_hidden_field_is_searched_by_those_only_who_may_read_it() {
    let server = desk().await;
    let (guest, admin) = (server.guest().await, server.admin().await);
    for query in ["search=xyzzy", "filter.secret=xyzzy", "filter=secret:eq:xyzzy"] {
        let path = format!("/orders?{query}");
        check(&html(&admin, &path).await, query, "Zoe Ada");
        let of_guest = html(&guest, &path).await;
        let expected = if query.starts_with("search") { "" } else { "Grace Zoe Ada" };
        check(&of_guest, query, expected);
        assert!(!of_guest.contains("plugh") && !of_guest.contains("Secret"));
    }
    check(&html(&admin, "/orders?sort=secret").await, "sort", "Grace Bob Zoe");
}

#[tokio::test]
async fn a_column_is_shown_to_those_only_who_see_it() {
    let server = desk().await;
    let (of_guest, of_admin) = (
        html(&server.guest().await, "/orders").await,
        html(&server.admin().await, "/orders").await,
    );
    assert!(!of_guest.contains("2026-04-02") && of_admin.contains("2026-04-02"));
    assert!(!of_guest.contains("plugh") && of_admin.contains("plugh"));
    let guest = server.guest().await;
    let unsorted = html(&guest, "/orders").await;
    check(&html(&guest, "/orders?sort=dueOn").await, "dueOn", &names(&unsorted));
}

#[tokio::test]
async fn a_page_past_the_end_shows_the_last_one() {
    let server = desk().await;
    let guest = server.guest().await;
    for path in ["/orders?page=9", "/api/fragments?component=all&url=/orders?page=1000000000"] {
        let shown = html(&guest, path).await;
        check(&shown, path, "Bob");
        assert!(shown.contains("4–4 of 4"), "{shown}");
    }
    let none = html(&guest, "/orders?page=9&search=nobody").await;
    assert!(none.contains("Nothing matches.") && !none.contains("No orders yet."));
    server.sql("delete from orders");
    assert!(html(&guest, "/orders?page=9").await.contains("No orders yet."));
}

#[tokio::test]
async fn links_lead_on_from_what_is_chosen() {
    let server = desk().await;
    let guest = server.guest().await;
    let shown = html(&guest, "/orders?search=o&limit=2&page=2&nosuch=1").await;
    for link in [
        r#"href="/orders?sort=customer:asc&search=o&limit=2""#,
        r#"href="/orders?sort=total:asc&search=o&limit=2""#,
        r#"href="/orders?search=o&limit=2""#,
        r#"href="/orders?limit=2""#,
        r#"href="/orders/1""#,
    ] {
        assert!(shown.contains(link), "{link} in {shown}");
    }
    assert!(!shown.contains("nosuch") && !shown.contains("sort=city"));
    let sorted = html(&guest, "/orders?sort=customer:asc").await;
    assert!(sorted.contains(r#"aria-sort="ascending"><a href="/orders?sort=customer:desc""#));
    let sorted = html(&guest, "/orders?sort=customer:desc").await;
    assert!(sorted.contains(r#"aria-sort="descending"><a href="/orders""#));
    let evil = html(&guest, "/orders?search=%22%3E%3Cscript%3Ealert(1)%3C/script%3E").await;
    assert!(!evil.contains("<script>alert"));
}

#[tokio::test]
async fn of_two_tables_each_has_names_of_its_own() {
    let server = desk().await;
    let guest = server.guest().await;
    let both = async |query: &str| names(&html(&guest, &format!("/two?{query}")).await);
    assert_eq!(both("").await, "Ada Bob Zoe Grace");
    assert_eq!(both("sort=customer:desc&page=2&search=x").await, "Ada Bob Zoe Grace");
    assert_eq!(both("left.sort=customer:desc").await, "Zoe Grace Zoe Grace");
    assert_eq!(both("left.page=2&right.page=2").await, "Grace Zoe Bob Ada");
    assert_eq!(both("right.search=london&left.search=x").await, "Ada Bob Bob Ada");
    assert_eq!(both("right.search=zoe").await, "Ada Bob");
    let shown = html(&guest, "/two?left.page=2&right.search=london").await;
    assert!(shown.contains(r#"href="/two?right.search=london&left.sort=customer:desc""#));
    assert!(shown.contains(r#"<input type="hidden" name="left.page" value="2">"#));
}

#[tokio::test]
async fn a_subscription_hears_of_what_its_address_shows() {
    let server = desk().await;
    let mut socket = server.guest().await.open(EVERYTHING).await.unwrap();
    let mut subscribe = async |name: &str, url: &str| {
        let handshake = json!({ "component": "all", "url": url, "subscriptionId": name });
        socket.send(handshake).await;
        assert_eq!(socket.next().await["type"], "subscribed");
    };
    subscribe("sorted", "/orders?sort=customer:desc&page=2").await;
    subscribe("found", "/orders?search=bonn&filter.status=open").await;
    subscribe("hidden", "/orders?filter.secret=nothing&sort=secret").await;
    server.sql("update orders set total = 5 where customer = 'Ada'");
    let mut told: Vec<_> = vec![socket.next().await, socket.next().await];
    told.sort_by_key(|message| message["subscriptionId"].to_string());
    let names: Vec<_> = told.iter().map(|message| &message["subscriptionId"]).collect();
    assert_eq!(names, [&json!("hidden"), &json!("sorted")]);
    let key = |message: &Json| message["sortKey"].as_str().unwrap().to_owned();
    let page = html(&server.guest().await, "/orders?sort=customer:desc&page=2").await;
    assert!(page.contains(&format!(r#"data-sort-key="{}""#, key(&told[1]))));
    assert_ne!(key(&told[0]), key(&told[1]));
    let row = told[0]["html"].as_str().unwrap();
    assert!(row.contains(r#"href="/orders/1""#) && !row.contains("xyzzy") && !row.contains("2026"));
    server.sql("update orders set city = 'Bonn' where customer = 'Ada'");
    let told: Vec<_> = vec![socket.next().await, socket.next().await, socket.next().await];
    let entered = told.iter().find(|message| message["subscriptionId"] == "found").unwrap();
    assert_eq!(entered["event"], "insert");
}

#[tokio::test]
async fn long_texts_are_cut_in_cells() {
    let server = desk().await;
    let long = "long ".repeat(20_000);
    server.sql(&format!("insert into orders (customer, city, total) values ('Ada', '{long}', 99)"));
    let shown = html(&server.guest().await, "/orders").await;
    assert!(shown.len() < 40_000 && shown.contains(r#"<span class="pt-clamp" title="long long"#));
}
