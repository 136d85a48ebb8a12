//! The one connection that writes. What waits is written together, in one commit.

use std::collections::VecDeque;
use std::sync::Arc;

use sqlx::{AssertSqlSafe, Connection, SqliteConnection};
use tokio::sync::{mpsc, oneshot};

use crate::limits::Limit;
use crate::model::access::RowRules;
use crate::model::ids::{RecordId, UserId};
use crate::model::record::Record;
use crate::model::related::Related;
use crate::model::table::{FieldAt, Table};
use crate::model::value::Value;
use crate::store::apply::RolledBack;
use crate::store::health::Health;
use crate::store::people::People;
use crate::store::watch::Watch;
use crate::store::{Store, StoreError, apply, connect_to, error, transaction};

mod trial;

pub(super) use trial::must_make_way;

/// How many writes may wait before further writers have to.
const QUEUE: usize = 1_024;
/// How many writes share a commit at most, so that none waits long for its own.
const GROUP: usize = 256;
/// How many records of one kind are added in one round trip to the connection's thread at most.
const RUN: usize = 16;

/// Changes of records of one table: all of them, or none.
#[derive(Clone, Debug)]
pub struct Write {
    /// The table.
    pub table: Arc<Table>,
    /// Which of its records whoever writes may do what to.
    pub rules: RowRules,
    /// What to do, in this order.
    pub actions: Vec<Action>,
    /// Which records its fields may be set to refer to.
    pub related: Vec<Related>,
    /// Who does it, for the change log.
    pub by: Option<UserId>,
    /// Whether it is meant.
    pub intent: Intent,
}

#[cfg(test)]
impl Write {
    /// One change, by nobody, to whom everything is allowed.
    pub(super) fn of(table: &Arc<Table>, action: Action) -> Self {
        let (rules, actions) = (RowRules::default(), vec![action]);
        let (table, related) = (table.clone(), Vec::new());
        Self { table, rules, actions, related, by: None, intent: Intent::Keep }
    }
}

/// Whether a write is meant, or only to be tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intent {
    /// It is to stand.
    Keep,
    /// What would become of it is asked; nothing is changed.
    Try,
}

/// The fields of a record that a write sets.
pub type Values = Vec<(FieldAt, Value)>;

/// What to do to a record.
#[derive(Clone, Debug)]
pub enum Action {
    /// Add one.
    Insert(Values),
    /// Set these fields of one, at least one; only if its `updated-at` is still one of these, where
    /// any are given.
    Update(RecordId, Values, Option<Vec<Value>>),
    /// Remove one; only if its `updated-at` is still one of these, where any are given.
    Delete(RecordId, Option<Vec<Value>>),
    /// Change the one that has this value in a unique field; add one where none has it.
    Merge(Box<Merge>),
}

/// A record that is there, or is to be.
#[derive(Clone, Debug)]
pub struct Merge {
    /// The field that it is known by.
    pub on: FieldAt,
    /// Its value there.
    pub key: Value,
    /// What to set if it is there.
    pub known: Values,
    /// What to set if it is not; nothing where that would not make a record.
    pub new: Option<Values>,
}

/// What became of an [`Action`].
#[derive(Clone, Debug)]
pub enum Written {
    /// A record was added. This is it.
    Made(Record),
    /// The record as it now stands; as it stood, if it was removed.
    Done(Record),
    /// Nothing: somebody changed the record first. This is what they made of it.
    Stale(Record),
    /// Nothing: there is no such record.
    Missing,
    /// Nothing: a rule about rows is against it.
    Barred,
}

/// What became of each action; none of them stands unless all are made or done.
pub type Outcomes = Vec<Result<Written, StoreError>>;

/// A fixed statement on our own tables with its values, and how many rows it changed.
pub(super) struct Statement {
    pub(super) sql: &'static str,
    pub(super) values: Vec<Value>,
}

/// To whoever waits for the outcomes.
type Told = oneshot::Sender<Result<Outcomes, StoreError>>;

enum Job {
    Records(Box<Write>, Told),
    Own(Statement, oneshot::Sender<Result<u64, StoreError>>),
    Lend(oneshot::Sender<Lent>),
    Close(oneshot::Sender<()>),
}

/// The writing connection in the hands of whoever puts another in its place; meanwhile writes wait.
pub(super) struct Lent {
    /// Nothing if the last one who borrowed it gave none back.
    pub(super) connection: Option<SqliteConnection>,
    /// Where the other one goes.
    pub(super) back: oneshot::Sender<SqliteConnection>,
}

