//! Answers that are HTML: their headers, what they may load, and an error as a page.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use percent_encoding::{CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};
use poem::http::{HeaderMap, HeaderValue, StatusCode, header};
use poem::{Request, Response, ResponseBuilder};

use crate::http::caller::Caller;
use crate::http::error::HttpError;
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

/// The state that the browser already has.
pub(super) fn known_tag(headers: &HeaderMap) -> Option<&str> {
    let known = headers.get(header::IF_NONE_MATCH)?.to_str().ok()?;
    Some(known.trim_start_matches("W/").trim_matches('"'))
}

/// HTML that is to be asked for again each time, though it may not have changed.
pub(super) fn fresh(status: StatusCode) -> ResponseBuilder {
    Response::builder()
        .status(status)
        .content_type("text/html; charset=utf-8")
        .header(header::CACHE_CONTROL, "private, no-cache")
        .header(header::VARY, "Cookie, Authorization")
}

pub(super) fn not_modified() -> Response {
    Response::builder()
        .status(StatusCode::NOT_MODIFIED)
        .header(header::CACHE_CONTROL, "private, no-cache")
        .header(header::VARY, "Cookie, Authorization")
        .finish()
}

/// Weak, since what is compressed on the way has other bytes (RFC 9110, 8.8.1).
pub(super) fn tagged(mut response: Response, tag: Option<String>) -> Response {
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
