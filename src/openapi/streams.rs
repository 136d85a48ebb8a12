//! The operations that subscribe to changes, over WebSocket and Server-Sent Events. OpenAPI cannot describe the
//! messages of a stream, so a sentence refers to their own schema.

use serde_json::{Value as Json, json};

use crate::model::access::View;
use crate::openapi::{Paths, answers, asked, path};

/// The statuses of errors that a subscription may be refused with.
const REFUSED: [u16; 6] = [400, 401, 403, 404, 429, 503];

/// The description of all these operations.
const MESSAGES: &str = "The first message says `subscribed`; then every insert, update and delete of \
    a record that you may read and that passes the filter is a `change`. The messages are described \
    by `pagetide schema messages`.";

/// Adds the operations that subscribe to the changes of one table.
pub(super) fn describe(view: &View, paths: &mut Paths) {
    let id = |name: &str| format!("{}.{name}", view.table.name);
    let tag = view.table.name.as_str();
    let parameters = [
        asked::filter(view),
        asked::fields(view),
        asked::query(
            "sort",
            &json!({ "type": "string" }),
            "How the list is sorted that the changes are for.",
        ),
        asked::query(
            "since",
            &json!({ "type": "string" }),
            "The `position` of a list: nothing after it is missed.",
        ),
    ];
    let about = format!("Changes of {}", view.table.name);
    let socket = operation(tag, &id("subscribe"), &about, &parameters, &upgrade());
    paths.insert(path(view, "subscribe"), json!({ "get": socket }));
    let stream = operation(tag, &id("subscribeBySse"), &about, &parameters, &events());
    paths.insert(path(view, "subscribe/sse"), json!({ "get": stream }));
}

/// Adds the operations that take any number of subscriptions on one connection.
pub(super) fn describe_shared(paths: &mut Paths) {
    let about = "Any number of subscriptions, by handshake";
    let socket = operation("Streams", "subscribe", about, &[], &upgrade());
    paths.insert("/api/realtime/subscribe".to_owned(), json!({ "get": socket }));
    let handshakes = json!({ "name": "subscribe", "in": "query", "required": true,
        "description": "The handshakes that a WebSocket would be sent.",
        "content": { "application/json": {
            "schema": { "type": "array", "items": { "type": "object" } },
            "example": [{ "table": "orders" }],
        } },
    });
    let stream = operation("Streams", "subscribeBySse", about, &[handshakes], &events());
    paths.insert("/api/realtime/subscribe/sse".to_owned(), json!({ "get": stream }));
}

/// Returns an operation that subscribes. `about` is its summary.
fn operation(tag: &str, id: &str, about: &str, parameters: &[Json], answers: &Json) -> Json {
    json!({
        "tags": [tag],
        "summary": about,
        "description": MESSAGES,
        "operationId": id,
        "parameters": parameters,
        "responses": answers,
    })
}

/// Returns the responses of a WebSocket.
fn upgrade() -> Json {
    let refused: Vec<_> = REFUSED.into_iter().chain([426]).collect();
    answers::of(101, answers::nothing("A WebSocket."), &refused)
}

/// Returns the responses of a stream of Server-Sent Events.
fn events() -> Json {
    let stream = json!({
        "description": "Messages, each as `data:`; its `id:` is the position to go on from.",
        "content": { "text/event-stream": { "schema": { "type": "string" } } },
    });
    answers::of(200, stream, &REFUSED)
}