impl Job {
    fn write(&self) -> Option<&Write> {
        match self {
            Self::Records(write, _) => Some(write),
            Self::Own(..) | Self::Lend(_) | Self::Close(_) => None,
        }
    }

    fn is_trial(&self) -> bool {
        self.write().is_some_and(|write| write.intent == Intent::Try)
    }

    /// Whether this can be sent to the database together with a write.
    fn is_like(&self, first: &Write) -> bool {
        matches!(self, Self::Records(write, _) if apply::are_alike(first, write))
    }

    /// What is told where nothing could be written.
    fn failed(&self, error: StoreError) -> Answer {
        match self {
            Self::Records(..) => Answer::Records(Err(error)),
            Self::Own(..) | Self::Lend(_) | Self::Close(_) => Answer::Own(Err(error)),
        }
    }

    /// Tells whoever asked. They may have gone away; the write stands all the same.
    fn tell(self, answer: Answer) {
        match (self, answer) {
            (Self::Records(_, to), Answer::Records(result)) => drop(to.send(result)),
            (Self::Own(_, to), Answer::Own(result)) => drop(to.send(result)),
            // Nobody is answered with what they did not ask for.
            _ => {}
        }
    }
}

/// The way to the writing connection.
#[derive(Clone)]
pub(super) struct Writer(mpsc::Sender<Job>);

impl Store {
    /// Changes records, all or none. When this returns, the changes are on disk and in the change log.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn write(&self, write: Write) -> Result<Outcomes, StoreError> {
        match write.intent {
            Intent::Keep => self.send(write).await,
            Intent::Try => self.try_out_write(write).await,
        }
    }

    async fn send(&self, write: Write) -> Result<Outcomes, StoreError> {
        let (answer, answered) = oneshot::channel();
        self.writer
            .0
            .send(Job::Records(Box::new(write), answer))
            .await
            .map_err(|_| StoreError::Closed)?;
        answered.await.map_err(|_| StoreError::Closed)?
    }

    pub(super) async fn execute(&self, statement: Statement) -> Result<u64, StoreError> {
        let (answer, answered) = oneshot::channel();
        self.writer.0.send(Job::Own(statement, answer)).await.map_err(|_| StoreError::Closed)?;
        answered.await.map_err(|_| StoreError::Closed)?
    }
}

impl Writer {
    pub(super) fn start(
        connection: SqliteConnection,
        people: People,
        watch: Watch,
        health: Arc<Health>,
    ) -> Self {
        let (jobs, waiting) = mpsc::channel(QUEUE);
        let (way, time) = (jobs.downgrade(), health.limits.time(Limit::TrialTime));
        let work = run(connection, people, (watch, health), waiting);
        tokio::spawn(trial::writing(way, time, work));
        Self(jobs)
    }

    /// Takes the connection away, to put another in its place.
    pub(super) async fn lend(&self) -> Result<Lent, StoreError> {
        let (to, lent) = oneshot::channel();
        self.0.send(Job::Lend(to)).await.map_err(|_| StoreError::Closed)?;
        lent.await.map_err(|_| StoreError::Closed)
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
    connection: SqliteConnection,
    people: People,
    (watch, health): (Watch, Arc<Health>),
    mut waiting: mpsc::Receiver<Job>,
) {
    let mut connection = Some(connection);
    if let Some(connection) = &mut connection {
        wait_as_long(connection, &health).await;
    }
    let mut group = Vec::with_capacity(GROUP);
    let mut trials = VecDeque::new();
    loop {
        if trials.is_empty() {
            if waiting.recv_many(&mut group, GROUP).await == 0 {
                return;
            }
        } else {
            group.extend(std::iter::from_fn(|| waiting.try_recv().ok()).take(GROUP));
        }
        let (mut closing, mut lending) = (Vec::new(), Vec::new());
        let mut work = Vec::with_capacity(group.len());
        for job in group.drain(..) {
            match job {
                Job::Close(done) => closing.push(done),
                Job::Lend(to) => lending.push(to),
                job if job.is_trial() => trials.push_back(job),
                job => work.push(job),
            }
        }
        if work.is_empty() {
            // One at a time, and alone: nobody who means it waits for the end of its transaction.
            work.extend(trials.pop_front());
        }
        if !work.is_empty() {
            // Whether what is written would be there afterwards can only be known afterwards.
            let can_write = health.files.displaced().is_none();
            if connection.is_none() && can_write {
                connection = connect(&health).await;
            }
            let work = if health.has_room() { work } else { without_records(work, &health) };
            match &mut connection {
                Some(open) if can_write => {
                    match commit(open, &people, &health, work).await {
                        Committed::Rows => health.note_write(true),
                        Committed::Nothing => {}
                        Committed::Failed => {
                            health.note_write(false);
                            // Whatever the driver or SQLite still knows of the failure is not trusted.
                            connection = None;
                        }
                    }
                }
                _ => refuse(work, &health),
            }
            watch.ring();
        }
        for to in lending {
            let (back, returned) = oneshot::channel();
            connection = match to.send(Lent { connection: connection.take(), back }) {
                Ok(()) => returned.await.ok(),
                Err(lent) => lent.connection,
            };
            if let Some(connection) = &mut connection {
                wait_as_long(connection, &health).await;
            }
        }
        if !closing.is_empty() {
            // Nothing can be done about a database that will not close; its log is still whole.
            if let Some(connection) = connection {
                let _ = connection.close().await;
            }
            for done in closing {
                let _ = done.send(());
            }
            return;
        }
    }
}

/// The answer to a job, held back until the commit is on disk.
enum Answer {
    Records(Result<Outcomes, StoreError>),
    Own(Result<u64, StoreError>),
}

impl Answer {
    /// Whether it tells of a failure of the connection or the disk.
    fn has_failed(&self) -> bool {
        let has_failed = |error: &StoreError| matches!(error, StoreError::Unavailable(_));
        match self {
            Self::Records(Err(error)) | Self::Own(Err(error)) => has_failed(error),
            Self::Records(Ok(outcomes)) => {
                outcomes.iter().any(|outcome| outcome.as_ref().err().is_some_and(has_failed))
            }
            Self::Own(Ok(_)) => false,
        }
    }

