//! The states of a record by name, as `ETag` and `If-Match` have them (RFC 9110, 8.8.3 and 13.1.1).

use crate::model::access::View;
use crate::model::record::Record;
use crate::model::value::Value;
use crate::records::sent;

/// The states that a client expects a record to be in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tags {
    /// Any, as long as it is there.
    Any,
    /// The record has one of these states.
    Of(Vec<String>),
}

/// The name of a record's state: its `updatedAt`, where the viewer may read that.
pub fn tag<'a>(view: &View, record: &'a Record) -> Option<&'a str> {
    let at = view.table.updated_at().filter(|at| view.fields.contains(*at))?;
    match &record[at] {
        Value::Text(text) => Some(text),
        _ => None,
    }
}

impl Tags {
    /// Whether a state is among them.
    pub fn has(&self, tag: Option<&str>) -> bool {
        match self {
            Self::Any => true,
            Self::Of(tags) => tag.is_some_and(|tag| tags.iter().any(|known| known == tag)),
        }
    }

    /// What of them is this state too, where one is given.
    #[must_use]
    pub fn narrowed(self, tag: Option<&str>) -> Self {
        match (self, tag) {
            (tags, None) => tags,
            (Self::Any, Some(tag)) => Self::Of(vec![tag.to_owned()]),
            (Self::Of(tags), Some(tag)) => {
                Self::Of(tags.into_iter().filter(|known| known == tag).collect())
            }
        }
    }

    /// The values of `updatedAt` that are meant; nothing for any. What names no state of a record
    /// is that of none.
    pub(super) fn tokens(&self, view: &View) -> Option<Vec<Value>> {
        let Self::Of(tags) = self else { return None };
        let is_readable = view.table.updated_at().is_some_and(|at| view.fields.contains(at));
        let tags = tags.iter().filter(|_| is_readable);
        Some(tags.filter_map(|tag| sent::token(&view.table, tag).ok()).collect())
    }
}
