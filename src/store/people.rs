//! The names of accounts, for `created-by` and `updated-by`.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use crate::model::ids::UserId;
use crate::store::own::{OwnRow, OwnStatement};
use crate::store::{Store, StoreError, on};

/// Every account's name by its id, in memory: names are read with every row and change rarely.
#[derive(Clone, Default)]
pub(super) struct UserNames(Arc<RwLock<HashMap<UserId, Arc<str>>>>);

impl UserNames {
    /// The statement that selects the id and the name of every account.
    pub(super) fn statement() -> OwnStatement {
        OwnStatement::new("select id, name from _pagetide_users", Vec::new())
    }

    /// Puts these rows of [`statement`](Self::statement) in the place of all names.
    pub(super) fn replace_by(&self, rows: &[OwnRow]) {
        let name = |row: &OwnRow| (UserId::new(row.always_text(0)), row.always_text(1).into());
        let names = rows.iter().map(name).collect();
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = names;
    }

    pub(super) fn add(&self, id: UserId, name: Arc<str>) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(id, name);
    }

    /// The name of an account, as it was when the names were last read. `None` if there was no such account.
    pub(super) fn name(&self, id: &UserId) -> Option<Arc<str>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }
}

impl Store {
    /// Reads the names of all accounts into memory again.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn reload_people(&self) -> Result<(), StoreError> {
        let rows = self.own_rows(UserNames::statement()).await?;
        on!(self, engine => engine.people.replace_by(&rows));
        Ok(())
    }
}
