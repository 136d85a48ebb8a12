//! Executes the actions of a write on the rows of its table.
//!
//! A write stands as a whole or not at all. A savepoint is set before its actions, and the write is undone to
//! it if one of them fails. SQLite may also roll back the whole transaction by itself (a trigger that says
//! `raise(rollback)`, a full disk). Statements after that would each be committed on their own, so after
//! every failure the database is asked whether the transaction still stands.

use std::time::Instant;

use sea_query::Values as Bound;
use sea_query_sqlx::SqlxValues;
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, SqliteConnection};

use crate::model::field::FieldAt;
use crate::model::filter::Filter;
use crate::model::ids::RecordId;
use crate::model::record::Record;
use crate::model::table::Table;
use crate::model::value::Value;
use crate::store::StoreError;
use crate::store::people::UserNames;
use crate::store::sqlite::error;
use crate::store::sqlite::make_way::must_make_way;
use crate::store::sqlite::select::record_by_id;
use crate::store::sqlite::statements::{by_key, delete, guarded, insert_and_read, update};
use crate::store::sqlite::{row, transaction};
use crate::store::write::{FieldValues, Intent, Outcomes, Write, WriteOp, WriteOutcome};

/// The message for a record whose write another program's trigger skipped, as with `raise(ignore)`.
const LEFT_OUT: &str = "the database left this out: one of its own rules forbids it";

/// SQLite has rolled back the whole transaction; holds the answer to the write that caused it.
pub(super) struct RolledBack(pub(super) Result<Outcomes, StoreError>);

/// Executes several writes that are [alike](are_alike), or a single one, within the open transaction. Returns
/// the outcomes of each. If an action of a write fails, that write is undone, and the others stand.
///
/// Similar inserts are sent to the database together: every round trip to the thread of the connection costs
/// two switches between threads, which is more than SQLite takes to add a row.
pub(super) async fn execute(
    connection: &mut SqliteConnection,
    people: &UserNames,
    writes: &[&Write],
) -> Result<Vec<Result<Outcomes, StoreError>>, RolledBack> {
    let mut outcomes = Vec::with_capacity(writes.len());
    let mut rest = writes;
    while !rest.is_empty() {
        // In powers of two: with few different lengths, the statements are mostly prepared already.
        let (now, later) = rest.split_at(1 << rest.len().ilog2());
        rest = later;
        match now {
            [one] => outcomes.push(execute_write(connection, people, one).await?),
            several => match insert_together(connection, people, several).await {
                Ok(Some(made)) => outcomes.extend(made),
                // Executed one by one, each shows whether it is at fault.
                Ok(None) => {
                    for write in several {
                        outcomes.push(execute_write(connection, people, write).await?);
                    }
                }
                Err(error) => return Err(RolledBack(Err(error))),
            },
        }
    }
    Ok(outcomes)
}

/// Whether two writes each insert one record into the same table, by the same account and with the same
/// fields, and need no check beside those of the database.
pub(super) fn are_alike(one: &Write, other: &Write) -> bool {
    let (Some(fields), Some(others)) = (simple_insert(one), simple_insert(other)) else {
        return false;
    };
    one.table.name == other.table.name
        && one.by == other.by
        && fields.iter().map(|(at, _)| at).eq(others.iter().map(|(at, _)| at))
}

/// The values of a write that inserts one record and needs no check beside those of the database. `None` for
/// any other write.
fn simple_insert(write: &Write) -> Option<&FieldValues> {
    match &write.actions[..] {
        [WriteOp::Insert(values)] if write.intent == Intent::Keep && !may_be_barred(write) => {
            let has_links = values.iter().any(|(_, value)| matches!(value, Value::Link(_)));
            (!has_links).then_some(values)
        }
        _ => None,
    }
}

/// Whether a new record may break a row rule, which is known only when the record is written.
fn may_be_barred(write: &Write) -> bool {
    write.rules.create != Filter::all()
}

