//! Pages as complete HTML, and single components of them.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use percent_encoding::{CONTROLS, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use poem::http::{HeaderMap, HeaderValue, StatusCode, header};
use poem::web::{Data, Query};
use poem::{Request, Response, ResponseBuilder, Result, handler};
use serde::Deserialize;

use crate::http::caller::Caller;
use crate::http::error::HttpError;
use crate::http::{accounts, admin, forms};
use crate::pages::{Fragment, PageResponse};
use crate::records::RecordsError;
use crate::runtime::Runtime;

/// What a page may load and run: what this server sends, and inline only what carries the nonce.
fn policy(nonce: &str) -> String {
    format!(
        "default-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'; \
         connect-src 'self'; img-src 'self' data: https:; font-src 'self'; media-src 'self'; \
         style-src 'self' 'nonce-{nonce}'; style-src-attr 'unsafe-inline'; \
         script-src 'self' 'nonce-{nonce}'"
    )
}

/// `GET <page path>` serves a page as complete HTML.
#[handler]
pub(super) async fn show(
    request: &Request,
    caller: Caller,
    runtime: Data<&Arc<Runtime>>,
) -> Response {
    let (path, url) = (path(request), url(request));
    let nonce = nonce();
    // Every page gives those who have no session one of a guest, so that it may be live.
    let newcomer = caller.viewer.is_none();
    let known = known_tag(request.headers()).filter(|_| !newcomer);
    let toast = forms::waiting_toast(&runtime, &caller, request.headers());
    let toast = toast.as_deref();
    let below = match admin::below(&runtime, &caller, url).await {
        Ok(below) => below,
        Err(error) => return refusal(&runtime, &caller, &nonce, &error),
    };
    let (viewer, below) = (caller.visitor(), below.as_deref());
    let answer = match runtime.pages.open_over(viewer, url, known, &nonce, toast, below).await {
        Ok(PageResponse::Html(html, tag)) => {
            let mut response = tagged(page(StatusCode::OK, &nonce, html), tag);
            forms::forget_toast(&caller, request.headers(), &mut response);
            if newcomer {
                caller.remember(&mut response, runtime.auth.guest_token());
            }
            return response;
        }
        // No policy: the browser keeps the one that came with the page, whose nonce is in it.
        Ok(PageResponse::Unchanged(tag)) => return tagged(not_modified(), Some(tag)),
        Ok(PageResponse::Redirect(path)) => return see_other(&path),
        Ok(PageResponse::SignIn) => return to_sign_in(url),
        Ok(PageResponse::NotFound) if path.starts_with("/admin/") => {
            admin::built_in(&runtime, &caller, &path, request, &nonce).await
        }
        Ok(PageResponse::NotFound) => {
            accounts::built_in(&runtime, &caller, &path, request, &nonce).await
        }
        Err(error) => Err(HttpError::from(error)),
    };
    match answer {
        Ok(Some(response)) => response,
        Ok(None) => refusal(&runtime, &caller, &nonce, &HttpError::NoSuchRoute),
        Err(error) => refusal(&runtime, &caller, &nonce, &error),
    }
}

/// What a component is asked for by.
#[derive(Deserialize)]
pub(super) struct FragmentQuery {
    /// The path and query of its page.
    url: String,
    /// The id of the component.
    component: String,
    /// What it means to whoever asks.
    shape: Option<String>,
}

/// `GET /api/fragments?url=&component=&shape=`: one component as its page shows it now.
#[handler]
pub(super) async fn fragment(
    query: Result<Query<FragmentQuery>>,
    headers: &HeaderMap,
    caller: Caller,
    runtime: Data<&Arc<Runtime>>,
) -> Result<Response> {
    let Query(asked) = query.map_err(|error| HttpError::Malformed(error.to_string()))?;
    let known = known_tag(headers);
    let FragmentQuery { url, component, shape } = &asked;
    let (viewer, shape) = (caller.visitor(), shape.as_deref());
    let made = runtime.pages.fragment(viewer, url, component, shape, known).await;
    Ok(match made.map_err(HttpError::from)? {
        Fragment::Html(html, tag) => {
            tagged(fresh(StatusCode::OK).body(html.to_string()), Some(tag))
        }
        Fragment::Unchanged(tag) => tagged(not_modified(), Some(tag)),
    })
}

