//! The Records API over HTTP.

use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::server::{Client, DESK, Server};

const RECORDS: &str = "/api/tables/orders/records";

async fn desk() -> (Server, Client) {
    let server = Server::start(DESK).await;
    let admin = server.admin().await;
    (server, admin)
}

fn customers(list: &Json) -> Vec<&str> {
    let records = list["records"].as_array().unwrap();
    records.iter().map(|record| record["fields"]["customer"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn nothing_but_blanks_is_no_value_where_one_is_required() {
    let server = Server::start(DESK).await;
    let admin = server.admin().await;
    let id = admin.add_order(json!({ "customer": "Ada" })).await;
    for blank in ["", "  ", "\t"] {
        let body = || Some(json!({ "fields": { "customer": blank } }));
        let path = format!("/api/tables/orders/records/{id}");
        for (method, path) in
            [(Method::PATCH, &*path), (Method::POST, "/api/tables/orders/records")]
        {
            let (status, told) = admin.send(method, path, body()).await;
            assert_eq!(status, 422, "{told}");
            assert_eq!(told["details"][0]["message"], "must have a value");
        }
    }
}

#[tokio::test]
async fn of_many_at_once_each_gets_its_own_record_or_its_own_refusal() {
    let (server, admin) = desk().await;
    // What the database alone can refuse: another program's rule.
    server.sql(
        "create trigger theirs before insert on orders when new.customer = 'nobody'
         begin select raise(abort, 'constraint failed: customer must be somebody'); end",
    );
    let create = async |number: usize| {
        let customer = if number % 7 == 3 { "nobody" } else { "Ada" };
        // Every fifth has the code of the one before.
        let code = format!("c{}", if number % 5 == 4 { number - 1 } else { number });
        let fields = json!({ "customer": customer, "code": code, "total": number });
        let body = Some(json!({ "fields": fields }));
        let (status, made) = admin.send(Method::POST, RECORDS, body).await;
        match status {
            201 => {
                assert_eq!(made["fields"]["code"], *code);
                assert_eq!(made["fields"]["total"], format!("{number}.00"));
                assert_eq!(
                    admin.get(&format!("{RECORDS}/{}", made["id"].as_str().unwrap())).await.1,
                    made
                );
            }
            409 => assert!(number % 5 >= 3 && made["code"] == "NOT_UNIQUE", "{made}"),
            422 => assert_eq!(customer, "nobody"),
            _ => panic!("{status} {made}"),
        }
        status
    };
    let statuses = futures_util::future::join_all((0..200).map(create)).await;
    let made = statuses.iter().filter(|status| **status == 201).count();
    assert_eq!(server.sql("select count(*) from orders"), made.to_string());
    for (number, status) in statuses.iter().enumerate().filter(|(number, _)| number % 5 < 3) {
        assert_eq!(*status, if number % 7 == 3 { 422 } else { 201 }, "{number}");
    }
    // The others were in the way of none, and everything of them is in the log.
    let logged = server.sql("select count(*) from _pagetide_changes");
    assert_eq!(logged, made.to_string());
}

#[tokio::test]
async fn a_record_is_made_read_changed_and_removed() {
    let (_server, admin) = desk().await;
    let body = json!({ "fields": { "customer": "Ada", "total": "12.5", "secret": "xyzzy" } });
    let (status, made) = admin.send(Method::POST, RECORDS, Some(body)).await;
    assert_eq!(status, 201);
    let id = made["id"].as_str().unwrap();
    assert_eq!(made["fields"]["total"], "12.50");
    assert_eq!(made["fields"]["status"], "open");
    let path = format!("{RECORDS}/{id}");
    assert_eq!(admin.get(&path).await, (200, made.clone()));
    let body = json!({ "fields": { "status": "done" }, "updatedAt": made["fields"]["updatedAt"] });
    let (status, changed) = admin.send(Method::PATCH, &path, Some(body.clone())).await;
    assert_eq!((status, &changed["fields"]["status"]), (200, &json!("done")));
    assert_ne!(changed["fields"]["updatedAt"], made["fields"]["updatedAt"]);
    let (status, conflict) = admin.send(Method::PATCH, &path, Some(body)).await;
    assert_eq!((status, &conflict["code"]), (409, &json!("CONFLICT")));
    assert_eq!(conflict["record"], changed);
    assert_eq!(admin.send(Method::DELETE, &path, None).await, (200, changed));
    assert_eq!(admin.get(&path).await.0, 404);
}

#[tokio::test]
async fn a_list_is_filtered_sorted_and_paged() {
    let (server, admin) = desk().await;
    server.sql("insert into orders (customer, total) values ('b', 2), ('A', 3), ('c', null)");
    let (status, list) = admin.get(RECORDS).await;
    assert_eq!((status, customers(&list)), (200, vec!["b", "A", "c"]));
    assert_eq!(list["pagination"], json!({ "limit": 25, "offset": 0, "total": 3 }));
    assert!(list["position"].is_string());
    let list = async |query: &str| admin.get(&format!("{RECORDS}?{query}")).await.1;
    assert_eq!(customers(&list("sort=customer:asc").await), ["A", "b", "c"]);
    assert_eq!(customers(&list("sort=total:desc").await), ["A", "b", "c"]);
    assert_eq!(customers(&list("filter=total:gt:2").await), ["A"]);
    assert_eq!(customers(&list("filter=customer:in:A,c&sort=customer").await), ["A", "c"]);
    let nested = "filter=%7B%22not%22:%5B%7B%22field%22:%22customer%22,%22operator%22:%22eq%22,%22value%22:%22b%22%7D%5D%7D";
    assert_eq!(customers(&list(nested).await), ["A", "c"]);
    let page = list("sort=customer&limit=1&offset=1").await;
    assert_eq!(customers(&page), ["b"]);
    let next = &page["pagination"]["nextCursor"];
    assert!(next.is_string());
    let pagination = json!({ "limit": 1, "offset": 1, "total": 3, "nextCursor": next });
    assert_eq!(page["pagination"], pagination);
    let few = list("fields=total&limit=1").await;
    assert_eq!(few["records"][0]["fields"], json!({ "total": "2.00" }));
}

#[tokio::test]
async fn what_a_viewer_may_not_read_is_not_there() {
    let (server, admin) = desk().await;
    let id = admin.add_order(json!({ "customer": "Ada", "secret": "xyzzy" })).await;
    let guest = server.guest().await;
    for path in [RECORDS.to_owned(), format!("{RECORDS}/{id}")] {
        let (status, body) = guest.get(&path).await;
        let text = body.to_string();
        assert!(status == 200 && !text.contains("xyzzy") && !text.contains("secret"), "{text}");
    }
    // A field one may not read answers as one that does not exist.
    for query in ["filter=FIELD:eq:xyzzy", "sort=FIELD", "fields=FIELD"] {
        let ask =
            async |name| guest.get(&format!("{RECORDS}?{}", query.replace("FIELD", name))).await;
        let (hidden, unknown) = (ask("secret").await, ask("nosuch").await);
        assert_eq!(hidden.0, 400);
        let as_unknown = hidden.1.to_string().replace("secret", "nosuch");
        assert_eq!(as_unknown, unknown.1.to_string());
    }
}

#[tokio::test]
async fn unknown_and_unreadable_tables_answer_alike() {
    let (server, admin) = desk().await;
    let guest = server.guest().await;
    for client in [&guest, &admin] {
        for (method, rest, body) in [
            (Method::GET, "", None),
            (Method::GET, "/1", None),
            (Method::POST, "", Some(json!({ "fields": {} }))),
            (Method::PATCH, "/1", Some(json!({ "fields": { "a": 1 } }))),
            (Method::DELETE, "/1", None),
        ] {
            let ask = async |table| {
                let path = format!("/api/tables/{table}/records{rest}");
                client.send(method.clone(), &path, body.clone()).await
            };
            let (unknown, unreadable) = (ask("nosuch").await, ask("salaries").await);
            assert_eq!(unknown, unreadable);
            assert_eq!(unknown.0, 404);
        }
    }
}

#[tokio::test]
async fn who_may_what() {
    let (server, admin) = desk().await;
    let (nobody, guest) = (server.nobody(), server.guest().await);
    let body = || Some(json!({ "fields": { "customer": "Ada" } }));
    assert_eq!(nobody.get(RECORDS).await.0, 200);
    assert_eq!(nobody.get("/api/tables/notes/records").await.0, 401);
    assert_eq!(nobody.get("/api/tables/nosuch/records").await.0, 401);
    assert_eq!(guest.get("/api/tables/notes/records").await.0, 404);
    assert_eq!(admin.get("/api/tables/notes/records").await.0, 200);
    assert_eq!(nobody.send(Method::POST, RECORDS, body()).await.0, 401);
    assert_eq!(guest.send(Method::POST, RECORDS, body()).await.0, 401);
    let words = Some(json!({ "fields": { "words": "x" } }));
    assert_eq!(admin.send(Method::POST, "/api/tables/notes/records", words).await.0, 403);
}

#[tokio::test]
async fn every_fault_of_a_record_is_told_at_once() {
    let (_server, admin) = desk().await;
    let fields = json!({ "customer": 5, "total": "-1", "status": "lost", "updatedAt": "now" });
    let (status, body) = admin.send(Method::POST, RECORDS, Some(json!({ "fields": fields }))).await;
    assert_eq!((status, &body["code"]), (422, &json!("VALIDATION_FAILED")));
    let faults = body["details"].as_array().unwrap();
    let names: Vec<_> = faults.iter().map(|fault| fault["field"].as_str().unwrap()).collect();
    assert_eq!(names, ["customer", "status", "total", "updatedAt"]);
    let (status, body) = admin.send(Method::POST, RECORDS, Some(json!({ "fields": {} }))).await;
    assert_eq!((status, &body["details"][0]["field"]), (422, &json!("customer")));
    let unknown = json!({ "fields": { "customer": "Ada", "colour": "red" } });
    let (status, body) = admin.send(Method::POST, RECORDS, Some(unknown)).await;
    assert_eq!((status, &body["details"][0]["field"]), (400, &json!("colour")));
}

#[tokio::test]
async fn a_value_that_must_be_unique_is() {
    let (_server, admin) = desk().await;
    admin.add_order(json!({ "customer": "Ada", "code": "A1" })).await;
    let body = json!({ "fields": { "customer": "Grace", "code": "A1" } });
    let (status, body) = admin.send(Method::POST, RECORDS, Some(body)).await;
    assert_eq!((status, &body["code"]), (409, &json!("NOT_UNIQUE")));
}

#[tokio::test]
async fn of_many_edits_of_one_state_one_wins() {
    let (_server, admin) = desk().await;
    let id = admin.add_order(json!({ "customer": "Ada" })).await;
    let path = format!("{RECORDS}/{id}");
    let seen = admin.get(&path).await.1["fields"]["updatedAt"].clone();
    let edits = (0..50).map(|number| {
        let body = json!({ "fields": { "customer": format!("{number}") }, "updatedAt": seen });
        let (admin, path) = (admin.clone(), path.clone());
        tokio::spawn(async move { admin.send(Method::PATCH, &path, Some(body)).await.0 })
    });
    let edits: Vec<_> = edits.collect();
    let mut answers = Vec::new();
    for edit in edits {
        answers.push(edit.await.unwrap());
    }
    assert_eq!(answers.iter().filter(|status| **status == 200).count(), 1);
    assert_eq!(answers.iter().filter(|status| **status == 409).count(), 49);
}

#[tokio::test]
async fn a_record_is_changed_and_removed_only_in_the_state_that_was_seen() {
    let (server, admin) = desk().await;
    let id = admin.add_order(json!({ "customer": "Ada" })).await;
    let path = format!("{RECORDS}/{id}");
    let tag = async |client: &Client| {
        let answer = client.request(Method::GET, &path).send().await.unwrap();
        answer.headers()["etag"].to_str().unwrap().to_owned()
    };
    let send = async |method: Method, name: &str, value: &str| {
        let body = json!({ "fields": { "customer": value } });
        let is_removal = method == Method::DELETE;
        let request = admin.request(method, &path).header(name, value);
        let request = if is_removal { request } else { request.json(&body) };
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        (status, answer.text().await.unwrap())
    };
    let first = tag(&admin).await;
    assert_eq!(tag(&server.guest().await).await, first);
    assert_eq!(send(Method::GET, "if-none-match", &first).await, (304, String::new()));
    assert_eq!(send(Method::PATCH, "if-match", &first).await.0, 200);
    let second = tag(&admin).await;
    assert_ne!(first, second);
    assert_eq!(send(Method::GET, "if-none-match", &first).await.0, 200);
    for old in [&*first, "\"none of ours\"", &format!("W/{second}")] {
        for method in [Method::PATCH, Method::DELETE] {
            let (status, answer) = send(method, "if-match", old).await;
            let answer: Json = serde_json::from_str(&answer).unwrap();
            assert_eq!((status, &answer["code"]), (412, &json!("PRECONDITION_FAILED")));
            assert_eq!(answer["record"]["fields"]["customer"], first);
        }
    }
    assert_eq!(send(Method::PATCH, "if-match", "junk").await.0, 400);
    assert_eq!(send(Method::PATCH, "if-match", &format!("{first}, {second}")).await.0, 200);
    assert_eq!(send(Method::PATCH, "if-match", "*").await.0, 200);
    let last = tag(&admin).await;
    assert_eq!(send(Method::DELETE, "if-match", &last).await.0, 200);
    assert_eq!(server.sql("select count(*) from orders"), "0");
    assert_eq!(send(Method::PATCH, "if-match", "*").await.0, 404);
}

#[tokio::test]
async fn what_is_said_when_a_record_is_removed_is_heard() {
    let (server, admin) = desk().await;
    let id = admin.add_order(json!({ "customer": "Ada" })).await;
    let path = format!("{RECORDS}/{id}");
    let (_, first) = admin.get(&path).await;
    let old = &first["fields"]["updatedAt"];
    let change = json!({ "fields": { "customer": "Grace" } });
    let (status, now) = admin.send(Method::PATCH, &path, Some(change.clone())).await;
    assert_eq!(status, 200);
    let stale = json!({ "updatedAt": old });
    let (status, answer) = admin.send(Method::DELETE, &path, Some(stale)).await;
    assert_eq!((status, &answer["code"]), (409, &json!("CONFLICT")));
    assert_eq!(answer["record"], now);
    for body in [
        r#"{"fields":{}}"#,
        "{not json",
        r#"{"updatedAt":null}"#,
        r#"{"updatedAt":"x"}"#,
        "[]",
        "null",
    ] {
        let request =
            admin.request(Method::DELETE, &path).header("content-type", "application/json");
        let answer = request.body(body).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 400, "{body}");
    }
    let nothing = json!({ "fields": change["fields"], "updatedAt": null });
    let (status, answer) = admin.send(Method::PATCH, &path, Some(nothing)).await;
    assert_eq!(status, 400);
    assert!(answer["message"].to_string().contains("updatedAt"), "{answer}");
    let seen = json!({ "updatedAt": now["fields"]["updatedAt"] });
    assert_eq!(admin.send(Method::DELETE, &path, Some(seen)).await.0, 200);
    assert_eq!(server.sql("select count(*) from orders"), "0");
}

#[tokio::test]
async fn an_instant_is_kept_whole_up_to_the_last_or_refused() {
    let server = Server::start(
        "
name: clock
tables:
  - name: items
    fields: [{ name: at, type: datetime }]
    permissions: { read: all, create: all, update: all }
pages: [{ name: Home, path: / }]
",
    )
    .await;
    let (guest, path) = (server.guest().await, "/api/tables/items/records");
    let body = |at: &str| Some(json!({ "fields": { "at": at } }));
    let last = "9999-12-31T23:59:59.999Z";
    let (status, made) = guest.send(Method::POST, path, body(last)).await;
    assert_eq!((status, &made["fields"]["at"]), (201, &json!(last)), "{made}");
    let (status, made) = guest.send(Method::PATCH, &format!("{path}/1"), body(last)).await;
    assert_eq!((status, &made["fields"]["at"]), (200, &json!(last)));
    let (_, list) = guest.get(&format!("{path}?filter=at:gte:{last}")).await;
    assert_eq!(list["pagination"]["total"], 1, "{list}");
    for (at, told) in [
        ("2026-04-05T12:00:00.123456Z", "must have at most three digits after the seconds"),
        ("2026-12-31T23:59:60Z", "must have at most 59 seconds"),
        ("9999-12-31T23:59:59-01:00", "must be a time like"),
    ] {
        let (status, answer) = guest.send(Method::POST, path, body(at)).await;
        assert_eq!(status, 422, "{at}");
        let message = answer["details"][0]["message"].as_str().unwrap();
        assert!(message.starts_with(told), "{message}");
    }
    let (status, _) = guest.send(Method::POST, path, body("2026-04-05T12:00:00.123000Z")).await;
    assert_eq!(status, 201);
}

#[tokio::test]
async fn a_table_without_a_token_has_no_states_to_name() {
    let server = Server::start(&DESK.replace("create: [packer]", "update: [admin]")).await;
    server.sql("insert into notes (words) values ('a')");
    let admin = server.admin().await;
    let path = "/api/tables/notes/records/1";
    let answer = admin.request(Method::GET, path).send().await.unwrap();
    assert!(!answer.headers().contains_key("etag"));
    let send = async |tags: &str| {
        let body = json!({ "fields": { "words": "b" } });
        let request = admin.request(Method::PATCH, path).header("if-match", tags).json(&body);
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(send("\"2026-04-05T12:00:00.000Z\"").await, 412);
    assert_eq!(send("*").await, 200);
    let body = json!({ "fields": { "words": "b" }, "updatedAt": "2026-04-05T12:00:00.000Z" });
    assert_eq!(admin.send(Method::PATCH, path, Some(body)).await.0, 400);
}

#[tokio::test]
async fn numbers_keep_every_digit_or_are_refused() {
    let (_server, admin) = desk().await;
    let post = async |total: &str| {
        let body = format!(r#"{{"fields":{{"customer":"Ada","total":{total}}}}}"#);
        let request =
            admin.request(Method::POST, RECORDS).header("content-type", "application/json");
        let answer: Json = request.body(body).send().await.unwrap().json().await.unwrap();
        answer["fields"]["total"]
            .as_str()
            .map_or_else(|| answer["details"][0]["message"].to_string(), str::to_owned)
    };
    for (sent, kept) in [
        ("1234567890123.45", "1234567890123.45"),
        (r#""1234567890123.45""#, "1234567890123.45"),
        ("0.1", "0.10"),
        ("100000000000000.00000000", "100000000000000.00"),
        ("1e3", "1000.00"),
    ] {
        assert_eq!(post(sent).await, kept, "{sent}");
    }
    for sent in ["0.1000000000000000055511151231257827", "12345678901234.567", "9007199254740993.0"]
    {
        assert!(post(sent).await.contains("15 significant digits"), "{sent}");
    }
}

#[tokio::test]
async fn a_number_of_many_digits_is_no_text() {
    let (_server, admin) = desk().await;
    for number in ["3.4443416998672172e+16", "12345678901234567890123", "0.30000000000000004"] {
        let body = format!(r#"{{"fields":{{"customer":{number}}}}}"#);
        let request =
            admin.request(Method::POST, RECORDS).header("content-type", "application/json");
        let answer = request.body(body).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 422, "{number}");
    }
}

#[tokio::test]
async fn a_wide_table_is_read_and_told_whole() {
    let fields: Vec<_> =
        (1..=230).map(|n| format!("      - {{ name: f{n}, type: single-line-text }}\n")).collect();
    let yaml = format!(
        "name: wide\ntables:\n  - name: wide\n    fields:\n{}    permissions: {{ read: all }}\n",
        fields.concat()
    );
    let server = Server::start(&yaml).await;
    let admin = server.admin().await;
    let mut socket = admin.open("/api/tables/wide/subscribe").await.unwrap();
    socket.next().await;
    server.sql("insert into wide (f1, f100, f101, f230) values ('a', 'b\tc', 'e', 'f')");
    let told = socket.next().await;
    let (_, list) = admin.get("/api/tables/wide/records").await;
    assert_eq!(list["records"][0], told["record"]);
    let fields = &told["record"]["fields"];
    assert_eq!((&fields["f1"], &fields["f230"]), (&json!("a"), &json!("f")));
    assert_eq!(fields["f100"], "b\tc");
    assert_eq!((&fields["f101"], &fields["f99"]), (&json!("e"), &Json::Null));
}
