//! The browser's JavaScript and CSS. A path holds the hash of what it leads to, so it is kept for
//! good.

use poem::http::{StatusCode, header};
use poem::web::Path;
use poem::{Response, handler};

use crate::client;

/// `GET /_pagetide/<hash>/<file>` serves an asset, to be kept for ever.
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
