//! What a write does to the rows, action by action.

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
use crate::store::make_way::must_make_way;
use crate::store::people::UserNames;
use crate::store::select::one;
use crate::store::statements::{by_key, delete, guarded, insert_and_read, update};
use crate::store::write::{FieldValues, Intent, Outcomes, Write, WriteOp, WriteOutcome};
use crate::store::{StoreError, error, row, transaction};

/// What is said of a record that a trigger of others' left out, as `raise(ignore)` does.
const LEFT_OUT: &str = "the database left this out: a rule of its own is against it";

/// SQLite has undone the whole transaction by itself. What is told to whoever made it do so.
pub(super) struct RolledBack(pub(super) Result<Outcomes, StoreError>);

/// Does what several asked for, within a group: if some of what one asked for fails, all of that is
/// undone, and the others stand.
///
/// Writes that are alike are sent at once: every round trip to the thread of the connection costs two
/// switches between threads, which is more than SQLite takes to add a row.
pub(super) async fn execute(
    connection: &mut SqliteConnection,
    people: &UserNames,
    writes: &[&Write],
) -> Result<Vec<Result<Outcomes, StoreError>>, RolledBack> {
    let mut outcomes = Vec::with_capacity(writes.len());
    let mut rest = writes;
    while !rest.is_empty() {
        // Few lengths, so that each finds its statements prepared.
        let (now, later) = rest.split_at(1 << rest.len().ilog2());
        rest = later;
        match now {
            [one] => outcomes.push(together(connection, people, one).await?),
            several => match at_once(connection, people, several).await {
                Ok(Some(made)) => outcomes.extend(made),
                // Which of them is at fault shows one by one.
                Ok(None) => {
                    for write in several {
                        outcomes.push(together(connection, people, write).await?);
                    }
                }
                Err(error) => return Err(RolledBack(Err(error))),
            },
        }
    }
    Ok(outcomes)
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
fn plain(write: &Write) -> Option<&FieldValues> {
    match &write.actions[..] {
        [WriteOp::Insert(values)] if write.intent == Intent::Keep && !may_be_barred(write) => {
            let has_links = values.iter().any(|(_, value)| matches!(value, Value::Link(_)));
            (!has_links).then_some(values)
        }
        _ => None,
    }
}

/// Whether a new record may turn out to be against a rule about rows once it is there.
fn may_be_barred(write: &Write) -> bool {
    write.rules.create != Filter::all()
}

/// Adds all records; says nothing if there is something wrong with one, and then adds none. Fails if the
/// transaction is gone.
async fn at_once(
    connection: &mut SqliteConnection,
    people: &UserNames,
    writes: &[&Write],
) -> Result<Option<Vec<Result<Outcomes, StoreError>>>, StoreError> {
    let (mut statements, mut values) = (Vec::new(), Vec::new());
    for write in writes {
        let (insert, SqlxValues(own)) =
            insert_and_read(&write.table, plain(write).map_or(&[], Vec::as_slice));
        statements.push(insert);
        values.extend(own);
    }
    let values = SqlxValues(Bound(values));
    match guarded(connection, &statements.join("; "), values).await {
        Ok(rows) => {
            let each = writes.iter().zip(&rows);
            Ok(Some(each.map(|(write, row)| alone(made(write, row, people))).collect()))
        }
        Err(_) if transaction::is_open(connection).await => Ok(None),
        Err(error) => Err(error),
    }
}

/// Does what one asked for.
async fn together(
    connection: &mut SqliteConnection,
    people: &UserNames,
    write: &Write,
) -> Result<Result<Outcomes, StoreError>, RolledBack> {
    let outcomes = attempt(connection, people, write).await;
    let is_refused = !matches!(&outcomes, Ok(all) if all.iter().all(Result::is_ok));
    if is_refused && !transaction::is_open(connection).await {
        return Err(RolledBack(outcomes));
    }
    Ok(outcomes)
}

async fn attempt(
    connection: &mut SqliteConnection,
    people: &UserNames,
    write: &Write,
) -> Result<Outcomes, StoreError> {
    // A new record alone is there or not. What becomes of others, triggers may make another thing.
    if let [action @ WriteOp::Insert(_)] = &write.actions[..]
        && write.intent == Intent::Keep
        && !may_be_barred(write)
    {
        return alone(apply(connection, people, write, action).await);
    }
    transaction::mark(connection).await?;
    let outcomes = match remove_all(connection, people, write).await {
        Ok(None) => one_by_one(connection, people, write).await,
        Ok(Some(outcomes)) => Ok(outcomes),
        Err(error) => Err(error),
    };
    let stands = |outcome: &_| matches!(outcome, Ok(WriteOutcome::Made(_) | WriteOutcome::Done(_)));
    let all_stand = matches!(&outcomes, Ok(outcomes) if outcomes.iter().all(stands));
    if all_stand && write.intent == Intent::Keep {
        transaction::keep(connection).await?;
    } else if transaction::is_open(connection).await {
        transaction::undo(connection).await?;
    }
    outcomes
}

/// What became of the only action.
fn alone(outcome: Result<WriteOutcome, StoreError>) -> Result<Outcomes, StoreError> {
    outcome.map(|done| vec![Ok(done)]).or_else(of_record)
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
        let outcome = apply(connection, people, write, action).await;
        let is_refused = outcome.is_err();
        outcomes.extend(alone(outcome)?);
        // What came after it would be no part of a transaction, and stand by itself.
        if is_refused && !transaction::is_open(connection).await {
            break;
        }
    }
    Ok(outcomes)
}

