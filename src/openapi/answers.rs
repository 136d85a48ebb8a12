//! The responses of operations: the answer to a request that succeeds, and an error for each status that it may fail
//! with.

use serde_json::{Map, Value as Json, json};

use crate::model::access::View;
use crate::openapi::{schema, schemas};

/// The errors that many operations share: the name in the document, the status, the values of `code`, the description.
const REFUSALS: [(&str, u16, &[&str], &str); 10] = [
    ("BadRequest", 400, &["BAD_REQUEST"], "It cannot be understood."),
    ("Unauthenticated", 401, &["UNAUTHENTICATED"], "Nobody has signed in, and this needs it."),
    (
        "Forbidden",
        403,
        &["FORBIDDEN", "FOREIGN_ORIGIN"],
        "You may read this and not do that; or another site may have sent it.",
    ),
    ("NotFound", 404, &["NOT_FOUND"], "There is no such thing, or you may not know of it."),
    ("TooLarge", 413, &["TOO_LARGE"], "The body is too large."),
    (
        "UnsupportedMediaType",
        415,
        &["UNSUPPORTED_MEDIA_TYPE"],
        "The body says that it is something else, or compressed.",
    ),
    (
        "Unfit",
        422,
        &["VALIDATION_FAILED", "TOO_MUCH"],
        "Values do not fit, and `details` has all of them; or it is more than is done at once.",
    ),
    ("UpgradeRequired", 426, &["UPGRADE_REQUIRED"], "This is for WebSocket."),
    (
        "TooMany",
        429,
        &[
            "TOO_MANY_CONNECTIONS",
            "TOO_MANY_EXPORTS",
            "TOO_MANY_SUBSCRIPTIONS",
            "TOO_MANY_ATTEMPTS",
            "TOO_MANY_REQUESTS",
        ],
        "Too much at once.",
    ),
    (
        "Unavailable",
        503,
        &["UNAVAILABLE", "BUSY"],
        "The database does not answer, or the server has too much to do.",
    ),
];

/// The statuses of errors that every operation that reads records may answer with.
pub(super) const READING: [u16; 5] = [400, 401, 404, 429, 503];
/// The statuses of errors that every operation that writes records may answer with. `409` is missing, since its
/// meaning differs from one operation to the next.
pub(super) const WRITING: [u16; 9] = [400, 401, 403, 404, 413, 415, 422, 429, 503];

/// Returns the shared errors, for `components/responses`.
pub(super) fn responses() -> Json {
    let responses = REFUSALS.iter().map(|(name, status, codes, about)| {
        let mut response = refusal(about, codes, None);
        if *status == 429 {
            let seconds = json!({ "type": "integer", "minimum": 0 });
            let about = "After how many seconds to come again.";
            response["headers"] =
                json!({ "Retry-After": { "schema": seconds, "description": about } });
        }
        ((*name).to_owned(), response)
    });
    responses.collect::<Map<_, _>>().into()
}

/// Returns the responses of an operation: `answer` with its status, and the shared errors of the statuses `refused`.
/// A status that no shared error has is ignored.
pub(super) fn of(status: u16, answer: Json, refused: &[u16]) -> Json {
    let mut all = Map::new();
    all.insert(status.to_string(), answer);
    for (name, status, ..) in REFUSALS.iter().filter(|(_, status, ..)| refused.contains(status)) {
        let reference = json!({ "$ref": format!("#/components/responses/{name}") });
        all.insert(status.to_string(), reference);
    }
    all.into()
}

/// Returns a response with a JSON body.
pub(super) fn json_body(about: &str, schema: &Json, example: &Json) -> Json {
    json!({
        "description": about,
        "content": { "application/json": { "schema": schema, "example": example } },
    })
}

/// Returns a response without a body.
pub(super) fn nothing(about: &str) -> Json {
    json!({ "description": about })
}

/// Returns a response with one record, and its ETag.
pub(super) fn record(view: &View, about: &str) -> Json {
    let mut answer = json_body(about, &schema(view, "Record"), &schemas::record_example(view));
    add_tag(view, &mut answer);
    answer
}

/// Adds the header `ETag` to a response with one record. Does nothing if the table does not keep when a record last
/// changed, or the viewer may not read that field.
pub(super) fn add_tag(view: &View, answer: &mut Json) {
    if let Some(at) = view.table.updated_at().filter(|at| view.fields.contains(*at)) {
        let field = &view.table.field(at).name;
        let about = format!("The state of the record, for `If-Match`: its `{field}`.");
        answer["headers"] = json!({
            "ETag": { "schema": { "type": "string" }, "description": about },
        });
    }
}

/// Returns the `409` of operations that add records.
pub(super) fn not_unique() -> Json {
    refusal(
        "Another record has this value in a unique field; or a rule of the database's own is against \
         it, in its words.",
        &["NOT_UNIQUE", "REFUSED"],
        None,
    )
}

/// Returns the `409` of operations that change records.
pub(super) fn conflict(view: &View) -> Json {
    refusal(
        "Another record has this value in a unique field; or somebody changed the record first, and \
         `record` is what it is now; or a rule of the database's own is against it, in its words.",
        &["NOT_UNIQUE", "CONFLICT", "REFUSED"],
        Some(view),
    )
}

/// Returns the `409` of operations that remove records unconditionally.
pub(super) fn referred() -> Json {
    refusal(
        "Other records refer to this one; or a rule of the database's own is against it, in its words.",
        &["REFERRED", "REFUSED"],
        None,
    )
}

/// Returns the `409` of removing one record of a table that keeps when its records last changed: the request may then
/// depend on that time.
pub(super) fn kept(view: &View) -> Json {
    refusal(
        "Other records refer to this one; or somebody changed the record first, and `record` is what \
         it is now; or a rule of the database's own is against it, in its words.",
        &["REFERRED", "CONFLICT", "REFUSED"],
        Some(view),
    )
}

/// Returns the `412` of writes with `If-Match`.
pub(super) fn precondition(view: &View) -> Json {
    let about = "The record is not as `If-Match` has it; `record` is what it is now.";
    refusal(about, &["PRECONDITION_FAILED"], Some(view))
}

/// Returns a response with an error of one of these codes. With a view, the error holds the record as it is now.
pub(super) fn refusal(about: &str, codes: &[&str], view: Option<&View>) -> Json {
    let mut own = json!({ "code": { "enum": codes } });
    if let Some(view) = view {
        own["record"] = schema(view, "Record");
    }
    let shape = json!({
        "allOf": [{ "$ref": "#/components/schemas/Error" }, { "properties": own }],
    });
    let example = json!({ "code": codes.first(), "message": about });
    json_body(about, &shape, &example)
}
