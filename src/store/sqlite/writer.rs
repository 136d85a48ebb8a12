//! The task with the one connection that writes. Writes that wait share a transaction and its commit.
//!
//! The answers to a group are held back until its commit is on disk. Trials ([`Intent::Try`]) run alone, and
//! only while no other write waits.

use std::collections::VecDeque;
use std::sync::Arc;

use sqlx::{AssertSqlSafe, Connection, SqliteConnection};
use tokio::sync::{mpsc, oneshot};

use crate::limits::Limit;
use crate::store::StoreError;
use crate::store::own::OwnStatement;
use crate::store::people::UserNames;
use crate::store::sqlite::health::Health;
use crate::store::sqlite::readers::{Leash, StopSignal};
use crate::store::sqlite::watch::CommitBell;
use crate::store::sqlite::{SqliteEngine, connect_to, execute, make_way};
use crate::store::write::{Intent, Outcomes, Write};

mod commit;
mod trial;

use commit::{CommitReply, Committed, commit};

/// How many jobs the queue holds. Further callers wait until there is room in it.
const QUEUE: usize = 1_024;
/// How many jobs share a commit at most, so that none waits long for its own.
const GROUP: usize = 256;

/// Sends the outcomes of a write to its caller.
type ReplySender = oneshot::Sender<Result<Outcomes, StoreError>>;

enum Job {
    Records(Box<Write>, ReplySender),
    Own(OwnStatement, oneshot::Sender<Result<u64, StoreError>>),
    Lend(oneshot::Sender<Lent>),
    Close(oneshot::Sender<()>),
}

/// The writing connection, with the leash that stops a write that takes too long.
struct Open {
    connection: SqliteConnection,
    leash: Arc<Leash>,
}

/// The writing connection, lent to a caller that puts another in its place. Writes wait meanwhile.
pub(super) struct Lent {
    /// `None` if there is no writing connection at the moment: the last one failed or was not given back.
    pub(super) connection: Option<SqliteConnection>,
    /// Takes the connection to write with from now on.
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

    /// Whether this job can be sent to the database together with `first`.
    fn is_like(&self, first: &Write) -> bool {
        matches!(self, Self::Records(write, _) if execute::are_alike(first, write))
    }

    /// The answer to this job when it failed with this error as a whole.
    fn failed(&self, error: StoreError) -> CommitReply {
        match self {
            Self::Records(..) => CommitReply::Records(Err(error)),
            Self::Own(..) | Self::Lend(_) | Self::Close(_) => CommitReply::Own(Err(error)),
        }
    }

    /// Sends the answer to the caller. If the caller no longer waits, the write stands all the same.
    fn tell(self, answer: CommitReply) {
        match (self, answer) {
            (Self::Records(_, to), CommitReply::Records(result)) => drop(to.send(result)),
            (Self::Own(_, to), CommitReply::Own(result)) => drop(to.send(result)),
            // An answer of another kind than the job cannot occur, so there is nothing to send.
            _ => {}
        }
    }
}

/// Sends jobs to the task that writes.
#[derive(Clone)]
pub(super) struct Writer(mpsc::Sender<Job>);

impl SqliteEngine {
    /// Performs all actions of a write, or none of them. When it returns, the changes are on disk and in the
    /// change log. A trial ([`Intent::Try`]) returns the outcomes that the write would have, and changes
    /// nothing.
    ///
    /// # Errors
    /// If the database does not answer.
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

    pub(in crate::store) async fn execute(
        &self,
        statement: OwnStatement,
    ) -> Result<u64, StoreError> {
        let (answer, answered) = oneshot::channel();
        self.writer.0.send(Job::Own(statement, answer)).await.map_err(|_| StoreError::Closed)?;
        answered.await.map_err(|_| StoreError::Closed)?
    }
}

