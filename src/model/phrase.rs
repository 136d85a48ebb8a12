//! Texts with variables, such as `Order {$params.id}`: values of the address or the viewer are inserted.

use std::sync::Arc;

use crate::model::operand::Attribute;
use crate::model::route::RouteValues;
use crate::model::viewer::Viewer;

/// A text with variables, split into its parts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Phrase {
    parts: Arc<[PhrasePart]>,
}

/// A part of a phrase: literal text or a variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PhrasePart {
    /// A text that stands for itself.
    Text(Arc<str>),
    /// `{$currentUser.…}`: an attribute of the viewer; empty for guests.
    CurrentUser(Attribute),
    /// `{$params.…}`: a parameter of the page's path.
    Param(Arc<str>),
    /// `{$query.…}`: a parameter of the query string.
    Query(Arc<str>),
}

impl Phrase {
    /// Makes a phrase of parts in this order.
    pub fn new(parts: impl IntoIterator<Item = PhrasePart>) -> Self {
        Self { parts: parts.into_iter().collect() }
    }

    /// Returns the text with the values of a viewer and an address filled in. A missing value is empty.
    pub fn fill(&self, viewer: &Viewer, values: &RouteValues) -> String {
        self.fill_as(viewer, values, |value, words| words.push_str(value))
    }

    /// Returns the text like [`fill`](Self::fill), but `write` appends each value, for instance percent-encoded
    /// where the text is an address. Literal text is not passed to it.
    pub fn fill_as(
        &self,
        viewer: &Viewer,
        values: &RouteValues,
        write: impl Fn(&str, &mut String),
    ) -> String {
        let mut words = String::new();
        for part in self.parts.iter() {
            match part {
                PhrasePart::Text(text) => words.push_str(text),
                PhrasePart::CurrentUser(attribute) => {
                    write(attribute.text(viewer).unwrap_or_default(), &mut words);
                }
                PhrasePart::Param(name) => {
                    write(values.param(name).unwrap_or_default(), &mut words);
                }
                PhrasePart::Query(name) => {
                    write(values.query(name).unwrap_or_default(), &mut words);
                }
            }
        }
        words
    }

    /// Whether the phrase uses this parameter of the query string.
    pub fn asks_query(&self, name: &str) -> bool {
        let asks = |part: &PhrasePart| matches!(part, PhrasePart::Query(known) if **known == *name);
        self.parts.iter().any(asks)
    }

    /// Returns the attributes of the viewer that the phrase inserts; empty ones for a guest. They belong to the
    /// cache key of a page, since the rendered text depends on them.
    pub fn about(&self, viewer: &Viewer) -> impl Iterator<Item = Arc<str>> {
        self.parts.iter().filter_map(|part| match part {
            PhrasePart::CurrentUser(attribute) => {
                Some(attribute.text(viewer).unwrap_or_default().into())
            }
            _ => None,
        })
    }
}
