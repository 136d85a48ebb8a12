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
use crate::http::records::etag::Tags;
use crate::model::access::View;
use crate::model::ids::RecordId;
use crate::model::input::Inputs;
use crate::model::record::Record;
use crate::queries::ListParams;
use crate::records::envelope::Envelope;
use crate::records::{
    DEFAULT_LIMIT, ExpectedState, MAX_LIMIT, RecordList, RecordView, RecordsError,
};
use crate::runtime::Runtime;

pub(super) mod batch;
mod etag;
pub(super) mod file;
pub(super) mod history;
mod page;

/// The query parameters of a list, as text: `queries` reads them.
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

/// The query parameters of one record.
#[derive(Deserialize)]
pub(super) struct OneQuery {
    expand: Option<String>,
}

/// A record that was added, as its author may read it.
#[derive(Serialize)]
#[serde(untagged)]
enum MadeBody<'a> {
    /// The record, with the fields that may be read.
    Read(Envelope<'a>),
    /// The record may not be read by the viewer who added it.
    Closed(ClosedBody),
}

/// An empty record: `{"fields": {}}`. It has no id, since ids show how many records there are.
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
    /// The `updatedAt` of the state that the writer has seen. If the record has another, the answer is 409.
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

/// Reads an `updatedAt` that may be absent but not null: a client that sends null expects some state, and to
/// write without a check would not be what it means.
fn stated<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    String::deserialize(deserializer).map(Some)
}

/// `GET /api/tables/:table/records` lists records, with a filter, an order and pages.
#[handler]
pub(super) async fn list(
    Path(table): Path<String>,
    caller: Caller,
    runtime: Data<&Arc<Runtime>>,
    query: Result<Query<ListQuery>>,
) -> Result<Response> {
    let view = caller.view(&runtime, &table)?;
    let asked = query.map_err(|error| HttpError::Malformed(error.to_string()))?.0;
    let wanted = asked.read(view)?;
    let listed = runtime.records.list(&wanted).await.map_err(HttpError::from)?;
    Ok(page::answer(wanted, listed))
}

/// `GET /api/tables/:table/records/:id` returns one record, or 304 if the client has its state
/// (`If-None-Match`).
#[handler]
pub(super) async fn one(
    Path((table, id)): Path<(String, String)>,
    caller: Caller,
    runtime: Data<&Arc<Runtime>>,
    query: Result<Query<OneQuery>>,
    request: &Request,
) -> Result<Response> {
    let view = caller.view(&runtime, &table)?;
    let asked = query.map_err(|error| HttpError::Malformed(error.to_string()))?.0;
    let id = record_id(&id)?;
    let expand = asked.expand.as_deref().map_or(Ok(Vec::new()), |names| view.expand(names));
    let expand = expand.map_err(HttpError::from)?;
    let shown = runtime.records.get_expanded(view, id, &expand).await.map_err(HttpError::from)?;
    let answer = record(StatusCode::OK, &shown);
    let known = etag::read(request.headers(), &header::IF_NONE_MATCH)?;
    // With `expand` the answer has labels of other records, which may change while the ETag does not.
    let known = known.filter(|_| asked.expand.is_none());
    let is_known = known.is_some_and(|known| known.has(etag::tag(&shown.view, &shown.record)));
    Ok(if is_known { etag::unchanged(answer) } else { answer })
}

/// `POST /api/tables/:table/records` adds a record and returns it, as far as the caller may read it.
#[handler]
pub(super) async fn create(
    Path(table): Path<String>,
    caller: Caller,
    runtime: Data<&Arc<Runtime>>,
    request: &Request,
    body: Body,
) -> Result<Response> {
    let view = caller.view_to_add(&runtime, &table)?;
    let CreateBody { fields } = json::json_of(request, body, MAX_BODY).await?;
    let shown = runtime.records.create(view, &fields).await.map_err(HttpError::from)?;
    let made = MadeBody::of(&shown.view, &shown.record);
    Ok(match &made {
        MadeBody::Read(_) => record(StatusCode::CREATED, &shown),
        MadeBody::Closed(_) => answer::json(StatusCode::CREATED, &made),
    })
}

