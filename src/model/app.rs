//! A whole app, as its checked YAML declares it.

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

/// A checked app: every table, field and page that it names exists.
#[derive(Clone, Debug)]
pub struct App {
    /// The name of the app, as pages show it.
    pub name: Arc<str>,
    /// The folder of its YAML file. No file outside it is read.
    pub folder: PathBuf,
    /// The value of `database.url`; `None` if the author gives none.
    pub database_url: Option<String>,
    /// The roles that the author declares, without the built-in ones.
    pub roles: Vec<Role>,
    /// The role of users who sign themselves up; `None` if only an admin can add users.
    pub sign_up: Option<Role>,
    /// The tables in the order of their declaration.
    pub tables: Vec<Arc<Table>>,
    /// The pages in the order of their declaration.
    pub pages: Vec<Arc<Page>>,
    /// The origins of other sites whose exported pages may get live updates from this app.
    pub live_origins: Vec<Origin>,
    /// The built-in pages for admins about the tables. An author's page with the same path replaces one.
    pub admin_pages: Vec<Arc<Page>>,
    /// The colours, fonts and spacing of all pages.
    pub theme: Theme,
    /// The author's templates, each of which replaces the built-in one of its name.
    pub templates: Vec<Template>,
}

/// A template that the author wrote, in place of a built-in one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// The file name, such as `layout.html`.
    pub name: Arc<str>,
    /// The text of the template.
    pub source: Arc<str>,
}

impl App {
    /// Returns the table with this name. `None` if there is none.
    pub fn table(&self, name: &TableName) -> Option<&Arc<Table>> {
        self.tables.iter().find(|table| table.name == *name)
    }

    /// Returns every role that a user can have: the built-in ones, then the author's.
    pub fn all_roles(&self) -> Vec<Role> {
        let built_in = BUILT_IN_ROLES.iter().map(|role| role.parse().expect("it is a role"));
        built_in.chain(self.roles.iter().cloned()).collect()
    }

    /// Whether the page at this path is a built-in page for admins, not replaced by one of the author's.
    pub fn is_for_admins(&self, path: &str) -> bool {
        let is_here = |page: &Arc<Page>| page.path.as_ref() == path;
        self.admin_pages.iter().any(is_here) && !self.pages.iter().any(is_here)
    }

    /// Whether the viewer may open the page. Without `access`, they need to read (or for a form, to add to) the
    /// tables of all components that they see.
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
        // A component that is hidden from the viewer does not close the page to them.
        page.seen_by(viewer).into_iter().all(is_open)
    }
}

impl App {
    /// Returns the view of a table for a viewer. `None` if there is no such table, or they may not read it.
    pub fn view(&self, table: &TableName, viewer: &Viewer) -> Option<View> {
        Some(self.with_related(self.table(table)?.view(viewer)?))
    }

    /// Returns the view of a table for a viewer who adds a record. `None` if there is no such table, or they
    /// may neither read it nor add to it.
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
            // A closed table gives a field no labels and no choices. The id in the field is still shown.
            let rows = seen.map_or_else(Filter::none, |view| view.rows);
            Some(Related { field, table, display, rows })
        });
        View { related: related.collect(), ..view }
    }
}
