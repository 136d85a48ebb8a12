//! The pages that every app has: the user's own account, and the pages for admins.

use crate::model::viewer::Viewer;
use crate::pages::{Pages, PagesError};
use crate::render::{AdminNotice, AdminPage, Figures, MenuItem, OwnAccount, RecordPast};

/// The first of the pages for admins.
const ADMIN: &str = "/admin";
/// The other pages for admins.
const ABOUT_PEOPLE: [(&str, &str); 4] = [
    ("People", "/admin/users"),
    ("Sessions", "/admin/sessions"),
    ("Tokens", "/admin/tokens"),
    ("Connections", "/admin/connections"),
];

impl Pages {
    /// Renders the page of the user's own account.
    ///
    /// # Errors
    /// If it cannot be rendered.
    pub fn account(
        &self,
        viewer: &Viewer,
        account: &OwnAccount<'_>,
        nonce: &str,
    ) -> Result<String, PagesError> {
        let menu = self.menu(viewer, "");
        Ok(self.renderer.account(&self.frame(viewer, &menu, nonce), account)?)
    }

    /// Renders a page for admins that is not about records, such as the list of sessions, with a notice.
    ///
    /// # Errors
    /// If it cannot be rendered.
    pub fn admin(
        &self,
        viewer: &Viewer,
        path: &str,
        page: &AdminPage,
        said: AdminNotice<'_>,
        nonce: &str,
    ) -> Result<String, PagesError> {
        let menu = self.menu(viewer, path);
        Ok(self.renderer.admin(&self.frame(viewer, &menu, nonce), page, said)?)
    }

    /// Renders the HTML beside the figures of the tables on the overview for admins.
    ///
    /// # Errors
    /// If it cannot be rendered.
    pub fn admin_figures(&self, figures: Figures) -> Result<String, PagesError> {
        Ok(self.renderer.admin_figures(figures)?)
    }

    /// Renders the history of a record, which is shown below it.
    ///
    /// # Errors
    /// If it cannot be rendered.
    pub fn admin_history(&self, past: &RecordPast) -> Result<String, PagesError> {
        Ok(self.renderer.admin_history(past)?)
    }

    /// Returns the menu of the pages for admins. `None` on other pages.
    pub(super) fn admin_menu(&self, viewer: &Viewer, path: &str) -> Option<Vec<MenuItem>> {
        let overview = self.app.at(ADMIN).filter(|at| self.app.may_open(&at.page, viewer))?;
        let is_among = path == ADMIN || path.starts_with("/admin/");
        if !self.app.is_for_admins(ADMIN) || !is_among {
            return None;
        }
        let item = |label: &str, to: &str| {
            let is_below = path.strip_prefix(to).is_some_and(|rest| rest.starts_with('/'));
            let current = path == to || (to != ADMIN && is_below);
            MenuItem { label: label.into(), path: to.into(), current }
        };
        let mut menu = vec![item(&overview.page.name, ADMIN)];
        let tables = self.app.tables.iter().map(|table| {
            let path = format!("{ADMIN}/tables/{}", table.name);
            (table, path)
        });
        let open = tables.filter(|(_, path)| self.app.is_for_admins(path));
        menu.extend(open.map(|(table, path)| item(table.name.as_str(), &path)));
        menu.extend(ABOUT_PEOPLE.iter().map(|(label, to)| item(label, to)));
        Some(menu)
    }
}
