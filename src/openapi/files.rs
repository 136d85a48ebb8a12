//! The operations on records as CSV files: export and import.

use serde_json::{Value as Json, json};

use crate::model::access::View;
use crate::model::permissions::Operation;
use crate::openapi::answers::{self, READING, WRITING};
use crate::openapi::schemas::{self, may, object};
use crate::openapi::{Paths, asked, path};

/// Adds the export of a table, and the import if the viewer may add records.
pub(super) fn describe(view: &View, paths: &mut Paths) {
    paths.insert(path(view, "records.csv"), json!({ "get": export(view) }));
    if may(view, Operation::Create) {
        paths.insert(path(view, "records/import"), json!({ "post": import(view) }));
    }
}

fn export(view: &View) -> Json {
    let mut parameters = asked::choice(view);
    let limit = json!({ "type": "integer", "minimum": 1, "maximum": u32::MAX });
    parameters.push(asked::query("limit", &limit, "How many records; all, if it is not there."));
    let file = json!({
        "description": "Every record of one snapshot, each a line; the first has the names of the \
            fields. Text that a spreadsheet would run begins with an apostrophe.",
        "headers": { "Content-Disposition": { "schema": { "type": "string" } } },
        "content": { "text/csv": { "schema": { "type": "string" } } },
    });
    json!({
        "tags": [view.table.name.as_str()],
        "summary": format!("Exports records of {} as CSV", view.table.name),
        "operationId": format!("{}.export", view.table.name),
        "parameters": parameters,
        "responses": answers::of(200, file, &READING),
    })
}

fn import(view: &View) -> Json {
    let mut modes = vec!["create"];
    if may(view, Operation::Update) {
        modes.push("upsert");
    }
    let on: Vec<_> = schemas::unique(view).collect();
    let parameters = [
        asked::query(
            "mode",
            &json!({ "type": "string", "enum": modes, "default": "create" }),
            "Whether each line is a new record, or changes the one that it can be merged with.",
        ),
        asked::query(
            "mergeOn",
            &json!({ "type": "string", "enum": on }),
            "The unique field by which `mode=upsert` knows records.",
        ),
        asked::query(
            "dryRun",
            &json!({ "type": "boolean", "default": false }),
            "Whether to say only what would become of the file.",
        ),
    ];
    let count = json!({ "type": "integer", "minimum": 0 });
    let fault = json!({
        "line": { "type": "integer", "minimum": 1 },
        "field": { "type": "string" },
        "message": { "type": "string" },
    });
    let faults = json!({ "type": "array", "items": object(&fault, &["line", "message"]) });
    let report = object(
        &json!({ "created": count, "updated": count, "faults": faults }),
        &["created", "updated", "faults"],
    );
    let example = json!({ "created": 2, "updated": 1, "faults": [] });
    let answer = answers::json_body("What became of it.", &report, &example);
    let mut responses = answers::of(200, answer, &WRITING);
    responses["409"] = answers::conflict(view);
    json!({
        "tags": [view.table.name.as_str()],
        "summary": format!("Imports records of {} from CSV, all or none", view.table.name),
        "operationId": format!("{}.import", view.table.name),
        "parameters": parameters,
        "requestBody": {
            "required": true,
            "description": "The first line names fields by name or label.",
            "content": { "text/csv": { "schema": { "type": "string" }, "example": file(view) } },
        },
        "responses": responses,
    })
}

/// Returns an example of a file: the line of field names alone.
fn file(view: &View) -> String {
    let fields = view.fields.iter().filter(|at| view.may_give(*at));
    let names: Vec<_> = fields.map(|at| view.table.field(at).name.as_str()).collect();
    format!("{}\n", names.join(","))
}
