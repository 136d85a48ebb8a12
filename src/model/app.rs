//! The whole app: what a checked YAML file comes to.

use std::path::PathBuf;
use std::sync::Arc;

use crate::model::ids::{Role, TableName};
use crate::model::page::Page;
use crate::model::table::Table;

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
    /// Tables as declared.
    pub tables: Vec<Arc<Table>>,
    /// Pages as declared.
    pub pages: Vec<Arc<Page>>,
}

impl App {
    /// The table of this name.
    pub fn table(&self, name: &TableName) -> Option<&Arc<Table>> {
        self.tables.iter().find(|table| table.name == *name)
    }
}
