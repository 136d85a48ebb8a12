//! A page as declared: where it is, who may open it, what is on it.

use std::sync::Arc;

use crate::model::components::component::{Component, ComponentKind};
use crate::model::components::data_table::DataTable;
use crate::model::ids::ComponentId;
use crate::model::permissions::Grant;
use crate::model::phrase::Phrase;
use crate::model::viewer::Viewer;

/// A page as it was declared, checked.
#[derive(Clone, Debug)]
pub struct Page {
    /// What people read in menus and on the tab.
    pub name: Arc<str>,
    /// Where it is reached; starts with `/`, without a slash at the end. A segment that begins with
    /// `:` is a parameter.
    pub path: Arc<str>,
    /// What search engines and previews read.
    pub meta: Meta,
    /// Who may open it; absent: as public as the data on it.
    pub access: Option<PageAccess>,
    /// Whether people on it see who else is.
    pub presence: bool,
    /// What is on it, from top to bottom.
    pub components: Vec<Component>,
}

/// What search engines and previews read of a page.
#[derive(Clone, Debug, Default)]
pub struct Meta {
    /// The title on the tab; absent: the page's name.
    pub title: Option<Phrase>,
    /// One or two sentences about the page.
    pub description: Option<Phrase>,
}

/// Who may open a page, and where the others are sent.
#[derive(Clone, Debug)]
pub struct PageAccess {
    /// Who may open it.
    pub require: Grant,
    /// Where others go instead of the sign-in page.
    pub redirect_to: Option<Arc<str>>,
}

impl Page {
    /// Every component of the page, those inside containers too, parents first.
    pub fn all(&self) -> Vec<&Component> {
        self.components.iter().flat_map(Component::with_children).collect()
    }

    /// Every component that the viewer may see, those inside containers too, parents first.
    pub fn seen_by(&self, viewer: &Viewer) -> Vec<&Component> {
        self.components.iter().flat_map(|component| component.seen_by(viewer)).collect()
    }

    /// Whether a name in a query string means something to one of its components.
    pub fn knows(&self, name: &str) -> bool {
        let asks = |component: &&Component| component.knows(name);
        let Meta { title, description } = &self.meta;
        self.all().iter().any(asks)
            || [title, description].into_iter().flatten().any(|phrase| phrase.asks_query(name))
            || self.tables().any(|(prefix, table)| {
                name.strip_prefix(&prefix).is_some_and(|name| table.knows(name))
            })
    }

    /// What the names begin with by which viewers choose about a table: its id, where there are
    /// several.
    pub fn prefix(&self, id: &ComponentId) -> String {
        if self.tables().nth(1).is_some() { format!("{id}.") } else { String::new() }
    }

    /// Every data table with the prefix of its names.
    fn tables(&self) -> impl Iterator<Item = (String, &DataTable)> {
        let tables = self.all().into_iter().filter_map(|component| {
            let ComponentKind::DataTable(table) = &component.kind else { return None };
            Some((&component.id, &**table))
        });
        let tables: Vec<_> = tables.collect();
        let is_one = tables.len() == 1;
        let named = move |(id, table): (&ComponentId, _)| {
            (if is_one { String::new() } else { format!("{id}.") }, table)
        };
        tables.into_iter().map(named)
    }

    /// Whether one of its components says where the people on it are shown.
    pub fn places_presence(&self) -> bool {
        let placed =
            |component: &&Component| matches!(component.kind, ComponentKind::PresenceList(_));
        self.all().iter().any(placed)
    }

    /// The component of this id, if the viewer may see it.
    pub fn component(&self, id: &ComponentId, viewer: &Viewer) -> Option<&Component> {
        self.seen_by(viewer).into_iter().find(|component| component.id == *id)
    }

    /// What its path is made of. One that begins with `:` stands for any value.
    pub fn segments(&self) -> impl Iterator<Item = &str> {
        self.path.split('/').skip(1)
    }

    /// The names of the parameters of its path.
    pub fn params(&self) -> impl Iterator<Item = &str> {
        self.segments().filter_map(|segment| segment.strip_prefix(':'))
    }

    /// Whether its path has parameters, so that it is a page for each value of them.
    pub fn has_params(&self) -> bool {
        self.params().next().is_some()
    }
}
