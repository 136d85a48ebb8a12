//! Many records in one request: all of them, or none.

use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::server::{Client, DESK, Server};

const BATCH: &str = "/api/tables/orders/records/batch";
const UPSERT: &str = "/api/tables/orders/records/upsert";

async fn desk() -> (Server, Client) {
    let server =
        Server::start(&DESK.replace("update: [admin]", "update: [admin]\n      delete: [admin]"))
            .await;
    let admin = server.admin().await;
    (server, admin)
}

fn orders(rows: &[(&str, &str)]) -> Json {
    let fields = rows
        .iter()
        .map(|(customer, code)| json!({ "fields": { "customer": customer, "code": code } }));
    json!({ "records": fields.collect::<Vec<_>>() })
}

fn ids(answer: &Json) -> Vec<&str> {
    answer["records"]
        .as_array()
        .unwrap()
        .iter()
        .map(|record| record["id"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn a_batch_is_made_changed_and_removed() {
    let (server, admin) = desk().await;
    let mut socket = admin.open("/api/tables/orders/subscribe").await.unwrap();
    socket.next().await;
    let body = Some(orders(&[("Ada", "A"), ("Grace", "B"), ("Alan", "C")]));
    let (status, made) = admin.send(Method::POST, BATCH, body).await;
    assert_eq!((status, ids(&made)), (201, vec!["1", "2", "3"]));
    assert_eq!(made["records"][1]["fields"]["customer"], "Grace");
    assert_eq!(made["records"][1]["fields"]["status"], "open");
    for record in made["records"].as_array().unwrap() {
        assert_eq!(socket.next().await["record"], *record);
    }
    let patches = json!({ "records": [
        { "id": "3", "fields": { "status": "done" } },
        { "id": "1", "fields": { "total": 5 }, "updatedAt": made["records"][0]["fields"]["updatedAt"] },
    ] });
    let (status, changed) = admin.send(Method::PATCH, BATCH, Some(patches)).await;
    assert_eq!((status, ids(&changed)), (200, vec!["3", "1"]), "{changed}");
    assert_eq!(changed["records"][1]["fields"]["total"], "5.00");
    assert_eq!(socket.next().await["record"], changed["records"][0]);
    assert_eq!(socket.next().await["record"], changed["records"][1]);
    let (status, gone) =
        admin.send(Method::DELETE, BATCH, Some(json!({ "ids": ["1", "2"] }))).await;
    assert_eq!((status, ids(&gone)), (200, vec!["1", "2"]));
    assert_eq!(gone["records"][0], changed["records"][1]);
    let body = Some(json!({ "records": [{ "id": "3" }] }));
    assert_eq!(admin.send(Method::DELETE, BATCH, body).await.0, 200);
    assert_eq!(server.sql("select count(*) from orders"), "0");
    assert_eq!(
        server.sql("select group_concat(distinct by is not null) from _pagetide_changes"),
        "1"
    );
}

/// Sends a batch that must change nothing, and says what was answered.
async fn refused(desk: &(Server, Client), method: Method, path: &str, body: Json) -> (u16, Json) {
    let (server, admin) = desk;
    let before = server.sql("select * from orders; select count(*) from _pagetide_changes");
    let (status, answer) = admin.send(method, path, Some(body)).await;
    let after = server.sql("select * from orders; select count(*) from _pagetide_changes");
    assert_eq!(after, before, "{answer}");
    (status, answer)
}

#[tokio::test]
async fn one_fault_undoes_the_batch_and_every_fault_is_told() {
    let desk = desk().await;
    let admin = &desk.1;
    admin.send(Method::POST, BATCH, Some(orders(&[("Ada", "A"), ("Grace", "B")]))).await;
    let faulty = json!({ "records": [
        { "fields": { "customer": "Alan" } },
        { "fields": { "customer": "", "total": "much" } },
        { "fields": { "colour": "red" } },
    ] });
    let (status, answer) = refused(&desk, Method::POST, BATCH, faulty).await;
    assert_eq!((status, &answer["code"]), (422, &json!("VALIDATION_FAILED")));
    assert_eq!(
        answer["details"],
        json!([
            { "record": 1, "field": "customer", "message": "must have a value" },
            { "record": 1, "field": "total", "message": "must be a number, got \"much\"" },
            { "record": 2, "field": "colour", "message": "is unknown" },
            { "record": 2, "field": "customer", "message": "must have a value" },
        ])
    );
    let twice = orders(&[("Alan", "C"), ("Alan", "A"), ("Alan", "B")]);
    let (status, answer) = refused(&desk, Method::POST, BATCH, twice).await;
    assert_eq!((status, &answer["code"]), (409, &json!("NOT_UNIQUE")));
    let message = "another record already has this value";
    assert_eq!(
        answer["details"],
        json!([
            { "record": 1, "field": "code", "message": message },
            { "record": 2, "field": "code", "message": message },
        ])
    );
    let patches = json!({ "records": [
        { "id": "1", "fields": { "customer": "Alan" } },
        { "id": "99", "fields": { "customer": "Alan" } },
        { "id": "2", "fields": { "customer": "Alan" }, "updatedAt": "2020-01-01T00:00:00.000Z" },
    ] });
    let (status, answer) = refused(&desk, Method::PATCH, BATCH, patches).await;
    assert_eq!((status, &answer["code"]), (404, &json!("NOT_FOUND")));
    let details = answer["details"].as_array().unwrap();
    assert_eq!((&details[0]["record"], &details[1]["record"]), (&json!(1), &json!(2)));
    let stale = json!({ "records": [
        { "id": "2", "fields": { "customer": "Alan" }, "updatedAt": "2020-01-01T00:00:00.000Z" },
    ] });
    let (status, answer) = refused(&desk, Method::PATCH, BATCH, stale).await;
    assert_eq!((status, &answer["code"]), (409, &json!("CONFLICT")));
    for (told, ids) in
        [(404, json!(["1", "99"])), (404, json!(["1", "x"])), (422, json!(["1", "1"]))]
    {
        let (status, answer) = refused(&desk, Method::DELETE, BATCH, json!({ "ids": ids })).await;
        assert_eq!((status, &answer["details"][0]["record"]), (told, &json!(1)), "{answer}");
    }
}

#[tokio::test]
async fn batches_that_are_none_are_refused() {
    let desk = desk().await;
    let many: Vec<_> = (0..1_001).map(|_| json!({ "fields": { "customer": "Ada" } })).collect();
    for (method, path, body) in [
        (Method::POST, BATCH, json!({ "records": [] })),
        (Method::POST, BATCH, json!({ "records": many })),
        (Method::POST, BATCH, json!({ "records": [{}] })),
        (Method::POST, BATCH, json!([])),
        (Method::POST, BATCH, json!({ "records": [{ "id": "1", "fields": {} }] })),
        (Method::PATCH, BATCH, json!({ "records": [{ "fields": { "customer": "Ada" } }] })),
        (
            Method::PATCH,
            BATCH,
            json!({ "records": [{ "id": 1, "fields": { "customer": "Ada" } }] }),
        ),
        (Method::DELETE, BATCH, json!({ "ids": [], "records": [] })),
        (Method::DELETE, BATCH, json!({})),
        (Method::POST, UPSERT, json!({ "records": [{ "fields": {} }] })),
        (
            Method::POST,
            UPSERT,
            json!({ "mergeOn": "customer", "records": [{ "fields": { "customer": "Ada" } }] }),
        ),
        (
            Method::POST,
            UPSERT,
            json!({ "mergeOn": "nosuch", "records": [{ "fields": { "customer": "Ada" } }] }),
        ),
    ] {
        let (status, answer) = refused(&desk, method, path, body).await;
        assert_eq!((status, &answer["code"]), (400, &json!("BAD_REQUEST")), "{answer}");
    }
    let empty = json!({ "records": [{ "id": "1", "fields": {} }] });
    let (status, answer) = refused(&desk, Method::PATCH, BATCH, empty).await;
    assert_eq!((status, &answer["details"][0]["record"]), (422, &json!(0)));
    assert_eq!(desk.1.get(BATCH).await.0, 405);
}

#[tokio::test]
async fn an_upsert_tells_what_was_there() {
    let (server, admin) = desk().await;
    admin.send(Method::POST, BATCH, Some(orders(&[("Ada", "A")]))).await;
    let body = json!({ "mergeOn": "code", "records": [
        { "fields": { "code": "A", "status": "done" } },
        { "fields": { "code": "B", "customer": "Grace" } },
    ] });
    let (status, answer) = admin.send(Method::POST, UPSERT, Some(body)).await;
    assert_eq!((status, ids(&answer)), (200, vec!["1", "2"]), "{answer}");
    assert_eq!((&answer["created"], &answer["updated"]), (&json!(["2"]), &json!(["1"])));
    assert_eq!(answer["records"][0]["fields"]["customer"], "Ada");
    assert_eq!(answer["records"][0]["fields"]["status"], "done");
    let by_id =
        json!({ "mergeOn": "id", "records": [{ "fields": { "id": "2", "customer": "Alan" } }] });
    let (status, answer) = admin.send(Method::POST, UPSERT, Some(by_id)).await;
    assert_eq!((status, &answer["updated"]), (200, &json!(["2"])), "{answer}");
    assert_eq!(server.sql("select group_concat(customer) from orders"), "Ada,Alan");
}

#[tokio::test]
async fn an_upsert_that_can_make_no_record_changes_none() {
    let desk = desk().await;
    desk.1.send(Method::POST, BATCH, Some(orders(&[("Ada", "A")]))).await;
    for (records, status, fault) in [
        (
            json!([{ "fields": { "code": "A", "total": 1 } }, { "fields": { "code": "B" } }]),
            422,
            json!({ "record": 1, "field": "customer", "message": "must have a value" }),
        ),
        (
            json!([{ "fields": { "code": "A", "total": 1 } }, { "fields": { "customer": "B" } }]),
            422,
            json!({ "record": 1, "field": "code", "message": "must have a value: records are merged by it" }),
        ),
    ] {
        let body = json!({ "mergeOn": "code", "records": records });
        let (told, answer) = refused(&desk, Method::POST, UPSERT, body).await;
        assert_eq!((told, &answer["details"]), (status, &json!([fault])));
    }
    let body =
        json!({ "mergeOn": "id", "records": [{ "fields": { "id": "9", "customer": "B" } }] });
    assert_eq!(refused(&desk, Method::POST, UPSERT, body).await.0, 404);
    let body = json!({ "mergeOn": "id", "records": [{ "fields": { "id": "1" } }] });
    assert_eq!(refused(&desk, Method::POST, UPSERT, body).await.0, 422);
}

#[tokio::test]
async fn a_batch_needs_the_rights_of_what_it_does() {
    let (server, _admin) = desk().await;
    let guest = server.guest().await;
    let member = server.person("bob", "member");
    let new = || Some(orders(&[("Ada", "A")]));
    let upsert = || Some(json!({ "mergeOn": "code", "records": [{ "fields": { "code": "A" } }] }));
    let patch = || Some(json!({ "records": [{ "id": "1", "fields": { "customer": "x" } }] }));
    let ids = || Some(json!({ "ids": ["1"] }));
    for (client, status) in [(&guest, 401), (&member, 403)] {
        for (method, path, body) in [
            (Method::POST, BATCH, new()),
            (Method::PATCH, BATCH, patch()),
            (Method::DELETE, BATCH, ids()),
            (Method::POST, UPSERT, upsert()),
        ] {
            assert_eq!(client.send(method, path, body).await.0, status);
        }
    }
    for (method, rest, body) in [
        (Method::POST, "batch", new()),
        (Method::PATCH, "batch", patch()),
        (Method::DELETE, "batch", ids()),
        (Method::POST, "upsert", upsert()),
    ] {
        let ask = async |table: &str| {
            member
                .send(method.clone(), &format!("/api/tables/{table}/records/{rest}"), body.clone())
                .await
        };
        let (unknown, unreadable) = (ask("nosuch").await, ask("salaries").await);
        assert_eq!((&unknown, unknown.0), (&unreadable, 404));
    }
}

#[tokio::test]
async fn a_batch_is_no_one_record_to_be_in_a_state() {
    let (server, admin) = desk().await;
    let made = admin.send(Method::POST, BATCH, Some(orders(&[("Ada", "A")]))).await;
    assert_eq!(made.0, 201);
    let patches = json!({ "records": [{ "id": "1", "fields": { "customer": "Grace" } }] });
    for (method, path, body) in [
        (Method::PATCH, BATCH, patches),
        (Method::DELETE, BATCH, json!({ "ids": ["1"] })),
        (Method::POST, BATCH, orders(&[("Alan", "B")])),
        (Method::POST, UPSERT, json!({ "mergeOn": "code", "records": [] })),
    ] {
        let request = admin.request(method, path).header("if-match", "\"stale\"").json(&body);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 400, "{body}");
        assert!(answer.text().await.unwrap().contains("If-Match"), "{body}");
    }
    assert_eq!(server.sql("select customer from orders"), "Ada");
    let patches =
        json!({ "records": [{ "id": "1", "fields": { "customer": "G" }, "updatedAt": null }] });
    assert_eq!(admin.send(Method::PATCH, BATCH, Some(patches)).await.0, 400);
}
