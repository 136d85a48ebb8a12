//! Holds `docs/realtime.md` and `docs/api.md` to their word: each example in them is one that the server
//! takes or sends.

use std::collections::BTreeSet;

use pagetide::live::messages_schema;
use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::server::{DESK, Server, shape_of};

const PAGE: &str = include_str!("../../docs/realtime.md");
const API: &str = include_str!("../../docs/api.md");

/// The examples below a heading, one a line.
fn examples(heading: &str) -> Vec<Json> {
    let section = PAGE.split("\n## ").find(|section| section.starts_with(heading)).unwrap();
    let block = section.split("```json\n").nth(1).unwrap().split("```").next().unwrap();
    block.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn keys(json: &Json) -> BTreeSet<&str> {
    json.as_object().map(|map| map.keys().map(String::as_str).collect()).unwrap_or_default()
}

/// The members that the schema knows of a message of this type, and which of them must be there.
fn members<'a>(schema: &'a Json, kind: &Json) -> (BTreeSet<&'a str>, BTreeSet<&'a str>) {
    let shapes = schema["oneOf"].as_array().unwrap();
    let shape = shapes.iter().find(|shape| shape["properties"]["type"]["const"] == *kind).unwrap();
    let pointer = shape["$ref"].as_str().map(|reference| reference.trim_start_matches('#'));
    let more = pointer.and_then(|pointer| schema.pointer(pointer)).unwrap_or(&Json::Null);
    let both = [shape, more];
    let known = both.iter().flat_map(|shape| keys(&shape["properties"]));
    let required = both.iter().filter_map(|shape| shape["required"].as_array()).flatten();
    (known.collect(), required.filter_map(Json::as_str).collect())
}

#[test]
fn every_message_has_an_example_that_the_schema_accepts() {
    let schema = messages_schema();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let examples = examples("What the server says");
    for example in &examples {
        let faults: Vec<_> =
            validator.iter_errors(example).map(|fault| fault.to_string()).collect();
        assert!(faults.is_empty(), "{example}: {faults:?}");
        let (known, required) = members(&schema, &example["type"]);
        assert!(keys(example).is_subset(&known), "{example} has more than {known:?}");
        assert!(required.is_subset(&keys(example)), "{example} has less than {required:?}");
    }
    let shown = examples.iter().filter_map(|example| example["type"].as_str());
    let shown: BTreeSet<_> = shown.collect();
    let shapes = schema["oneOf"].as_array().unwrap().iter();
    let all = shapes.filter_map(|shape| shape["properties"]["type"]["const"].as_str()).collect();
    assert_eq!(shown, all);
}

/// Every code that an answer of the API may have stands in the table of errors.
#[test]
fn every_code_of_an_error_is_told_of() {
    let sources =
        [include_str!("../../src/http/error.rs"), include_str!("../../src/records/error.rs")];
    let words = sources.iter().flat_map(|source| {
        let (_, code) = source.split_once("fn code(&self)").unwrap();
        code.split("\n    }\n").next().unwrap().split('"').skip(1).step_by(2)
    });
    let codes: std::collections::BTreeSet<_> = words.collect();
    assert!(codes.len() > 20, "{codes:?}");
    for code in codes {
        assert!(API.contains(&format!("| `{code}` |")), "docs/api.md says nothing of {code}");
    }
}

#[tokio::test]
async fn every_handshake_in_the_manual_is_taken() {
    let room = "  - { name: Room, path: /room, presence: true, access: all, components: [] }\n";
    let server = Server::start(&format!("{DESK}{room}")).await;
    let admin = server.admin().await;
    let mut socket = admin.open("/api/realtime/subscribe").await.unwrap();
    let (_, page) = admin.get("/").await;
    let shape = shape_of(page.as_str().unwrap(), "dataTable-1");
    for mut example in examples("What a client says") {
        if let Some(of_another_app) = example.get_mut("shape") {
            *of_another_app = json!(shape);
        }
        socket.send(example.clone()).await;
        // The answer to this says that the example has been dealt with.
        socket.send(json!({ "type": "ready?" })).await;
        loop {
            let answer = socket.next().await;
            if answer["message"].as_str().is_some_and(|message| message.contains("ready?")) {
                break;
            }
            assert_ne!(answer["type"], "error", "{example}: {answer}");
        }
    }
}

#[tokio::test]
async fn every_request_in_the_manual_of_the_api_is_taken() {
    let lines = "tables:
  - name: lines
    fields:
      - { name: product, type: single-line-text }
      - { name: order, type: relationship, table: orders }
";
    let desk = DESK.replace("update: [admin]", "update: [admin]\n      delete: [admin]");
    let server = Server::start(&desk.replace("tables:\n", lines)).await;
    let admin = server.admin().await;
    let blocks = API.split("```http\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let mut taken = BTreeSet::new();
    for example in blocks.flat_map(|block| block.split("\n\n")) {
        let (head, body) = example.trim().split_once('\n').unwrap_or((example.trim(), ""));
        let (method, path) = head.split_once(' ').unwrap();
        let method: Method = method.parse().unwrap();
        let mut request = admin.request(method.clone(), path);
        if !body.is_empty() {
            let kind = if body.starts_with('{') { "application/json" } else { "text/csv" };
            request = request.header("content-type", kind).body(body.to_owned());
        }
        let answer = request.send().await.unwrap();
        let status = answer.status();
        assert!(status.is_success(), "{head}: {status} {}", answer.text().await.unwrap());
        let path = path.split('?').next().unwrap().replace("/1", "/:id").replace("/3/", "/:id/");
        taken.insert(format!("{method} {path}"));
    }
    assert_eq!(taken.len(), 14, "{taken:?}");
}
