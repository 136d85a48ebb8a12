//! The schemas of records, as they are read and as they are sent, with examples.

use serde_json::{Map, Value as Json, json};

use crate::fields::schema::{example, given, read, sent};
use crate::model::access::View;
use crate::model::field::{Field, FieldAt};
use crate::model::filter::{Filter, MAX_FILTER_LIST};
use crate::model::operator::Operator;
use crate::model::permissions::Operation;
use crate::openapi::asked::readable;
use crate::openapi::schema;

/// Returns the schema of a record's id.
pub(super) fn id() -> Json {
    json!({ "type": "string", "pattern": "^-?[0-9]+$", "examples": ["42"] })
}

/// Returns all schemas that operations refer to, for `components/schemas`: `Error`, and for each table, under
/// `<table>.<name>`:
/// - `Record`, with all fields, and `Part`, where fields may be missing since a request may ask for some of them,
/// - `Filter`,
/// - `New`, `Changes` and `Merged`: the fields that may be sent to add, change and upsert a record.
///
/// Only those are there that the viewer may use.
pub(super) fn schemas(views: &[View]) -> Json {
    let mut all = Map::new();
    all.insert("Error".to_owned(), error());
    for view in views {
        let mut add = |name: &str, shape| all.insert(format!("{}.{name}", view.table.name), shape);
        if view.is_open {
            add("Record", envelope(&schema_of(view, Required::All)));
            add("Part", envelope(&schema_of(view, Required::None)));
            add("Filter", filter_schema(view));
        }
        if may(view, Operation::Create) {
            add("New", new(view));
        }
        if may(view, Operation::Update) {
            add("Changes", changes(view));
        }
        if may(view, Operation::Create) && may(view, Operation::Update) {
            add("Merged", merged(view));
        }
    }
    all.into()
}

/// Whether the viewer may do this to some records of the table.
pub(super) fn may(view: &View, operation: Operation) -> bool {
    view.allows(operation)
}

/// Returns the schema of a record that was added. Viewers who may not read it get an object without fields; if the
/// table has a row rule, that depends on the record.
pub(super) fn made(view: &View) -> Json {
    let mut closed = object(&json!({ "fields": object(&json!({}), &[]) }), &["fields"]);
    closed["description"] = json!("Of a record that you may not read, you are told nothing.");
    let readable = schema(view, "Record");
    match (view.is_open, view.rows == Filter::all()) {
        (true, true) => readable,
        (true, false) => json!({ "anyOf": [readable, closed] }),
        (false, _) => closed,
    }
}

/// Returns an example of a record that was added.
pub(super) fn made_example(view: &View) -> Json {
    if view.is_open { record_example(view) } else { json!({ "fields": {} }) }
}

/// Returns an example of a record, with the fields that the viewer may read.
pub(super) fn record_example(view: &View) -> Json {
    json!({ "id": "42", "fields": fields_like(view, |at| view.fields.contains(at), example) })
}

/// Returns an example of the fields of a new record.
pub(super) fn new_example(view: &View) -> Json {
    fields_like(view, |at| view.may_give(at), example)
}

/// Returns an example of a change: the first field that the viewer may read and set. An empty object if there is none.
pub(super) fn changes_example(view: &View) -> Json {
    let first = view.fields.iter().find(|at| view.may_set(*at));
    fields_like(view, |at| Some(at) == first, example)
}

/// The names of the fields that an upsert may merge on: `id`, and the unique fields that the viewer may read.
pub(super) fn unique(view: &View) -> impl Iterator<Item = &str> {
    let fields = view
        .table
        .all()
        .filter(|(at, field)| *at == FieldAt::ID || (field.unique && view.fields.contains(*at)));
    fields.map(|(_, field)| field.name.as_str())
}

/// Returns an object with a member for each field but `id` that `is_in` lets through, of the value that `make` returns.
fn fields_like(
    view: &View,
    is_in: impl Fn(FieldAt) -> bool,
    make: impl Fn(&Field) -> Json,
) -> Json {
    let fields = view.table.all().filter(|(at, _)| *at != FieldAt::ID && is_in(*at));
    fields.map(|(_, field)| (field.name.to_string(), make(field))).collect::<Map<_, _>>().into()
}

/// The fields that a record must have in an answer.
enum Required {
    All,
    None,
}

