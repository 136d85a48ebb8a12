//! Choosing the record that another refers to: in forms and in filters, listed or looked up.

use reqwest::Method;

use crate::server::{Client, Server};

const APP: &str = "
name: shop
auth: { roles: [packer, clerk] }
tables:
  - name: orders
    fields:
      - { name: title, type: single-line-text }
      - { name: customer, type: relationship, table: customers }
      - { name: updatedAt, type: updated-at }
    permissions: { read: all, create: [packer, clerk], update: [packer, clerk] }
  - name: customers
    fields:
      - { name: name, type: single-line-text }
      - { name: region, type: single-line-text }
    permissions:
      read: [admin, packer, clerk]
      create: [admin]
      fields: [{ field: name, read: [admin, packer] }]
      rows: { read: [{ field: region, operator: neq, value: secret }] }
  - name: wishes
    fields:
      - { name: words, type: long-text }
      - { name: shelf, type: relationship, table: shelves }
      - { name: customer, type: relationship, table: customers }
    permissions: { read: [admin], create: all }
  - name: shelves
    fields: [{ name: name, type: single-line-text }]
    permissions: { read: all }
pages:
  - name: Wish
    path: /wish
    components: [{ type: form, id: wish, table: wishes, fields: [words, shelf, customer] }]
  - name: Orders
    path: /
    components:
      - { type: form, id: new, table: orders, fields: [title, customer] }
      - type: form
        id: edit
        dataSource: { table: orders }
        fields: [title, customer]
      - { type: dataTable, id: list, columns: [title, customer], filters: [customer], sortable: true, dataSource: { table: orders } }
";

async fn shop() -> Server {
    let server = Server::start(APP).await;
    server.sql(
        "insert into customers (id, name, region) values (1, 'zoe', 'north'), (2, 'xyzzy', 'secret'), (3, 'Ada <b>', null);
         insert into orders (title, customer) values ('first', 2), ('second', 3)",
    );
    server
}

async fn page(client: &Client, url: &str) -> String {
    let (status, page) = client.get(url).await;
    assert_eq!(status, 200);
    page.as_str().unwrap().to_owned()
}