impl Writer {
    pub(super) fn start(
        connection: SqliteConnection,
        people: UserNames,
        watch: CommitBell,
        health: Arc<Health>,
    ) -> Self {
        let (jobs, waiting) = mpsc::channel(QUEUE);
        let queue = jobs.downgrade();
        let time = health.limits.time(Limit::TrialTime);
        let is_queued = |jobs: mpsc::Sender<Job>| jobs.capacity() < jobs.max_capacity();
        let has_others = move || queue.upgrade().is_some_and(is_queued);
        let work = run(connection, people, (watch, health), waiting);
        tokio::spawn(make_way::writing(has_others, time, work));
        Self(jobs)
    }

    /// Takes the writing connection, so that the caller can put another in its place.
    pub(super) async fn lend(&self) -> Result<Lent, StoreError> {
        let (to, lent) = oneshot::channel();
        self.0.send(Job::Lend(to)).await.map_err(|_| StoreError::Closed)?;
        lent.await.map_err(|_| StoreError::Closed)
    }

    /// Finishes the waiting jobs, then closes the connection.
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
    people: UserNames,
    (watch, health): (CommitBell, Arc<Health>),
    mut waiting: mpsc::Receiver<Job>,
) {
    let mut connection = prepare(connection, &health).await;
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
            // One trial at a time, and alone, so that no real write waits for the end of its transaction.
            work.extend(trials.pop_front());
        }
        if !work.is_empty() {
            // `commit` checks this again: the file may be replaced while it is written to.
            let can_write = health.files.displaced().is_none();
            if connection.is_none() && can_write {
                connection = reconnect(&health).await;
            }
            let work = if health.has_room() { work } else { without_records(work, &health) };
            match &mut connection {
                Some(open) if can_write => {
                    match commit(open, &people, &health, work).await {
                        Committed::Rows => health.note_write(true),
                        Committed::Nothing => {}
                        Committed::Failed => {
                            health.note_write(false);
                            // After a failure, the state of the driver and of SQLite is not trusted.
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
            let lent = connection.take().map(|open| open.connection);
            let back = match to.send(Lent { connection: lent, back }) {
                Ok(()) => returned.await.ok(),
                Err(lent) => lent.connection,
            };
            connection = match back {
                Some(connection) => prepare(connection, &health).await,
                None => None,
            };
        }
        if !closing.is_empty() {
            // Nothing can be done about a database that will not close; its log is still whole.
            if let Some(open) = connection {
                let _ = open.connection.close().await;
            }
            for done in closing {
                let _ = done.send(());
            }
            return;
        }
    }
}

/// Opens another writing connection, after the one before has failed. `None` if that fails, too.
async fn reconnect(health: &Health) -> Option<Open> {
    match connect_to(health.files.path()).await {
        Ok(connection) => prepare(connection, health).await,
        Err(error) => {
            tracing::warn!("cannot open the database to write to it: {error}");
            None
        }
    }
}

/// Prepares a connection for writing: sets how long it waits for other programs, and puts it on a leash.
/// `None` if the leash cannot be installed.
async fn prepare(mut connection: SqliteConnection, health: &Health) -> Option<Open> {
    let wait = health.limits.size(Limit::WriteWaitTime);
    let sql = format!("pragma busy_timeout = {wait}");
    if let Err(error) = sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await {
        tracing::warn!("writes may wait longer for other programs than they should: {error}");
    }
    // A signal of its own, so that closing the database does not stop a running write: it is finished.
    match Leash::on(&mut connection, &StopSignal::default()).await {
        Ok(leash) => Some(Open { connection, leash }),
        Err(error) => {
            tracing::warn!("cannot write to the database: {error}");
            None
        }
    }
}

/// Refuses writes of records while the disk is almost full, and returns the other jobs. Those are small or
/// make room: sessions, and the pruning of the change log.
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

/// Answers all jobs with [`StoreError::Misplaced`].
fn refuse(work: Vec<Job>, health: &Health) {
    health.look_soon();
    for job in work {
        let answer = job.failed(StoreError::Misplaced);
        job.tell(answer);
    }
}
