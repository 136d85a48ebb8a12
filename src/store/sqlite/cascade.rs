//! Removes records with the records that refer to them (`on delete cascade`), where the chain of references
//! is longer than SQLite follows in one statement.

use std::collections::{BTreeMap, HashSet};

use sqlx::{AssertSqlSafe, Row, SqliteConnection};

use crate::model::ids::RecordId;
use crate::store::StoreError;
use crate::store::sqlite::meaning::column;
use crate::store::sqlite::transaction;

/// How many links of a chain one statement follows. SQLite goes 1,000 deep, and triggers of other programs
/// may need some of that.
const LINKS_AT_ONCE: usize = 400;

/// Selects every field whose record is removed with the one that it refers to: the table, the field, and the
/// table it refers to. Only tables of the app are searched, which are known by our triggers on them.
const CASCADES: &str = "
  select child.name, link.\"from\", link.\"table\"
  from sqlite_master as child, pragma_foreign_key_list(child.name) as link
  where child.type = 'table' and link.on_delete = 'CASCADE' and exists (
    select 1 from sqlite_master
    where type = 'trigger' and name = '_pagetide_' || child.name || '_after_insert')";

/// The ids of records, by table.
type Level = BTreeMap<String, Vec<i64>>;

/// A field of the table `child` that refers to the table `parent`, which may be the same.
struct Cascade {
    child: String,
    field: String,
    parent: String,
}

/// Removes records and all records that are removed with them, the ends of the chains first. On failure
/// nothing is removed.
pub(super) async fn remove(
    connection: &mut SqliteConnection,
    table: &str,
    ids: &[RecordId],
) -> Result<(), StoreError> {
    transaction::set_savepoint(connection).await?;
    let removed = by_levels(connection, table, ids).await;
    if removed.is_ok() {
        transaction::release_savepoint(connection).await?;
    } else if transaction::is_open(connection).await {
        transaction::roll_back_to_savepoint(connection).await?;
    }
    removed
}

async fn by_levels(
    connection: &mut SqliteConnection,
    table: &str,
    ids: &[RecordId],
) -> Result<(), StoreError> {
    // One removed record may refer to another by a field that forbids its removal. With deferred foreign
    // keys that is checked at the commit, when both are gone.
    sqlx::raw_sql("pragma defer_foreign_keys = on").execute(&mut *connection).await?;
    let first = ids.iter().map(|id| id.get()).collect();
    let levels = levels(connection, Level::from([(table.to_owned(), first)])).await?;
    for level in levels.iter().step_by(LINKS_AT_ONCE).rev() {
        for (table, ids) in level {
            let sql = format!(
                "delete from \"{table}\" where {} in (select value from json_each(?))",
                column(table, "id")
            );
            sqlx::query(AssertSqlSafe(sql)).bind(id_list(ids)).execute(&mut *connection).await?;
        }
    }
    Ok(())
}

/// Returns the records themselves as the first level, then those that refer to them, and so on.
async fn levels(connection: &mut SqliteConnection, first: Level) -> Result<Vec<Level>, StoreError> {
    let rows = sqlx::query(CASCADES).fetch_all(&mut *connection).await?;
    let cascade = |row: &_| Cascade {
        child: record_id_at(row, 0),
        field: record_id_at(row, 1),
        parent: record_id_at(row, 2),
    };
    let cascades: Vec<_> = rows.iter().map(cascade).collect();
    let mut seen: HashSet<(String, i64)> = HashSet::new();
    let mut levels = Vec::new();
    let mut level = first;
    while !level.is_empty() {
        let mut next = Level::new();
        for Cascade { child, field, parent } in &cascades {
            let Some(ids) = level.get(parent) else { continue };
            let sql = format!(
                "select {} from \"{child}\" where {} in (select value from json_each(?))",
                column(child, "id"),
                column(child, field)
            );
            let found = sqlx::query_scalar::<_, i64>(AssertSqlSafe(sql)).bind(id_list(ids));
            for id in found.fetch_all(&mut *connection).await? {
                if seen.insert((child.clone(), id)) {
                    next.entry(child.clone()).or_default().push(id);
                }
            }
        }
        levels.push(std::mem::replace(&mut level, next));
    }
    Ok(levels)
}

fn record_id_at(row: &sqlx::sqlite::SqliteRow, column: usize) -> String {
    row.get(column)
}

fn id_list(ids: &[i64]) -> String {
    serde_json::to_string(ids).unwrap_or_default()
}
