//! The operations about pages and about the API itself: components as HTML, this document, and its page for people.

use serde_json::json;

use crate::openapi::{Paths, answers, asked};

/// Adds these operations, which are the same for every app and viewer.
pub(super) fn describe(paths: &mut Paths) {
    let text = json!({ "type": "string" });
    let required = |name: &str, about: &str| {
        let mut parameter = asked::query(name, &text, about);
        parameter["required"] = json!(true);
        parameter
    };
    let html = json!({
        "description": "The component as its page shows it now.",
        "headers": { "ETag": { "schema": { "type": "string" } } },
        "content": { "text/html": { "schema": { "type": "string" } } },
    });
    let mut responses = answers::of(200, html, &[400, 401, 404, 503]);
    responses["409"] = answers::refusal(
        "By this id the page means something else than `shape` says.",
        &["PAGE_CHANGED"],
        None,
    );
    responses["304"] = answers::nothing("It is as `If-None-Match` has it.");
    let fragment = json!({
        "tags": ["Pages"],
        "summary": "One component of a page, as HTML",
        "operationId": "fragment",
        "parameters": [
            required("url", "The path and query of the page."),
            required("component", "The id of the component."),
            asked::query(
                "shape",
                &text,
                "What the component means to whoever asks, as its page says in `data-shape`: refused with \
                 409 and `PAGE_CHANGED` if it means something else now.",
            ),
        ],
        "responses": responses,
    });
    paths.insert("/api/fragments".to_owned(), json!({ "get": fragment }));
    let document = json!({
        "description": "What you may read and do.",
        "headers": { "ETag": { "schema": { "type": "string" } } },
        "content": { "application/json": { "schema": { "type": "object" } } },
    });
    let mut responses = answers::of(200, document, &[503]);
    responses["304"] = answers::nothing("It is as `If-None-Match` has it.");
    let itself = json!({
        "tags": ["Pages"],
        "summary": "This description",
        "operationId": "openapi",
        "responses": responses,
    });
    paths.insert("/api/openapi.json".to_owned(), json!({ "get": itself }));
    let page = json!({
        "description": "The page.",
        "content": { "text/html": { "schema": { "type": "string" } } },
    });
    let docs = json!({
        "tags": ["Pages"],
        "summary": "A page to read this on, and to try it",
        "operationId": "docs",
        "responses": answers::of(200, page, &[503]),
    });
    paths.insert("/api/docs".to_owned(), json!({ "get": docs }));
}
