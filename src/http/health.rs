//! `/healthz`, `/readyz` and `/metrics`, for programs that monitor the server.

use std::sync::Arc;

use poem::http::{HeaderMap, StatusCode};
use poem::web::Data;
use poem::{Response, Result, handler};
use serde_json::json;

use crate::http::answer;
use crate::http::caller::Caller;
use crate::http::error::HttpError;
use crate::http::peer::Peer;
use crate::model::viewer::Viewer;
use crate::runtime::Runtime;

/// `GET /healthz` answers 200 as long as the process serves an app. It asks nothing of the database.
#[handler]
pub(super) fn alive() -> Response {
    answer::json(StatusCode::OK, &json!({ "status": "ok" }))
}

/// `GET /readyz` answers 200 if the database is in order and changes are sent to subscribers in time, else
/// 503.
#[handler]
pub(super) async fn ready(runtime: Data<&Arc<Runtime>>) -> Result<Response> {
    if !runtime.ready().await.map_err(HttpError::from)? {
        return Err(HttpError::Behind.into());
    }
    Ok(answer::json(StatusCode::OK, &json!({ "status": "ready" })))
}

/// `GET /metrics` returns the metrics of live updates in the OpenMetrics format. They change with every
/// write, also to tables that a guest may not read, so only admins and programs on this machine may read
/// them.
#[handler]
pub(super) fn metrics(
    caller: Caller,
    peer: Data<&Peer>,
    headers: &HeaderMap,
    runtime: Data<&Arc<Runtime>>,
) -> Result<Response> {
    let viewer = caller.visitor();
    if !viewer.is_admin() && !peer.is_program_here(headers) {
        let is_guest = matches!(viewer, Viewer::Guest);
        let error = if is_guest { HttpError::Unauthenticated } else { HttpError::ForAdmins };
        return Err(error.into());
    }
    let response = Response::builder()
        .content_type("application/openmetrics-text; version=1.0.0; charset=utf-8")
        .body(runtime.hub.metrics());
    Ok(response)
}
