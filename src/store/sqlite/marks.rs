//! Two hashes that are stored in the database, of the permissions of the app and of the schema of the
//! database. If one of them has changed at a start, a new history begins: while no server ran, the
//! permissions or the triggers that fill the change log may have been changed.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use sqlx::SqliteConnection;

use crate::model::shape;
use crate::model::table::Table;
use crate::store::StoreError;

/// Selects the whole schema as one text, with the rows that it is in: what was dropped and created again in
/// the same way is in another row.
const PARTS: &str = "
  select coalesce(group_concat(part, char(10)), '') from (
    select rowid || ' ' || rootpage || ' ' || coalesce(sql, name) as part
    from sqlite_master order by rowid)";
/// Stores the hash of the schema.
pub(super) const KEEP_PARTS: &str = "
  insert into _pagetide_meta (key, value) values ('parts', ?)
  on conflict (key) do update set value = excluded.value where value <> excluded.value";
const KEEP_RIGHTS: &str = "insert or replace into _pagetide_meta (key, value) values ('rights', ?)";

/// The two hashes. `None` if the database has not stored one yet.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Marks {
    /// The hash of the permissions.
    rights: Option<String>,
    /// The hash of the schema.
    parts: Option<String>,
}

impl Marks {
    /// Returns the hashes of these tables as declared, and of the database as it is now.
    pub(super) async fn of(
        connection: &mut SqliteConnection,
        tables: &[Arc<Table>],
    ) -> Result<Self, StoreError> {
        let rights = shape::rights(tables);
        let parts = parts(connection).await?;
        Ok(Self { rights: Some(rights), parts: Some(parts) })
    }

    /// Reads the hashes that were last stored.
    pub(super) async fn kept(connection: &mut SqliteConnection) -> Result<Self, StoreError> {
        let sql = "select (select value from _pagetide_meta where key = 'rights'),
                          (select value from _pagetide_meta where key = 'parts')";
        let (rights, parts) = sqlx::query_as(sql).fetch_one(connection).await?;
        Ok(Self { rights, parts })
    }

    /// Stores the hashes in the database.
    pub(super) async fn keep(self, connection: &mut SqliteConnection) -> Result<(), StoreError> {
        for (sql, mark) in [(KEEP_RIGHTS, self.rights), (KEEP_PARTS, self.parts)] {
            sqlx::query(sql).bind(mark).execute(&mut *connection).await?;
        }
        Ok(())
    }
}

/// Returns the hash of the schema as it is now.
pub(super) async fn parts(connection: &mut SqliteConnection) -> Result<String, StoreError> {
    let version: i64 =
        sqlx::query_scalar("pragma schema_version").fetch_one(&mut *connection).await?;
    let parts: String = sqlx::query_scalar(PARTS).fetch_one(connection).await?;
    let hash = Sha256::digest(format!("{version}\n{parts}"));
    Ok(URL_SAFE_NO_PAD.encode(&hash[..12]))
}
