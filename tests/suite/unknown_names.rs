//! Names that nobody knows are refused, on writes as on reads: a parameter of the query string, a
//! member of a body.

use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::server::{Client, DESK, Server};

const ROUTES: &str = include_str!("../../src/http/routes.rs");
const RECORDS: &str = "/api/tables/orders/records";

async fn start() -> (Server, Client) {
    let yaml = DESK.replace("update: [admin]", "update: [admin]\n      delete: [admin]");
    let yaml = yaml.replace("roles: [packer]", "roles: [packer], signUp: true");
    let server = Server::start(&yaml).await;
    let admin = server.admin().await;
    (server, admin)
}

/// Every operation of the API, as `(method, path with an id, what is said of it)`.
async fn operations(admin: &Client) -> Vec<(Method, String, Json)> {
    let (_, document) = admin.get("/api/openapi.json").await;
    let paths = document["paths"].as_object().unwrap().iter();
    let all = paths.flat_map(|(path, operations)| {
        ["get", "post", "patch", "delete"].into_iter().filter_map(|name| {
            let operation = operations.get(name)?.clone();
            Some((name.to_uppercase().parse().unwrap(), path.replace("{id}", "1"), operation))
        })
    });
    all.collect()
}

fn message(answer: &Json) -> &str {
    answer["message"].as_str().unwrap_or_default()
}

async fn count(client: &Client) -> Json {
    client.get(RECORDS).await.1["pagination"]["total"].take()
}

#[tokio::test]
async fn every_operation_refuses_a_parameter_that_it_does_not_have() {
    let (_server, admin) = start().await;
    admin.send(Method::POST, RECORDS, Some(json!({ "fields": { "customer": "Ada" } }))).await;
    let before = count(&admin).await;
    let operations = operations(&admin).await;
    assert!(operations.len() > 30);
    for (method, path, operation) in &operations {
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let names = parameters.filter(|one| one["in"] == "query");
        let names: Vec<_> = names.map(|one| one["name"].as_str().unwrap()).collect();
        let body = operation.pointer("/requestBody/content/application~1json/example").cloned();
        let asked = format!("{path}?unheardOf=1");
        let (status, answer) = admin.send(method.clone(), &asked, body).await;
        assert_eq!((status, &answer["code"]), (400, &json!("BAD_REQUEST")), "{method} {asked}");
        assert!(message(&answer).starts_with("unknown parameter `unheardOf`"), "{answer}");
        for name in names {
            let asked = format!("{path}?{name}s=x");
            let (status, answer) = admin.send(method.clone(), &asked, None).await;
            assert_eq!(status, 400, "{method} {asked}: {answer}");
            assert!(message(&answer).contains("did you mean `"), "{method} {asked}: {answer}");
            // A stream that is let in has no end.
            if path.ends_with("/sse") {
                continue;
            }
            let (_, answer) = admin.send(method.clone(), &format!("{path}?{name}=x"), None).await;
            assert!(!message(&answer).contains("unknown parameter"), "{method} {path}: {answer}");
        }
    }
    assert_eq!(count(&admin).await, before);
}

/// What the forms of the admin pages send is not described, but refused alike.
#[tokio::test]
async fn every_route_refuses_a_parameter_that_it_does_not_have() {
    let (_server, admin) = start().await;
    let literals = ROUTES.split('"').skip(1).step_by(2);
    let routes = literals.filter(|text| text.starts_with("/api/") && !text.contains('*'));
    for route in routes {
        let path = route.replace(":table", "orders").replace(":id", "1");
        let answer = admin.request(Method::PUT, &path).send().await.unwrap();
        let allowed = answer.headers()["allow"].to_str().unwrap().to_owned();
        for method in allowed.split(", ").filter(|method| *method != "HEAD") {
            let method: Method = method.parse().unwrap();
            let asked = format!("{path}?unheardOf=1");
            let (status, answer) = admin.send(method.clone(), &asked, None).await;
            assert_eq!(status, 400, "{method} {asked}: {answer}");
            assert!(message(&answer).contains("`unheardOf`"), "{method} {asked}: {answer}");
        }
    }
}