    /// Whether it tells of rows that are on disk.
    fn has_written(&self) -> bool {
        match self {
            Self::Records(Ok(outcomes)) => {
                let is_written =
                    |outcome| matches!(outcome, &Ok(Written::Made(_) | Written::Done(_)));
                outcomes.iter().any(is_written)
            }
            Self::Own(Ok(rows)) => *rows > 0,
            Self::Records(Err(_)) | Self::Own(Err(_)) => false,
        }
    }
}

/// Why nothing of a group is on disk.
enum Failure {
    /// It could not be begun, and others could not either.
    NotBegun(sqlx::Error),
    /// SQLite has undone all of it because of one job, which is to be told this.
    RolledBack(Answer),
    /// It could not be ended.
    NotEnded(StoreError),
}

impl Failure {
    /// What is told of it to the only one in its group.
    fn of(self, job: &Job) -> Answer {
        match self {
            Self::NotBegun(error) => job.failed(StoreError::Unavailable(error)),
            Self::RolledBack(answer) => answer,
            Self::NotEnded(error) => job.failed(error),
        }
    }
}

/// Another connection to the file, where the one before may not be sound any more.
async fn connect(health: &Health) -> Option<SqliteConnection> {
    match connect_to(health.files.path()).await {
        Ok(mut connection) => {
            wait_as_long(&mut connection, health).await;
            Some(connection)
        }
        Err(error) => {
            tracing::warn!("cannot open the database to write to it: {error}");
            None
        }
    }
}

/// Lets a connection wait for other programs as long as is allowed.
async fn wait_as_long(connection: &mut SqliteConnection, health: &Health) {
    let wait = health.limits.size(Limit::WriteWaitTime);
    let sql = format!("pragma busy_timeout = {wait}");
    if let Err(error) = sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await {
        tracing::warn!("writes may wait longer for other programs than they should: {error}");
    }
}

/// What can be written though the disk is almost full: who is signed in, and what the log forgets.
fn without_records(work: Vec<Job>, health: &Health) -> Vec<Job> {
    let (records, rest): (Vec<_>, _) =
        work.into_iter().partition(|job| matches!(job, Job::Records(..)));
    for job in records {
        let refused = health.limits.refuse(Limit::FreeDiskBytes);
        let answer = job.failed(refused.into());
        job.tell(answer);
    }
    health.look_soon();
    rest
}

/// Tells everyone that there is nothing to write to.
fn refuse(work: Vec<Job>, health: &Health) {
    health.look_soon();
    for job in work {
        let answer = job.failed(StoreError::Misplaced);
        job.tell(answer);
    }
}

/// What came of a commit.
enum Committed {
    /// Something is on disk.
    Rows,
    /// There was nothing to write, or it was refused for what it says.
    Nothing,
    /// The connection, or the disk, did not do what it should.
    Failed,
}

/// Writes what was asked for, and tells who asked.
async fn commit(
    connection: &mut SqliteConnection,
    people: &People,
    health: &Health,
    work: Vec<Job>,
) -> Committed {
    let answers = match group(connection, people, &work).await {
        Ok(answers) => answers,
        Err(Failure::NotBegun(error)) => {
            work.iter().map(|job| job.failed(not_begun(&error, health))).collect()
        }
        Err(failure) if work.len() == 1 => vec![failure.of(&work[0])],
        // One of them is to blame. The others are not hurt by it: each gets a commit of its own.
        Err(_) => {
            let mut answers = Vec::with_capacity(work.len());
            for job in &work {
                let alone = group(connection, people, std::slice::from_ref(job)).await;
                let answer = alone.map(|mut answers| answers.pop());
                let answer = answer.unwrap_or_else(|failure| Some(failure.of(job)));
                answers.push(answer.unwrap_or_else(|| job.failed(StoreError::Closed)));
            }
            answers
        }
    };
    // What was written to a file that is no longer the database is not there.
    if health.files.displaced().is_some() {
        refuse(work, health);
        return Committed::Nothing;
    }
    let committed = if answers.iter().any(Answer::has_failed) {
        Committed::Failed
    } else if answers.iter().any(Answer::has_written) {
        Committed::Rows
    } else {
        Committed::Nothing
    };
    for (job, answer) in work.into_iter().zip(answers) {
        job.tell(answer);
    }
    committed
}

/// Why nobody of a group could write.
fn not_begun(error: &sqlx::Error, health: &Health) -> StoreError {
    match error::is_busy(error) {
        true => health.limits.refuse(Limit::WriteWaitTime).into(),
        false => StoreError::Unavailable(sqlx::Error::Protocol(error.to_string())),
    }
}

/// Writes all of it in one commit; or nothing, and then no transaction is left open.
async fn group(
    connection: &mut SqliteConnection,
    people: &People,
    work: &[Job],
) -> Result<Vec<Answer>, Failure> {
    transaction::begin(connection).await.map_err(Failure::NotBegun)?;
    match within(connection, people, work).await {
        Ok(answers) => {
            let committed = transaction::commit(connection).await;
            committed.map_err(|error| Failure::NotEnded(error.into()))?;
            Ok(answers)
        }
        Err(failure) => {
            transaction::roll_back(connection).await;
            Err(failure)
        }
    }
}

async fn within(
    connection: &mut SqliteConnection,
    people: &People,
    work: &[Job],
) -> Result<Vec<Answer>, Failure> {
    let failed = |error: sqlx::Error| Failure::NotEnded(error.into());
    let mut answers = Vec::with_capacity(work.len());
    let mut actor = None;
    let mut rest = work;
    while let Some(job) = rest.first() {
        let mut taken = 1;
        match job {
            Job::Records(first, _) => {
                let alike = rest.iter().take(RUN).skip(1).take_while(|next| next.is_like(first));
                let alike = alike.filter_map(Job::write);
                let run: Vec<_> = std::iter::once(&**first).chain(alike).collect();
                taken = run.len();
                set_actor(connection, &mut actor, first.by.as_ref()).await.map_err(failed)?;
                let outcomes = apply::all(connection, people, &run).await;
                let outcomes = outcomes.map_err(|RolledBack(outcomes)| {
                    Failure::RolledBack(Answer::Records(outcomes))
                })?;
                answers.extend(outcomes.into_iter().map(Answer::Records));
            }
            Job::Own(statement, _) => {
                let done = own(connection, statement).await;
                let has_failed = done.is_err();
                let answer = Answer::Own(done);
                if has_failed && !transaction::is_open(connection).await {
                    return Err(Failure::RolledBack(answer));
                }
                answers.push(answer);
            }
            Job::Lend(_) | Job::Close(_) => answers.push(Answer::Own(Ok(0))),
        }
        rest = &rest[taken..];
    }
    // Whoever writes next, another program, is nobody we know.
    set_actor(connection, &mut actor, None).await.map_err(failed)?;
    Ok(answers)
}

/// Says who writes from here on, where that is somebody else than before.
async fn set_actor(
    connection: &mut SqliteConnection,
    before: &mut Option<UserId>,
    by: Option<&UserId>,
) -> Result<(), sqlx::Error> {
    if before.as_ref() != by {
        sqlx::query("update _pagetide_actor set user_id = ?")
            .bind(by.map(UserId::as_str))
            .execute(connection)
            .await?;
        *before = by.cloned();
    }
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
