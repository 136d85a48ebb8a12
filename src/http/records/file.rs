//! Exports and imports of records as CSV files: `…/records.csv` and `…/records/import`.

use std::sync::Arc;

use poem::http::{StatusCode, header};
use poem::web::{Data, Path, Query};
use poem::{Body, Request, Response, Result, handler};
use serde::Deserialize;

use crate::http::caller::Caller;
use crate::http::error::HttpError;
use crate::http::records::number;
use crate::http::{answer, json};
use crate::model::access::View;
use crate::queries::ListParams;
use crate::records::{Import, MAX_IMPORT_BYTES};
use crate::runtime::Runtime;
use crate::store::Intent;

/// The query parameters of an export, as text: `queries` reads them.
#[derive(Deserialize)]
pub(in crate::http) struct ExportQuery {
    filter: Option<String>,
    search: Option<String>,
    sort: Option<String>,
    fields: Option<String>,
    expand: Option<String>,
    limit: Option<String>,
}

/// The query parameters of an import.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct ImportQuery {
    /// `create` (default) or `upsert`.
    mode: Option<String>,
    /// The unique field by which `upsert` finds the record to change.
    merge_on: Option<String>,
    /// `true` checks the file and writes nothing; default `false`.
    dry_run: Option<String>,
}

/// `GET /api/tables/:table/records.csv` exports the records of a list as CSV, all by default.
#[handler]
pub(in crate::http) async fn export(
    Path(table): Path<String>,
    caller: Caller,
    runtime: Data<&Arc<Runtime>>,
    query: Result<Query<ExportQuery>>,
) -> Result<Response> {
    let view = caller.view(&runtime, &table)?;
    let query = query.map_err(|error| HttpError::Malformed(error.to_string()))?.0;
    let params = ListParams {
        filter: query.filter.as_deref(),
        search: query.search.as_deref(),
        sort: query.sort.as_deref(),
        fields: query.fields.as_deref(),
        expand: query.expand.as_deref(),
    };
    let mut list = params.read(view).map_err(HttpError::from)?;
    let limit = number("limit", query.limit.as_deref(), 1..=u32::MAX.into())?;
    list.window.limit = limit.and_then(|limit| u32::try_from(limit).ok()).unwrap_or(u32::MAX);
    let name = format!("attachment; filename=\"{}.csv\"", list.view.table.name);
    let file = runtime.records.export(list).await.map_err(HttpError::from)?;
    // If reading fails on the way, the connection is cut, so that no client takes half a file for the whole.
    let file = futures_util::StreamExt::map(file, |piece| piece.map_err(std::io::Error::other));
    Ok(Response::builder()
        .content_type("text/csv; charset=utf-8")
        .header(header::CACHE_CONTROL, "no-store")
        .header(header::CONTENT_DISPOSITION, name)
        .body(Body::from_bytes_stream(file)))
}

/// `POST /api/tables/:table/records/import` imports records from CSV in one transaction, and returns a
/// report.
#[handler]
pub(in crate::http) async fn import(
    Path(table): Path<String>,
    caller: Caller,
    runtime: Data<&Arc<Runtime>>,
    query: Result<Query<ImportQuery>>,
    request: &Request,
    body: Body,
) -> Result<Response> {
    let view = caller.view(&runtime, &table)?;
    let query = query.map_err(|error| HttpError::Malformed(error.to_string()))?.0;
    let import = query.read(&view)?;
    json::must_be(request, "text/csv", |kind| kind == "text/csv")?;
    let file = json::bytes(body, MAX_IMPORT_BYTES).await?;
    let report = runtime.records.import(view, file.into(), import).await;
    Ok(answer::json(StatusCode::OK, &report.map_err(HttpError::from)?))
}

impl ImportQuery {
    /// Reads the parameters. Fails with [`HttpError::Malformed`] if they are unknown or contradict each
    /// other.
    fn read(&self, view: &View) -> Result<Import, HttpError> {
        let wrong = |message: String| Err(HttpError::Malformed(message));
        let merge_on = match (self.mode.as_deref(), self.merge_on.as_deref()) {
            (None | Some("create"), None) => None,
            (Some("upsert"), Some(field)) => Some(view.field(field)?),
            (Some("upsert"), None) => return wrong("mode=upsert needs mergeOn".to_owned()),
            (None | Some("create"), Some(_)) => {
                return wrong("mergeOn is for mode=upsert".to_owned());
            }
            (Some(other), _) => {
                return wrong(format!("mode must be create or upsert, got `{other}`"));
            }
        };
        let intent = match self.dry_run.as_deref() {
            None | Some("false") => Intent::Keep,
            Some("true") => Intent::Try,
            Some(other) => return wrong(format!("dryRun must be true or false, got `{other}`")),
        };
        Ok(Import { merge_on, intent })
    }
}
