//! What a write does to the rows, statement by statement.

use sea_query::{Alias, Expr, ExprTrait, InsertStatement, Query as Sql, SimpleExpr};
use sea_query::{SqliteQueryBuilder, Values as Bound};
use sea_query_sqlx::{SqlxBinder, SqlxValues};
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Connection, SqliteConnection};

use crate::model::filter::{Filter, Test};
use crate::model::ids::RecordId;
use crate::model::record::Record;
use crate::model::table::{FieldAt, Table};
use crate::model::value::Value;
use crate::store::people::People;
use crate::store::select::{among, condition, one, sql_value};
use crate::store::writer::{Action, Intent, Merge, Outcomes, Values, Write, Written};
use crate::store::{StoreError, row};

/// Does what several asked for, within a group: if some of what one asked for fails, all of that is
/// undone, and the others stand.
///
/// Writes that are alike are sent at once: every round trip to the thread of the connection costs two
/// switches between threads, which is more than SQLite takes to add a row.
pub(super) async fn all(
    connection: &mut SqliteConnection,
    people: &People,
    writes: &[Box<Write>],
) -> Vec<Result<Outcomes, StoreError>> {
    let mut outcomes = Vec::with_capacity(writes.len());
    let mut rest = writes;
    while !rest.is_empty() {
        // Few lengths, so that each finds its statements prepared.
        let (now, later) = rest.split_at(1 << rest.len().ilog2());
        rest = later;
        match now {
            [one] => outcomes.push(together(connection, people, one).await),
            several => match at_once(connection, people, several).await {
                Ok(Some(made)) => outcomes.extend(made.into_iter().map(Ok)),
                // Which of them is at fault shows one by one.
                Ok(None) => {
                    for write in several {
                        outcomes.push(together(connection, people, write).await);
                    }
                }
                Err(error) => {
                    tracing::warn!("cannot undo what could not be added: {error}");
                    outcomes.extend(several.iter().map(|_| Err(StoreError::Closed)));
                }
            },
        }
    }
    outcomes
}

/// Whether two writes each add a record to the same table, by the same person and with the same
/// fields, and nothing but the database is to be asked about it.
pub(super) fn are_alike(one: &Write, other: &Write) -> bool {
    let (Some(fields), Some(others)) = (plain(one), plain(other)) else { return false };
    one.table.name == other.table.name
        && one.by == other.by
        && fields.iter().map(|(at, _)| at).eq(others.iter().map(|(at, _)| at))
}

/// The values of a record that is only to be added.
fn plain(write: &Write) -> Option<&Values> {
    match &write.actions[..] {
        [action @ Action::Insert(values)]
            if write.intent == Intent::Keep && !may_be_barred(write, action) =>
        {
            let has_links = values.iter().any(|(_, value)| matches!(value, Value::Link(_)));
            (!has_links).then_some(values)
        }
        _ => None,
    }
}

/// Whether a record may turn out to be against a rule about rows once the action is done.
fn may_be_barred(write: &Write, action: &Action) -> bool {
    let is_ruled = |rule: &Filter| *rule != Filter::all();
    match action {
        Action::Insert(_) => is_ruled(&write.rules.create),
        Action::Update(..) => is_ruled(&write.rules.update),
        Action::Merge(_) => is_ruled(&write.rules.create) || is_ruled(&write.rules.update),
        Action::Delete(..) => false,
    }
}

/// Adds all records; says nothing if there is something wrong with one, and then adds none.
async fn at_once(
    connection: &mut SqliteConnection,
    people: &People,
    writes: &[Box<Write>],
) -> Result<Option<Vec<Outcomes>>, sqlx::Error> {
    let mut sql = "savepoint at_once;".to_owned();
    let mut values = Vec::new();
    for write in writes {
        let (insert, SqlxValues(own)) =
            insert_and_read(&write.table, plain(write).map_or(&[], Vec::as_slice));
        sql.push_str(&insert);
        sql.push(';');
        values.extend(own);
    }
    sql.push_str("release at_once");
    let values = SqlxValues(Bound(values));
    match sqlx::query_with(AssertSqlSafe(sql), values).fetch_all(&mut *connection).await {
        Ok(rows) => {
            let each = writes.iter().zip(&rows);
            Ok(Some(each.map(|(write, row)| vec![Ok(made(write, row, people))]).collect()))
        }
        Err(_) => {
            let undo = "rollback to at_once; release at_once";
            sqlx::raw_sql(undo).execute(connection).await?;
            Ok(None)
        }
    }
}

