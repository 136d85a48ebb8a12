//! The one connection that writes. What waits is written together, in one commit.

use std::sync::Arc;

use sea_query::{Alias, Expr, ExprTrait, Query as Sql, SimpleExpr, SqliteQueryBuilder};
use sea_query_sqlx::SqlxBinder;
use sqlx::{AssertSqlSafe, Connection, SqliteConnection};
use tokio::sync::{mpsc, oneshot};

use crate::model::filter::Filter;
use crate::model::ids::{RecordId, UserId};
use crate::model::record::Record;
use crate::model::table::{FieldAt, Table};
use crate::model::value::Value;
use crate::store::people::People;
use crate::store::select::{one, sql_value};
use crate::store::watch::Watch;
use crate::store::{Store, StoreError};

/// How many writes may wait before further writers have to.
const QUEUE: usize = 1_024;
/// How many writes share a commit at most, so that none waits long for its own.
const GROUP: usize = 256;

/// A change of one record.
#[derive(Clone, Debug)]
pub struct Write {
    /// The table.
    pub table: Arc<Table>,
    /// Which of its records there are for whoever writes; any other is missing.
    pub rows: Filter,
    /// What to do.
    pub action: Action,
    /// Who does it, for the change log.
    pub by: Option<UserId>,
}

/// What to do to a record.
#[derive(Clone, Debug)]
pub enum Action {
    /// Add one.
    Insert(Vec<(FieldAt, Value)>),
    /// Set these fields of one, at least one; only if its `updated-at` is still the given value.
    Update(RecordId, Vec<(FieldAt, Value)>, Option<Value>),
    /// Remove one.
    Delete(RecordId),
}

/// What became of a [`Write`].
#[derive(Clone, Debug)]
pub enum Written {
    /// The record as it now stands; as it stood, if it was removed.
    Done(Record),
    /// Nothing: somebody changed the record first. This is what they made of it.
    Stale(Record),
    /// Nothing: there is no such record.
    Missing,
}

/// A fixed statement on our own tables with its values, and how many rows it changed.
pub(super) struct Statement {
    pub(super) sql: &'static str,
    pub(super) values: Vec<Value>,
}

enum Job {
    Record(Write, oneshot::Sender<Result<Written, StoreError>>),
    Own(Statement, oneshot::Sender<Result<u64, StoreError>>),
    Close(oneshot::Sender<()>),
}

/// The way to the writing connection.
#[derive(Clone)]
pub(super) struct Writer(mpsc::Sender<Job>);

impl Store {
    /// Changes one record. When this returns, the change is on disk and in the change log.
    ///
    /// # Errors
    /// When a rule of the database refuses the values, or it does not answer.
    pub async fn write(&self, write: Write) -> Result<Written, StoreError> {
        let (answer, answered) = oneshot::channel();
        self.writer.0.send(Job::Record(write, answer)).await.map_err(|_| StoreError::Closed)?;
        answered.await.map_err(|_| StoreError::Closed)?
    }

    pub(super) async fn execute(&self, statement: Statement) -> Result<u64, StoreError> {
        let (answer, answered) = oneshot::channel();
        self.writer.0.send(Job::Own(statement, answer)).await.map_err(|_| StoreError::Closed)?;
        answered.await.map_err(|_| StoreError::Closed)?
    }
}

impl Writer {
    pub(super) fn start(connection: SqliteConnection, people: People, watch: Watch) -> Self {
        let (jobs, waiting) = mpsc::channel(QUEUE);
        tokio::spawn(run(connection, people, watch, waiting));
        Self(jobs)
    }

    /// Finishes what waits, then closes the connection.
    pub(super) async fn close(&self) {
        let (done, closed) = oneshot::channel();
        if self.0.send(Job::Close(done)).await.is_ok() {
            // An error only means that the writer is gone already.
            let _ = closed.await;
        }
    }
}

async fn run(
    mut connection: SqliteConnection,
    people: People,
    watch: Watch,
    mut waiting: mpsc::Receiver<Job>,
) {
    let mut group = Vec::with_capacity(GROUP);
    while waiting.recv_many(&mut group, GROUP).await > 0 {
        let mut closing = Vec::new();
        let mut work = Vec::with_capacity(group.len());
        for job in group.drain(..) {
            match job {
                Job::Close(done) => closing.push(done),
                job => work.push(job),
            }
        }
        if !work.is_empty() {
            commit(&mut connection, &people, work).await;
            watch.ring();
        }
        if !closing.is_empty() {
            // Nothing can be done about a database that will not close; its log is still whole.
            let _ = connection.close().await;
            for done in closing {
                let _ = done.send(());
            }
            return;
        }
    }
}

/// Answers of a group, held back until its commit is on disk.
enum Answer {
    Record(Result<Written, StoreError>, oneshot::Sender<Result<Written, StoreError>>),
    Own(Result<u64, StoreError>, oneshot::Sender<Result<u64, StoreError>>),
}