#[tokio::test]
async fn what_was_not_meant_to_happen_does_not_happen() {
    let (_server, admin) = start().await;
    admin.send(Method::POST, RECORDS, Some(json!({ "fields": { "customer": "Ada" } }))).await;
    let one = format!("{RECORDS}/1");
    let sent = json!({ "fields": { "customer": "Grace" } });
    let many = json!({ "records": [sent] });
    let ids = json!({ "ids": ["1"] });
    let batch = format!("{RECORDS}/batch");
    for (method, path, body) in [
        (Method::DELETE, format!("{one}?dryRun=true"), None),
        (Method::DELETE, format!("{one}?updatedAt=2020-01-01"), None),
        (Method::PATCH, format!("{one}?dryRun=true"), Some(sent.clone())),
        (Method::POST, format!("{RECORDS}?dry_run=true"), Some(sent.clone())),
        (Method::POST, format!("{batch}?dryRun=true"), Some(many)),
        (Method::DELETE, format!("{batch}?dryRun=true"), Some(ids)),
    ] {
        let (status, answer) = admin.send(method.clone(), &path, body).await;
        assert_eq!(status, 400, "{method} {path}: {answer}");
    }
    let (_, page) = admin.get(RECORDS).await;
    assert_eq!(page["pagination"]["total"], 1);
    assert_eq!(page["records"][0]["fields"]["customer"], "Ada");
    let import = admin.request(Method::POST, &format!("{RECORDS}/import?dryrun=true"));
    let import = import.header("content-type", "text/csv").body("customer\nGrace\n");
    let answer = import.send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 400);
    assert!(answer.text().await.unwrap().contains("did you mean `dryRun`?"));
    assert_eq!(count(&admin).await, 1);
}

#[tokio::test]
async fn a_parameter_is_given_once() {
    let (_server, admin) = start().await;
    let (status, answer) = admin.get(&format!("{RECORDS}?limit=1&limit=2")).await;
    assert_eq!((status, message(&answer)), (400, "the parameter `limit` is given twice"));
}

/// Every object of every body, with one member more.
#[tokio::test]
async fn every_body_refuses_a_member_that_it_does_not_have() {
    let (_server, admin) = start().await;
    admin.send(Method::POST, RECORDS, Some(json!({ "fields": { "customer": "Ada" } }))).await;
    let mut tried = 0;
    for (method, path, operation) in operations(&admin).await {
        let example = operation.pointer("/requestBody/content/application~1json/example");
        let Some(example) = example.cloned() else { continue };
        let mut with_more = vec![example.clone()];
        with_more[0]["unheardOf"] = json!(1);
        if example["records"][0].is_object() {
            let mut inside = example.clone();
            inside["records"][0]["unheardOf"] = json!(1);
            with_more.push(inside);
        }
        for body in with_more {
            let (status, answer) = admin.send(method.clone(), &path, Some(body)).await;
            assert_eq!(status, 400, "{method} {path}: {answer}");
            assert!(message(&answer).contains("unknown member `unheardOf`"), "{path}: {answer}");
            tried += 1;
        }
    }
    assert!(tried > 10, "{tried}");
    let body = json!({ "fields": { "customer": "Grace" }, "updatedat": "2020-01-01T00:00:00Z" });
    let (status, answer) = admin.send(Method::PATCH, &format!("{RECORDS}/1"), Some(body)).await;
    assert_eq!(status, 400);
    assert!(message(&answer).ends_with("did you mean `updatedAt`?"), "{answer}");
    let body = json!({ "email": "a@example.org", "password": "x", "next": "/orders" });
    let (status, answer) = admin.send(Method::POST, "/api/auth/sign-in/email", Some(body)).await;
    assert_eq!(
        (status, message(&answer)),
        (400, "`next` is for forms; a program goes on by itself")
    );
}