/// `PATCH /api/tables/:table/records/:id` changes some fields of a record and returns it. If the record is no
/// longer in the state that the caller expects, nothing is written, and the live connections of the session
/// receive `conflict`.
#[handler]
pub(super) async fn update(
    Path((table, id)): Path<(String, String)>,
    caller: Caller,
    runtime: Data<&Arc<Runtime>>,
    request: &Request,
    body: Body,
) -> Result<Response> {
    let view = caller.view(&runtime, &table)?;
    let tags = etag::read(request.headers(), &header::IF_MATCH)?;
    let PatchBody { fields, updated_at } = json::json_of(request, body, MAX_BODY).await?;
    let precondition = Precondition::new(&view, tags, updated_at.as_deref())?;
    let expected = precondition.expected.clone();
    let written = runtime.records.update(view, record_id(&id)?, &fields, expected).await;
    if let (Err(RecordsError::Conflict(stale)), Some(token)) = (&written, &caller.token) {
        runtime.hub.tell_conflict(token, stale).await;
    }
    let shown = written.map_err(|error| precondition.error(error))?;
    Ok(record(StatusCode::OK, &shown))
}

/// `DELETE /api/tables/:table/records/:id` deletes a record and returns it as it was.
#[handler]
pub(super) async fn delete(
    Path((table, id)): Path<(String, String)>,
    caller: Caller,
    runtime: Data<&Arc<Runtime>>,
    request: &Request,
    body: Body,
) -> Result<Response> {
    let view = caller.view(&runtime, &table)?;
    let tags = etag::read(request.headers(), &header::IF_MATCH)?;
    let DeleteBody { updated_at } = json::json_if_any(request, body, MAX_BODY).await?;
    let precondition = Precondition::new(&view, tags, updated_at.as_deref())?;
    let expected = precondition.expected.clone();
    let removed = runtime.records.delete(view, record_id(&id)?, expected).await;
    let RecordView { view, record } = removed.map_err(|error| precondition.error(error))?;
    let gone = Envelope { table: &view.table, record: &record, fields: &view.fields };
    Ok(answer::json(StatusCode::OK, &gone))
}

/// The state in which a request expects the record that it writes.
struct Precondition {
    expected: ExpectedState,
    /// Whether `If-Match` says so: a conflict is then a 412 (RFC 9110, 13.1.1), else a 409.
    is_by_header: bool,
}

impl Precondition {
    /// Reads `If-Match` and `updatedAt`. If a request has both, both must hold.
    ///
    /// # Errors
    /// If `updatedAt` is not a time, or the table has no such field, and there is no `If-Match`.
    fn new(view: &View, tags: Option<Tags>, updated_at: Option<&str>) -> Result<Self, HttpError> {
        let is_by_header = tags.is_some();
        let expected = match (tags, updated_at) {
            (Some(tags), updated_at) => tags.narrowed(updated_at).expected(view),
            (None, Some(text)) => ExpectedState::updated_at(view, text)?,
            (None, None) => ExpectedState::Any,
        };
        Ok(Self { expected, is_by_header })
    }

    fn error(&self, error: RecordsError) -> HttpError {
        match error {
            RecordsError::Conflict(stale) if self.is_by_header => HttpError::Precondition(stale),
            error => error.into(),
        }
    }
}

/// Reads the id of a record in a path.
///
/// # Errors
/// [`RecordsError::NotFound`] if it is not a number: no record has such an id.
fn record_id(text: &str) -> Result<RecordId, HttpError> {
    text.parse().map_err(|_| RecordsError::NotFound.into())
}

impl<'a> MadeBody<'a> {
    /// The record as the viewer may read it by their row rules.
    fn of(view: &'a View, record: &'a Record) -> Self {
        if view.shows(record) {
            Self::Read(Envelope { table: &view.table, record, fields: &view.fields })
        } else {
            Self::Closed(ClosedBody { fields: Map::new() })
        }
    }
}

impl ListQuery {
    /// Reads the parameters into a list of the table.
    fn read(&self, view: View) -> Result<RecordList, HttpError> {
        let params = ListParams {
            filter: self.filter.as_deref(),
            search: self.search.as_deref(),
            sort: self.sort.as_deref(),
            fields: self.fields.as_deref(),
            expand: self.expand.as_deref(),
        };
        let mut wanted = params.read(view)?;
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

/// Reads a number in a query parameter. `None` if the parameter is absent.
///
/// # Errors
/// [`HttpError::Malformed`] if it is no number, or out of range.
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

/// Returns a record as JSON, with its ETag.
fn record(status: StatusCode, shown: &RecordView) -> Response {
    let RecordView { view, record } = shown;
    let envelope = Envelope { table: &view.table, record, fields: &view.fields };
    let mut response = answer::json(status, &envelope);
    etag::set(&mut response, etag::tag(view, record));
    response
}
