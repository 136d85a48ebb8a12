//! Serves the browser's JavaScript and CSS. The path of a file contains the hash of its content, so browsers
//! may keep it for ever.

use poem::http::{StatusCode, header};
use poem::web::Path;
use poem::{Response, handler};

use crate::client;

/// `GET /_pagetide/<hash>/<file>` serves a file of the client, to be cached for a year (RFC 8246:
/// `immutable`). 404 if this program has no such file, or one of another hash.
#[handler]
pub(super) fn file(Path(path): Path<String>) -> Response {
    match client::asset(&path) {
        Some(asset) => Response::builder()
            .content_type(asset.content_type)
            .header(header::CACHE_CONTROL, "public, max-age=31536000, immutable")
            .body(asset.body),
        None => StatusCode::NOT_FOUND.into(),
    }
}