/// Sends a form as a browser would, and says where it leads or what is wrong.
async fn send(client: &Client, pairs: &str) -> (u16, String) {
    let form = "application/x-www-form-urlencoded";
    let request = client.request(Method::POST, "/").header("content-type", form);
    let answer = request.body(pairs.to_owned()).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

/// The options of the controls with this name, each with what it sends; the chosen one has a star.
fn options(page: &str, name: &str) -> Vec<String> {
    let select = page.split("<select").find(|part| part.contains(&format!("name=\"{name}\"")));
    let inside = select.unwrap().split("</select>").next().unwrap();
    let option = |text: &str| {
        let (tag, rest) = text.split_once('>').unwrap();
        let value = tag.split('"').nth(1).unwrap_or_default();
        let star = if tag.contains("selected") { "*" } else { "" };
        format!("{star}{value}={}", rest.split('<').next().unwrap())
    };
    inside.split("<option").skip(1).map(option).collect()
}

#[tokio::test]
async fn a_few_records_are_listed_by_what_they_go_by() {
    let server = shop().await;
    let packer = server.person("paul", "packer");
    let shown = page(&packer, "/").await;
    assert_eq!(options(&shown, "customer"), ["=–", "3=Ada &lt;b&gt;", "1=zoe"]);
    assert_eq!(options(&shown, "filter.customer")[1..], ["3=Ada &lt;b&gt;", "1=zoe"]);
    // What the record has may be none of those.
    let edit = shown.split("id=\"edit\"").nth(1).unwrap();
    assert_eq!(options(edit, "customer"), ["=–", "*2=#2", "3=Ada &lt;b&gt;", "1=zoe"]);
    assert!(!shown.contains("xyzzy"));
    // Another customer is among them at once.
    server.sql("insert into customers (name) values ('Bob')");
    assert_eq!(options(&page(&packer, "/").await, "customer")[2], "4=Bob");
    let clerk = page(&server.person("cleo", "clerk"), "/").await;
    assert_eq!(options(&clerk, "customer"), ["=–", "1=#1", "3=#3", "4=#4"]);
    let guest = page(&server.guest().await, "/").await;
    assert!(!guest.contains("zoe") && !guest.contains("name=\"customer\""));
}

#[tokio::test]
async fn what_was_chosen_is_saved_and_what_may_not_be_is_told_at_its_field() {
    let server = shop().await;
    let packer = server.person("paul", "packer");
    let last = || server.sql("select customer from orders order by id desc limit 1");
    for (entered, held) in
        [("1", "1"), ("%231", "1"), ("zoe+%231", "1"), ("a%23b+%233", "3"), ("", "")]
    {
        let (status, _) =
            send(&packer, &format!("_component=new&title=x&customer={entered}")).await;
        assert_eq!((status, last().as_str()), (303, held), "{entered}");
    }
    for entered in
        ["2", "777", "%232", "zoe", "%23", "1+2", "-1", "99999999999999999999", "1&customer=3"]
    {
        let (status, page) =
            send(&packer, &format!("_component=new&title=y&customer={entered}")).await;
        assert_eq!(status, 422, "{entered}");
        assert!(page.contains("id=\"new.customer.fault\"") && !page.contains("xyzzy"), "{entered}");
    }
    assert_eq!(server.sql("select count(*) from orders where title = 'y'"), "0");
    // What stays as it is need not be among those that may be chosen.
    let base = "_base=%7B%22title%22%3A%22first%22%2C%22customer%22%3A%222%22%7D";
    let sent = format!("_component=edit&_record=1&{base}&title=z&customer=2");
    assert_eq!(send(&packer, &sent).await.0, 303);
    assert_eq!(server.sql("select title, customer from orders where id = 1"), "z|2");
}

#[tokio::test]
async fn whoever_adds_to_a_closed_table_chooses_from_what_they_may_read() {
    let server = shop().await;
    server.sql("insert into shelves (name) values ('Top'), ('Bottom')");
    let guest = server.guest().await;
    let shown = page(&guest, "/wish").await;
    assert_eq!(options(&shown, "shelf"), ["=–", "2=Bottom", "1=Top"]);
    assert_eq!(options(&shown, "customer"), ["=–"]);
    server.sql("insert into shelves (name) values ('Middle')");
    assert_eq!(options(&page(&guest, "/wish").await, "shelf").len(), 4);
    let form = "application/x-www-form-urlencoded";
    let send = async |body: &'static str| {
        let request = guest.request(Method::POST, "/wish").header("content-type", form);
        request.body(body).send().await.unwrap().status().as_u16()
    };
    assert_eq!(send("_component=wish&words=x&shelf=3&customer=").await, 303);
    assert_eq!(send("_component=wish&words=y&shelf=&customer=1").await, 422);
    assert_eq!(server.sql("select words, shelf from wishes"), "x|3");
}

#[tokio::test]
async fn of_many_records_one_is_looked_up() {
    let server = shop().await;
    server.sql(
        "with recursive n (i) as (select 10 union all select i + 1 from n where i < 400)
         insert into customers (id, name) select i, 'Customer ' || i from n",
    );
    let packer = server.person("paul", "packer");
    let shown = page(&packer, "/?filter.customer=Ada+%233").await;
    assert!(shown.contains("data-records=\"customers\" data-display=\"name\""), "{shown}");
    assert!(!shown.contains("Customer 10"));
    let table = shown.split("id=\"list\"").nth(1).unwrap();
    assert!(table.contains("second") && !table.contains("first"), "{table}");
    // A guest and a clerk are not told how the field is called.
    let clerk = page(&server.person("cleo", "clerk"), "/").await;
    assert!(clerk.contains("data-records=\"customers\"") && !clerk.contains("data-display"));
    assert_eq!(send(&packer, "_component=new&title=x&customer=Customer+42+%2342").await.0, 303);
    assert_eq!(server.sql("select customer from orders where title = 'x'"), "42");
}

#[tokio::test]
async fn a_filter_by_a_record_is_one_of_the_query_string() {
    let server = shop().await;
    let packer = server.person("paul", "packer");
    for (query, first, second) in
        [("3", false, true), ("2", true, false), ("", true, true), ("x", false, false)]
    {
        let shown = page(&packer, &format!("/?filter.customer={query}")).await;
        let table = shown.split("id=\"list\"").nth(1).unwrap();
        let rows = table.split("<tbody").nth(1).unwrap();
        assert_eq!((rows.contains("first"), rows.contains("second")), (first, second), "{query}");
        assert!(!shown.contains("xyzzy"));
    }
    // Its records are not sorted by their numbers, which mean nothing to people.
    assert!(!page(&packer, "/").await.contains("sort=customer"));
}
