//! The state of a record in headers: `ETag`, `If-Match`, `If-None-Match` (RFC 9110, 13).

use poem::Response;
use poem::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

use crate::http::error::HttpError;
use crate::model::access::View;
use crate::model::record::Record;
use crate::model::value::Value;
use crate::records::ExpectedState;

/// The states of a record that a header names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Tags {
    /// Any, as long as the record is there.
    Any,
    /// These: values of its `updatedAt`.
    Of(Vec<String>),
}

/// The entity tag of a record: its `updatedAt`. `None` if the viewer may not read that.
pub(super) fn tag<'a>(view: &View, record: &'a Record) -> Option<&'a str> {
    let at = view.table.updated_at().filter(|at| view.fields.contains(*at))?;
    match &record[at] {
        Value::Text(text) => Some(text),
        _ => None,
    }
}

impl Tags {
    /// Whether a state is among them.
    pub(super) fn has(&self, tag: Option<&str>) -> bool {
        match self {
            Self::Any => true,
            Self::Of(tags) => tag.is_some_and(|tag| tags.iter().any(|known| known == tag)),
        }
    }

    /// Those of them that are this state too, if one is given.
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

    /// The state in which they want the record. A tag that names no state of a record is that of none.
    pub(super) fn expected(&self, view: &View) -> ExpectedState {
        let Self::Of(tags) = self else { return ExpectedState::Any };
        let is_readable = view.table.updated_at().is_some_and(|at| view.fields.contains(at));
        let tags = tags.iter().filter(|_| is_readable);
        ExpectedState::one_of(view, tags.map(String::as_str))
    }
}

/// The tags of a header, if it is there. A weak one is no state that we ever named.
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
