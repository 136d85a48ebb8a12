//! What a write does to the rows, statement by statement.

use sea_query::{Alias, Expr, ExprTrait, Query as Sql, SimpleExpr, SqliteQueryBuilder};
use sea_query_sqlx::SqlxBinder;
use sqlx::{AssertSqlSafe, Connection, SqliteConnection};

use crate::model::filter::Filter;
use crate::model::ids::RecordId;
use crate::model::record::Record;
use crate::model::table::{FieldAt, Table};
use crate::model::value::Value;
use crate::store::StoreError;
use crate::store::people::People;
use crate::store::select::{one, sql_value};
use crate::store::writer::{Action, Intent, Merge, Outcomes, Write, Written};

/// What one asked for, within a group: if some of it fails, all of it is undone, and the others stand.
pub(super) async fn together(
    connection: &mut SqliteConnection,
    people: &People,
    write: &Write,
) -> Result<Outcomes, StoreError> {
    let mut savepoint = connection.begin().await?;
    let mut outcomes = Vec::with_capacity(write.actions.len());
    for action in &write.actions {
        match apply(&mut savepoint, people, write, action).await {
            Err(error @ (StoreError::Unavailable(_) | StoreError::Closed)) => return Err(error),
            outcome => outcomes.push(outcome),
        }
    }
    let stands = |outcome: &_| matches!(outcome, Ok(Written::Made(_) | Written::Done(_)));
    if write.intent == Intent::Keep && outcomes.iter().all(stands) {
        savepoint.commit().await?;
    } else {
        savepoint.rollback().await?;
    }
    Ok(outcomes)
}

async fn apply(
    connection: &mut SqliteConnection,
    people: &People,
    write: &Write,
    action: &Action,
) -> Result<Written, StoreError> {
    match action {
        Action::Insert(values) => add(connection, people, write, values).await,
        Action::Update(id, values, expected) => {
            change(connection, people, write, *id, (values, expected.as_deref())).await
        }
        Action::Delete(id, expected) => {
            remove(connection, people, write, *id, expected.as_deref()).await
        }
        Action::Merge(merge) => match by_key(connection, &write.table, merge).await? {
            Some(id) => change(connection, people, write, id, (&merge.known, None)).await,
            None => match &merge.new {
                Some(values) => add(connection, people, write, values).await,
                None => Ok(Written::Missing),
            },
        },
    }
}

async fn add(
    connection: &mut SqliteConnection,
    people: &People,
    write: &Write,
    values: &[(FieldAt, Value)],
) -> Result<Written, StoreError> {
    check_links(connection, people, write, values, None).await?;
    let id = insert(connection, &write.table, values).await?;
    let made = one(connection, &write.table, id, people).await?;
    Ok(match made {
        Some(record) if write.rules.create.matches(&record) => Written::Made(record),
        Some(_) => Written::Barred,
        None => Written::Missing,
    })
}

async fn change(
    connection: &mut SqliteConnection,
    people: &People,
    write: &Write,
    id: RecordId,
    (values, expected): (&[(FieldAt, Value)], Option<&[Value]>),
) -> Result<Written, StoreError> {
    let (table, rules) = (&write.table, &write.rules);
    let sets_link = values.iter().any(|(_, value)| matches!(value, Value::Link(_)));
    if sets_link || rules.read != Filter::all() || rules.update != Filter::all() {
        let Some(before) = seen(connection, people, write, id).await? else {
            return Ok(Written::Missing);
        };
        if !rules.update.matches(&before) {
            return Ok(Written::Barred);
        }
        check_links(connection, people, write, values, Some(&before)).await?;
    }
    let changed = update(connection, table, id, values, expected).await?;
    let now = one(connection, table, id, people).await?;
    Ok(match (changed, now) {
        (_, None) => Written::Missing,
        (false, Some(record)) => Written::Stale(record),
        (true, Some(record)) if rules.update.matches(&record) => Written::Done(record),
        (true, Some(_)) => Written::Barred,
    })
}

async fn remove(
    connection: &mut SqliteConnection,
    people: &People,
    write: &Write,
    id: RecordId,
    expected: Option<&[Value]>,
) -> Result<Written, StoreError> {
    let Some(record) = seen(connection, people, write, id).await? else {
        return Ok(Written::Missing);
    };
    if !write.rules.delete.matches(&record) {
        return Ok(Written::Barred);
    }
    let token = write.table.updated_at().map(|at| &record[at]);
    let is_expected = |expected: &[Value]| token.is_some_and(|token| expected.contains(token));
    if !expected.is_none_or(is_expected) {
        return Ok(Written::Stale(record));
    }
    delete(connection, &write.table, id).await?;
    Ok(Written::Done(record))
}

