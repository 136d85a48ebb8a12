//! The values in the address of a page: parameters of its path and of its query string.

use std::sync::Arc;

/// The values in an address: the parameters of its path, and those of its query string that the page uses.
/// Unknown ones are dropped, so that they make no second cache entry.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct RouteValues {
    params: Vec<Pair>,
    query: Vec<Pair>,
}

type Pair = (Arc<str>, Arc<str>);

impl RouteValues {
    /// Makes the values from pairs of name and value, first of the path, then of the query string.
    pub fn new(params: Vec<(Arc<str>, Arc<str>)>, query: Vec<(Arc<str>, Arc<str>)>) -> Self {
        Self { params, query }
    }

    /// Whether the address has no values.
    pub fn is_empty(&self) -> bool {
        self.params.is_empty() && self.query.is_empty()
    }

    /// The value of a parameter of the path; `None` if it has none of this name.
    pub fn param(&self, name: &str) -> Option<&str> {
        find(&self.params, name)
    }

    /// The value of a parameter of the query string, the first if there are several; `None` if there is none.
    pub fn query(&self, name: &str) -> Option<&str> {
        find(&self.query, name)
    }

    /// Values with the one path parameter `id`, for tests.
    #[cfg(test)]
    pub(crate) fn of(param: &str) -> Self {
        Self { params: vec![("id".into(), param.into())], query: Vec::new() }
    }

    /// Every parameter of the query string as name and value, in order.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.query.iter().map(|(name, value)| (name.as_ref(), value.as_ref()))
    }
}

fn find<'a>(pairs: &'a [Pair], name: &str) -> Option<&'a str> {
    pairs.iter().find(|(known, _)| known.as_ref() == name).map(|(_, value)| value.as_ref())
}
