//! The names of accounts, for `created-by` and `updated-by`.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use crate::model::ids::UserId;
use crate::store::readers::{Readers, settled};
use crate::store::{Store, StoreError};

/// Every account's name by its id, in memory: names are read with every row and change rarely.
#[derive(Clone, Default)]
pub(super) struct UserNames(Arc<RwLock<HashMap<UserId, Arc<str>>>>);

impl UserNames {
    pub(super) async fn load(readers: &Readers) -> Result<Self, StoreError> {
        let people = Self::default();
        people.reload(readers).await?;
        Ok(people)
    }

    pub(super) async fn reload(&self, readers: &Readers) -> Result<(), StoreError> {
        let rows = sqlx::query_as("select id, name from _pagetide_users");
        let rows: Vec<(String, String)> =
            settled!(readers.house(), reader => rows.fetch_all(reader));
        let names = rows.into_iter().map(|(id, name)| (UserId::new(id), name.into())).collect();
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = names;
        Ok(())
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
        self.people.reload(&self.readers).await
    }
}
