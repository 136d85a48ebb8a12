//! Words that an author writes with values in them: of the address, or about whoever looks.

use std::sync::Arc;

use crate::model::operand::Attribute;
use crate::model::route::RouteValues;
use crate::model::viewer::Viewer;

/// Words with values in them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Phrase {
    parts: Arc<[PhrasePart]>,
}

/// A part of a phrase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PhrasePart {
    /// The same for all.
    Text(Arc<str>),
    /// `{$currentUser.…}`: nothing for guests.
    CurrentUser(Attribute),
    /// `{$params.…}`: a parameter of the page's path.
    Param(Arc<str>),
    /// `{$query.…}`: what the query string gives under this name.
    Query(Arc<str>),
}

impl Phrase {
    /// What these parts say, one after the other.
    pub fn new(parts: impl IntoIterator<Item = PhrasePart>) -> Self {
        Self { parts: parts.into_iter().collect() }
    }

    /// The words for this viewer, at an address that gives these values. Of what is missing there is
    /// nothing.
    pub fn fill(&self, viewer: &Viewer, values: &RouteValues) -> String {
        self.fill_as(viewer, values, |value, words| words.push_str(value))
    }

    /// The same, with the values written as they stand where the words lead to.
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

    /// Whether one of its values is what the query string gives under this name.
    pub fn asks_query(&self, name: &str) -> bool {
        let asks = |part: &PhrasePart| matches!(part, PhrasePart::Query(known) if **known == *name);
        self.parts.iter().any(asks)
    }

    /// What it says about this viewer, value by value.
    pub fn about(&self, viewer: &Viewer) -> impl Iterator<Item = Arc<str>> {
        self.parts.iter().filter_map(|part| match part {
            PhrasePart::CurrentUser(attribute) => {
                Some(attribute.text(viewer).unwrap_or_default().into())
            }
            _ => None,
        })
    }
}