/// Removes all records in one statement, so that it is no matter whether they refer to each other; says
/// nothing if that cannot be, or something else is asked for too.
async fn remove_all(
    connection: &mut SqliteConnection,
    people: &UserNames,
    write: &Write,
) -> Result<Option<Outcomes>, StoreError> {
    let (mut ids, mut outcomes) = (Vec::new(), Vec::new());
    for action in &write.actions {
        let WriteOp::Delete(id, expected) = action else { return Ok(None) };
        let outcome = removable(connection, people, write, *id, expected.as_deref()).await?;
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
        // Which of them is at fault shows one by one, while the transaction stands.
        Err(error) if !transaction::is_open(connection).await => Err(error),
        Err(_) => Ok(None),
    }
}

/// The failure as the outcome of one record, unless the database itself has failed.
fn of_record(error: StoreError) -> Result<Outcomes, StoreError> {
    if is_of_record(&error) { Ok(vec![Err(error)]) } else { Err(error) }
}

fn is_of_record(error: &StoreError) -> bool {
    use StoreError::{Closed, Faulty, Unavailable, Unfit};
    !matches!(error, Unavailable(_) | Faulty(_) | Unfit(_) | Closed)
}

async fn apply(
    connection: &mut SqliteConnection,
    people: &UserNames,
    write: &Write,
    action: &WriteOp,
) -> Result<WriteOutcome, StoreError> {
    match action {
        WriteOp::Insert(values) => add(connection, people, write, values).await,
        WriteOp::Update(id, values, expected) => {
            change(connection, people, write, *id, (values, expected.as_deref())).await
        }
        WriteOp::Delete(id, expected) => {
            remove(connection, people, write, *id, expected.as_deref()).await
        }
        WriteOp::Upsert(merge) => match by_key(connection, &write.table, merge).await? {
            Some(id) => change(connection, people, write, id, (&merge.known, None)).await,
            None => match &merge.new {
                Some(values) => add(connection, people, write, values).await,
                None => Ok(WriteOutcome::Missing),
            },
        },
    }
}

async fn add(
    connection: &mut SqliteConnection,
    people: &UserNames,
    write: &Write,
    values: &[(FieldAt, Value)],
) -> Result<WriteOutcome, StoreError> {
    check_links(connection, people, write, values, None).await?;
    let (sql, values) = insert_and_read(&write.table, values);
    match guarded(connection, &sql, values).await {
        Ok(rows) => rows.first().map_or(Ok(WriteOutcome::Missing), |row| made(write, row, people)),
        Err(error) => Err(explained(connection, &write.table, error).await),
    }
}