/// Inserts the records of all these writes, and returns the outcomes of each. `None` if one of them cannot be
/// inserted; then none is. Fails if SQLite has rolled back the transaction.
async fn insert_together(
    connection: &mut SqliteConnection,
    people: &UserNames,
    writes: &[&Write],
) -> Result<Option<Vec<Result<Outcomes, StoreError>>>, StoreError> {
    let (mut statements, mut values) = (Vec::new(), Vec::new());
    for write in writes {
        let (insert, SqlxValues(own)) =
            insert_and_read(&write.table, simple_insert(write).map_or(&[], Vec::as_slice));
        statements.push(insert);
        values.extend(own);
    }
    let values = SqlxValues(Bound(values));
    match guarded(connection, &statements.join("; "), values).await {
        Ok(rows) => {
            let each = writes.iter().zip(&rows);
            Ok(Some(
                each.map(|(write, row)| single_outcome(insert_outcome(write, row, people)))
                    .collect(),
            ))
        }
        Err(_) if transaction::is_open(connection).await => Ok(None),
        Err(error) => Err(error),
    }
}

/// Executes one write: all of its actions, or none.
async fn execute_write(
    connection: &mut SqliteConnection,
    people: &UserNames,
    write: &Write,
) -> Result<Result<Outcomes, StoreError>, RolledBack> {
    let outcomes = attempt_write(connection, people, write).await;
    let is_refused = !matches!(&outcomes, Ok(all) if all.iter().all(Result::is_ok));
    if is_refused && !transaction::is_open(connection).await {
        return Err(RolledBack(outcomes));
    }
    Ok(outcomes)
}

async fn attempt_write(
    connection: &mut SqliteConnection,
    people: &UserNames,
    write: &Write,
) -> Result<Outcomes, StoreError> {
    // A single insert stands or fails by itself, so it needs no savepoint. Any other write may have to be
    // undone after it has changed rows.
    if let [action @ WriteOp::Insert(_)] = &write.actions[..]
        && write.intent == Intent::Keep
        && !may_be_barred(write)
    {
        return single_outcome(execute_action(connection, people, write, action).await);
    }
    transaction::set_savepoint(connection).await?;
    let outcomes = match remove_all(connection, people, write).await {
        Ok(None) => one_by_one(connection, people, write).await,
        Ok(Some(outcomes)) => Ok(outcomes),
        Err(error) => Err(error),
    };
    let stands = |outcome: &_| matches!(outcome, Ok(WriteOutcome::Made(_) | WriteOutcome::Done(_)));
    let all_stand = matches!(&outcomes, Ok(outcomes) if outcomes.iter().all(stands));
    if all_stand && write.intent == Intent::Keep {
        transaction::release_savepoint(connection).await?;
    } else if transaction::is_open(connection).await {
        transaction::roll_back_to_savepoint(connection).await?;
    }
    outcomes
}

/// The outcomes of a write with a single action.
fn single_outcome(outcome: Result<WriteOutcome, StoreError>) -> Result<Outcomes, StoreError> {
    outcome.map(|done| vec![Ok(done)]).or_else(outcome_of_error)
}

async fn one_by_one(
    connection: &mut SqliteConnection,
    people: &UserNames,
    write: &Write,
) -> Result<Outcomes, StoreError> {
    let mut outcomes = Vec::with_capacity(write.actions.len());
    let begun = Instant::now();
    for action in &write.actions {
        if must_make_way(write, begun) {
            return Err(StoreError::MadeWay);
        }
        let outcome = execute_action(connection, people, write, action).await;
        let is_refused = outcome.is_err();
        outcomes.extend(single_outcome(outcome)?);
        // Without a transaction, each following statement would be committed on its own.
        if is_refused && !transaction::is_open(connection).await {
            break;
        }
    }
    Ok(outcomes)
}

