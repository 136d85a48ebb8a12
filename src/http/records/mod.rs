//! The Records API: `/api/tables/:table/records`.
//!
//! Handlers take a request apart, make one call to [`Records`] and shape the answer. A decision that
//! must hold for pages and subscriptions too belongs in `records`.
//!
//! [`Records`]: crate::records::Records

use std::sync::Arc;

use poem::http::{StatusCode, header};
use poem::web::{Data, Path, Query};
use poem::{Body, Request, Response, Result, handler};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value as Json};

use crate::http::answer;
use crate::http::caller::Caller;
use crate::http::error::HttpError;
use crate::http::json::{self, MAX_BODY};
use crate::model::access::View;
use crate::model::input::Inputs;
use crate::model::record::Record;
use crate::records::envelope::Envelope;
use crate::records::{self, Asked, DEFAULT_LIMIT, MAX_LIMIT, RecordList, RecordView, RecordsError};
use crate::runtime::Runtime;

pub(super) mod batch;
mod etag;
pub(super) mod file;
pub(super) mod history;
mod page;

/// What a list may be asked for.
#[derive(Deserialize)]
pub(super) struct ListQuery {
    filter: Option<String>,
    sort: Option<String>,
    search: Option<String>,
    fields: Option<String>,
    expand: Option<String>,
    limit: Option<String>,
    offset: Option<String>,
    cursor: Option<String>,
}

/// What one record may be asked for.
#[derive(Deserialize)]
pub(super) struct OneQuery {
    expand: Option<String>,
}

/// A record that was made.
#[derive(Serialize)]
#[serde(untagged)]
enum MadeBody<'a> {
    /// As it may be read.
    Read(Envelope<'a>),
    /// Whoever made it may not read it.
    Closed(ClosedBody),
}

/// Nothing of a record: not even its id, which tells how many there are.
#[derive(Serialize)]
struct ClosedBody {
    fields: Map<String, Json>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = r#"an object like {"fields": {}}"#)]
struct CreateBody {
    fields: Inputs,
}

#[derive(Deserialize)]
#[serde(
    rename_all = "camelCase",
    deny_unknown_fields,
    expecting = r#"an object like {"fields": {}}"#
)]
struct PatchBody {
    fields: Inputs,
    #[serde(default, deserialize_with = "stated")]
    updated_at: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(
    rename_all = "camelCase",
    deny_unknown_fields,
    expecting = r#"an object like {"updatedAt": "2026-04-05T12:00:00.000Z"}"#
)]
struct DeleteBody {
    #[serde(default, deserialize_with = "stated")]
    updated_at: Option<String>,
}

/// The state that a writer last saw. Who writes null expects something, and nobody knows what.
fn stated<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    String::deserialize(deserializer).map(Some)
}

/// `GET /api/tables/:table/records` lists records.
#[handler]
pub(super) async fn list(
    Path(table): Path<String>,
    caller: Caller,
    runtime: Data<&Arc<Runtime>>,
    query: Result<Query<ListQuery>>,
) -> Result<Response> {
    let viewer = caller.reader(&runtime, &table)?;
    let view = runtime.records.view(viewer, &table).map_err(HttpError::from)?;
    let asked = query.map_err(|error| HttpError::Malformed(error.to_string()))?.0;
    let wanted = asked.read(view)?;
    let listed = runtime.records.list(&wanted).await.map_err(HttpError::from)?;
    Ok(page::answer(wanted, listed))
}

/// `GET /api/tables/:table/records/:id` returns one record.
#[handler]
pub(super) async fn one(
    Path((table, id)): Path<(String, String)>,
    caller: Caller,
    runtime: Data<&Arc<Runtime>>,
    query: Result<Query<OneQuery>>,
    request: &Request,
) -> Result<Response> {
    let viewer = caller.reader(&runtime, &table)?;
    let asked = query.map_err(|error| HttpError::Malformed(error.to_string()))?.0;
    let shown = match &asked.expand {
        Some(names) => runtime.records.get_expanded(viewer, &table, &id, names).await,
        None => runtime.records.get(viewer, &table, &id).await,
    };
    let shown = shown.map_err(HttpError::from)?;
    let answer = record(StatusCode::OK, &shown);
    let known = etag::read(request.headers(), &header::IF_NONE_MATCH)?;
    // A label may change while the record does not.
    let known = known.filter(|_| asked.expand.is_none());
    let is_known = known.is_some_and(|known| known.has(records::tag(&shown.view, &shown.record)));
    Ok(if is_known { etag::unchanged(answer) } else { answer })
}

/// `POST /api/tables/:table/records` adds a record.
#[handler]
pub(super) async fn create(
    Path(table): Path<String>,
    caller: Caller,
    runtime: Data<&Arc<Runtime>>,
    request: &Request,
    body: Body,
) -> Result<Response> {
    let viewer = caller.adder(&runtime, &table)?;
    let CreateBody { fields } = json::json_of(request, body, MAX_BODY).await?;
    let shown = runtime.records.create(viewer, &table, &fields).await.map_err(HttpError::from)?;
    let made = MadeBody::of(&shown.view, &shown.record);
    Ok(match &made {
        MadeBody::Read(_) => record(StatusCode::CREATED, &shown),
        MadeBody::Closed(_) => answer::json(StatusCode::CREATED, &made),
    })
}

