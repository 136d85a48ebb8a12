//! Multi-selects, JSON and numbers that the database gives: from YAML to pages, API and streams.

use std::process::Command;

use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::server::{Client, Server};

const SHOP: &str = "
name: shop
tables:
  - name: things
    fields:
      - { name: name, type: single-line-text, required: true }
      - { name: tags, type: multi-select, options: [red, 'dark green', 'Bath, bed', 'it''s'] }
      - { name: details, type: json }
      - { name: number, type: autonumber, start: 1000, prefix: 'T-' }
      - { name: price, type: currency, currency: JPY }
      - { name: updatedAt, type: updated-at }
    permissions: { read: all }
pages:
  - name: Things
    path: /
    components: [{ type: dataTable, dataSource: { table: things, refreshMode: realtime } }]
";

const RECORDS: &str = "/api/tables/things/records";

async fn shop() -> (Server, Client) {
    let server = Server::start(SHOP).await;
    let admin = server.admin().await;
    (server, admin)
}

async fn add(client: &Client, fields: Json) -> (u16, Json) {
    client.send(Method::POST, RECORDS, Some(json!({ "fields": fields }))).await
}

/// What `sqlite3` says of a statement that the database refuses.
fn refused(server: &Server, statement: &str) -> String {
    let mut sqlite3 = Command::new("sqlite3");
    sqlite3.args(["-cmd", ".timeout 5000"]).arg(server.database()).arg(statement);
    let sqlite3 = sqlite3.output().unwrap();
    assert!(!sqlite3.status.success(), "{statement}");
    String::from_utf8(sqlite3.stderr).unwrap()
}

