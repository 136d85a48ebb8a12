//! The operations on lists and on single records.

use serde_json::{Value as Json, json};

use crate::model::access::View;
use crate::model::permissions::Operation;
use crate::openapi::answers::{self, READING, WRITING};
use crate::openapi::schemas::{self, may, object};
use crate::openapi::{Paths, asked, body, path, schema};

/// Adds the operations on a table that the viewer may do.
pub(super) fn describe(view: &View, paths: &mut Paths) {
    let mut all = json!({});
    if view.is_open {
        all["get"] = list(view);
    }
    if may(view, Operation::Create) {
        all["post"] = create(view);
    }
    paths.insert(path(view, "records"), all);
    if view.is_open {
        describe_one(view, paths);
    }
}

/// Adds the operations on one record that the viewer may do. Only admins may read its history.
fn describe_one(view: &View, paths: &mut Paths) {
    let mut one = json!({ "parameters": [asked::record_id()], "get": read(view) });
    if may(view, Operation::Update) {
        one["patch"] = update(view);
    }
    if may(view, Operation::Delete) {
        one["delete"] = delete(view);
    }
    paths.insert(path(view, "records/{id}"), one);
    if view.viewer.is_admin() {
        let past = json!({ "parameters": [asked::record_id()], "get": history(view) });
        paths.insert(path(view, "records/{id}/history"), past);
    }
}

fn list(view: &View) -> Json {
    let mut parameters = asked::choice(view);
    parameters.extend(asked::window());
    let count = json!({ "type": "integer", "minimum": 0 });
    let pagination = json!({
        "limit": count,
        "offset": count,
        "total": { "type": "integer", "minimum": 0, "description": "How many there are in all." },
        "nextCursor": { "type": "string", "description": "There as long as there is more." },
    });
    let position = json!({ "type": "string", "description": "Where to subscribe from." });
    let answer = json!({
        "records": { "type": "array", "items": schema(view, "Part") },
        "pagination": object(&pagination, &["limit", "total"]),
        "position": position,
    });
    let example = json!({
        "records": [schemas::record_example(view)],
        "pagination": { "limit": 25, "offset": 0, "total": 1 },
        "position": "6Vd3hQ",
    });
    let answer = object(&answer, &["records", "pagination", "position"]);
    let refused: Vec<_> = READING.into_iter().chain([422]).collect();
    json!({
        "tags": [view.table.name.as_str()],
        "summary": format!("Lists records of {}", view.table.name),
        "operationId": format!("{}.list", view.table.name),
        "parameters": parameters,
        "responses": answers::of(200, answers::json_body("A page.", &answer, &example), &refused),
    })
}

fn read(view: &View) -> Json {
    let mut responses = answers::of(200, answers::record(view, "The record."), &READING);
    responses["304"] = answers::nothing("It is as `If-None-Match` has it.");
    let known = header("If-None-Match", "The state that you know; 304 if it is still so.");
    let parameters: Vec<_> = [known].into_iter().chain(asked::expand(view)).collect();
    json!({
        "tags": [view.table.name.as_str()],
        "summary": format!("Reads a record of {}", view.table.name),
        "operationId": format!("{}.read", view.table.name),
        "parameters": parameters,
        "responses": responses,
    })
}

fn create(view: &View) -> Json {
    let sent = json!({ "fields": schemas::new_example(view) });
    let about = "What was made, with what the database added.";
    let mut made = answers::json_body(about, &schemas::made(view), &schemas::made_example(view));
    answers::add_tag(view, &mut made);
    let mut responses = answers::of(201, made, &WRITING);
    responses["409"] = answers::not_unique();
    json!({
        "tags": [view.table.name.as_str()],
        "summary": format!("Adds a record to {}", view.table.name),
        "operationId": format!("{}.create", view.table.name),
        "requestBody": body(&schemas::with_fields(view, "New"), &sent),
        "responses": responses,
    })
}

