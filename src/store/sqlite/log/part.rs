//! A replay of many lines, in parts: record by record, in the order of the records' keys.

use std::collections::HashMap;

use sqlx::{AssertSqlSafe, Row, SqliteConnection};

use super::known::{Last, TableHistory, between};
use super::place::{LogPlace, PLACE};
use super::{Epoch, SqliteLog, pruned};
use crate::model::change::Change;
use crate::model::ids::{Position, RecordId, TableName};
use crate::store::StoreError;
use crate::store::log::ReplayPart;
use crate::store::sqlite::readers::ask;
use crate::store::sqlite::row;

/// How many records are looked up at once.
const RECORDS: usize = 100;
/// How many records are looked up for one part at most.
const MAX_RECORDS: usize = 1_000;
/// After how many bytes of log lines a part ends. One look-up is always finished, so a part may be longer.
const PART_BYTES: usize = 256 * 1024;

impl SqliteLog {
    /// Returns what became of the records of a table after the position `since`, up to and including `until`,
    /// for the next records in the order of their keys: those after `last`, or the first ones if that is
    /// `None`. Returns `None` if the log does not reach back that far, or a position is of another history.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn part(
        &self,
        (since, until): (&Position, &Position),
        last: Option<RecordId>,
        table: &TableName,
    ) -> Result<Option<ReplayPart>, StoreError> {
        let epoch = self.epoch.now();
        let (Some(known), Some(until)) = (epoch.read(since, table), epoch.place(until)) else {
            return Ok(None);
        };
        let stretch = (&known, until);
        ask!(self.readers, connection => {
            self.read_part(connection, &epoch, stretch, last, table).await
        })
    }

    async fn read_part(
        &self,
        connection: &mut SqliteConnection,
        epoch: &Epoch,
        (known, until): (&TableHistory, LogPlace),
        mut last: Option<RecordId>,
        table: &TableName,
    ) -> Result<Option<ReplayPart>, StoreError> {
        let told = known.told.iter().map(|told| told.until);
        for place in [known.since, until].into_iter().chain(told) {
            if !is_kept(connection, place).await? {
                return Ok(None);
            }
        }
        // Whether a line is missing is checked once, for the first part.
        if last.is_none() && !has_every_line(connection, known.since, until).await? {
            return Ok(None);
        }
        let mut changes = Vec::new();
        let mut looked_up = 0;
        let mut bytes = 0;
        loop {
            let changed = changed_records(connection, (known.since, until), last, table).await?;
            let stretches = changed.iter().filter_map(|(record, lines)| {
                Some((known.first_unknown(*record, lines)?, *lines.last()?))
            });
            let stretches: Vec<_> = stretches.collect();
            let (lines, length) = self.lines(connection, epoch, &stretches).await?;
            let told = stretches.iter().filter_map(|(first, last)| {
                let change = between(lines.get(first)?, lines.get(last)?)?;
                let known = known.and(until, Last::Record(change.record_id));
                Some(Change { position: epoch.known(&known, table), ..change })
            });
            changes.extend(told);
            looked_up += changed.len();
            bytes += length;
            last = changed.last().map(|(record, _)| *record);
            if changed.len() < RECORDS {
                if let Some(newest) = changes.last_mut() {
                    newest.position = epoch.position(until);
                }
                return Ok(Some(ReplayPart { changes, last: None }));
            }
            if looked_up >= MAX_RECORDS || bytes >= PART_BYTES {
                return Ok(Some(ReplayPart { changes, last }));
            }
        }
    }

    /// Reads the changes in the first and last lines of several ranges. Returns them by their `seq`, and how
    /// long these lines are together, in bytes.
    async fn lines(
        &self,
        connection: &mut SqliteConnection,
        epoch: &Epoch,
        stretches: &[(i64, i64)],
    ) -> Result<(HashMap<i64, Change>, usize), StoreError> {
        let seqs = stretches.iter().flat_map(|(first, last)| [first, last]);
        let seqs: Vec<_> = seqs.map(i64::to_string).collect();
        let sql = format!(
            "select seq, table_name, key, old, new, by, at, {PLACE} as place from _pagetide_changes
             where seq in ({})",
            seqs.join(",")
        );
        let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(connection).await?;
        let length = |row, column| row::text(row, column).map_or(0, |text| text.len());
        let bytes = rows.iter().map(|row| length(row, "old") + length(row, "new")).sum();
        let changes =
            rows.iter().filter_map(|row| Some((row.get("seq"), self.change(row, epoch)?)));
        Ok((changes.collect(), bytes))
    }
}

/// Whether a line is in the log.
async fn is_kept(connection: &mut SqliteConnection, line: LogPlace) -> Result<bool, StoreError> {
    if line.seq == 0 {
        return Ok(line == LogPlace::default() && pruned(connection).await? == 0);
    }
    let sql = format!("select {PLACE} as place from _pagetide_changes where seq = ?");
    let found = sqlx::query(AssertSqlSafe(sql)).bind(line.seq).fetch_optional(connection).await?;
    Ok(found.is_some_and(|found| LogPlace::of(&found) == line))
}

/// Whether no line is missing after the first place, up to the second.
async fn has_every_line(
    connection: &mut SqliteConnection,
    since: LogPlace,
    until: LogPlace,
) -> Result<bool, StoreError> {
    let sql = "select count(*) from _pagetide_changes where seq > ? and seq <= ?";
    let lines = sqlx::query_scalar(sql).bind(since.seq).bind(until.seq);
    let lines: i64 = lines.fetch_one(connection).await?;
    Ok(lines == until.seq - since.seq)
}

/// Returns the next records of a table that changed after one place up to another, in the order of their
/// keys, each with the numbers of its lines there, in order. With `last`, only records with a greater key.
async fn changed_records(
    connection: &mut SqliteConnection,
    (since, until): (LogPlace, LogPlace),
    last: Option<RecordId>,
    table: &TableName,
) -> Result<Vec<(RecordId, Vec<i64>)>, StoreError> {
    let beyond = if last.is_some() { ">" } else { ">=" };
    let sql = format!(
        "select key, group_concat(seq) from _pagetide_changes
         indexed by _pagetide_changes_by_record
         where table_name = ? and key {beyond} ? and seq > ? and seq <= ?
         group by key order by key limit {RECORDS}"
    );
    let changed: Vec<(i64, String)> = sqlx::query_as(AssertSqlSafe(sql))
        .bind(table.as_str())
        .bind(last.map_or(i64::MIN, RecordId::get))
        .bind(since.seq)
        .bind(until.seq)
        .fetch_all(connection)
        .await?;
    let lines = |seqs: &str| {
        let mut lines: Vec<i64> = seqs.split(',').filter_map(|seq| seq.parse().ok()).collect();
        lines.sort_unstable();
        lines
    };
    Ok(changed.iter().map(|(key, seqs)| ((*key).into(), lines(seqs))).collect())
}
