//! The values that the address of a page gives.

use std::sync::Arc;

/// The values that an address gives: the parameters of its path, and what of its query string the
/// page knows. What it does not know is as if it were not there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct RouteValues {
    params: Vec<Pair>,
    query: Vec<Pair>,
}

type Pair = (Arc<str>, Arc<str>);

impl RouteValues {
    /// The values of these parameters of a path, and of these names of its query string.
    pub fn new(params: Vec<(Arc<str>, Arc<str>)>, query: Vec<(Arc<str>, Arc<str>)>) -> Self {
        Self { params, query }
    }

    /// Whether the address gives nothing.
    pub fn is_empty(&self) -> bool {
        self.params.is_empty() && self.query.is_empty()
    }

    /// The value of a parameter of the path.
    pub fn param(&self, name: &str) -> Option<&str> {
        find(&self.params, name)
    }

    /// The value of this name in the query string; the first, where there are several.
    pub fn query(&self, name: &str) -> Option<&str> {
        find(&self.query, name)
    }

    /// Values with one parameter, for tests.
    #[cfg(test)]
    pub(crate) fn of(param: &str) -> Self {
        Self { params: vec![("id".into(), param.into())], query: Vec::new() }
    }

    /// Every name of the query string with its value, in order.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.query.iter().map(|(name, value)| (name.as_ref(), value.as_ref()))
    }
}

fn find<'a>(pairs: &'a [Pair], name: &str) -> Option<&'a str> {
    pairs.iter().find(|(known, _)| known.as_ref() == name).map(|(_, value)| value.as_ref())
}
