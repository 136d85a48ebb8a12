//! The names of accounts, for `created-by` and `updated-by`.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use sqlx::SqlitePool;

use crate::model::ids::UserId;
use crate::store::StoreError;

/// Every account's name by its id, in memory: names are read with every row and change rarely.
#[derive(Clone, Default)]
pub(super) struct People(Arc<RwLock<HashMap<UserId, Arc<str>>>>);

impl People {
    pub(super) async fn load(readers: &SqlitePool) -> Result<Self, StoreError> {
        let rows: Vec<(String, String)> =
            sqlx::query_as("select id, name from _pagetide_users").fetch_all(readers).await?;
        let people = Self::default();
        for (id, name) in rows {
            people.add(UserId::new(id), name.into());
        }
        Ok(people)
    }

    pub(super) fn add(&self, id: UserId, name: Arc<str>) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(id, name);
    }

    pub(super) fn name(&self, id: &UserId) -> Option<Arc<str>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }
}
