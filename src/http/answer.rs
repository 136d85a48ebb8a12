//! Answers as JSON.

use poem::Response;
use poem::http::{StatusCode, header};
use serde::Serialize;

use crate::limits;

/// A JSON response with this status and body.
pub(super) fn json(status: StatusCode, body: &impl Serialize) -> Response {
    // What is long is not copied again and again while it grows.
    let room = usize::try_from(limits::held()).unwrap_or_default();
    let mut bytes = Vec::with_capacity(room.max(128));
    match serde_json::to_writer(&mut bytes, body) {
        Ok(()) => Response::builder()
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
