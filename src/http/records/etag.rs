//! The state of a record in headers: `ETag`, `If-Match`, `If-None-Match` (RFC 9110, 13).

use poem::Response;
use poem::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

use crate::http::error::HttpError;
use crate::records::Tags;

/// The tags of a header, if it is there. A weak one is no state that we ever named.
pub(super) fn read(headers: &HeaderMap, name: &HeaderName) -> Result<Option<Tags>, HttpError> {
    if !headers.contains_key(name) {
        return Ok(None);
    }
    let wrong = || HttpError::Malformed(format!("{name} must be * or tags like \"…\""));
    let (mut tags, mut any) = (Vec::new(), false);
    for value in headers.get_all(name) {
        for item in value.to_str().map_err(|_| wrong())?.split(',').map(str::trim) {
            let (item, is_weak) =
                item.strip_prefix("W/").map_or((item, false), |rest| (rest, true));
            let tag = item.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
            match tag {
                // Whoever asks what has changed compares weakly.
                Some(tag) if !is_weak || name == header::IF_NONE_MATCH => tags.push(tag.to_owned()),
                Some(_) => {}
                None if item == "*" => any = true,
                None => return Err(wrong()),
            }
        }
    }
    Ok(Some(if any { Tags::Any } else { Tags::Of(tags) }))
}

/// Says in which state a record is.
pub(super) fn set(response: &mut Response, tag: Option<&str>) {
    let value = tag.and_then(|tag| HeaderValue::try_from(format!("\"{tag}\"")).ok());
    if let Some(value) = value {
        response.headers_mut().insert(header::ETAG, value);
    }
}

/// The answer to whoever knows this state already.
pub(super) fn unchanged(answer: Response) -> Response {
    let mut unchanged = Response::builder().status(StatusCode::NOT_MODIFIED).finish();
    for name in [header::ETAG, header::CACHE_CONTROL] {
        if let Some(value) = answer.headers().get(&name) {
            unchanged.headers_mut().insert(name, value.clone());
        }
    }
    unchanged
}
