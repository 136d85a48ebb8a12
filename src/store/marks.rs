//! What must be as it was when the database was served last, for its history to go on: who may read what,
//! and the parts of the database that fill the change log. Either can change while nobody looks.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use sqlx::SqliteConnection;

use crate::model::shape;
use crate::model::table::Table;
use crate::store::StoreError;

/// Everything in the database that was made by a statement, and when: what is made again in the same way
/// stands in another row.
const PARTS: &str = "
  select coalesce(group_concat(part, char(10)), '') from (
    select rowid || ' ' || rootpage || ' ' || coalesce(sql, name) as part
    from sqlite_master order by rowid)";
/// Keeps the mark of these parts.
pub(super) const KEEP_PARTS: &str = "
  insert into _pagetide_meta (key, value) values ('parts', ?)
  on conflict (key) do update set value = excluded.value where value <> excluded.value";
const KEEP_RIGHTS: &str = "insert or replace into _pagetide_meta (key, value) values ('rights', ?)";

/// The two marks; none of what was never served by this version.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Marks {
    rights: Option<String>,
    parts: Option<String>,
}

impl Marks {
    /// As the tables are declared and the database is now.
    pub(super) async fn of(
        connection: &mut SqliteConnection,
        tables: &[Arc<Table>],
    ) -> Result<Self, StoreError> {
        let (rights, parts) = (shape::rights(tables), parts(connection).await?);
        Ok(Self { rights: Some(rights), parts: Some(parts) })
    }

    /// As they were kept.
    pub(super) async fn kept(connection: &mut SqliteConnection) -> Result<Self, StoreError> {
        let sql = "select (select value from _pagetide_meta where key = 'rights'),
                          (select value from _pagetide_meta where key = 'parts')";
        let (rights, parts) = sqlx::query_as(sql).fetch_one(connection).await?;
        Ok(Self { rights, parts })
    }

    /// Writes the marks to the database.
    pub(super) async fn keep(self, connection: &mut SqliteConnection) -> Result<(), StoreError> {
        for (sql, mark) in [(KEEP_RIGHTS, self.rights), (KEEP_PARTS, self.parts)] {
            sqlx::query(sql).bind(mark).execute(&mut *connection).await?;
        }
        Ok(())
    }
}

/// The mark of what is in the database now.
pub(super) async fn parts(connection: &mut SqliteConnection) -> Result<String, StoreError> {
    let version: i64 =
        sqlx::query_scalar("pragma schema_version").fetch_one(&mut *connection).await?;
    let parts: String = sqlx::query_scalar(PARTS).fetch_one(connection).await?;
    let hash = Sha256::digest(format!("{version}\n{parts}"));
    Ok(URL_SAFE_NO_PAD.encode(&hash[..12]))
}