/// Removes all records of a write in one statement, so that they may refer to each other. `None` if the write
/// has other actions, or one of the records cannot be removed.
async fn remove_all(
    connection: &mut SqliteConnection,
    people: &UserNames,
    write: &Write,
) -> Result<Option<Outcomes>, StoreError> {
    let (mut ids, mut outcomes) = (Vec::new(), Vec::new());
    for action in &write.actions {
        let WriteOp::Delete(id, expected) = action else { return Ok(None) };
        let outcome = deletion_outcome(connection, people, write, *id, expected.as_deref()).await?;
        if !matches!(outcome, WriteOutcome::Done(_)) {
            return Ok(None);
        }
        ids.push(*id);
        outcomes.push(Ok(outcome));
    }
    match delete(connection, &write.table, &ids).await {
        Ok(kept) => {
            for (id, outcome) in ids.iter().zip(&mut outcomes) {
                if kept.contains(id) {
                    *outcome = Err(StoreError::Refused(LEFT_OUT.to_owned()));
                }
            }
            Ok(Some(outcomes))
        }
        Err(error) if !is_of_record(&error) => Err(error),
        // While the transaction stands, the records are removed one by one, to find the one at fault.
        Err(error) if !transaction::is_open(connection).await => Err(error),
        Err(_) => Ok(None),
    }
}

/// Returns an error as the outcome of one record. Fails with it if the database itself has failed.
fn outcome_of_error(error: StoreError) -> Result<Outcomes, StoreError> {
    if is_of_record(&error) { Ok(vec![Err(error)]) } else { Err(error) }
}

fn is_of_record(error: &StoreError) -> bool {
    use StoreError::{Closed, Faulty, Unavailable, Unfit};
    !matches!(error, Unavailable(_) | Faulty(_) | Unfit(_) | Closed)
}

async fn execute_action(
    connection: &mut SqliteConnection,
    people: &UserNames,
    write: &Write,
    action: &WriteOp,
) -> Result<WriteOutcome, StoreError> {
    match action {
        WriteOp::Insert(values) => insert_record(connection, people, write, values).await,
        WriteOp::Update(id, values, expected) => {
            update_record(connection, people, write, *id, (values, expected.as_deref())).await
        }
        WriteOp::Delete(id, expected) => {
            delete_record(connection, people, write, *id, expected.as_deref()).await
        }
        WriteOp::Upsert(merge) => match by_key(connection, &write.table, merge).await? {
            Some(id) => update_record(connection, people, write, id, (&merge.known, None)).await,
            None => match &merge.new {
                Some(values) => insert_record(connection, people, write, values).await,
                None => Ok(WriteOutcome::Missing),
            },
        },
    }
}

async fn insert_record(
    connection: &mut SqliteConnection,
    people: &UserNames,
    write: &Write,
    values: &[(FieldAt, Value)],
) -> Result<WriteOutcome, StoreError> {
    check_links(connection, people, write, values, None).await?;
    let (sql, values) = insert_and_read(&write.table, values);
    match guarded(connection, &sql, values).await {
        Ok(rows) => {
            rows.first().map_or(Ok(WriteOutcome::Missing), |row| insert_outcome(write, row, people))
        }
        Err(error) => Err(explain_full(connection, &write.table, error).await),
    }
}

/// The outcome of an insert, from the row as it was read after it.
fn insert_outcome(
    write: &Write,
    row: &SqliteRow,
    people: &UserNames,
) -> Result<WriteOutcome, StoreError> {
    let record = row::record(&write.table, row, people);
    match &record[FieldAt::ID] {
        // Another program's trigger has skipped the insert, or removed the row again.
        Value::Null => Err(StoreError::Refused(LEFT_OUT.to_owned())),
        _ if write.rules.create.matches(&record) => Ok(WriteOutcome::Made(record)),
        _ => Ok(WriteOutcome::Barred),
    }
}

/// Replaces the error of a full database by a clearer one if the table has no id left. SQLite reports that as
/// it reports a full disk.
async fn explain_full(
    connection: &mut SqliteConnection,
    table: &Table,
    error: StoreError,
) -> StoreError {
    if !error::is_full(&error) {
        return error;
    }
    let name = &table.name;
    let last = format!(
        "select max(coalesce((select max(\"{name}\".\"id\") from \"{name}\"), 0),
           coalesce((select seq from sqlite_sequence where name = '{name}'), 0))"
    );
    match sqlx::query_scalar::<_, i64>(AssertSqlSafe(last)).fetch_one(connection).await {
        Ok(i64::MAX) => StoreError::Refused(format!(
            "no id is left for a new record of `{name}`, since another program has used the greatest \
             one, {}; an operator of the database can give that record another id and then run `update \
             sqlite_sequence set seq = (select max(id) from \"{name}\") where name = '{name}'`",
            i64::MAX
        )),
        _ => error,
    }
}