/// `PATCH /api/tables/:table/records/:id` changes some fields of a record.
#[handler]
pub(super) async fn update(
    Path((table, id)): Path<(String, String)>,
    caller: Caller,
    runtime: Data<&Arc<Runtime>>,
    request: &Request,
    body: Body,
) -> Result<Response> {
    let viewer = caller.reader(&runtime, &table)?;
    let expected = etag::read(request.headers(), &header::IF_MATCH)?;
    let PatchBody { fields, updated_at } = json::json_of(request, body, MAX_BODY).await?;
    let (fields, updated_at) = (&fields, updated_at.as_deref());
    let written = match expected.map(|tags| tags.narrowed(updated_at)) {
        Some(tags) => runtime.records.update_tagged(viewer, &table, &id, fields, &tags).await,
        None => runtime.records.update(viewer, &table, &id, fields, updated_at).await,
    };
    let faster = match &written {
        Err(RecordsError::Conflict(stale) | RecordsError::Precondition(stale)) => Some(stale),
        _ => None,
    };
    if let (Some(stale), Some(token)) = (faster, &caller.token) {
        runtime.hub.tell_conflict(token, stale).await;
    }
    Ok(record(StatusCode::OK, &written.map_err(HttpError::from)?))
}

/// `DELETE /api/tables/:table/records/:id` removes a record and answers with what it was.
#[handler]
pub(super) async fn delete(
    Path((table, id)): Path<(String, String)>,
    caller: Caller,
    runtime: Data<&Arc<Runtime>>,
    request: &Request,
    body: Body,
) -> Result<Response> {
    let viewer = caller.reader(&runtime, &table)?;
    let expected = etag::read(request.headers(), &header::IF_MATCH)?;
    let DeleteBody { updated_at } = json::json_if_any(request, body, MAX_BODY).await?;
    let updated_at = updated_at.as_deref();
    let removed = match expected.map(|tags| tags.narrowed(updated_at)) {
        Some(tags) => runtime.records.delete_tagged(viewer, &table, &id, &tags).await,
        None => runtime.records.delete(viewer, &table, &id, updated_at).await,
    };
    let RecordView { view, record } = removed.map_err(HttpError::from)?;
    let gone = Envelope { table: &view.table, record: &record, fields: &view.fields };
    Ok(answer::json(StatusCode::OK, &gone))
}

impl<'a> MadeBody<'a> {
    fn of(view: &'a View, record: &'a Record) -> Self {
        if view.shows(record) {
            Self::Read(Envelope { table: &view.table, record, fields: &view.fields })
        } else {
            Self::Closed(ClosedBody { fields: Map::new() })
        }
    }
}

impl ListQuery {
    fn read(&self, view: View) -> Result<RecordList, HttpError> {
        let asked = Asked {
            filter: self.filter.as_deref(),
            search: self.search.as_deref(),
            sort: self.sort.as_deref(),
            fields: self.fields.as_deref(),
            expand: self.expand.as_deref(),
        };
        let mut wanted = RecordList::read(view, &asked)?;
        let limit = number("limit", self.limit.as_deref(), 1..=MAX_LIMIT.into())?;
        let offset = number("offset", self.offset.as_deref(), 0..=i64::MAX as u64)?;
        if self.cursor.is_some() && offset.is_some() {
            let message = "a list goes on from its cursor or from an offset, not from both";
            return Err(HttpError::Malformed(message.to_owned()));
        }
        let limit = limit.map(|limit| u32::try_from(limit).unwrap_or(MAX_LIMIT));
        wanted.window.limit = limit.unwrap_or(DEFAULT_LIMIT);
        wanted.window.offset = offset.unwrap_or(0);
        wanted.go_on_from(self.cursor.as_deref())?;
        Ok(wanted)
    }
}

fn number(
    name: &str,
    text: Option<&str>,
    range: std::ops::RangeInclusive<u64>,
) -> Result<Option<u64>, HttpError> {
    let Some(text) = text else { return Ok(None) };
    let number = text.parse().ok().filter(|number| range.contains(number));
    let wrong = || {
        let (from, to) = (range.start(), range.end());
        HttpError::Malformed(format!("{name} must be a number from {from} to {to}, got `{text}`"))
    };
    number.ok_or_else(wrong).map(Some)
}

/// A record as it now stands, with the name of its state.
fn record(status: StatusCode, shown: &RecordView) -> Response {
    let RecordView { view, record } = shown;
    let envelope = Envelope { table: &view.table, record, fields: &view.fields };
    let mut response = answer::json(status, &envelope);
    etag::set(&mut response, records::tag(view, record));
    response
}
