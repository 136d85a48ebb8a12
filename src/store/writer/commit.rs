//! What waits is written together, in one commit: each is told what came of its own part.

use std::time::Duration;

use sqlx::SqliteConnection;

use super::{Job, Open, refuse};
use crate::limits::Limit;
use crate::model::ids::UserId;
use crate::model::value::Value;
use crate::store::execute::RolledBack;
use crate::store::health::Health;
use crate::store::people::UserNames;
use crate::store::readers::Length;
use crate::store::write::{Outcomes, SystemStatement, WriteOutcome};
use crate::store::{StoreError, error, execute, transaction};

/// How many records of one kind are added in one round trip to the connection's thread at most.
const RUN: usize = 16;

/// How much longer than others a write may take for each of its records.
const EACH: Duration = Duration::from_millis(20);

/// The answer to a job, held back until the commit is on disk.
pub(super) enum CommitReply {
    Records(Result<Outcomes, StoreError>),
    Own(Result<u64, StoreError>),
}

impl CommitReply {
    /// The same, where a write that was stopped for the time it took is told so.
    fn explained(self, health: &Health) -> Self {
        let told = |error: StoreError| match error::is_interrupted(&error) {
            true => health.limits.refuse(Limit::WriteTime).into(),
            false => error,
        };
        match self {
            Self::Records(Ok(outcomes)) => {
                let outcomes = outcomes.into_iter().map(|outcome| outcome.map_err(told));
                Self::Records(Ok(outcomes.collect()))
            }
            Self::Records(Err(error)) => Self::Records(Err(told(error))),
            own @ Self::Own(_) => own,
        }
    }

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
                    |outcome| matches!(outcome, &Ok(WriteOutcome::Made(_) | WriteOutcome::Done(_)));
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
    RolledBack(CommitReply),
    /// It could not be ended.
    NotEnded(StoreError),
}

impl Failure {
    /// What is told of it to the only one in its group.
    fn of(self, job: &Job) -> CommitReply {
        match self {
            Self::NotBegun(error) => job.failed(StoreError::Unavailable(error)),
            Self::RolledBack(answer) => answer,
            Self::NotEnded(error) => job.failed(error),
        }
    }
}

/// What came of a commit.
pub(super) enum Committed {
    /// Something is on disk.
    Rows,
    /// There was nothing to write, or it was refused for what it says.
    Nothing,
    /// The connection, or the disk, did not do what it should.
    Failed,
}

/// Writes what was asked for, and tells who asked.
pub(super) async fn commit(
    connection: &mut Open,
    people: &UserNames,
    health: &Health,
    work: Vec<Job>,
) -> Committed {
    let time = health.limits.time(Limit::WriteTime);
    let answers = match group(connection, people, &work, time).await {
        Ok(answers) => answers,
        Err(Failure::NotBegun(error)) => {
            work.iter().map(|job| job.failed(not_begun(&error, health))).collect()
        }
        Err(failure) if work.len() == 1 => vec![failure.of(&work[0])],
        // One of them is to blame. The others are not hurt by it: each gets a commit of its own.
        Err(_) => {
            let mut answers = Vec::with_capacity(work.len());
            for job in &work {
                let alone = group(connection, people, std::slice::from_ref(job), time).await;
                let answer = alone.map(|mut answers| answers.pop());
                let answer = answer.unwrap_or_else(|failure| Some(failure.of(job)));
                answers.push(answer.unwrap_or_else(|| job.failed(StoreError::Closed)));
            }
            answers
        }
    };
    let answers: Vec<_> = answers.into_iter().map(|answer| answer.explained(health)).collect();
    // What was written to a file that is no longer the database is not there.
    if health.files.displaced().is_some() {
        refuse(work, health);
        return Committed::Nothing;
    }
    let committed = if answers.iter().any(CommitReply::has_failed) {
        Committed::Failed
    } else if answers.iter().any(CommitReply::has_written) {
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
    open: &mut Open,
    people: &UserNames,
    work: &[Job],
    time: Duration,
) -> Result<Vec<CommitReply>, Failure> {
    let Open { connection, leash } = open;
    transaction::begin(connection).await.map_err(Failure::NotBegun)?;
    let let_out = |records: usize| {
        let records = u32::try_from(records).unwrap_or(u32::MAX);
        leash.let_out(Length::Time(time + EACH.saturating_mul(records)));
    };
    let written = within(connection, people, work, let_out).await;
    leash.let_out(Length::Any);
    match written {
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
    people: &UserNames,
    work: &[Job],
    let_out: impl Fn(usize),
) -> Result<Vec<CommitReply>, Failure> {
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
                let_out(run.iter().map(|write| write.actions.len()).sum());
                let outcomes = execute::execute(connection, people, &run).await;
                let outcomes = outcomes.map_err(|RolledBack(outcomes)| {
                    Failure::RolledBack(CommitReply::Records(outcomes))
                })?;
                answers.extend(outcomes.into_iter().map(CommitReply::Records));
            }
            Job::Own(statement, _) => {
                let_out(0);
                let done = own(connection, statement).await;
                let has_failed = done.is_err();
                let answer = CommitReply::Own(done);
                if has_failed && !transaction::is_open(connection).await {
                    return Err(Failure::RolledBack(answer));
                }
                answers.push(answer);
            }
            Job::Lend(_) | Job::Close(_) => answers.push(CommitReply::Own(Ok(0))),
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

async fn own(
    connection: &mut SqliteConnection,
    statement: &SystemStatement,
) -> Result<u64, StoreError> {
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
