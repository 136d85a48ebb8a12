//! The SQL statements that insert, update and delete rows of a table.

use sea_query::{Alias, ExprTrait, InsertStatement, Query as Sql, SimpleExpr, SqliteQueryBuilder};
use sea_query_sqlx::{SqlxBinder, SqlxValues};
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Row, SqliteConnection};

use crate::model::field::{Field, FieldAt};
use crate::model::filter::{Filter, Test};
use crate::model::ids::RecordId;
use crate::model::table::Table;
use crate::model::value::Value;
use crate::store::StoreError;
use crate::store::sqlite::select::{among, column, condition, sql_value};
use crate::store::sqlite::{cascade, meaning, transaction};
use crate::store::write::Upsert;

/// Runs statements and returns their rows. If one fails, all are undone. Even a single statement needs that,
/// since another program's trigger can stop it halfway with `raise(fail)`.
pub(super) async fn guarded(
    connection: &mut SqliteConnection,
    sql: &str,
    values: SqlxValues,
) -> Result<Vec<SqliteRow>, StoreError> {
    let sql = format!("savepoint guarded; {sql}; release guarded");
    let done = sqlx::query_with(AssertSqlSafe(sql), values).fetch_all(&mut *connection).await;
    if done.is_err() && transaction::is_open(connection).await {
        let undo = "rollback to guarded; release guarded";
        sqlx::raw_sql(undo).execute(connection).await?;
    }
    Ok(done?)
}

/// Returns the id of the record that has the key of an upsert. `None` if there is none.
pub(super) async fn by_key(
    connection: &mut SqliteConnection,
    table: &Table,
    merge: &Upsert,
) -> Result<Option<RecordId>, StoreError> {
    let mut sql = Sql::select();
    sql.expr(column(table, FieldAt::ID)).from(Alias::new(table.name.as_str()));
    sql.and_where(condition(table, &Filter::Test(merge.on, Test::Eq(merge.key.clone()))));
    let (sql, values) = sql.build_sqlx(SqliteQueryBuilder);
    let id: Option<i64> =
        sqlx::query_scalar_with(AssertSqlSafe(sql), values).fetch_optional(connection).await?;
    Ok(id.map(RecordId::from))
}

/// Inserts a row with these values.
pub(super) async fn insert(
    connection: &mut SqliteConnection,
    table: &Table,
    values: &[(FieldAt, Value)],
) -> Result<(), StoreError> {
    let (sql, values) = insertion(table, values).build_sqlx(SqliteQueryBuilder);
    sqlx::query_with(AssertSqlSafe(sql), values).execute(connection).await?;
    Ok(())
}

fn insertion(table: &Table, values: &[(FieldAt, Value)]) -> InsertStatement {
    let mut sql = Sql::insert();
    sql.into_table(Alias::new(table.name.as_str()));
    if values.is_empty() {
        sql.or_default_values();
    } else {
        sql.columns(values.iter().map(|(at, _)| Alias::new(table.field(*at).name.as_str())));
        sql.values_panic(values.iter().map(|(_, value)| SimpleExpr::from(sql_value(value))));
    }
    sql
}

/// Returns the statements that insert a row and read it as the database completed it. They return one row.
/// Its columns are all null if a trigger skipped the insert or removed the row again; `changes()` is checked
/// for that, since `last_insert_rowid()` would then be the id of an earlier row.
pub(super) fn insert_and_read(table: &Table, values: &[(FieldAt, Value)]) -> (String, SqlxValues) {
    let (mut sql, values) = insertion(table, values).build_sqlx(SqliteQueryBuilder);
    let column = |field: &Field| meaning::column(table.name.as_str(), field.name.as_str());
    let columns = table.fields.iter().map(column);
    let columns = columns.collect::<Vec<_>>().join(", ");
    let name = &table.name;
    sql.push_str(&format!(
        "; select {columns} from (select last_insert_rowid() as \"_made\", changes() as \"_number\") \
         left join \"{name}\" on \"{name}\".\"id\" = \"_made\" and \"_number\" > 0"
    ));
    (sql, values)
}

/// Sets fields of a row. Returns whether a row was changed: there is one with this id and, if `expected` is
/// given, with one of these `updated-at` values.
pub(super) async fn update(
    connection: &mut SqliteConnection,
    table: &Table,
    id: RecordId,
    values: &[(FieldAt, Value)],
    expected: Option<&[Value]>,
) -> Result<bool, StoreError> {
    let name = |at: FieldAt| Alias::new(table.field(at).name.as_str());
    let mut sql = Sql::update();
    sql.table(Alias::new(table.name.as_str()));
    sql.values(values.iter().map(|(at, value)| (name(*at), sql_value(value).into())));
    sql.and_where(column(table, FieldAt::ID).eq(id.get()));
    if let Some(expected) = expected {
        let Some(at) = table.updated_at() else { return Ok(false) };
        sql.and_where(column(table, at).is_in(expected.iter().map(sql_value)));
    }
    let (sql, values) = sql.build_sqlx(SqliteQueryBuilder);
    Ok(changes(connection, &sql, values).await? > 0)
}

/// Runs a statement and returns how many rows it changed.
async fn changes(
    connection: &mut SqliteConnection,
    sql: &str,
    values: SqlxValues,
) -> Result<i64, StoreError> {
    let rows = guarded(connection, &format!("{sql}; select changes()"), values).await?;
    Ok(rows.first().map_or(Ok(0), |row| row.try_get(0))?)
}

/// Removes rows, and returns the ids of those that are still there.
pub(super) async fn delete(
    connection: &mut SqliteConnection,
    table: &Table,
    ids: &[RecordId],
) -> Result<Vec<RecordId>, StoreError> {
    let mut sql = Sql::delete();
    sql.from_table(Alias::new(table.name.as_str()));
    sql.and_where(among(table, ids));
    let (sql, values) = sql.build_sqlx(SqliteQueryBuilder);
    match changes(connection, &sql, values).await {
        Ok(gone) if usize::try_from(gone) == Ok(ids.len()) => return Ok(Vec::new()),
        Ok(_) => {}
        Err(StoreError::TooDeep) => cascade::remove(connection, table.name.as_str(), ids).await?,
        Err(error) => return Err(error),
    }
    // Some rows were removed along with others by a cascade, or a trigger has kept them.
    let mut sql = Sql::select();
    sql.expr(column(table, FieldAt::ID)).from(Alias::new(table.name.as_str()));
    sql.and_where(among(table, ids));
    let (sql, values) = sql.build_sqlx(SqliteQueryBuilder);
    let kept = sqlx::query_scalar_with::<_, i64, _>(AssertSqlSafe(sql), values);
    Ok(kept.fetch_all(connection).await?.into_iter().map(RecordId::from).collect())
}
