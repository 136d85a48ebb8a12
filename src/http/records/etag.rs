//! ETags of records: the headers `ETag`, `If-Match` and `If-None-Match` (RFC 9110, 8.8.3 and 13).

use poem::Response;
use poem::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

use crate::http::error::HttpError;
use crate::model::access::View;
use crate::model::record::Record;
use crate::model::value::Value;
use crate::records::ExpectedState;

/// The states of a record in `If-Match` or `If-None-Match`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Tags {
    /// `*`: any state, as long as the record exists.
    Any,
    /// A list of ETags: values of `updatedAt`.
    Of(Vec<String>),
}

/// The ETag of a record: the value of its `updated-at` field. `None` if the table has no such field, or the
/// viewer may not read it.
pub(super) fn tag<'a>(view: &View, record: &'a Record) -> Option<&'a str> {
    let at = view.table.updated_at().filter(|at| view.fields.contains(*at))?;
    match &record[at] {
        Value::Text(text) => Some(text),
        _ => None,
    }
}

impl Tags {
    /// Whether the ETag of a record is among these.
    pub(super) fn has(&self, tag: Option<&str>) -> bool {
        match self {
            Self::Any => true,
            Self::Of(tags) => tag.is_some_and(|tag| tags.iter().any(|known| known == tag)),
        }
    }

    /// Keeps only the ETags that are `tag` too, if it is given. The list may become empty, which matches no
    /// state.
    #[must_use]
    pub(super) fn narrowed(self, tag: Option<&str>) -> Self {
        match (self, tag) {
            (tags, None) => tags,
            (Self::Any, Some(tag)) => Self::Of(vec![tag.to_owned()]),
            (Self::Of(tags), Some(tag)) => {
                Self::Of(tags.into_iter().filter(|known| known == tag).collect())
            }
        }
    }

    /// The state in which a write expects the record. A tag that is not an `updatedAt`, or that the viewer
    /// may not read, matches no state, so the write is refused.
    pub(super) fn expected(&self, view: &View) -> ExpectedState {
        let Self::Of(tags) = self else { return ExpectedState::Any };
        let is_readable = view.table.updated_at().is_some_and(|at| view.fields.contains(at));
        let tags = tags.iter().filter(|_| is_readable);
        ExpectedState::one_of(view, tags.map(String::as_str))
    }
}

/// Reads the ETags of a header. `None` if the header is absent.
///
/// `If-Match` compares strongly, so weak tags in it match nothing (RFC 9110, 13.1.1).
///
/// # Errors
/// [`HttpError::Malformed`] if the header is not `*` or a list of quoted tags.
pub(super) fn read(headers: &HeaderMap, name: &HeaderName) -> Result<Option<Tags>, HttpError> {
    if !headers.contains_key(name) {
        return Ok(None);
    }
    let wrong = || HttpError::Malformed(format!("{name} must be * or tags like \"…\""));
    let mut tags = Vec::new();
    let mut any = false;
    for value in headers.get_all(name) {
        for item in value.to_str().map_err(|_| wrong())?.split(',').map(str::trim) {
            let (item, is_weak) =
                item.strip_prefix("W/").map_or((item, false), |rest| (rest, true));
            let tag = item.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
            match tag {
                // `If-None-Match` compares weakly (RFC 9110, 13.1.2): a proxy that compresses may have
                // weakened the tag.
                Some(tag) if !is_weak || name == header::IF_NONE_MATCH => tags.push(tag.to_owned()),
                Some(_) => {}
                None if item == "*" => any = true,
                None => return Err(wrong()),
            }
        }
    }
    Ok(Some(if any { Tags::Any } else { Tags::Of(tags) }))
}

/// Sets the header `ETag`, if the record has one.
pub(super) fn set(response: &mut Response, tag: Option<&str>) {
    let value = tag.and_then(|tag| HeaderValue::try_from(format!("\"{tag}\"")).ok());
    if let Some(value) = value {
        response.headers_mut().insert(header::ETAG, value);
    }
}

/// Returns the 304 in place of an answer, with the headers that it must have (RFC 9110, 15.4.5).
pub(super) fn unchanged(answer: Response) -> Response {
    let mut unchanged = Response::builder().status(StatusCode::NOT_MODIFIED).finish();
    for name in [header::ETAG, header::CACHE_CONTROL] {
        if let Some(value) = answer.headers().get(&name) {
            unchanged.headers_mut().insert(name, value.clone());
        }
    }
    unchanged
}
