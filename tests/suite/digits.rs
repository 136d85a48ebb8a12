//! Digits that are kept or refused, whoever has written them: of JSON, decimals and whole numbers, by
//! the API, pages, files and other programs.

use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::kept::{post, query, text};
use crate::server::{Client, Server};

const STOCK: &str = "
name: stock
tables:
  - name: items
    fields:
      - { name: s, type: single-line-text }
      - { name: j, type: json }
      - { name: x, type: decimal }
      - { name: need, type: decimal, required: true, default: 1 }
      - { name: n, type: integer }
      - { name: on, type: checkbox }
      - { name: share, type: percentage }
      - { name: number, type: autonumber, prefix: 'T-' }
    permissions: { read: all, create: [admin], update: [admin] }
pages: [{ name: Home, path: / }]
";
const ITEMS: &str = "/api/tables/items/records";

async fn stock() -> (Server, Client) {
    let server = Server::start(STOCK).await;
    let admin = server.admin().await;
    (server, admin)
}

/// The fault that is told of a value.
async fn refusal(client: &Client, field: &str, value: &str) -> String {
    let body = format!(r#"{{"fields":{{"{field}":{value}}}}}"#);
    let (status, answer) = post(client, ITEMS, "application/json", body).await;
    assert_eq!(status, 422, "{field} {value}: {answer}");
    let answer: Json = serde_json::from_str(&answer).unwrap();
    answer["details"][0]["message"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn json_of_another_program_is_shown_with_every_digit() {
    let (server, admin) = stock().await;
    server.sql(r#"insert into items (j) values ('{ "x": 1.10, "id": 123456789012345678901 }')"#);
    let kept = r#""j":{"x":1.10,"id":123456789012345678901}"#;
    assert!(text(&admin, ITEMS).await.contains(kept));
    assert!(text(&admin, &format!("{ITEMS}/1")).await.contains(kept));
}

#[tokio::test]
async fn json_that_an_author_writes_is_kept_with_every_digit() {
    let json = "{ id: 12345678901234567890123, b: 1.10, c: 0.1000000000000000055, d: 1e2, a: [+7, '1.10', null] }";
    let kept = r#"{"id":12345678901234567890123,"b":1.10,"c":0.1000000000000000055,"d":1e2,"a":[7,"1.10",null]}"#;
    let server = Server::start(&format!(
        "
name: stock
tables:
  - name: items
    fields:
      - {{ name: s, type: single-line-text }}
      - {{ name: j, type: json, default: {json} }}
      - {{ name: k, type: json }}
    permissions: {{ read: all, create: all, update: all }}
pages:
  - name: Home
    path: /
    components:
      - type: form
        id: new
        table: items
        fields: [s, {{ field: k, default: {json} }}]
      - type: dataTable
        id: items
        dataSource: {{ table: items }}
        columns: [s]
        rowActions: [{{ type: set, label: Fill, field: k, value: {json} }}]
"
    ))
    .await;
    let guest = server.guest().await;
    let body = r#"{"fields":{"s":"a"}}"#.to_owned();
    let (status, answer) = post(&guest, ITEMS, "application/json", body).await;
    assert_eq!(status, 201, "{answer}");
    assert!(answer.contains(&format!(r#""j":{kept}"#)), "{answer}");
    assert_eq!(server.sql("select j from items").trim(), kept);
    let page = text(&guest, "/").await;
    assert!(page.contains(&kept.replace('"', "&quot;")), "{page}");
    let form = query(&[("_component", "items"), ("_action", "row.0:1")]);
    let pressed = guest.request(Method::POST, "/");
    let pressed = pressed.header("content-type", "application/x-www-form-urlencoded").body(form);
    let pressed = pressed.send().await.unwrap();
    assert!(pressed.status().as_u16() < 400, "{}", pressed.text().await.unwrap());
    assert_eq!(server.sql("select k from items").trim(), kept);
}

#[tokio::test]
async fn who_saves_another_field_of_a_record_leaves_its_json_alone() {
    let (server, admin) = stock().await;
    let json = r#"{"id":123456789012345678901,"x":1.10}"#;
    server.sql(&format!("insert into items (s, j) values ('a', '{json}')"));
    let page = text(&admin, "/admin/tables/items/1").await;
    let base = page.split(r#"name="_base" value=""#).nth(1).unwrap().split('"').next().unwrap();
    let base = base.replace("&quot;", "\"").replace("&#x27;", "'").replace("&amp;", "&");
    let component = page.split(r#"name="_component" value=""#).nth(1).unwrap();
    let component = component.split('"').next().unwrap();
    assert!(base.contains("1.10"), "{base}");
    let form = query(&[
        ("_component", component),
        ("_record", "1"),
        ("_base", &base),
        ("s", "b"),
        ("j", json),
    ]);
    let answer = admin.request(Method::POST, "/admin/tables/items/1");
    let answer = answer.header("content-type", "application/x-www-form-urlencoded").body(form);
    let answer = answer.send().await.unwrap();
    assert!(answer.status().as_u16() < 400, "{}", answer.text().await.unwrap());
    assert_eq!(server.sql("select s, j from items").trim(), format!("b|{json}"));
}

#[tokio::test]
async fn a_number_is_no_text_however_many_digits_it_has() {
    let (_server, admin) = stock().await;
    for number in ["5", "0.1000000000000000055", "123456789012345678901"] {
        assert!(refusal(&admin, "s", number).await.starts_with("must be text, got "), "{number}");
    }
    assert!(refusal(&admin, "s", "1e999").await.starts_with("must be JSON"));
}

#[tokio::test]
async fn what_a_decimal_cannot_keep_is_refused_for_digits_or_places() {
    let (_server, admin) = stock().await;
    for (value, told) in [
        ("0.1000000000000000055", "must have at most 15 significant digits"),
        ("1e-29", "must have at most 28 digits after the point"),
        (r#""0.00000000000000000000000000001""#, "must have at most 28 digits after the point"),
        ("1e400", "must have at most 28 digits before the point"),
        (r#""abc""#, r#"must be a number, got "abc""#),
    ] {
        assert_eq!(refusal(&admin, "x", value).await, told);
    }
}

#[tokio::test]
async fn a_required_decimal_is_never_missing() {
    let (server, admin) = stock().await;
    server.sql("insert into items (need) values (1e-15), (1e-20), (0.3 - 0.1 - 0.1 - 0.1), (1e-40), (-5e-324)");
    let (_, list) = admin.get(&format!("{ITEMS}?sort=id")).await;
    let shown: Vec<_> = list["records"]
        .as_array()
        .unwrap()
        .iter()
        .map(|record| record["fields"]["need"].clone())
        .collect();
    let expected = [
        "0.000000000000001",
        "0.00000000000000000001",
        "-0.0000000000000000277555756156",
        "0",
        "0",
    ];
    assert_eq!(shown, expected);
    assert_eq!(
        admin.get(&format!("{ITEMS}?filter=need:isEmpty")).await.1["pagination"]["total"],
        0
    );
    assert_eq!(admin.get(&format!("{ITEMS}?filter=need:eq:0")).await.1["pagination"]["total"], 2);
}

#[tokio::test]
async fn a_computed_decimal_is_what_is_shown_of_it_live_and_in_a_list() {
    let (server, admin) = stock().await;
    server.sql("insert into items (x) values (1)");
    for (operator, value, passes) in [
        ("eq", json!("0.3"), true),
        ("neq", json!("0.3"), false),
        ("gt", json!("0.3"), false),
        ("gte", json!("0.3"), true),
        ("lt", json!("0.3"), false),
        ("lte", json!("0.3"), true),
        ("in", json!(["0.3", "7"]), true),
        ("notIn", json!(["0.3", "7"]), false),
        ("isNotEmpty", Json::Null, true),
    ] {
        let mut condition = json!({ "field": "x", "operator": operator });
        if !value.is_null() {
            condition["value"] = value;
        }
        let query = query(&[("filter", &json!([condition]).to_string())]);
        server.sql("update items set x = null");
        let before = admin.get(&format!("{ITEMS}?{query}")).await.1["pagination"]["total"] == 1;
        let path = format!("/api/tables/items/subscribe?{query}");
        let mut stream = admin.open(&path).await.unwrap();
        assert_eq!(stream.next().await["type"], "subscribed");
        server.sql("update items set x = 0.1 + 0.2");
        server.sql("update items set s = 'seen'");
        let (_, list) = admin.get(&format!("{ITEMS}?{query}")).await;
        assert_eq!(list["pagination"]["total"] == 1, passes, "{operator}");
        let event = match (before, passes) {
            (false, true) => "insert",
            (true, true) => "update",
            (true, false) => "delete",
            (false, false) => continue,
        };
        assert_eq!(stream.next().await["event"], event, "{operator}");
    }
}

#[tokio::test]
async fn a_file_says_yes_and_no_as_spreadsheets_and_people_do() {
    let (server, admin) = stock().await;
    let words = ["TRUE", "true", "True", "1", "yes", "YES", "FALSE", "false", "0", "no", "No"];
    let file = format!("on\n{}\n", words.join("\n"));
    let (status, report) = post(&admin, &format!("{ITEMS}/import"), "text/csv", file).await;
    assert_eq!(status, 200, "{report}");
    assert_eq!(server.sql("select group_concat(\"on\", '') from items").trim(), "11111100000");
    let (status, _) =
        post(&admin, &format!("{ITEMS}/import"), "text/csv", "on\nmaybe\n".into()).await;
    assert_eq!(status, 422);
}

#[tokio::test]
async fn numbers_as_they_are_shown_can_be_written_in_a_file() {
    let (server, admin) = stock().await;
    let file = "share,n\n12.5%,9223372036854775807\n7 %,-9223372036854775808\n".to_owned();
    let (status, report) = post(&admin, &format!("{ITEMS}/import"), "text/csv", file).await;
    assert_eq!(status, 200, "{report}");
    let held = server.sql("select share, n from items order by id");
    assert_eq!(held.trim(), "12.5|9223372036854775807\n7|-9223372036854775808");
}

#[tokio::test]
async fn whole_numbers_that_javascript_has_not_may_be_sent_as_text() {
    let (_server, admin) = stock().await;
    let body = |n: &str| format!(r#"{{"fields":{{"n":{n}}}}}"#);
    for n in ["9007199254740993", "9223372036854775807", "-9223372036854775808"] {
        let (status, answer) =
            post(&admin, ITEMS, "application/json", body(&format!("\"{n}\""))).await;
        assert_eq!(status, 201, "{answer}");
        assert!(answer.contains(&format!(r#""n":{n},"#)), "{answer}");
    }
    for n in [
        r#""9223372036854775808""#,
        r#""7""#,
        r#""9007199254740991""#,
        r#""1.0""#,
        r#""+1""#,
        r#""01""#,
        r#""""#,
        "1e3",
        "9223372036854775808",
    ] {
        assert!(refusal(&admin, "n", n).await.starts_with("must be a whole number"), "{n}");
    }
    for n in [
        "9223372036854775808",
        "-9223372036854775809",
        "123456789012345678901",
        r#""9223372036854775808""#,
    ] {
        let told = "must be a whole number from -9223372036854775808 to 9223372036854775807, got ";
        assert!(refusal(&admin, "n", n).await.starts_with(told), "{n}");
    }
}