/// What became of a new record, as it was read again.
fn made(write: &Write, row: &SqliteRow, people: &UserNames) -> Result<WriteOutcome, StoreError> {
    let record = row::record(&write.table, row, people);
    match &record[FieldAt::ID] {
        // A trigger of another program's has not let it in, or has taken it away.
        Value::Null => Err(StoreError::Refused(LEFT_OUT.to_owned())),
        _ if write.rules.create.matches(&record) => Ok(WriteOutcome::Made(record)),
        _ => Ok(WriteOutcome::Barred),
    }
}

/// Of a table that has no id left, SQLite says what it says of a full disk.
async fn explained(
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
            "no id is left for a new record of `{name}`, since another program has given one the last \
             that there is, {}; whoever looks after the database makes room again: give that record \
             another id, then `update sqlite_sequence set seq = (select max(id) from \"{name}\") where \
             name = '{name}'`",
            i64::MAX
        )),
        _ => error,
    }
}

async fn change(
    connection: &mut SqliteConnection,
    people: &UserNames,
    write: &Write,
    id: RecordId,
    (values, expected): (&[(FieldAt, Value)], Option<&[Value]>),
) -> Result<WriteOutcome, StoreError> {
    let (table, rules) = (&write.table, &write.rules);
    let Some(before) = seen(connection, people, write, id).await? else {
        return Ok(WriteOutcome::Missing);
    };
    if !rules.update.matches(&before) {
        return Ok(WriteOutcome::Barred);
    }
    check_links(connection, people, write, values, Some(&before)).await?;
    let changed = update(connection, table, id, values, expected).await?;
    let now = one(connection, table, id, people).await?;
    Ok(match (changed, now) {
        // It was there: a trigger of another program's has taken it away.
        (_, None) => return Err(StoreError::Refused(LEFT_OUT.to_owned())),
        (false, Some(record)) if is_expected(table, &record, expected) => {
            return Err(StoreError::Refused(LEFT_OUT.to_owned()));
        }
        (false, Some(record)) => WriteOutcome::Stale(record),
        (true, Some(record)) if rules.update.matches(&record) => WriteOutcome::Done(record),
        (true, Some(_)) => WriteOutcome::Barred,
    })
}

async fn remove(
    connection: &mut SqliteConnection,
    people: &UserNames,
    write: &Write,
    id: RecordId,
    expected: Option<&[Value]>,
) -> Result<WriteOutcome, StoreError> {
    let outcome = removable(connection, people, write, id, expected).await?;
    if matches!(outcome, WriteOutcome::Done(_))
        && !delete(connection, &write.table, &[id]).await?.is_empty()
    {
        return Err(StoreError::Refused(LEFT_OUT.to_owned()));
    }
    Ok(outcome)
}

/// What would become of a record that is to be removed.
async fn removable(
    connection: &mut SqliteConnection,
    people: &UserNames,
    write: &Write,
    id: RecordId,
    expected: Option<&[Value]>,
) -> Result<WriteOutcome, StoreError> {
    let Some(record) = seen(connection, people, write, id).await? else {
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

/// Whether a record has one of the tokens that whoever writes expects, if they expect any.
fn is_expected(table: &Table, record: &Record, expected: Option<&[Value]>) -> bool {
    let token = table.updated_at().map(|at| &record[at]);
    expected.is_none_or(|expected| token.is_some_and(|token| expected.contains(token)))
}

/// A record, if whoever writes may know of it.
async fn seen(
    connection: &mut SqliteConnection,
    people: &UserNames,
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
        let found = one(connection, &related.table, link.id, people).await?;
        if found.is_none_or(|record| !related.rows.matches(&record)) {
            let (field, table) = (write.table.field(*at).name.clone(), related.table.name.clone());
            return Err(StoreError::NoRelated { field, table });
        }
    }
    Ok(())
}