/// A record, if whoever writes may know of it.
async fn seen(
    connection: &mut SqliteConnection,
    people: &People,
    write: &Write,
    id: RecordId,
) -> Result<Option<Record>, StoreError> {
    let record = one(connection, &write.table, id, people).await?;
    Ok(record.filter(|record| write.rules.read.matches(record)))
}

/// Refuses values that refer to records which there are not for whoever writes. What stays as it is
/// may refer to any.
async fn check_links(
    connection: &mut SqliteConnection,
    people: &People,
    write: &Write,
    values: &[(FieldAt, Value)],
    before: Option<&Record>,
) -> Result<(), StoreError> {
    for (at, value) in values {
        let Value::Link(link) = value else { continue };
        if before.is_some_and(|before| before[*at] == *value) {
            continue;
        }
        let Some(related) = write.related.iter().find(|related| related.field == *at) else {
            continue;
        };
        let found = one(connection, &related.table, link.id, people).await?;
        if found.is_none_or(|record| !related.rows.matches(&record)) {
            let (field, table) = (write.table.field(*at).name.clone(), related.table.name.clone());
            return Err(StoreError::NoRelated { field, table });
        }
    }
    Ok(())
}

/// The record that has a merge's value in its field.
async fn by_key(
    connection: &mut SqliteConnection,
    table: &Table,
    merge: &Merge,
) -> Result<Option<RecordId>, StoreError> {
    let column = Expr::col(Alias::new(table.field(merge.on).name.as_str()));
    let mut sql = Sql::select();
    sql.column(Alias::new("id")).from(Alias::new(table.name.as_str()));
    sql.and_where(column.eq(sql_value(&merge.key)));
    let (sql, values) = sql.build_sqlx(SqliteQueryBuilder);
    let id: Option<i64> =
        sqlx::query_scalar_with(AssertSqlSafe(sql), values).fetch_optional(connection).await?;
    Ok(id.map(RecordId::from))
}

/// Adds a row and returns its key.
pub(super) async fn insert(
    connection: &mut SqliteConnection,
    table: &Table,
    values: &[(FieldAt, Value)],
) -> Result<RecordId, StoreError> {
    let mut sql = Sql::insert();
    sql.into_table(Alias::new(table.name.as_str()));
    if values.is_empty() {
        sql.or_default_values();
    } else {
        sql.columns(values.iter().map(|(at, _)| Alias::new(table.field(*at).name.as_str())));
        sql.values_panic(values.iter().map(|(_, value)| SimpleExpr::from(sql_value(value))));
    }
    let (sql, values) = sql.build_sqlx(SqliteQueryBuilder);
    let done = sqlx::query_with(AssertSqlSafe(sql), values).execute(connection).await?;
    Ok(done.last_insert_rowid().into())
}

/// Sets fields of a row, and says whether the row was there as expected.
async fn update(
    connection: &mut SqliteConnection,
    table: &Table,
    id: RecordId,
    values: &[(FieldAt, Value)],
    expected: Option<&[Value]>,
) -> Result<bool, StoreError> {
    let column = |at: FieldAt| Alias::new(table.field(at).name.as_str());
    let mut sql = Sql::update();
    sql.table(Alias::new(table.name.as_str()));
    sql.values(values.iter().map(|(at, value)| (column(*at), sql_value(value).into())));
    sql.and_where(Expr::col(column(FieldAt::ID)).eq(id.get()));
    if let Some(expected) = expected {
        let Some(at) = table.updated_at() else { return Ok(false) };
        sql.and_where(Expr::col(column(at)).is_in(expected.iter().map(sql_value)));
    }
    let (sql, values) = sql.build_sqlx(SqliteQueryBuilder);
    let done = sqlx::query_with(AssertSqlSafe(sql), values).execute(connection).await?;
    Ok(done.rows_affected() > 0)
}

async fn delete(
    connection: &mut SqliteConnection,
    table: &Table,
    id: RecordId,
) -> Result<(), StoreError> {
    let mut sql = Sql::delete();
    sql.from_table(Alias::new(table.name.as_str()));
    sql.and_where(Expr::col(Alias::new("id")).eq(id.get()));
    let (sql, values) = sql.build_sqlx(SqliteQueryBuilder);
    sqlx::query_with(AssertSqlSafe(sql), values).execute(connection).await?;
    Ok(())
}