/// Returns the schema of the fields that the viewer may read.
fn schema_of(view: &View, required: Required) -> Json {
    let fields = fields_like(view, |at| view.fields.contains(at), read);
    let names: Vec<_> = match required {
        Required::All => view.fields.iter().map(|at| view.table.field(at).name.as_str()).collect(),
        Required::None => Vec::new(),
    };
    object(&fields, &names)
}

/// Returns the schema of a record: its id, and its fields.
fn envelope(fields: &Json) -> Json {
    object(&json!({ "id": id(), "fields": fields }), &["id", "fields"])
}

/// Returns the schema of the fields of a new record. Required are the required fields
/// without a default, as far as the viewer may give them.
fn new(view: &View) -> Json {
    let needed: Vec<_> = view.table.needed().filter(|at| view.may_give(*at)).collect();
    let names: Vec<_> = needed.iter().map(|at| view.table.field(*at).name.as_str()).collect();
    object(&fields_like(view, |at| view.may_give(at), given), &names)
}

/// Returns the schema of the fields of a change: at least one.
fn changes(view: &View) -> Json {
    let mut shape = object(&fields_like(view, |at| view.may_set(at), sent), &[]);
    shape["minProperties"] = json!(1);
    shape
}

/// Returns the schema of the fields of an upsert. None is required, since the record may exist already.
fn merged(view: &View) -> Json {
    let mut fields = fields_like(view, |at| view.may_set(at), sent);
    fields["id"] = json!({
        "type": ["string", "integer"],
        "description": "Only where `mergeOn` is `id`.",
    });
    object(&fields, &[])
}

/// Returns the schema of an object with these members and no others.
pub(super) fn object(properties: &Json, required: &[&str]) -> Json {
    let mut shape = json!({
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
    });
    if !required.is_empty() {
        shape["required"] = json!(required);
    }
    shape
}

/// Returns the schema of a list of these, with as many as one request may send.
pub(super) fn many(shape: &Json) -> Json {
    let most = crate::records::MAX_RECORDS;
    json!({ "type": "array", "minItems": 1, "maxItems": most, "items": shape })
}

/// Returns the schema of an object with the member `fields` alone, which refers to a schema of the table.
pub(super) fn with_fields(view: &View, name: &str) -> Json {
    object(&json!({ "fields": schema(view, name) }), &["fields"])
}

/// Returns the schema that all errors share.
fn error() -> Json {
    json!({
        "type": "object",
        "required": ["code", "message"],
        "properties": {
            "code": { "type": "string", "description": "What kind of error it is, for programs." },
            "message": { "type": "string", "description": "What is wrong, for people." },
            "details": {
                "type": "array",
                "description": "Each fault by itself, where there may be several.",
                "items": {
                    "type": "object",
                    "required": ["message"],
                    "properties": {
                        "record": {
                            "type": "integer",
                            "description": "Which of many records, counted from 0.",
                        },
                        "line": { "type": "integer", "description": "Which line of a file." },
                        "field": { "type": "string" },
                        "message": { "type": "string" },
                    },
                },
            },
        },
    })
}

/// Returns the schema of a filter for the records of this table. It refers to itself, since filters nest.
fn filter_schema(view: &View) -> Json {
    let itself = schema(view, "Filter");
    let list = json!({ "type": "array", "items": itself });
    let mut group = object(&json!({ "and": list, "or": list, "not": itself }), &[]);
    group["minProperties"] = json!(1);
    group["maxProperties"] = json!(1);
    json!({ "anyOf": [list, condition(view), group] })
}

/// Returns the schema of a single condition. It allows every operator that suits some field; the server says whether it
/// suits the field that is named.
fn condition(view: &View) -> Json {
    let names: Vec<_> = readable(view).map(|(_, field)| field.name.as_str()).collect();
    let suits = |operator: &&Operator| {
        readable(view).any(|(_, field)| operator.suits(field.kind.storage()))
    };
    let operators: Vec<_> = Operator::ALL.iter().filter(suits).map(|one| one.name()).collect();
    let about = format!(
        "What the field is held against: a list of at most {MAX_FILTER_LIST} for `in` and `notIn`, \
         nothing for `isEmpty` and `isNotEmpty`."
    );
    let members = json!({
        "field": { "type": "string", "enum": names },
        "operator": { "type": "string", "enum": operators },
        "value": { "description": about },
    });
    object(&members, &["field", "operator"])
}
