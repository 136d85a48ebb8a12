//! `/healthz`, `/readyz` and `/metrics`, for whoever watches the process.

use std::sync::Arc;

use poem::http::StatusCode;
use poem::web::Data;
use poem::{Response, Result, handler};
use serde_json::json;

use crate::http::body;
use crate::http::error::HttpError;
use crate::runtime::Runtime;

/// `GET /healthz`: the process answers.
#[handler]
pub(super) fn alive() -> Response {
    body::answer(StatusCode::OK, &json!({ "status": "ok" }))
}

/// `GET /readyz`: requests can be answered, and changes are told in time.
#[handler]
pub(super) async fn ready(runtime: Data<&Arc<Runtime>>) -> Result<Response> {
    if !runtime.ready().await.map_err(HttpError::from)? {
        return Err(HttpError::Behind.into());
    }
    Ok(body::answer(StatusCode::OK, &json!({ "status": "ready" })))
}

/// `GET /metrics`: figures of everything live, as Prometheus reads them.
#[handler]
pub(super) fn metrics(runtime: Data<&Arc<Runtime>>) -> Response {
    Response::builder()
        .content_type("application/openmetrics-text; version=1.0.0; charset=utf-8")
        .body(runtime.hub.metrics())
}