fn update(view: &View) -> Json {
    let mut members = json!({ "fields": schema(view, "Changes") });
    let mut sent = json!({ "fields": schemas::changes_example(view) });
    if let Some(example) = last_seen(view) {
        members["updatedAt"] = updated_at();
        sent["updatedAt"] = example;
    }
    let mut responses = answers::of(200, answers::record(view, "As it now stands."), &WRITING);
    responses["409"] = answers::conflict(view);
    responses["412"] = answers::precondition(view);
    json!({
        "tags": [view.table.name.as_str()],
        "summary": format!("Changes fields of a record of {}", view.table.name),
        "operationId": format!("{}.update", view.table.name),
        "parameters": [header("If-Match", "Only if the record is in this state.")],
        "requestBody": body(&object(&members, &["fields"]), &sent),
        "responses": responses,
    })
}

fn delete(view: &View) -> Json {
    let gone =
        answers::json_body("What it was.", &schema(view, "Record"), &schemas::record_example(view));
    let mut responses = answers::of(200, gone, &WRITING);
    responses["409"] = answers::referred();
    responses["412"] = answers::precondition(view);
    let mut operation = json!({
        "tags": [view.table.name.as_str()],
        "summary": format!("Removes a record of {}", view.table.name),
        "operationId": format!("{}.delete", view.table.name),
        "parameters": [header("If-Match", "Only if the record is in this state.")],
        "responses": responses,
    });
    if let Some(seen) = last_seen(view) {
        let members = json!({ "updatedAt": updated_at() });
        let mut sent = body(&object(&members, &[]), &json!({ "updatedAt": seen }));
        sent["required"] = json!(false);
        operation["requestBody"] = sent;
        operation["responses"]["409"] = answers::kept(view);
    }
    operation
}

fn history(view: &View) -> Json {
    let names = view.fields.iter().map(|at| view.table.field(at).name.as_str());
    let turn = object(&json!({ "old": {}, "new": {} }), &["old", "new"]);
    let changes = json!({
        "type": "object",
        "propertyNames": { "enum": names.collect::<Vec<_>>() },
        "additionalProperties": turn,
        "description": "Each field that changed, with what it was and became.",
    });
    let person = json!({
        "id": { "type": "string" }, "name": { "type": ["string", "null"] },
    });
    let mut by = object(&person, &["id", "name"]);
    by["type"] = json!(["object", "null"]);
    let change = object(
        &json!({
            "event": { "enum": ["insert", "update", "delete"] },
            "at": { "type": "string", "format": "date-time" },
            "by": by,
            "changes": changes,
        }),
        &["event", "at", "by", "changes"],
    );
    let count = json!({ "type": "integer", "minimum": 0 });
    let answer = json!({
        "history": { "type": "array", "items": change },
        "kept": object(&json!({ "hours": count, "changes": count }), &["hours", "changes"]),
    });
    let example = json!({
        "history": [{
            "event": "delete", "at": "2026-04-05T12:00:00.000Z", "by": null, "changes": {},
        }],
        "kept": { "hours": 24, "changes": 1_000_000 },
    });
    let answer = object(&answer, &["history", "kept"]);
    let about = "What is known of it, the newest first.";
    let refused: Vec<_> = READING.into_iter().chain([403]).collect();
    json!({
        "tags": [view.table.name.as_str()],
        "summary": format!("Who changed what of a record of {}", view.table.name),
        "operationId": format!("{}.history", view.table.name),
        "responses": answers::of(200, answers::json_body(about, &answer, &example), &refused),
    })
}

/// Returns the schema of `updatedAt` in a body: the last change of the record that the client knows of.
pub(super) fn updated_at() -> Json {
    json!({
        "type": ["string", "null"],
        "format": "date-time",
        "description": "Only if the record still says this of when it last changed; 409 if not.",
    })
}

/// Returns an example for `updatedAt` in a body. `None` if the table does not keep when a record last changed, or the
/// viewer may not read that field; then the body has no `updatedAt`.
pub(super) fn last_seen(view: &View) -> Option<Json> {
    let at = view.table.updated_at().filter(|at| view.fields.contains(*at))?;
    Some(crate::fields::schema::example(view.table.field(at)))
}

/// Returns a header of the request that takes one ETag or `*` (RFC 9110, section 13.1).
fn header(name: &str, about: &str) -> Json {
    let schema = json!({ "type": "string", "pattern": r#"^(\*|(W/)?"[^",]*")$"# });
    json!({ "name": name, "in": "header", "schema": schema, "description": about })
}
