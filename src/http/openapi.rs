//! Serves the description of the API: `/api/openapi.json` for programs, `/api/docs` for people.

use std::sync::Arc;

use poem::http::{HeaderMap, StatusCode, header};
use poem::web::Data;
use poem::{Response, Result, handler};

use crate::http::caller::Caller;
use crate::http::error::HttpError;
use crate::http::html::{known_tag, nonce, page};
use crate::pages::PagesError;
use crate::render::Renderer;
use crate::runtime::Runtime;

/// `GET /api/openapi.json` returns the OpenAPI document of this app, with the tables, fields and operations
/// that the caller may use.
#[handler]
pub(super) async fn document(
    caller: Caller,
    headers: &HeaderMap,
    runtime: Data<&Arc<Runtime>>,
) -> Result<Response> {
    let description = runtime.descriptions.of(caller.visitor());
    let is_known = known_tag(headers) == Some(description.tag.as_str());
    let answer = Response::builder()
        .content_type("application/json")
        .header(header::CACHE_CONTROL, "private, no-cache")
        .header(header::VARY, "Cookie, Authorization")
        // Weak, since the answer may be compressed and then has other bytes (RFC 9110, 8.8.1).
        .header(header::ETAG, format!("W/\"{}\"", description.tag));
    Ok(match is_known {
        true => answer.status(StatusCode::NOT_MODIFIED).finish(),
        false => answer.body(description.json.clone()),
    })
}

/// `GET /api/docs` returns a page on which people read the description and try requests.
#[handler]
pub(super) fn browse(runtime: Data<&Arc<Runtime>>) -> Result<Response> {
    let nonce = nonce();
    let html = Renderer::api(&runtime.app.name, &nonce).map_err(PagesError::from);
    Ok(page(StatusCode::OK, &nonce, html.map_err(HttpError::from)?))
}
