//! A page as declared: its path, the viewers who may open it, and its components.

use std::sync::Arc;

use crate::model::components::component::{Component, ComponentKind};
use crate::model::components::data_table::DataTable;
use crate::model::ids::ComponentId;
use crate::model::permissions::Grant;
use crate::model::phrase::Phrase;
use crate::model::viewer::Viewer;

/// A page as declared in YAML and checked.
#[derive(Clone, Debug)]
pub struct Page {
    /// The name in menus, and on the browser's tab if `meta` has no title.
    pub name: Arc<str>,
    /// The path of its address. It starts with `/` and, but for `/` itself, does not end with one. A segment
    /// that begins with `:` is a parameter: `/orders/:id`.
    pub path: Arc<str>,
    /// The title and description for search engines and link previews.
    pub meta: Meta,
    /// The viewers who may open the page. `None` if `access` is not given: then all may who may read the data
    /// on it (see `App::may_open`).
    pub access: Option<PageAccess>,
    /// Whether users on the page see which other users are on it.
    pub presence: bool,
    /// The components of the page, from top to bottom; those inside containers are held by their container.
    pub components: Vec<Component>,
}

/// The title and description of a page, for search engines and link previews.
#[derive(Clone, Debug, Default)]
pub struct Meta {
    /// The title on the browser's tab; `None` for the page's name.
    pub title: Option<Phrase>,
    /// One or two sentences about the page; `None` if it has no description.
    pub description: Option<Phrase>,
}

/// The viewers who may open a page, and the path to which others are redirected.
#[derive(Clone, Debug)]
pub struct PageAccess {
    /// The viewers who may open the page.
    pub require: Grant,
    /// The path to which others are redirected; `None` for the sign-in page.
    pub redirect_to: Option<Arc<str>>,
}

impl Page {
    /// Returns every component of the page, those inside containers too, each container before its children.
    pub fn all(&self) -> Vec<&Component> {
        self.components.iter().flat_map(Component::with_children).collect()
    }

    /// Returns every component that the viewer may see, those inside containers too, each container before its
    /// children.
    pub fn seen_by(&self, viewer: &Viewer) -> Vec<&Component> {
        self.components.iter().flat_map(|component| component.seen_by(viewer)).collect()
    }

    /// Whether the page uses a parameter of the query string: in a component, in `meta`, or as a choice about
    /// a data table such as `sort`. Others are ignored, so that invented ones make no second cache entry.
    pub fn knows(&self, name: &str) -> bool {
        let asks = |component: &&Component| component.knows(name);
        let Meta { title, description } = &self.meta;
        self.all().iter().any(asks)
            || [title, description].into_iter().flatten().any(|phrase| phrase.asks_query(name))
            || self.tables().any(|(prefix, table)| {
                name.strip_prefix(&prefix).is_some_and(|name| table.knows(name))
            })
    }

    /// The prefix of a data table's parameters in the query string: `orders.` for the id `orders`. Empty if the
    /// page has only one data table.
    pub fn prefix(&self, id: &ComponentId) -> String {
        if self.tables().nth(1).is_some() { format!("{id}.") } else { String::new() }
    }

    /// Returns every data table of the page with the [prefix](Self::prefix) of its parameters.
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

    /// Whether the page has a `presence` component, which shows the users on the page in its own place.
    pub fn places_presence(&self) -> bool {
        let placed =
            |component: &&Component| matches!(component.kind, ComponentKind::PresenceList(_));
        self.all().iter().any(placed)
    }

    /// Returns the component with this id. `None` if there is none, or the viewer may not see it.
    pub fn component(&self, id: &ComponentId, viewer: &Viewer) -> Option<&Component> {
        self.seen_by(viewer).into_iter().find(|component| component.id == *id)
    }

    /// The segments of its path, without the slashes. A segment that begins with `:` is a parameter.
    pub fn segments(&self) -> impl Iterator<Item = &str> {
        self.path.split('/').skip(1)
    }

    /// The names of the parameters in its path, without the `:`.
    pub fn params(&self) -> impl Iterator<Item = &str> {
        self.segments().filter_map(|segment| segment.strip_prefix(':'))
    }

    /// Whether its path has parameters, so that it serves many addresses.
    pub fn has_params(&self) -> bool {
        self.params().next().is_some()
    }
}
