//! `link`: a link to another page or site.

use crate::model::components::component_type::ComponentType;
use crate::model::phrase::Phrase;

/// A `link` component: a link to another page or site.
#[derive(Clone, Debug)]
pub struct Link {
    /// The target: a path of this app, or an http, https, mailto or tel address. It may contain variables.
    pub href: Phrase,
    /// The text of the link, which may contain variables.
    pub label: Phrase,
}

impl ComponentType for Link {
    fn phrases(&self) -> Vec<&Phrase> {
        vec![&self.href, &self.label]
    }
}
