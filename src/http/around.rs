//! What holds for every request: refused if forged, answered whatever happens, with headers that
//! tell browsers what not to do.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use poem::error::{MethodNotAllowedError, NotFoundError};
use poem::http::{HeaderName, HeaderValue, header};
use poem::{Endpoint, IntoResponse, Request, Response, Result, handler};

use crate::http::error::HttpError;
use crate::http::origin;

/// Sent with every answer.
const HEADERS: [(HeaderName, &str); 3] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "strict-origin-when-cross-origin"),
    (header::X_FRAME_OPTIONS, "SAMEORIGIN"),
];

/// Answers a request by the endpoint, or says what went wrong.
pub(super) async fn every_request(endpoint: impl Endpoint, request: Request) -> Result<Response> {
    let answer = match origin::check(&request) {
        Ok(()) => AssertUnwindSafe(endpoint.call(request)).catch_unwind().await,
        Err(error) => Ok(Err(error.into())),
    };
    let mut response = match answer {
        Ok(Ok(response)) => response.into_response(),
        Ok(Err(error)) => explained(error),
        // The panic itself has been told on stderr.
        Err(_) => HttpError::Internal.into_response(),
    };
    for (name, value) in HEADERS {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    Ok(response)
}

/// Takes "any encoding" for none: poem 3.1 answers it with zstd, which is off.
pub(super) async fn without_any_encoding(mut request: Request) -> Result<Request> {
    let accepted = request.headers().get(header::ACCEPT_ENCODING);
    if accepted.is_some_and(|accepted| accepted.as_bytes().contains(&b'*')) {
        request.headers_mut().remove(header::ACCEPT_ENCODING);
    }
    Ok(request)
}

/// `/api/…` where there is nothing.
#[handler]
pub(super) fn no_such_route() -> HttpError {
    HttpError::NoSuchRoute
}

/// Every error in our own words.
fn explained(error: poem::Error) -> Response {
    if error.is::<HttpError>() || error.is_from_response() {
        return error.into_response();
    }
    let status = error.status();
    let ours = if error.is::<NotFoundError>() {
        HttpError::NoSuchRoute
    } else if error.is::<MethodNotAllowedError>() {
        HttpError::MethodNotAllowed
    } else if status.is_client_error() {
        HttpError::Malformed(error.to_string())
    } else {
        tracing::error!("a request failed: {error}");
        HttpError::Internal
    };
    ours.into_response()
}
