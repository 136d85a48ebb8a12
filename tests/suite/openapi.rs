//! `/api/openapi.json`: the whole API, as the viewer may use it, and true.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::server::{Client, DESK, Server};

const ROUTES: &str = include_str!("../../src/http/routes.rs");
const DOCUMENT: &str = "/api/openapi.json";

async fn document(client: &Client) -> Json {
    let (status, document) = client.get(DOCUMENT).await;
    assert_eq!(status, 200, "{document}");
    document
}

/// Every operation as `(method, path, what is said of it)`.
fn operations(document: &Json) -> Vec<(Method, &str, &Json)> {
    let methods = ["get", "post", "put", "patch", "delete"];
    let paths = document["paths"].as_object().unwrap().iter();
    let all = paths.flat_map(|(path, operations)| {
        methods.iter().filter_map(move |name| {
            let method: Method = name.to_uppercase().parse().unwrap();
            operations.get(name).map(|operation| (method, path.as_str(), operation))
        })
    });
    all.collect()
}

/// Everything below, with the way to it.
fn walk<'a>(json: &'a Json, at: &str, visit: &mut impl FnMut(&str, &'a Json)) {
    visit(at, json);
    match json {
        Json::Object(map) => {
            for (key, value) in map {
                walk(value, &format!("{at}/{}", key.replace('/', "~1")), visit);
            }
        }
        Json::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                walk(value, &format!("{at}/{index}"), visit);
            }
        }
        _ => {}
    }
}

/// The faults of a value, by a schema that stands in the document.
fn faults(document: &Json, schema: &Json, value: &Json) -> Vec<String> {
    let schema = json!({ "components": document["components"], "allOf": [schema] });
    let validator = jsonschema::validator_for(&schema).unwrap();
    validator.iter_errors(value).map(|fault| fault.to_string()).collect()
}

/// What `Allow` says can be done at a path.
async fn allowed(client: &Client, path: &str) -> BTreeSet<Method> {
    let answer = client.request(Method::PUT, path).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 405, "{path}");
    let allow = answer.headers()["allow"].to_str().unwrap();
    let methods = allow.split(", ").map(|method| method.parse().unwrap());
    methods.filter(|method| *method != Method::HEAD).collect()
}

#[tokio::test]
async fn every_route_of_the_api_is_described_and_nothing_else_is() {
    let yaml = DESK.replace("update: [admin]", "update: [admin]\n      delete: [admin]");
    let yaml = yaml.replace("roles: [packer]", "roles: [packer], signUp: true");
    let server = Server::start(&yaml).await;
    let admin = server.admin().await;
    let document = document(&admin).await;
    let literals = ROUTES.split('"').skip(1).step_by(2);
    let routes: BTreeSet<_> = literals.filter(|text| text.starts_with("/api/")).collect();
    let mut there = BTreeSet::new();
    // What the forms of the admin pages send is answered with pages, and nobody else learns of it.
    let is_form = |route: &&str| route.starts_with("/api/admin/");
    for route in routes.into_iter().filter(|route| !route.contains('*') && !is_form(route)) {
        let path = route.replace(":table", "orders").replace(":id", "{id}");
        for method in allowed(&admin, &path.replace("{id}", "1")).await {
            there.insert(format!("{method} {path}"));
        }
    }
    let of_orders = |path: &&str| !path.starts_with("/api/tables/") || path.contains("/orders/");
    let operations = operations(&document).into_iter();
    let described = operations.filter(|(_, path, _)| of_orders(path));
    let described: BTreeSet<_> =
        described.map(|(method, path, _)| format!("{method} {path}")).collect();
    assert_eq!(described, there);
}

#[tokio::test]
async fn what_refers_leads_somewhere_and_examples_are_true() {
    let server = Server::start(DESK).await;
    for client in [server.nobody(), server.admin().await] {
        let document = document(&client).await;
        let mut examples = 0;
        walk(&document, "", &mut |at, json| {
            if let Some(reference) = json["$ref"].as_str() {
                let there = document.pointer(reference.trim_start_matches('#'));
                assert!(there.is_some(), "{at}: {reference}");
            }
            let listed =
                json["examples"].as_array().into_iter().flatten().map(|value| (json, value));
            let told = json.get("example").map(|value| (&json["schema"], value));
            for (schema, value) in listed.chain(told) {
                let faults = faults(&document, schema, value);
                assert!(faults.is_empty(), "{at}: {value}: {faults:?}");
                examples += 1;
            }
        });
        assert!(examples > 20, "{examples}");
    }
}

