//! `link`: a way to another page.

use crate::model::components::component_type::ComponentType;
use crate::model::phrase::Phrase;

/// A `link` component: a way to another page.
#[derive(Clone, Debug)]
pub struct Link {
    /// Where it leads: a path of this app, or an http, https, mailto or tel address.
    pub href: Phrase,
    /// The words on it.
    pub label: Phrase,
}

impl ComponentType for Link {
    fn phrases(&self) -> Vec<&Phrase> {
        vec![&self.href, &self.label]
    }
}
