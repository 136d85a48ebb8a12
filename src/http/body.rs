//! Bodies and query strings in, JSON out.

use poem::http::{StatusCode, header};
use poem::{Body, Request, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::http::error::HttpError;

/// The most bytes a body may have.
const MAX_BODY: usize = 1024 * 1024;

/// Reads a JSON body.
pub(super) async fn json<T: DeserializeOwned>(body: Body) -> Result<T, HttpError> {
    let bytes = bytes(body).await?;
    let mut deserializer = serde_json::Deserializer::from_slice(&bytes);
    let value: T = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = error.path().to_string();
        let place = if path == "." { String::new() } else { format!("{path}: ") };
        HttpError::Malformed(format!("the body is not what it should be: {place}{}", error.inner()))
    })?;
    deserializer.end().map_err(|error| {
        HttpError::Malformed(format!("the body goes on after its JSON: {error}"))
    })?;
    Ok(value)
}

/// Reads the body of an HTML form.
pub(super) async fn form<T: DeserializeOwned>(body: Body) -> Result<T, HttpError> {
    serde_urlencoded::from_bytes(&bytes(body).await?).map_err(|error| {
        HttpError::Malformed(format!("the form is not what it should be: {error}"))
    })
}

const FORM: &str = "application/x-www-form-urlencoded";

/// Whether a browser sent this from a form, and wants to see a page rather than JSON.
pub(super) fn is_form(request: &Request) -> bool {
    request.content_type().is_some_and(|content_type| content_type.starts_with(FORM))
}

/// Answers with JSON.
pub(super) fn answer(status: StatusCode, body: &impl Serialize) -> Response {
    match serde_json::to_vec(body) {
        Ok(bytes) => Response::builder()
            .status(status)
            .content_type("application/json")
            .header(header::CACHE_CONTROL, "no-store")
            .body(bytes),
        Err(error) => {
            tracing::error!("an answer could not be encoded: {error}");
            StatusCode::INTERNAL_SERVER_ERROR.into()
        }
    }
}

async fn bytes(body: Body) -> Result<Vec<u8>, HttpError> {
    match body.into_bytes_limit(MAX_BODY).await {
        Ok(bytes) => Ok(bytes.into()),
        Err(poem::error::ReadBodyError::PayloadTooLarge) => Err(HttpError::TooLarge),
        Err(error) => Err(HttpError::Malformed(format!("the body could not be read: {error}"))),
    }
}
