//! Writes of many records in one request: `…/records/batch` and `…/records/upsert`.
//!
//! Each request is one transaction: all records are written or none.

use std::sync::Arc;

use poem::http::{StatusCode, header};
use poem::web::{Data, Path};
use poem::{Body, Request, Response, Result, handler};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::http::caller::Caller;
use crate::http::error::HttpError;
use crate::http::records::{CreateBody, MadeBody, stated};
use crate::http::{answer, json};
use crate::limits::Limit;
use crate::model::ids::RecordId;
use crate::model::input::Inputs;
use crate::records::envelope::Envelope;
use crate::records::{
    ExpectedState, FieldFault, Many, RecordInput, RecordsError, WriteObstacle, check_batch_size,
};
use crate::runtime::Runtime;

/// The most bytes in the body of a batch.
const MAX_BATCH_BODY: usize = Limit::BatchBytes.fixed();

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = r#"an object like {"records": [{"fields": {}}]}"#)]
struct NewBody {
    records: Vec<CreateBody>,
}

#[derive(Deserialize)]
#[serde(
    rename_all = "camelCase",
    deny_unknown_fields,
    expecting = r#"an object like {"mergeOn": "code", "records": [{"fields": {}}]}"#
)]
struct UpsertBody {
    merge_on: String,
    records: Vec<CreateBody>,
}

#[derive(Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = r#"an object like {"records": [{"id": "1", "fields": {}}]}"#
)]
struct PatchesBody {
    records: Vec<Patch>,
}

#[derive(Deserialize)]
#[serde(
    rename_all = "camelCase",
    deny_unknown_fields,
    expecting = r#"an object like {"id": "1", "fields": {}}"#
)]
struct Patch {
    id: String,
    fields: Inputs,
    #[serde(default, deserialize_with = "stated")]
    updated_at: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = r#"an object like {"ids": ["1"]}"#)]
struct IdsBody {
    ids: Option<Vec<String>>,
    records: Option<Vec<BatchItemId>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = r#"an object like {"id": "1"}"#)]
struct BatchItemId {
    id: String,
}

#[derive(Serialize)]
struct ManyBody<'a> {
    records: Vec<MadeBody<'a>>,
}

#[derive(Serialize)]
struct UpsertedBody<'a> {
    records: Vec<MadeBody<'a>>,
    created: Vec<String>,
    updated: Vec<String>,
}

/// `POST /api/tables/:table/records/batch` adds records and returns them.
#[handler]
pub(in crate::http) async fn create(
    Path(table): Path<String>,
    caller: Caller,
    runtime: Data<&Arc<Runtime>>,
    request: &Request,
    body: Body,
) -> Result<Response> {
    let view = caller.view_to_add(&runtime, &table)?;
    let NewBody { records } = read(request, body).await?;
    let records: Vec<_> = records.into_iter().map(|record| record.fields).collect();
    let many = runtime.records.create_many(view, &records).await;
    Ok(answer(StatusCode::CREATED, &many.map_err(HttpError::from)?))
}

/// `PATCH /api/tables/:table/records/batch` changes fields of records and returns the records.
#[handler]
pub(in crate::http) async fn update(
    Path(table): Path<String>,
    caller: Caller,
    runtime: Data<&Arc<Runtime>>,
    request: &Request,
    body: Body,
) -> Result<Response> {
    let view = caller.view(&runtime, &table)?;
    let PatchesBody { records } = read(request, body).await?;
    let ids = ids(records.iter().map(|record| record.id.as_str()))?;
    let mut inputs = Vec::with_capacity(records.len());
    for (id, Patch { fields, updated_at, .. }) in ids.into_iter().zip(records) {
        let expected = updated_at.map(|text| ExpectedState::updated_at(&view, &text));
        let expected = expected.transpose().map_err(HttpError::from)?.unwrap_or_default();
        inputs.push(RecordInput { id, fields, expected });
    }
    let many = runtime.records.update_many(view, inputs).await;
    Ok(answer(StatusCode::OK, &many.map_err(HttpError::from)?))
}