async fn commit(connection: &mut SqliteConnection, people: &People, work: Vec<Job>) {
    let mut answers = Vec::with_capacity(work.len());
    let committed = group(connection, people, work, &mut answers).await;
    let failure = committed.err().map(|error| error.to_string());
    for answer in answers {
        // Whoever asked may have gone away; the write stands all the same.
        match answer {
            Answer::Record(result, to) => drop(to.send(unless(failure.as_deref(), result))),
            Answer::Own(result, to) => drop(to.send(unless(failure.as_deref(), result))),
        }
    }
}

/// The result, unless the commit that was to hold it failed.
fn unless<T>(failure: Option<&str>, result: Result<T, StoreError>) -> Result<T, StoreError> {
    match failure {
        Some(failure) => Err(StoreError::Unavailable(sqlx::Error::Protocol(failure.to_owned()))),
        None => result,
    }
}

async fn group(
    connection: &mut SqliteConnection,
    people: &People,
    work: Vec<Job>,
    answers: &mut Vec<Answer>,
) -> Result<(), sqlx::Error> {
    let mut begun = connection.begin_with("begin immediate").await;
    for job in work {
        match (&mut begun, job) {
            (Ok(transaction), Job::Record(write, to)) => {
                answers.push(Answer::Record(alone(transaction, people, &write).await, to));
            }
            (Ok(transaction), Job::Own(statement, to)) => {
                answers.push(Answer::Own(own(transaction, &statement).await, to));
            }
            // The failure to begin is told to everyone; what stands here is not looked at.
            (Err(_), Job::Record(_, to)) => {
                answers.push(Answer::Record(Err(StoreError::Closed), to));
            }
            (Err(_), Job::Own(_, to)) => answers.push(Answer::Own(Err(StoreError::Closed), to)),
            (_, Job::Close(_)) => {}
        }
    }
    begun?.commit().await
}

/// One write within a group: if it fails, the others stand.
async fn alone(
    connection: &mut SqliteConnection,
    people: &People,
    write: &Write,
) -> Result<Written, StoreError> {
    let mut savepoint = connection.begin().await?;
    set_actor(&mut savepoint, write.by.as_ref()).await?;
    let written = apply(&mut savepoint, people, write).await?;
    set_actor(&mut savepoint, None).await?;
    savepoint.commit().await?;
    Ok(written)
}

async fn set_actor(
    connection: &mut SqliteConnection,
    by: Option<&UserId>,
) -> Result<(), StoreError> {
    sqlx::query("update _pagetide_actor set user_id = ?")
        .bind(by.map(UserId::as_str))
        .execute(connection)
        .await?;
    Ok(())
}

async fn own(connection: &mut SqliteConnection, statement: &Statement) -> Result<u64, StoreError> {
    let mut query = sqlx::query(statement.sql);
    for value in &statement.values {
        query = match value {
            Value::Integer(number) => query.bind(*number),
            Value::Text(text) => query.bind(text.to_string()),
            _ => query.bind(None::<String>),
        };
    }
    Ok(query.execute(connection).await?.rows_affected())
}

async fn apply(
    connection: &mut SqliteConnection,
    people: &People,
    write: &Write,
) -> Result<Written, StoreError> {
    let table = &write.table;
    match &write.action {
        Action::Insert(values) => {
            let id = insert(connection, table, values).await?;
            Ok(found(one(connection, table, id, people).await?))
        }
        Action::Update(id, values, expected) => {
            if write.rows != Filter::all() && seen(connection, people, write, *id).await?.is_none()
            {
                return Ok(Written::Missing);
            }
            let changed = update(connection, table, *id, values, expected.as_ref()).await?;
            let now = one(connection, table, *id, people).await?;
            Ok(match (changed, now) {
                (false, Some(record)) => Written::Stale(record),
                (_, now) => found(now),
            })
        }
        Action::Delete(id) => {
            let Some(record) = seen(connection, people, write, *id).await? else {
                return Ok(Written::Missing);
            };
            delete(connection, table, *id).await?;
            Ok(Written::Done(record))
        }
    }
}

/// A record, if whoever writes may know of it.
async fn seen(
    connection: &mut SqliteConnection,
    people: &People,
    write: &Write,
    id: RecordId,
) -> Result<Option<Record>, StoreError> {
    let record = one(connection, &write.table, id, people).await?;
    Ok(record.filter(|record| write.rows.matches(record)))
}

fn found(record: Option<Record>) -> Written {
    record.map_or(Written::Missing, Written::Done)
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
    expected: Option<&Value>,
) -> Result<bool, StoreError> {
    let column = |at: FieldAt| Alias::new(table.field(at).name.as_str());
    let mut sql = Sql::update();
    sql.table(Alias::new(table.name.as_str()));
    sql.values(values.iter().map(|(at, value)| (column(*at), sql_value(value).into())));
    sql.and_where(Expr::col(column(FieldAt::ID)).eq(id.get()));
    if let (Some(at), Some(expected)) = (table.updated_at(), expected) {
        sql.and_where(Expr::col(column(at)).eq(sql_value(expected)));
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