/// The state that the browser already has.
pub(super) fn known_tag(headers: &HeaderMap) -> Option<&str> {
    let known = headers.get(header::IF_NONE_MATCH)?.to_str().ok()?;
    Some(known.trim_start_matches("W/").trim_matches('"'))
}

/// HTML that is to be asked for again each time, though it may not have changed.
fn fresh(status: StatusCode) -> ResponseBuilder {
    Response::builder()
        .status(status)
        .content_type("text/html; charset=utf-8")
        .header(header::CACHE_CONTROL, "private, no-cache")
        .header(header::VARY, "Cookie, Authorization")
}

fn not_modified() -> Response {
    Response::builder()
        .status(StatusCode::NOT_MODIFIED)
        .header(header::CACHE_CONTROL, "private, no-cache")
        .header(header::VARY, "Cookie, Authorization")
        .finish()
}

/// Weak, since what is compressed on the way has other bytes (RFC 9110, 8.8.1).
fn tagged(mut response: Response, tag: Option<String>) -> Response {
    if let Some(tag) = tag.and_then(|tag| HeaderValue::try_from(format!("W/\"{tag}\"")).ok()) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

/// A page with what browsers must know about it.
pub(super) fn page(status: StatusCode, nonce: &str, html: String) -> Response {
    fresh(status).header(header::CONTENT_SECURITY_POLICY, policy(nonce)).body(html)
}

/// Sends the browser to another path of this server.
pub(super) fn see_other(path: &str) -> Response {
    // A header holds only ASCII; what is encoded already stays as it is.
    let location = utf8_percent_encode(path, CONTROLS).to_string();
    Response::builder().status(StatusCode::SEE_OTHER).header(header::LOCATION, location).finish()
}

/// Sends the browser to the sign-in page, and back from there.
pub(super) fn to_sign_in(url: &str) -> Response {
    see_other(&format!("/sign-in?next={}", utf8_percent_encode(url, NON_ALPHANUMERIC)))
}

/// 128 random bits for one answer.
pub(super) fn nonce() -> String {
    URL_SAFE_NO_PAD.encode(rand::random::<[u8; 16]>())
}

/// An error as a page.
pub(super) fn refusal(
    runtime: &Runtime,
    caller: &Caller,
    nonce: &str,
    error: &HttpError,
) -> Response {
    let response = poem::error::ResponseError::as_response(error);
    let status = response.status();
    let reason = match error {
        HttpError::Records(RecordsError::Refused(_) | RecordsError::Referred) => error.to_string(),
        _ => String::new(),
    };
    let words = match status {
        StatusCode::CONFLICT if !reason.is_empty() => ("This could not be done", reason.as_str()),
        StatusCode::NOT_FOUND => {
            ("There is no such page", "The address may be mistyped, or the page is gone.")
        }
        StatusCode::SERVICE_UNAVAILABLE => {
            ("Back in a moment", "The data cannot be reached just now. Please try again.")
        }
        status if status.is_client_error() => (
            "This could not be done",
            "The page may be out of date: open it again, and try once more.",
        ),
        _ => ("Something went wrong", "It has been noted. Please try again."),
    };
    match runtime.pages.error(caller.visitor(), status.as_u16(), words, nonce) {
        Ok(html) => page(status, nonce, html),
        Err(_) => response,
    }
}

/// The path and query that were asked for, as the browser wrote them.
pub(super) fn url(request: &Request) -> &str {
    request.uri().path_and_query().map_or("/", |url| url.as_str())
}

/// The path that was asked for, without percent signs; what is not text is no page's.
fn path(request: &Request) -> String {
    percent_decode_str(request.uri().path()).decode_utf8_lossy().into_owned()
}