/// Does what one asked for.
async fn together(
    connection: &mut SqliteConnection,
    people: &People,
    write: &Write,
) -> Result<Outcomes, StoreError> {
    // A single statement is all or nothing by itself.
    if let [action] = &write.actions[..]
        && write.intent == Intent::Keep
        && !may_be_barred(write, action)
    {
        let outcome = apply(connection, people, write, action).await;
        return outcome.map(|done| vec![Ok(done)]).or_else(of_record);
    }
    let mut savepoint = connection.begin().await?;
    let outcomes = match remove_all(&mut savepoint, people, write).await? {
        Some(outcomes) => outcomes,
        None => one_by_one(&mut savepoint, people, write).await?,
    };
    let stands = |outcome: &_| matches!(outcome, Ok(Written::Made(_) | Written::Done(_)));
    if write.intent == Intent::Keep && outcomes.iter().all(stands) {
        savepoint.commit().await?;
    } else {
        savepoint.rollback().await?;
    }
    Ok(outcomes)
}

async fn one_by_one(
    connection: &mut SqliteConnection,
    people: &People,
    write: &Write,
) -> Result<Outcomes, StoreError> {
    let mut outcomes = Vec::with_capacity(write.actions.len());
    for action in &write.actions {
        let outcome = apply(connection, people, write, action).await;
        outcomes.extend(outcome.map(|done| vec![Ok(done)]).or_else(of_record)?);
    }
    Ok(outcomes)
}

/// Removes all records in one statement, so that it is no matter whether they refer to each other; says
/// nothing if that cannot be, or something else is asked for too.
async fn remove_all(
    connection: &mut SqliteConnection,
    people: &People,
    write: &Write,
) -> Result<Option<Outcomes>, StoreError> {
    let (mut ids, mut outcomes) = (Vec::new(), Vec::new());
    for action in &write.actions {
        let Action::Delete(id, expected) = action else { return Ok(None) };
        let outcome = removable(connection, people, write, *id, expected.as_deref()).await?;
        if !matches!(outcome, Written::Done(_)) {
            return Ok(None);
        }
        ids.push(*id);
        outcomes.push(Ok(outcome));
    }
    match delete(connection, &write.table, &ids).await {
        Ok(()) => Ok(Some(outcomes)),
        Err(StoreError::Unavailable(error)) => Err(error.into()),
        // Which of them is at fault shows one by one.
        Err(_) => Ok(None),
    }
}

/// The failure as the outcome of one record, unless the database itself has failed.
fn of_record(error: StoreError) -> Result<Outcomes, StoreError> {
    match error {
        StoreError::Unavailable(_) | StoreError::Closed => Err(error),
        error => Ok(vec![Err(error)]),
    }
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
    let (sql, values) = insert_and_read(&write.table, values);
    let row = sqlx::query_with(AssertSqlSafe(sql), values).fetch_one(connection).await?;
    Ok(made(write, &row, people))
}

/// What became of a new record, as it was read again.
fn made(write: &Write, row: &SqliteRow, people: &People) -> Written {
    let record = row::record(&write.table, row, people);
    match &record[FieldAt::ID] {
        // A trigger of another program's has taken it away.
        Value::Null => Written::Missing,
        _ if write.rules.create.matches(&record) => Written::Made(record),
        _ => Written::Barred,
    }
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
    let outcome = removable(connection, people, write, id, expected).await?;
    if matches!(outcome, Written::Done(_)) {
        delete(connection, &write.table, &[id]).await?;
    }
    Ok(outcome)
}

/// What would become of a record that is to be removed.
async fn removable(
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
    let mut sql = Sql::select();
    sql.column(Alias::new("id")).from(Alias::new(table.name.as_str()));
    sql.and_where(condition(table, &Filter::Test(merge.on, Test::Eq(merge.key.clone()))));
    let (sql, values) = sql.build_sqlx(SqliteQueryBuilder);
    let id: Option<i64> =
        sqlx::query_scalar_with(AssertSqlSafe(sql), values).fetch_optional(connection).await?;
    Ok(id.map(RecordId::from))
}

/// Adds a row.
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

/// The statements that add a row and read it as the database completed it: one row, whose columns are
/// all missing if it is gone again.
fn insert_and_read(table: &Table, values: &[(FieldAt, Value)]) -> (String, SqlxValues) {
    let (mut sql, values) = insertion(table, values).build_sqlx(SqliteQueryBuilder);
    let columns = table.fields.iter().map(|field| format!("\"{}\"", field.name));
    let columns = columns.collect::<Vec<_>>().join(", ");
    let name = &table.name;
    sql.push_str(&format!(
        "; select {columns} from (select last_insert_rowid() as \"_made\") \
         left join \"{name}\" on \"{name}\".\"id\" = \"_made\""
    ));
    (sql, values)
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
    ids: &[RecordId],
) -> Result<(), StoreError> {
    let mut sql = Sql::delete();
    sql.from_table(Alias::new(table.name.as_str()));
    sql.and_where(among(ids));
    let (sql, values) = sql.build_sqlx(SqliteQueryBuilder);
    sqlx::query_with(AssertSqlSafe(sql), values).execute(connection).await?;
    Ok(())
}