/// `DELETE /api/tables/:table/records/batch` deletes records and returns them as they were. The body has
/// `ids`, or `records` with an `id` each.
#[handler]
pub(in crate::http) async fn delete(
    Path(table): Path<String>,
    caller: Caller,
    runtime: Data<&Arc<Runtime>>,
    request: &Request,
    body: Body,
) -> Result<Response> {
    let view = caller.view(&runtime, &table)?;
    let ids = match read(request, body).await? {
        IdsBody { ids: Some(ids), records: None } => ids,
        IdsBody { ids: None, records: Some(records) } => {
            records.into_iter().map(|record| record.id).collect()
        }
        _ => {
            let message = "the body names either `ids` or `records`";
            return Err(HttpError::Malformed(message.to_owned()).into());
        }
    };
    let ids = self::ids(ids.iter().map(String::as_str))?;
    let many = runtime.records.delete_many(view, &ids).await;
    Ok(answer(StatusCode::OK, &many.map_err(HttpError::from)?))
}

/// `POST /api/tables/:table/records/upsert` changes the records whose value of the field `mergeOn` exists,
/// and adds the others. Returns all, and the ids of those added and changed.
#[handler]
pub(in crate::http) async fn upsert(
    Path(table): Path<String>,
    caller: Caller,
    runtime: Data<&Arc<Runtime>>,
    request: &Request,
    body: Body,
) -> Result<Response> {
    let view = caller.view(&runtime, &table)?;
    let UpsertBody { merge_on, records } = read(request, body).await?;
    let records: Vec<_> = records.into_iter().map(|record| record.fields).collect();
    let merge_on = view.field(&merge_on).map_err(HttpError::from)?;
    let many = runtime.records.upsert_many(view, merge_on, &records).await;
    let many = many.map_err(HttpError::from)?;
    // The id of an added record is left out if the caller may not read the record.
    let ids = |made: bool| {
        let records = many.records.iter().zip(&many.made).filter(|(_, is_made)| **is_made == made);
        let records = records.filter(|(record, _)| !made || many.view.shows(record));
        records.map(|(record, _)| record.id().to_string()).collect()
    };
    let told = UpsertedBody { records: envelopes(&many), created: ids(true), updated: ids(false) };
    Ok(answer::json(StatusCode::OK, &told))
}

/// Reads the ids of a batch.
///
/// # Errors
/// [`RecordsError::Batch`], a 404, with each id that is not a number; [`RecordsError::Malformed`] if there
/// are none or too many.
fn ids<'a>(texts: impl ExactSizeIterator<Item = &'a str>) -> Result<Vec<RecordId>, HttpError> {
    check_batch_size(texts.len())?;
    let mut ids = Vec::with_capacity(texts.len());
    let mut faults = Vec::new();
    for (index, text) in texts.enumerate() {
        match text.parse() {
            Ok(id) => ids.push(id),
            Err(_) => faults.push(FieldFault::new("id", "names no record").of(Some(index))),
        }
    }
    if faults.is_empty() {
        Ok(ids)
    } else {
        Err(RecordsError::Batch(WriteObstacle::Missing, faults).into())
    }
}

/// Reads the body of a batch.
///
/// # Errors
/// [`HttpError::Malformed`] if the request has `If-Match`: one header cannot name the states of many records,
/// and ignoring it would overwrite changes. Otherwise the errors of [`json::json_of`].
async fn read<T: DeserializeOwned + Send + 'static>(
    request: &Request,
    body: Body,
) -> Result<T, HttpError> {
    if request.headers().contains_key(header::IF_MATCH) {
        let message = "If-Match names the state of one record: in a batch, each record to change \
            has its own `updatedAt`";
        return Err(HttpError::Malformed(message.to_owned()));
    }
    json::json_of(request, body, MAX_BATCH_BODY).await
}

fn answer(status: StatusCode, many: &Many) -> Response {
    answer::json(status, &ManyBody { records: envelopes(many) })
}

/// Returns the records as JSON. Those that were added may be closed to the caller ([`MadeBody`]); those that
/// existed were found through the caller's view, so they are returned.
fn envelopes(many: &Many) -> Vec<MadeBody<'_>> {
    let Many { view, records, made } = many;
    let envelope = |record| Envelope { table: &view.table, record, fields: &view.fields };
    let each = records.iter().zip(made).map(|(record, is_made)| match is_made {
        true => MadeBody::of(view, record),
        false => MadeBody::Read(envelope(record)),
    });
    each.collect()
}