async fn names(client: &Client, query: &str) -> Vec<String> {
    let (status, list) = client.get(&format!("{RECORDS}?{query}")).await;
    assert_eq!(status, 200, "{list}");
    let records = list["records"].as_array().unwrap().iter();
    records.map(|record| record["fields"]["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn what_was_chosen_has_one_form_whoever_wrote_it() {
    let (server, admin) = shop().await;
    let both = json!(["dark green", "it's"]);
    let (status, made) =
        add(&admin, json!({ "name": "a", "tags": ["it's", "dark green", "it's"] })).await;
    assert_eq!((status, &made["fields"]["tags"]), (201, &both));
    server.sql(r#"insert into things (name, tags) values ('b', '[ "it''s" , "dark green" ]')"#);
    server.sql("insert into things (name, tags) values ('c', '[]'), ('d', null)");
    let (_, list) = admin.get(&format!("{RECORDS}?sort=id")).await;
    assert_eq!(list["records"][1]["fields"]["tags"], both);
    assert_eq!(list["records"][2]["fields"]["tags"], Json::Null);
    let eq = r#"filter=[{"field":"tags","operator":"eq","value":["it's","dark green"]}]"#;
    assert_eq!(names(&admin, eq).await, ["a", "b"]);
    assert_eq!(names(&admin, "filter=tags:contains:it's").await, ["a", "b"]);
    assert_eq!(names(&admin, "filter=tags:contains:red").await, [""; 0]);
    assert_eq!(names(&admin, "filter=tags:isEmpty").await, ["c", "d"]);
    assert_eq!(names(&admin, "sort=tags").await, ["a", "b", "c", "d"]);
}

#[tokio::test]
async fn another_program_cannot_keep_what_is_no_list_of_options() {
    let (server, _) = shop().await;
    for tags in [
        r#"["blue"]"#,
        r#"["red","blue"]"#,
        r#"["red" "red"]"#,
        r#"["red",1]"#,
        r#"[["red"]]"#,
        r#"{"red":"red"}"#,
        r#""red""#,
        "red",
        "[",
        "",
        "null",
        r#"["re\",\"d"]"#,
    ] {
        let told =
            refused(&server, &format!("insert into things (name, tags) values ('a', '{tags}')"));
        assert!(told.contains("tags must be a JSON array of red, dark green"), "{tags}: {told}");
    }
    for details in ["{", "", "null", "{'a': 1}"] {
        let details = details.replace('\'', "''");
        let insert = format!("insert into things (name, details) values ('a', '{details}')");
        let told = refused(&server, &insert);
        assert!(told.contains("details must be JSON, and not null"), "{details}: {told}");
    }
    assert_eq!(server.sql("select count(*) from things"), "0");
}

#[tokio::test]
async fn json_comes_back_as_it_went_in() {
    let (server, admin) = shop().await;
    let mut socket = admin.open("/api/tables/things/subscribe?fields=details").await.unwrap();
    socket.next().await;
    let details = json!({ "seats": 2, "words": ["<b>", null, 1.5], "none": {} });
    let (status, made) = add(&admin, json!({ "name": "a", "details": details })).await;
    assert_eq!((status, &made["fields"]["details"]), (201, &details));
    assert_eq!(socket.next().await["record"]["fields"]["details"], details);
    // Line ends must not reach an event stream, nor stop a reader what only SQLite can read.
    server.sql(
        "insert into things (name, details) values ('b', '{\n \"a\":\n 1 }'), ('c', '1e999')"
            .replace("\\n", "\n")
            .as_str(),
    );
    assert_eq!(socket.next().await["record"]["fields"]["details"], json!({ "a": 1 }));
    assert_eq!(socket.next().await["record"]["fields"]["details"], json!("1e999"));
    assert_eq!(names(&admin, "filter=details:isNotEmpty").await, ["a", "b", "c"]);
    let (status, _) = admin.get(&format!("{RECORDS}?filter=details:eq:1")).await;
    assert_eq!(status, 400);
    let (_, page) = admin.get("/").await;
    let page = page.as_str().unwrap();
    assert!(page.contains("&lt;b&gt;") && !page.contains("<b>"), "{page}");
}

#[tokio::test]
async fn a_number_is_given_once_whoever_inserts() {
    let (server, admin) = shop().await;
    assert_eq!(add(&admin, json!({ "name": "a" })).await.1["fields"]["number"], 1000);
    server.sql("insert into things (name) values ('b'), ('c')");
    server.sql("delete from things where name = 'c'");
    let (_, made) = add(&admin, json!({ "name": "d" })).await;
    assert_eq!(made["fields"]["number"], 1003);
    let (status, told) = add(&admin, json!({ "name": "e", "number": 5 })).await;
    assert_eq!((status, &told["details"][0]["message"]), (422, &json!("is set by the system")));
    assert!(
        refused(&server, "insert into things (name, number) values ('e', 1)").contains("number")
    );
    assert!(refused(&server, "update things set number = 1").contains("number"));
    assert_eq!(names(&admin, "filter=number:gte:1001").await, ["b", "d"]);
    let (_, list) = admin.get(&format!("{RECORDS}?sort=number:desc&limit=1")).await;
    assert_eq!(list["records"][0]["fields"]["name"], "d");
    assert!(admin.get("/").await.1.as_str().unwrap().contains(">T-1003<"));
}

#[tokio::test]
async fn a_change_of_a_numbered_record_is_told_with_its_number() {
    let (server, admin) = shop().await;
    let mut socket = admin.open("/api/tables/things/subscribe").await.unwrap();
    socket.next().await;
    server.sql("insert into things (name) values ('a')");
    assert_eq!(socket.next().await["record"]["fields"]["number"], 1000);
    server.sql("update things set name = 'b'");
    let told = socket.next().await;
    assert_eq!(told["record"]["fields"]["number"], 1000);
    assert_eq!(told["record"]["fields"]["name"], "b");
}

#[tokio::test]
async fn values_of_a_wrong_kind_are_refused_by_field() {
    let (_server, admin) = shop().await;
    let nested = |depth: usize| {
        let text = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        serde_json::from_str::<Json>(&text).unwrap()
    };
    for (field, value, told) in [
        ("tags", json!("red"), "must be a list of red, dark green, Bath, bed, it's, got \"red\""),
        ("tags", json!(["Red"]), "must be a list of red, dark green, Bath, bed, it's, got \"Red\""),
        (
            "tags",
            json!({ "red": true }),
            "must be a list of red, dark green, Bath, bed, it's, got {\"red\":true}",
        ),
        ("details", nested(40), "must nest at most 32 deep"),
        (
            "price",
            json!("1.5"),
            "must be an amount of money: JPY has no digits after the point, got 1.5",
        ),
    ] {
        let (status, answer) = add(&admin, json!({ "name": "a", field: value })).await;
        assert_eq!(status, 422, "{answer}");
        assert_eq!(answer["details"], json!([{ "field": field, "message": told }]));
    }
    let many: Vec<_> = std::iter::repeat_n("red", 50_000).collect();
    let (status, made) = add(&admin, json!({ "name": "a", "tags": many })).await;
    assert_eq!((status, &made["fields"]["tags"]), (201, &json!(["red"])));
    for filter in [
        r#"[{"field":"tags","operator":"contains","value":"blue"}]"#,
        r#"[{"field":"tags","operator":"contains","value":["red"]}]"#,
        r#"[{"field":"tags","operator":"eq","value":[]}]"#,
        r#"[{"field":"tags","operator":"in","value":[["red"]]}]"#,
        r#"[{"field":"tags","operator":"gt","value":["red"]}]"#,
        r#"[{"field":"details","operator":"contains","value":"a"}]"#,
    ] {
        let (status, told) = admin.get(&format!("{RECORDS}?filter={filter}")).await;
        assert_eq!(status, 400, "{filter}: {told}");
    }
}

#[tokio::test]
async fn blanks_in_a_required_text_are_refused_by_the_database_too() {
    let (server, _) = shop().await;
    for blank in ["''", "'  '", "char(9, 10)"] {
        let told = refused(&server, &format!("insert into things (name) values ({blank})"));
        assert!(told.contains("name must have a value"), "{told}");
    }
}
