//! Writes a group of jobs in one commit, and sends each caller the outcome of its own job.
//!
//! A job that is refused is undone alone, to a savepoint, and the group goes on. If SQLite rolls the whole
//! transaction back, or it cannot be committed, each job of the group is tried again in a commit of its own:
//! only the job that caused the failure fails.

use std::time::Duration;

use sqlx::SqliteConnection;

use super::{Job, Open, refuse};
use crate::limits::Limit;
use crate::model::ids::UserId;
use crate::store::StoreError;
use crate::store::own::OwnStatement;
use crate::store::people::UserNames;
use crate::store::sqlite::error;
use crate::store::sqlite::execute::RolledBack;
use crate::store::sqlite::health::Health;
use crate::store::sqlite::own_query;
use crate::store::sqlite::readers::Length;
use crate::store::sqlite::{execute, transaction};
use crate::store::write::{Outcomes, WriteOutcome};

/// How many similar inserts are sent to the connection's thread in one round trip at most.
const RUN: usize = 16;

/// By how much each record of a write extends its time limit.
const EACH: Duration = Duration::from_millis(20);

/// The answer to a job, held back until the commit is on disk.
pub(super) enum CommitReply {
    Records(Result<Outcomes, StoreError>),
    Own(Result<u64, StoreError>),
}

impl CommitReply {
    /// Replaces the error of a write that was stopped for taking too long by [`Limit::WriteTime`].
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

    /// Whether the connection or the disk failed.
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

    /// Whether the job has changed rows.
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

/// Why nothing of a group was written.
enum Failure {
    /// The transaction could not be begun, which no job of the group is to blame for.
    NotBegun(sqlx::Error),
    /// SQLite has rolled back the transaction because of one job; the answer to that job.
    RolledBack(CommitReply),
    /// The transaction could not be finished.
    NotEnded(StoreError),
}

impl Failure {
    /// The answer to a job that was alone in its group.
    fn of(self, job: &Job) -> CommitReply {
        match self {
            Self::NotBegun(error) => job.failed(StoreError::Unavailable(error)),
            Self::RolledBack(answer) => answer,
            Self::NotEnded(error) => job.failed(error),
        }
    }
}

/// The result of a commit, as far as it says something about the database.
pub(super) enum Committed {
    /// Rows were written to the disk.
    Rows,
    /// No row was written: the jobs changed nothing, or were refused for their content.
    Nothing,
    /// The connection or the disk failed.
    Failed,
}

/// Writes a group of jobs and sends the answers to their callers.
pub(super) async fn commit(
    connection: &mut Open,
    people: &UserNames,
    health: &Health,
    work: Vec<Job>,
) -> Committed {
    let time = health.limits.time(Limit::WriteTime);
    let answers = match commit_group(connection, people, &work, time).await {
        Ok(answers) => answers,
        Err(Failure::NotBegun(error)) => {
            work.iter().map(|job| job.failed(not_begun(&error, health))).collect()
        }
        Err(failure) if work.len() == 1 => vec![failure.of(&work[0])],
        // One job is to blame, and it is not known which. With a commit of its own for each, only that one
        // fails.
        Err(_) => {
            let mut answers = Vec::with_capacity(work.len());
            for job in &work {
                let alone = commit_group(connection, people, std::slice::from_ref(job), time).await;
                let answer = alone.map(|mut answers| answers.pop());
                let answer = answer.unwrap_or_else(|failure| Some(failure.of(job)));
                answers.push(answer.unwrap_or_else(|| job.failed(StoreError::Closed)));
            }
            answers
        }
    };
    let answers: Vec<_> = answers.into_iter().map(|answer| answer.explained(health)).collect();
    // If the file was replaced meanwhile, the writes went into the old one and are lost.
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

/// The error for each job of a group whose transaction could not be begun.
fn not_begun(error: &sqlx::Error, health: &Health) -> StoreError {
    match error::is_busy(error) {
        true => health.limits.refuse(Limit::WriteWaitTime).into(),
        false => StoreError::Unavailable(sqlx::Error::Protocol(error.to_string())),
    }
}

/// Writes the jobs in one commit and returns an answer for each. On failure nothing is written, and no
/// transaction is left open.
async fn commit_group(
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
    let written = execute_jobs(connection, people, work, let_out).await;
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

async fn execute_jobs(
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
                let done = execute_own(connection, statement).await;
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
    // The next write may be another program's, whose author is not known.
    set_actor(connection, &mut actor, None).await.map_err(failed)?;
    Ok(answers)
}

/// Sets the account that the triggers write into the change log, if it is another than `before`.
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

async fn execute_own(
    connection: &mut SqliteConnection,
    statement: &OwnStatement,
) -> Result<u64, StoreError> {
    Ok(own_query(statement).execute(connection).await?.rows_affected())
}
