//! The whole app: what a checked YAML file comes to.

use std::path::PathBuf;
use std::sync::Arc;

use crate::model::access::View;
use crate::model::components::component::Component;
use crate::model::filter::Filter;
use crate::model::ids::{BUILT_IN_ROLES, Role, TableName};
use crate::model::origin::Origin;
use crate::model::page::Page;
use crate::model::permissions::Operation;
use crate::model::related::Related;
use crate::model::table::Table;
use crate::model::theme::Theme;
use crate::model::viewer::Viewer;

/// An app that holds: every name in it leads somewhere.
#[derive(Clone, Debug)]
pub struct App {
    /// What the app calls itself.
    pub name: Arc<str>,
    /// The folder its YAML stands in; nothing outside it is read.
    pub folder: PathBuf,
    /// `database.url`, where the author gives one.
    pub database_url: Option<String>,
    /// Roles beside the built-in ones.
    pub roles: Vec<Role>,
    /// The role of people who sign themselves up; absent: nobody may.
    pub sign_up: Option<Role>,
    /// The tables in the order of their declaration.
    pub tables: Vec<Arc<Table>>,
    /// The pages in the order of their declaration.
    pub pages: Vec<Arc<Page>>,
    /// The sites whose exported pages this app keeps live.
    pub live_origins: Vec<Origin>,
    /// The pages about its tables that it has for its admins. One of the author's on the same path
    /// takes the place of one of these.
    pub admin_pages: Vec<Arc<Page>>,
    /// The colours, fonts and spacing of all pages.
    pub theme: Theme,
    /// What takes the place of built-in templates.
    pub templates: Vec<Template>,
}

/// A template as its author wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// The name, as in `layout.html`.
    pub name: Arc<str>,
    /// The text of the template.
    pub source: Arc<str>,
}

impl App {
    /// The table of this name.
    pub fn table(&self, name: &TableName) -> Option<&Arc<Table>> {
        self.tables.iter().find(|table| table.name == *name)
    }

    /// Every role that people of this app can have.
    pub fn all_roles(&self) -> Vec<Role> {
        let built_in = BUILT_IN_ROLES.iter().map(|role| role.parse().expect("it is a role"));
        built_in.chain(self.roles.iter().cloned()).collect()
    }

    /// Whether the page at this path is one that every app has for its admins.
    pub fn is_for_admins(&self, path: &str) -> bool {
        let is_here = |page: &Arc<Page>| page.path.as_ref() == path;
        self.admin_pages.iter().any(is_here) && !self.pages.iter().any(is_here)
    }

    /// Whether the viewer may open the page. One without `access` is as public as the data on it.
    pub fn may_open(&self, page: &Page, viewer: &Viewer) -> bool {
        if let Some(access) = &page.access {
            return access.require.allows(viewer);
        }
        let is_open = |component: &Component| {
            let table = component.data_source().and_then(|source| self.table(&source.table));
            table.is_none_or(|table| {
                table.allows(viewer, Operation::Read)
                    || component.adds_records() && table.allows(viewer, Operation::Create)
            })
        };
        page.seen_by(viewer).into_iter().all(is_open)
    }
}

impl App {
    /// A table as the viewer sees it; nothing if there is none, or it is closed to them.
    pub fn view(&self, table: &TableName, viewer: &Viewer) -> Option<View> {
        Some(self.with_related(self.table(table)?.view(viewer)?))
    }

    /// A table as the viewer sees it who adds a record to it; nothing if there is none, or they may
    /// neither read it nor add to it.
    pub fn view_to_add(&self, table: &TableName, viewer: &Viewer) -> Option<View> {
        Some(self.with_related(self.table(table)?.view_to_add(viewer)?))
    }

    fn with_related(&self, view: View) -> View {
        let viewer = &view.viewer;
        let related = view.table.links().filter_map(|(field, name, _)| {
            let table = self.table(name)?.clone();
            let seen = table.view(viewer);
            let display = table.display_field;
            let display =
                display.filter(|at| seen.as_ref().is_some_and(|view| view.fields.contains(*at)));
            // Of a table that is closed to them, there are no records for them.
            let rows = seen.map_or_else(Filter::none, |view| view.rows);
            Some(Related { field, table, display, rows })
        });
        View { related: related.collect(), ..view }
    }
}
