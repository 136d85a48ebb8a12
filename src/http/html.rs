//! Builds HTML answers: pages with their headers and content security policy, redirects, errors as pages.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use percent_encoding::{CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};
use poem::http::{HeaderMap, HeaderValue, StatusCode, header};
use poem::{Request, Response, ResponseBuilder};

use crate::http::caller::Caller;
use crate::http::error::HttpError;
use crate::records::RecordsError;
use crate::runtime::Runtime;

/// The content security policy of a page (CSP level 3). It may load files of this server and images over
/// HTTPS. Inline scripts and `<style>` elements need the nonce; `style` attributes do not.
fn policy(nonce: &str) -> String {
    format!(
        "default-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'; \
         connect-src 'self'; img-src 'self' data: https:; font-src 'self'; media-src 'self'; \
         style-src 'self' 'nonce-{nonce}'; style-src-attr 'unsafe-inline'; \
         script-src 'self' 'nonce-{nonce}'"
    )
}

/// The ETag in `If-None-Match`, without quotes and the sign of weakness. `None` without the header. Of
/// several tags in one header none is found, which only costs a full answer.
pub(super) fn known_tag(headers: &HeaderMap) -> Option<&str> {
    let known = headers.get(header::IF_NONE_MATCH)?.to_str().ok()?;
    Some(known.trim_start_matches("W/").trim_matches('"'))
}

/// Begins an HTML answer that a browser may store, but must revalidate each time (`no-cache`), and that no
/// shared cache stores.
pub(super) fn fresh(status: StatusCode) -> ResponseBuilder {
    Response::builder()
        .status(status)
        .content_type("text/html; charset=utf-8")
        .header(header::CACHE_CONTROL, "private, no-cache")
        .header(header::VARY, "Cookie, Authorization")
}

/// Returns a 304 with the headers that the full answer would have (RFC 9110, 15.4.5).
pub(super) fn not_modified() -> Response {
    Response::builder()
        .status(StatusCode::NOT_MODIFIED)
        .header(header::CACHE_CONTROL, "private, no-cache")
        .header(header::VARY, "Cookie, Authorization")
        .finish()
}

/// Adds an ETag to an answer, if there is one. It is weak, since the answer may be compressed afterwards and
/// then has other bytes (RFC 9110, 8.8.1).
pub(super) fn tagged(mut response: Response, tag: Option<String>) -> Response {
    if let Some(tag) = tag.and_then(|tag| HeaderValue::try_from(format!("W/\"{tag}\"")).ok()) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

/// Returns an HTML page with its content security policy. `nonce` is the one in its inline scripts and
/// styles.
pub(super) fn page(status: StatusCode, nonce: &str, html: String) -> Response {
    fresh(status).header(header::CONTENT_SECURITY_POLICY, policy(nonce)).body(html)
}

/// Returns a 303, which sends the browser to another path of this server with a `GET`.
pub(super) fn see_other(path: &str) -> Response {
    // Only control characters and bytes beyond ASCII are encoded: `%` and the rest of a path stay as they
    // are.
    let location = utf8_percent_encode(path, CONTROLS).to_string();
    Response::builder().status(StatusCode::SEE_OTHER).header(header::LOCATION, location).finish()
}

/// Returns a redirect to the sign-in page, which leads back to `url` afterwards.
pub(super) fn to_sign_in(url: &str) -> Response {
    see_other(&format!("/sign-in?next={}", utf8_percent_encode(url, NON_ALPHANUMERIC)))
}

/// Returns a nonce for the content security policy of one answer: 128 random bits in base64.
pub(super) fn nonce() -> String {
    URL_SAFE_NO_PAD.encode(rand::random::<[u8; 16]>())
}

/// Returns an error as a page, or as JSON if the page cannot be rendered. The page repeats the text of the
/// error only if the database refuses a write: because of a trigger, a `CHECK` or another record. Other texts
/// are for programs.
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

/// The path and query of a request, as the browser wrote them.
pub(super) fn url(request: &Request) -> &str {
    request.uri().path_and_query().map_or("/", |url| url.as_str())
}
