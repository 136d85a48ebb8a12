//! Builds JSON responses.

use poem::Response;
use poem::http::{StatusCode, header};
use serde::Serialize;

use crate::limits;

/// Returns a JSON response that no cache stores. A body that cannot be encoded becomes a 500 and is logged.
pub(super) fn json(status: StatusCode, body: &impl Serialize) -> Response {
    // The bytes of the records that this request holds are about the length of the answer: room for them
    // saves copying a long text each time the vector grows.
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