async fn update_record(
    connection: &mut SqliteConnection,
    people: &UserNames,
    write: &Write,
    id: RecordId,
    (values, expected): (&[(FieldAt, Value)], Option<&[Value]>),
) -> Result<WriteOutcome, StoreError> {
    let (table, rules) = (&write.table, &write.rules);
    let Some(before) = readable_record(connection, people, write, id).await? else {
        return Ok(WriteOutcome::Missing);
    };
    if !rules.update.matches(&before) {
        return Ok(WriteOutcome::Barred);
    }
    check_links(connection, people, write, values, Some(&before)).await?;
    let changed = update(connection, table, id, values, expected).await?;
    let now = record_by_id(connection, table, id, people).await?;
    Ok(match (changed, now) {
        // The record was there before: another program's trigger has removed it.
        (_, None) => return Err(StoreError::Refused(LEFT_OUT.to_owned())),
        (false, Some(record)) if is_expected(table, &record, expected) => {
            return Err(StoreError::Refused(LEFT_OUT.to_owned()));
        }
        (false, Some(record)) => WriteOutcome::Stale(record),
        (true, Some(record)) if rules.update.matches(&record) => WriteOutcome::Done(record),
        (true, Some(_)) => WriteOutcome::Barred,
    })
}

async fn delete_record(
    connection: &mut SqliteConnection,
    people: &UserNames,
    write: &Write,
    id: RecordId,
    expected: Option<&[Value]>,
) -> Result<WriteOutcome, StoreError> {
    let outcome = deletion_outcome(connection, people, write, id, expected).await?;
    if matches!(outcome, WriteOutcome::Done(_))
        && !delete(connection, &write.table, &[id]).await?.is_empty()
    {
        return Err(StoreError::Refused(LEFT_OUT.to_owned()));
    }
    Ok(outcome)
}

/// The outcome of removing a record, found out before it is removed.
async fn deletion_outcome(
    connection: &mut SqliteConnection,
    people: &UserNames,
    write: &Write,
    id: RecordId,
    expected: Option<&[Value]>,
) -> Result<WriteOutcome, StoreError> {
    let Some(record) = readable_record(connection, people, write, id).await? else {
        return Ok(WriteOutcome::Missing);
    };
    if !write.rules.delete.matches(&record) {
        return Ok(WriteOutcome::Barred);
    }
    if !is_expected(&write.table, &record, expected) {
        return Ok(WriteOutcome::Stale(record));
    }
    Ok(WriteOutcome::Done(record))
}

/// Whether a record has one of the expected `updated-at` values. True if none are given.
fn is_expected(table: &Table, record: &Record, expected: Option<&[Value]>) -> bool {
    let token = table.updated_at().map(|at| &record[at]);
    expected.is_none_or(|expected| token.is_some_and(|token| expected.contains(token)))
}

/// Reads a record. `None` if it does not exist, or the writer may not read it.
async fn readable_record(
    connection: &mut SqliteConnection,
    people: &UserNames,
    write: &Write,
    id: RecordId,
) -> Result<Option<Record>, StoreError> {
    let record = record_by_id(connection, &write.table, id, people).await?;
    Ok(record.filter(|record| write.rules.read.matches(record)))
}

/// Fails with [`StoreError::NoRelated`] if a value refers to a record that does not exist or that the writer
/// may not refer to. A value that does not change may refer to any record.
async fn check_links(
    connection: &mut SqliteConnection,
    people: &UserNames,
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
        let found = record_by_id(connection, &related.table, link.id, people).await?;
        if found.is_none_or(|record| !related.rows.matches(&record)) {
            let field = write.table.field(*at).name.clone();
            let table = related.table.name.clone();
            return Err(StoreError::NoRelated { field, table });
        }
    }
    Ok(())
}