#[tokio::test]
async fn what_may_not_be_read_or_done_is_not_described() {
    let server = Server::start(DESK).await;
    let text = async |client: &Client| document(client).await.to_string();
    let guest = text(&server.nobody()).await;
    for hidden in
        ["secret", "salaries", "notes", "orders.New", "orders.Changes", "\"orders.create\""]
    {
        assert!(!guest.contains(hidden), "{hidden}");
    }
    assert!(guest.contains("orders.list"));
    assert_eq!(text(&server.guest().await).await, guest);
    let packer = text(&server.person("p", "packer")).await;
    for hidden in ["secret", "orders.New", "notes.Changes"] {
        assert!(!packer.contains(hidden), "{hidden}");
    }
    assert!(packer.contains("salaries.list") && packer.contains("notes.New"));
    let admin = text(&server.admin().await).await;
    assert!(admin.contains("secret") && admin.contains("orders.New"));
    assert!(!admin.contains("salaries") && !admin.contains("notes.New"));
}

#[tokio::test]
async fn values_are_described_as_their_fields_take_them() {
    let server = Server::start(DESK).await;
    let document = document(&server.admin().await).await;
    let new = &document["components"]["schemas"]["orders.New"];
    let check = |value: Json, fits: bool| {
        let faults = faults(&document, new, &value);
        assert_eq!(faults.is_empty(), fits, "{value}: {faults:?}");
    };
    check(json!({ "customer": "Ada" }), true);
    check(json!({ "customer": "Ada", "total": "12.50", "status": "done", "code": null }), true);
    check(json!({ "customer": "Ada", "total": 12.5 }), true);
    check(json!({ "customer": "Ada", "total": -1 }), false);
    check(json!({ "customer": "Ada", "total": "much" }), false);
    check(json!({ "customer": "Ada", "status": "lost" }), false);
    check(json!({ "customer": null }), false);
    check(json!({ "status": "open" }), false);
    check(json!({ "customer": "Ada", "updatedAt": "2026-04-05T12:00:00Z" }), false);
    assert_eq!(new["properties"]["status"]["default"], "open");
}

#[tokio::test]
async fn answers_are_as_they_are_described() {
    let server = Server::start(DESK).await;
    let admin = server.admin().await;
    let document = document(&admin).await;
    let asked = [
        ("/api/tables/orders/records", Method::POST, "/api/tables/orders/records"),
        (
            "/api/tables/orders/records",
            Method::GET,
            "/api/tables/orders/records?fields=code&limit=1",
        ),
        ("/api/tables/orders/records/{id}", Method::GET, "/api/tables/orders/records/1"),
        ("/api/tables/orders/records/{id}", Method::PATCH, "/api/tables/orders/records/1"),
        ("/api/tables/orders/records/{id}", Method::GET, "/api/tables/orders/records/2"),
        ("/api/tables/orders/records/{id}", Method::GET, "/api/tables/orders/records/x"),
        ("/api/tables/orders/records/batch", Method::POST, "/api/tables/orders/records/batch"),
        ("/api/tables/orders/records/batch", Method::PATCH, "/api/tables/orders/records/batch"),
        ("/api/tables/orders/records/upsert", Method::POST, "/api/tables/orders/records/upsert"),
        ("/api/auth/sign-in/email", Method::POST, "/api/auth/sign-in/email"),
        ("/api/auth/session", Method::GET, "/api/auth/session"),
    ];
    let mut statuses = Vec::new();
    for (path, method, address) in asked {
        let operation = &document["paths"][path][method.as_str().to_lowercase()];
        let body = operation.pointer("/requestBody/content/application~1json/example").cloned();
        let (status, answer) = admin.send(method.clone(), address, body).await;
        let mut told = &operation["responses"][status.to_string()];
        if let Some(reference) = told["$ref"].as_str() {
            told = document.pointer(reference.trim_start_matches('#')).unwrap();
        }
        let faults = faults(&document, &told["content"]["application/json"]["schema"], &answer);
        assert!(faults.is_empty(), "{method} {address}: {status} {answer}: {faults:?}");
        statuses.push(status);
    }
    assert_eq!(statuses, [201, 200, 200, 409, 404, 404, 409, 404, 404, 200, 200]);
}

#[tokio::test]
async fn who_knows_the_description_is_not_told_it_again() {
    let server = Server::start(DESK).await;
    let (nobody, admin) = (server.nobody(), server.admin().await);
    let answer = nobody.request(Method::GET, DOCUMENT).send().await.unwrap();
    let tag = answer.headers()["etag"].clone();
    assert_eq!(answer.headers()["vary"], "Cookie, Authorization");
    let again = |client: &Client| {
        client.request(Method::GET, DOCUMENT).header("if-none-match", tag.clone()).send()
    };
    assert_eq!(again(&nobody).await.unwrap().status().as_u16(), 304);
    assert_eq!(again(&admin).await.unwrap().status().as_u16(), 200);
}

#[tokio::test]
async fn what_cannot_be_done_is_answered_by_what_can() {
    let server = Server::start(DESK).await;
    let admin = server.admin().await;
    let methods = allowed(&admin, "/api/tables/orders/records").await;
    assert_eq!(methods, BTreeSet::from([Method::GET, Method::POST]));
    assert_eq!(allowed(&admin, "/healthz").await, BTreeSet::from([Method::GET]));
}
