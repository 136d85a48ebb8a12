//! Tables that people may add to and not read: they learn nothing of what is in them.

use reqwest::{Method, Response};
use serde_json::{Value as Json, json};

use crate::server::{Client, Server};

const APP: &str = "
name: contact
tables:
  - name: topics
    fields:
      - { name: title, type: single-line-text }
      - { name: open, type: checkbox }
    permissions:
      read: all
      rows: { read: [{ field: open, operator: eq, value: true }] }
  - name: messages
    fields:
      - { name: email, type: email, unique: true }
      - { name: words, type: long-text, required: true }
      - { name: topic, type: relationship, table: topics }
      - { name: state, type: status, options: [new, read], default: new }
      - { name: score, type: integer, default: 7 }
      - { name: number, type: autonumber }
      - { name: sentAt, type: created-at }
      - { name: changedAt, type: updated-at }
    permissions:
      read: [admin]
      create: all
      update: all
      delete: all
      fields: [{ field: score, read: [admin], write: [admin] }]
      rows: { create: [{ field: words, operator: neq, value: spam }] }
  - name: notes
    fields:
      - { name: words, type: long-text }
      - { name: public, type: checkbox, default: false }
    permissions:
      read: all
      create: all
      rows: { read: [{ field: public, operator: eq, value: true }] }
  - name: stamped
    fields:
      - { name: words, type: long-text }
      - { name: stamp, type: single-line-text, required: true }
    permissions:
      read: all
      create: all
      fields: [{ field: stamp, read: [admin], write: [admin] }]
  - name: closed
    fields: [{ name: words, type: long-text }]
    permissions: { read: [admin] }
pages:
  - name: Contact
    path: /
    components:
      - { type: form, id: contact, table: messages, fields: [email, words, topic], onSuccess: { toast: We read it. } }
  - name: Led
    path: /led
    components:
      - { type: form, id: led, table: messages, fields: [words], onSuccess: { navigate: /thanks } }
      - type: form
        id: note
        table: notes
        fields: [words, public]
        onSuccess: { navigate: '/notes/{id}' }
  - name: Thanks
    path: /thanks
    components: [{ type: text, content: Thank you. }]
";

async fn start() -> Server {
    let server = Server::start(APP).await;
    server.sql("insert into topics (title, open) values ('Tides', 1), ('Moons', 0)");
    server
}

const MESSAGES: &str = "/api/tables/messages/records";

async fn add(client: &Client, path: &str, fields: Json) -> (u16, Json) {
    client.send(Method::POST, path, Some(json!({ "fields": fields }))).await
}

async fn whole(answer: Response) -> (u16, Vec<(String, String)>, String) {
    let headers = answer.headers().iter();
    let told = headers.filter(|(name, _)| *name != "date" && *name != "set-cookie");
    let told = told.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
    (answer.status().as_u16(), told.collect(), answer.text().await.unwrap())
}

/// The whole answer to a new record.
async fn answered(
    client: &Client,
    table: &str,
    rest: &str,
) -> (u16, Vec<(String, String)>, String) {
    let path = format!("/api/tables/{table}/records{rest}");
    let one = json!({ "fields": { "words": "hello" } });
    let body = if rest.is_empty() { one } else { json!({ "records": [one] }) };
    whole(client.request(Method::POST, &path).json(&body).send().await.unwrap()).await
}

async fn post(client: &Client, path: &str, pairs: &str) -> Response {
    let form = "application/x-www-form-urlencoded";
    let request = client.request(Method::POST, path).header("content-type", form);
    request.body(pairs.to_owned()).send().await.unwrap()
}

