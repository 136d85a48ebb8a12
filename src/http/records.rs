//! The Records API: `/api/tables/:table/records`.
//!
//! Handlers take a request apart, make one call to [`Records`] and shape the answer. A decision that
//! must hold for pages and subscriptions too belongs in `records`.
//!
//! [`Records`]: crate::records::Records

use std::sync::Arc;

use poem::http::StatusCode;
use poem::web::{Data, Path, Query};
use poem::{Body, Response, Result, handler};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use crate::http::body;
use crate::http::caller::Caller;
use crate::http::error::HttpError;
use crate::model::access::View;
use crate::model::filter::Filter;
use crate::model::ids::Position;
use crate::model::query::{Answer, Ask, Window};
use crate::model::record::{Envelope, FieldSet};
use crate::records::{RecordsError, Shown};
use crate::runtime::Runtime;

/// How many records a list has where nobody says.
const DEFAULT_LIMIT: u32 = 25;
/// The most records a list may have.
const MAX_LIMIT: u32 = 500;

/// What a list may be asked for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    filter: Option<String>,
    sort: Option<String>,
    fields: Option<String>,
    limit: Option<String>,
    offset: Option<String>,
}

#[derive(Serialize)]
struct ListBody<'a> {
    records: Vec<Envelope<'a>>,
    pagination: Pagination,
    position: Position,
}

#[derive(Serialize)]
struct Pagination {
    limit: u32,
    offset: u64,
    total: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = r#"an object like {"fields": {}}"#)]
struct CreateBody {
    fields: Map<String, Json>,
}

#[derive(Deserialize)]
#[serde(
    rename_all = "camelCase",
    deny_unknown_fields,
    expecting = r#"an object like {"fields": {}}"#
)]
struct PatchBody {
    fields: Map<String, Json>,
    updated_at: Option<String>,
}

/// `GET /api/tables/:table/records`
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
    let (filter, window, fields) = asked.read(&view)?;
    let table = view.table.name.clone();
    let query = model::Query { table, filter, ask: Ask::Rows(window.clone()) };
    let snapshot = runtime.records.snapshot(&[&query]).await.map_err(HttpError::from)?;
    let answer = snapshot.answers.into_iter().next().and_then(Answer::rows);
    let rows = answer.ok_or(HttpError::Internal)?;
    let envelope = |record| Envelope { table: &view.table, record, fields: &fields };
    let (limit, offset) = (window.limit, window.offset);
    let pagination = Pagination { limit, offset, total: rows.total };
    let records = rows.records.iter().map(envelope).collect();
    let list = ListBody { records, pagination, position: snapshot.position };
    Ok(body::answer(StatusCode::OK, &list))
}

/// `GET /api/tables/:table/records/:id`
#[handler]
pub(super) async fn one(
    Path((table, id)): Path<(String, String)>,
    caller: Caller,
    runtime: Data<&Arc<Runtime>>,
) -> Result<Response> {
    let viewer = caller.reader(&runtime, &table)?;
    let shown = runtime.records.get(viewer, &table, &id).await.map_err(HttpError::from)?;
    Ok(record(StatusCode::OK, &shown))
}

/// `POST /api/tables/:table/records` adds a record.
#[handler]
pub(super) async fn create(
    Path(table): Path<String>,
    caller: Caller,
    runtime: Data<&Arc<Runtime>>,
    body: Body,
) -> Result<Response> {
    let viewer = caller.reader(&runtime, &table)?;
    let CreateBody { fields } = body::json(body).await?;
    let shown = runtime.records.create(viewer, &table, &fields).await.map_err(HttpError::from)?;
    Ok(record(StatusCode::CREATED, &shown))
}

/// `PATCH /api/tables/:table/records/:id` changes some fields of a record.
#[handler]
pub(super) async fn update(
    Path((table, id)): Path<(String, String)>,
    caller: Caller,
    runtime: Data<&Arc<Runtime>>,
    body: Body,
) -> Result<Response> {
    let viewer = caller.reader(&runtime, &table)?;
    let PatchBody { fields, updated_at } = body::json(body).await?;
    let written = runtime.records.update(viewer, &table, &id, &fields, updated_at.as_deref()).await;
    if let (Err(RecordsError::Conflict(stale)), Some(token)) = (&written, &caller.token) {
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
) -> Result<Response> {
    let viewer = caller.reader(&runtime, &table)?;
    let shown = runtime.records.delete(viewer, &table, &id).await.map_err(HttpError::from)?;
    Ok(record(StatusCode::OK, &shown))
}

impl ListQuery {
    fn read(&self, view: &View) -> Result<(Filter, Window, FieldSet), HttpError> {
        let filter = view.filter(self.filter.as_deref().unwrap_or_default())?;
        let sort = self.sort.as_deref().map_or(Ok(Vec::new()), |text| view.sort(text))?;
        let fields = match &self.fields {
            Some(names) => view.select(names.split(','))?,
            None => view.fields.clone(),
        };
        let limit = number("limit", self.limit.as_deref(), 1..=MAX_LIMIT.into())?;
        let offset = number("offset", self.offset.as_deref(), 0..=i64::MAX as u64)?;
        let limit = limit.map_or(DEFAULT_LIMIT, |limit| u32::try_from(limit).unwrap_or(MAX_LIMIT));
        Ok((filter, Window { sort, limit, offset: offset.unwrap_or(0) }, fields))
    }
}

/// The model's word for what this file calls otherwise.
mod model {
    pub(super) use crate::model::query::Query;
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

fn record(status: StatusCode, shown: &Shown) -> Response {
    let Shown { view, record } = shown;
    body::answer(status, &Envelope { table: &view.table, record, fields: &view.fields })
}
