//! The operations that write many records in one request, all of them or none: batches and upserts.

use serde_json::{Value as Json, json};

use crate::model::access::View;
use crate::model::permissions::Operation;
use crate::openapi::answers::{self, WRITING};
use crate::openapi::records::{last_seen, updated_at};
use crate::openapi::schemas::{self, id, many, may, object};
use crate::openapi::{Paths, body, path, schema};

/// Adds the operations on many records that the viewer may do.
pub(super) fn describe(view: &View, paths: &mut Paths) {
    let [create, update, delete] = [Operation::Create, Operation::Update, Operation::Delete]
        .map(|operation| may(view, operation));
    let mut batch = json!({});
    if create {
        batch["post"] = self::create(view);
    }
    if update {
        batch["patch"] = self::update(view);
    }
    if delete {
        batch["delete"] = self::delete(view);
    }
    if create || update || delete {
        paths.insert(path(view, "records/batch"), batch);
    }
    if create && update {
        paths.insert(path(view, "records/upsert"), json!({ "post": upsert(view) }));
    }
}

fn create(view: &View) -> Json {
    let shape = records(&schemas::with_fields(view, "New"));
    let sent = json!({ "records": [{ "fields": schemas::new_example(view) }] });
    let mut operation = operation(view, "createMany", "Adds records to", 201, &body(&shape, &sent));
    let example = json!({ "records": [schemas::made_example(view)] });
    let answer = answers::json_body("In the order that was sent.", &made(view), &example);
    operation["responses"]["201"] = answer;
    operation["responses"]["409"] = answers::not_unique();
    operation
}

fn update(view: &View) -> Json {
    let mut members = json!({ "id": id(), "fields": schema(view, "Changes") });
    let mut sent = json!({ "id": "42", "fields": schemas::changes_example(view) });
    if let Some(example) = last_seen(view) {
        members["updatedAt"] = updated_at();
        sent["updatedAt"] = example;
    }
    let shape = records(&object(&members, &["id", "fields"]));
    operation(
        view,
        "updateMany",
        "Changes records of",
        200,
        &body(&shape, &json!({ "records": [sent] })),
    )
}

fn delete(view: &View) -> Json {
    let ids = object(&json!({ "ids": many(&id()) }), &["ids"]);
    let known = object(&json!({ "id": id() }), &["id"]);
    let shape = json!({ "oneOf": [ids, records(&known)] });
    let body = body(&shape, &json!({ "ids": ["42"] }));
    let mut operation = operation(view, "deleteMany", "Removes records of", 200, &body);
    operation["responses"]["409"] = answers::referred();
    operation
}

fn upsert(view: &View) -> Json {
    let on: Vec<_> = schemas::unique(view).collect();
    let members = json!({
        "mergeOn": { "type": "string", "enum": on },
        "records": many(&schemas::with_fields(view, "Merged")),
    });
    let mut fields = schemas::changes_example(view);
    fields["id"] = json!("42");
    let sent = json!({ "mergeOn": "id", "records": [{ "fields": fields }] });
    let about = "Changes the records of";
    let body = body(&object(&members, &["mergeOn", "records"]), &sent);
    let mut operation = operation(view, "upsert", about, 200, &body);
    operation["description"] = json!(
        "A record that has the same value in the field `mergeOn` is changed; where none has, one is \
         added. Either all of them, or none."
    );
    let told = |about: &str| json!({ "type": "array", "items": id(), "description": about });
    let shape = object(
        &json!({
            "records": { "type": "array", "items": schemas::made(view) },
            "created": told("Which of them were added."),
            "updated": told("Which of them were changed."),
        }),
        &["records", "created", "updated"],
    );
    let example = json!({
        "records": [schemas::record_example(view)], "created": [], "updated": ["42"],
    });
    operation["responses"]["200"] = answers::json_body("As they now stand.", &shape, &example);
    operation
}

/// Returns the schema of an answer with the records that were added.
fn made(view: &View) -> Json {
    let items = json!({ "type": "array", "items": schemas::made(view) });
    object(&json!({ "records": items }), &["records"])
}

/// Returns the schema of a body with many records of this shape.
fn records(shape: &Json) -> Json {
    object(&json!({ "records": many(shape) }), &["records"])
}

/// Returns an operation that answers with records. `what` begins its summary, before the name of the table.
fn operation(view: &View, id: &str, what: &str, status: u16, body: &Json) -> Json {
    let items = json!({ "type": "array", "items": schema(view, "Record") });
    let shape = object(&json!({ "records": items }), &["records"]);
    let example = json!({ "records": [schemas::record_example(view)] });
    let answer = answers::json_body("In the order that was sent.", &shape, &example);
    let mut responses = answers::of(status, answer, &WRITING);
    responses["409"] = answers::conflict(view);
    json!({
        "tags": [view.table.name.as_str()],
        "summary": format!("{what} {}, all or none", view.table.name),
        "operationId": format!("{}.{id}", view.table.name),
        "requestBody": body,
        "responses": responses,
    })
}
