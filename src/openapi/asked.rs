//! The parameters of lists, files and subscriptions: `filter`, `search`, `sort`, `fields`, `expand`, and those that
//! choose a part of a list.

use serde_json::{Value as Json, json};

use crate::model::access::View;
use crate::model::field::{Field, FieldAt};
use crate::model::storage::Storage;
use crate::openapi::schema;
use crate::queries::{MAX_SEARCH, MAX_SORTS};
use crate::records::{DEFAULT_LIMIT, MAX_LIMIT};

/// Returns an optional parameter of the query string.
pub(super) fn query(name: &str, schema: &Json, about: &str) -> Json {
    json!({ "name": name, "in": "query", "schema": schema, "description": about })
}

/// Returns the parameter `id` of the path: the id of a record.
pub(super) fn record_id() -> Json {
    json!({ "name": "id", "in": "path", "required": true, "schema": super::schemas::id() })
}

/// Returns the parameters that choose the records, their order and their fields: `filter`, `search`, `sort`, `fields`
/// and, where there are relationships, `expand`.
pub(super) fn choice(view: &View) -> Vec<Json> {
    let text = json!({ "type": "string", "maxLength": MAX_SEARCH });
    let search = "Every one of these words stands in some field of text; ASCII case is ignored.";
    let mut all = vec![filter(view), query("search", &text, search), sort(view), fields(view)];
    all.extend(expand(view));
    all
}

/// Returns the parameter `expand`, which adds the labels of related records. `None` if the viewer may read no
/// relationship.
pub(super) fn expand(view: &View) -> Option<Json> {
    let links = readable(view).filter(|(_, field)| field.kind.storage() == Storage::Link);
    let names: Vec<_> = links.map(|(_, field)| field.name.to_string()).collect();
    let about = "These relationships as `{id, label}`, with what their records go by.";
    (!names.is_empty()).then(|| several("expand", &names, None, about))
}

/// Returns the parameters that choose a part of a list: `limit`, `cursor` and `offset`.
pub(super) fn window() -> Vec<Json> {
    let limit = json!({
        "type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT,
    });
    let offset = json!({ "type": "integer", "minimum": 0, "maximum": i64::MAX });
    vec![
        query("limit", &limit, "How many records."),
        query(
            "cursor",
            &json!({ "type": "string" }),
            "Goes on where the page ended whose `nextCursor` this is: with the same `filter`, `search` \
             and `sort`, and without `offset`.",
        ),
        query("offset", &offset, "How many records to pass over."),
    ]
}

/// Returns the parameter `filter`.
pub(super) fn filter(view: &View) -> Json {
    json!({
        "name": "filter",
        "in": "query",
        "description": "A list of conditions that all hold, as in `[{\"field\": \"id\", \"operator\": \
            \"gt\", \"value\": \"41\"}]`, or one of `and`, `or` and `not`, nested; \
            `field:operator:value` is short for a single one.",
        // Pages that try out an API, such as Swagger UI, send the example as it is, so it must let every record
        // through.
        "content": { "application/json": { "schema": schema(view, "Filter"), "example": [] } },
    })
}

/// Returns the parameter `sort`.
fn sort(view: &View) -> Json {
    let terms = readable(view).flat_map(|(_, field)| {
        ["", ":asc", ":desc"].map(|direction| format!("{}{direction}", field.name))
    });
    let about = "By which fields; missing values come last, and `id` decides in the end.";
    several("sort", &terms.collect::<Vec<_>>(), Some(MAX_SORTS), about)
}

/// Returns the parameter `fields`.
pub(super) fn fields(view: &View) -> Json {
    let names: Vec<_> = readable(view).map(|(_, field)| field.name.to_string()).collect();
    several("fields", &names, None, "Only these fields.")
}

/// Returns a parameter that takes several of these options, with commas between them, and at most `most` of them.
fn several(name: &str, options: &[String], most: Option<usize>, about: &str) -> Json {
    let mut list = json!({
        "type": "array", "minItems": 1, "items": { "type": "string", "enum": options },
    });
    if let Some(most) = most {
        list["maxItems"] = json!(most);
    }
    let mut parameter = query(name, &list, about);
    parameter["style"] = json!("form");
    parameter["explode"] = json!(false);
    parameter
}

/// The fields that the viewer may read, with `id`. Only these may be filtered, sorted and asked for.
pub(super) fn readable(view: &View) -> impl Iterator<Item = (FieldAt, &Field)> {
    view.table.all().filter(|(at, _)| view.fields.contains(*at))
}