#[tokio::test]
async fn whoever_adds_a_record_that_they_may_not_read_learns_only_that_it_is_there() {
    let server = start().await;
    let guest = server.guest().await;
    for client in [&server.nobody(), &guest, &server.person("u1", "member")] {
        let (status, headers, body) = answered(client, "messages", "").await;
        assert_eq!((status, &*body), (201, r#"{"fields":{}}"#));
        assert!(!headers.iter().any(|(name, _)| name == "etag"), "{headers:?}");
        let (status, _, body) = answered(client, "messages", "/batch").await;
        assert_eq!((status, &*body), (201, r#"{"records":[{"fields":{}}]}"#));
    }
    assert_eq!(server.sql("select count(*), min(state), min(score) from messages"), "6|new|7");
    let (status, made) = add(&server.admin().await, MESSAGES, json!({ "words": "mine" })).await;
    assert_eq!((status, &made["id"], &made["fields"]["score"]), (201, &json!("7"), &json!(7)));
}

#[tokio::test]
async fn to_everything_else_the_table_is_not_there() {
    let server = start().await;
    server.sql("insert into messages (words) values ('secret')");
    let all = [server.nobody(), server.guest().await, server.person("u1", "member")];
    let change = Some(json!({ "fields": { "words": "x" } }));
    for client in &all {
        for rest in ["records", "records/1", "records.csv", "records/1/history", "subscribe/sse"] {
            let at = |table: &str| format!("/api/tables/{table}/{rest}");
            let (closed, unknown) =
                (client.get(&at("messages")).await, client.get(&at("no")).await);
            assert_eq!(closed, unknown, "{rest}");
            assert!([401, 404].contains(&closed.0), "{rest}");
        }
        for (method, rest, body) in [
            (Method::PATCH, "records/1", &change),
            (Method::DELETE, "records/1", &None),
            (Method::DELETE, "records/batch", &Some(json!({ "ids": ["1"] }))),
            (
                Method::POST,
                "records/upsert",
                &Some(json!({ "mergeOn": "id", "records": [{ "fields": { "id": "1" } }] })),
            ),
        ] {
            let at = |table: &str| format!("/api/tables/{table}/{rest}");
            let closed = client.send(method.clone(), &at("messages"), body.clone()).await;
            let unknown = client.send(method.clone(), &at("no"), body.clone()).await;
            assert_eq!(closed, unknown, "{method} {rest}");
            assert!([401, 404].contains(&closed.0), "{method} {rest}");
        }
        for rest in ["", "/batch"] {
            let (closed, unknown) =
                (answered(client, "closed", rest).await, answered(client, "no", rest).await);
            assert_eq!(closed, unknown);
            assert!([401, 404].contains(&closed.0));
        }
    }
    assert_eq!(server.sql("select words from messages"), "secret");
}

#[tokio::test]
async fn what_is_wrong_says_nothing_of_what_is_there() {
    let server = start().await;
    server.sql("insert into messages (words, email) values ('secret', 'ada@example.org')");
    let guest = server.guest().await;
    let send = |fields| add(&guest, MESSAGES, fields);
    let (status, fault) = send(json!({ "email": "no", "state": "gone" })).await;
    assert_eq!((status, &fault["code"]), (422, &json!("VALIDATION_FAILED")));
    assert_eq!(fault["details"].as_array().unwrap().len(), 3, "{fault}");
    let (status, hidden) = send(json!({ "words": "x", "score": 1 })).await;
    let (_, made_up) = send(json!({ "words": "x", "scare": 1 })).await;
    assert_eq!(status, 400);
    assert_eq!(hidden.to_string().replace("score", "scare"), made_up.to_string());
    let (status, taken) = send(json!({ "words": "x", "email": "ada@example.org" })).await;
    assert_eq!((status, &taken["code"]), (409, &json!("NOT_UNIQUE")));
    assert!(!taken.to_string().contains("secret") && taken.get("record").is_none(), "{taken}");
    let (status, barred) = send(json!({ "words": "spam" })).await;
    assert_eq!((status, &barred["code"]), (403, &json!("FORBIDDEN")));
    let (hidden, missing) = (
        send(json!({ "words": "x", "topic": "2" })).await,
        send(json!({ "words": "x", "topic": "9" })).await,
    );
    assert_eq!((hidden.0, &hidden), (422, &missing));
    assert_eq!(send(json!({ "words": "x", "topic": "1" })).await.0, 201);
    assert_eq!(server.sql("select count(*) from messages"), "2");
}

#[tokio::test]
async fn a_rule_about_rows_hides_what_was_made_too() {
    let server = start().await;
    let guest = server.guest().await;
    let path = "/api/tables/notes/records";
    let hidden = add(&guest, path, json!({ "words": "a" })).await;
    assert_eq!(hidden, (201, json!({ "fields": {} })));
    let (status, shown) = add(&guest, path, json!({ "words": "b", "public": true })).await;
    assert_eq!((status, &shown["id"]), (201, &json!("2")));
    let records = json!([
        { "fields": { "words": "c" } }, { "fields": { "words": "d", "public": true } },
    ]);
    let body = Some(json!({ "records": records }));
    let (_, many) = guest.send(Method::POST, &format!("{path}/batch"), body).await;
    assert_eq!(many["records"][0], json!({ "fields": {} }));
    assert_eq!(many["records"][1]["id"], json!("4"));
}

#[tokio::test]
async fn a_field_that_must_be_there_and_may_not_be_known_of_is_not_named() {
    let server = start().await;
    let (guest, path) = (server.guest().await, "/api/tables/stamped/records");
    let (status, fault) = add(&guest, path, json!({ "words": "x" })).await;
    assert_eq!((status, &fault["code"]), (401, &json!("UNAUTHENTICATED")));
    let member = server.person("u1", "member");
    let (status, fault) = add(&member, path, json!({ "words": "x" })).await;
    assert_eq!((status, &fault["code"]), (403, &json!("FORBIDDEN")));
    assert!(!fault.to_string().contains("stamp"), "{fault}");
}

#[tokio::test]
async fn a_form_adds_to_a_table_that_its_sender_may_not_read() {
    let server = start().await;
    server.sql("insert into messages (words, email) values ('secret', 'ada@example.org')");
    let guest = server.guest().await;
    let answer = guest.request(Method::GET, "/").send().await.unwrap();
    let tag = answer.headers()["etag"].clone();
    let page = answer.text().await.unwrap();
    assert!(page.contains(r#"<form id="contact""#) && page.contains("Tides"), "{page}");
    for word in ["Moons", "secret", "score"] {
        assert!(!page.contains(word), "{word}");
    }
    let taken = "_component=contact&email=ada%40example.org&words=hello&topic=";
    let answer = post(&guest, "/", taken).await;
    assert_eq!(answer.status().as_u16(), 409);
    let again = answer.text().await.unwrap();
    assert!(again.contains("hello") && again.contains("that of another record already"));
    assert!(!again.contains("secret"));
    let answer = post(&guest, "/", "_component=contact&email=&words=hello&topic=1").await;
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["location"]),
        (303, &"/".parse().unwrap())
    );
    let toast = crate::server::cookie(&answer).unwrap();
    let told = server.nobody().with_cookie(toast).get("/").await.1;
    assert!(told.as_str().unwrap().contains("We read it."));
    assert_eq!(server.sql("select words, topic from messages where id > 1"), "hello|1");
    // That something was added is nothing that the page shows.
    let request = guest.request(Method::GET, "/").header("if-none-match", tag);
    assert_eq!(request.send().await.unwrap().status().as_u16(), 304);
}

#[tokio::test]
async fn nobody_is_led_to_a_record_that_they_may_not_read() {
    let server = start().await;
    let guest = server.guest().await;
    let led = async |pairs| {
        let answer = post(&guest, "/led", pairs).await;
        assert_eq!(answer.status().as_u16(), 303);
        answer.headers()["location"].to_str().unwrap().to_owned()
    };
    assert_eq!(led("_component=led&words=hello").await, "/thanks");
    assert_eq!(led("_component=note&words=mine").await, "/led");
    assert_eq!(led("_component=note&words=ours&public=true").await, "/notes/2");
}

#[tokio::test]
async fn the_description_has_what_may_be_added_and_nothing_to_read() {
    let server = start().await;
    let (_, of_guest) = server.guest().await.get("/api/openapi.json").await;
    let paths = of_guest["paths"].as_object().unwrap();
    let of = |table: &str| {
        let start = format!("/api/tables/{table}/");
        let paths = paths.iter().filter(|(path, _)| path.starts_with(&start));
        let methods = paths.map(|(path, all)| {
            let methods: Vec<_> = all.as_object().unwrap().keys().cloned().collect();
            (path[start.len()..].to_owned(), methods.join(" "))
        });
        methods.collect::<Vec<_>>()
    };
    let post = |path: &str| (path.to_owned(), "post".to_owned());
    assert_eq!(of("messages"), [post("records"), post("records/batch")]);
    assert_eq!(of("closed"), []);
    let schemas = of_guest["components"]["schemas"].as_object().unwrap();
    let names: Vec<_> = schemas.keys().filter(|name| name.starts_with("messages.")).collect();
    assert_eq!(names, ["messages.New"]);
    let new = schemas["messages.New"].to_string();
    assert!(new.contains("words") && !new.contains("score") && !new.contains("number"), "{new}");
    let (_, of_admin) = server.admin().await.get("/api/openapi.json").await;
    assert!(of_admin["paths"]["/api/tables/messages/records"].get("get").is_some());
}
