//! The one connection that writes. What waits is written together, in one commit.

use std::collections::VecDeque;
use std::sync::Arc;

use sqlx::{AssertSqlSafe, Connection, SqliteConnection};
use tokio::sync::{mpsc, oneshot};

use crate::limits::Limit;
use crate::store::health::Health;
use crate::store::people::UserNames;
use crate::store::readers::{Leash, StopSignal};
use crate::store::watch::CommitBell;
use crate::store::write::{Intent, Outcomes, SystemStatement, Write};
use crate::store::{Store, StoreError, connect_to, execute, make_way};

mod commit;
mod trial;

use commit::{CommitReply, Committed, commit};

/// How many writes may wait before further writers have to.
const QUEUE: usize = 1_024;
/// How many writes share a commit at most, so that none waits long for its own.
const GROUP: usize = 256;

/// To whoever waits for the outcomes.
type ReplySender = oneshot::Sender<Result<Outcomes, StoreError>>;

enum Job {
    Records(Box<Write>, ReplySender),
    Own(SystemStatement, oneshot::Sender<Result<u64, StoreError>>),
    Lend(oneshot::Sender<Lent>),
    Close(oneshot::Sender<()>),
}

/// The writing connection, with what stops a write that takes too long.
struct Open {
    connection: SqliteConnection,
    leash: Arc<Leash>,
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
        matches!(self, Self::Records(write, _) if execute::are_alike(first, write))
    }

    /// What is told where nothing could be written.
    fn failed(&self, error: StoreError) -> CommitReply {
        match self {
            Self::Records(..) => CommitReply::Records(Err(error)),
            Self::Own(..) | Self::Lend(_) | Self::Close(_) => CommitReply::Own(Err(error)),
        }
    }

    /// Tells whoever asked. They may have gone away; the write stands all the same.
    fn tell(self, answer: CommitReply) {
        match (self, answer) {
            (Self::Records(_, to), CommitReply::Records(result)) => drop(to.send(result)),
            (Self::Own(_, to), CommitReply::Own(result)) => drop(to.send(result)),
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

    pub(super) async fn execute(&self, statement: SystemStatement) -> Result<u64, StoreError> {
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
    people: UserNames,
    (watch, health): (CommitBell, Arc<Health>),
    mut waiting: mpsc::Receiver<Job>,
) {
    let mut connection = open(connection, &health).await;
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
            let lent = connection.take().map(|open| open.connection);
            let back = match to.send(Lent { connection: lent, back }) {
                Ok(()) => returned.await.ok(),
                Err(lent) => lent.connection,
            };
            connection = match back {
                Some(connection) => open(connection, &health).await,
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

/// Another connection to the file, where the one before may not be sound any more.
async fn connect(health: &Health) -> Option<Open> {
    match connect_to(health.files.path()).await {
        Ok(connection) => open(connection, health).await,
        Err(error) => {
            tracing::warn!("cannot open the database to write to it: {error}");
            None
        }
    }
}

/// Makes a connection the one that writes: it waits for other programs as long as is allowed.
async fn open(mut connection: SqliteConnection, health: &Health) -> Option<Open> {
    let wait = health.limits.size(Limit::WriteWaitTime);
    let sql = format!("pragma busy_timeout = {wait}");
    if let Err(error) = sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await {
        tracing::warn!("writes may wait longer for other programs than they should: {error}");
    }
    // Nothing but the time it takes stops a write: what is under way when the server stops is finished.
    match Leash::on(&mut connection, &StopSignal::default()).await {
        Ok(leash) => Some(Open { connection, leash }),
        Err(error) => {
            tracing::warn!("cannot write to the database: {error}");
            None
        }
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
