//! Removes old lines of the change log: when they are too old, or when there are too many lines or bytes.

use std::collections::VecDeque;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use sqlx::Row;

use crate::limits::Limit;
use crate::model::value::Value;
use crate::store::StoreError;
use crate::store::log::KEPT_HOURS;
use crate::store::own::OwnStatement;
use crate::store::sqlite::{SqliteEngine, row};

/// How many lines are read in one step.
const LINES: usize = 1_000;
/// The bounds of a block: its lines, their bytes, and the time between the first and the last of them. A
/// block is removed in one step, so a small one keeps no writer waiting for long.
const BLOCK_LINES: u64 = 1_000;
const BLOCK_BYTES: u64 = 1024 * 1024;
const BLOCK_TIME: SignedDuration = SignedDuration::from_mins(10);
/// How long to wait before the next step if nothing had to be removed.
const PRUNE_EVERY: Duration = Duration::from_secs(1);

/// Prunes the change log. Remembers the sizes of its lines, so that each line is measured once.
#[derive(Default)]
pub(in crate::store) struct Pruner {
    /// The known lines of the log, the oldest first.
    blocks: VecDeque<Block>,
    bytes: u64,
}

/// Successive lines of the log, which are removed together.
struct Block {
    /// The `seq` of the last line.
    last: i64,
    lines: u64,
    bytes: u64,
    /// The times at which the first and the last of these lines were written.
    since: Timestamp,
    until: Timestamp,
}

/// A line of the log with what decides when it is pruned.
struct PrunableLine {
    seq: i64,
    bytes: u64,
    at: Timestamp,
}

impl Pruner {
    /// Prunes the log of a store, again and again. Never returns.
    pub async fn run(mut self, store: &SqliteEngine) {
        loop {
            match self.step(store).await {
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) => tracing::warn!("cannot prune the change log: {error}"),
            }
            tokio::time::sleep(PRUNE_EVERY).await;
        }
    }

    /// Reads the next new lines, and removes the oldest block if the log is beyond a bound. Returns whether
    /// the next step should follow at once.
    async fn step(&mut self, store: &SqliteEngine) -> Result<bool, StoreError> {
        let (newest, lines) = lines_after(store, self.last()).await?;
        if newest < self.last() {
            // The database was replaced: this is another log.
            *self = Self::default();
            return Ok(true);
        }
        let is_behind = lines.len() == LINES;
        lines.into_iter().for_each(|line| self.take(line));
        let Some(oldest) = self.blocks.front() else { return Ok(is_behind) };
        let kept = store.limits.size(Limit::LogChanges);
        let is_beyond = |seq: i64| (newest - seq).unsigned_abs() >= kept;
        let cutoff = Timestamp::now() - SignedDuration::from_hours(KEPT_HOURS);
        let is_too_much = self.bytes > store.limits.size(Limit::LogBytes)
            || is_beyond(oldest.last)
            || oldest.until < cutoff;
        // The newest line always stays, since positions of up-to-date readers name it.
        let last = oldest.last.min(newest - 1);
        if !is_too_much || last < oldest.last && oldest.lines == 1 {
            return Ok(is_behind);
        }
        let sql = "delete from _pagetide_changes where seq <= ?";
        store.execute(OwnStatement::new(sql, vec![Value::Integer(last)])).await?;
        if let Some(oldest) = self.blocks.pop_front() {
            self.bytes -= oldest.bytes;
        }
        Ok(true)
    }

    /// The `seq` of the last known line; 0 if none is known.
    fn last(&self) -> i64 {
        self.blocks.back().map_or(0, |block| block.last)
    }

    fn take(&mut self, PrunableLine { seq, bytes, at }: PrunableLine) {
        self.bytes += bytes;
        let block = self.blocks.back_mut().filter(|block| {
            block.lines < BLOCK_LINES
                && block.bytes < BLOCK_BYTES
                && at.duration_since(block.since) < BLOCK_TIME
        });
        match block {
            Some(block) => {
                (block.last, block.until) = (seq, at);
                block.lines += 1;
                block.bytes += bytes;
            }
            None => {
                let (lines, since, until) = (1, at, at);
                self.blocks.push_back(Block { last: seq, lines, bytes, since, until });
            }
        }
    }
}

/// Reads the next lines after a `seq`. Returns the `seq` of the newest line in the log, and these lines.
async fn lines_after(
    store: &SqliteEngine,
    after: i64,
) -> Result<(i64, Vec<PrunableLine>), StoreError> {
    let mut reader = store.readers.house().await?;
    let rows = async {
        let newest: Option<i64> = sqlx::query_scalar("select max(seq) from _pagetide_changes")
            .fetch_one(&mut *reader)
            .await?;
        let sql = "select seq, coalesce(octet_length(old), 0) + coalesce(octet_length(new), 0), at
                   from _pagetide_changes where seq > ? order by seq limit ?";
        let rows = sqlx::query(sql).bind(after).bind(LINES as i64).fetch_all(&mut *reader).await?;
        Ok((newest.unwrap_or_default(), rows))
    };
    let (newest, rows) = {
        let rows: Result<_, StoreError> = rows.await;
        reader.settle(rows)?
    };
    let lines = rows.iter().map(|row| PrunableLine {
        seq: row.get(0),
        bytes: row.get::<i64, _>(1).unsigned_abs(),
        // A line without a readable time counts as one that is old enough to be removed.
        at: row::text(row, 2).and_then(|at| at.parse().ok()).unwrap_or(Timestamp::UNIX_EPOCH),
    });
    Ok((newest, lines.collect()))
}
