//! Positions as they are handed out: they move with the tables that were read, and with no others.

use sqlx::AssertSqlSafe;

use super::Log;
use super::place::{LogPlace, PLACE};
use crate::model::ids::{Position, SealedPosition, TableName};
use crate::store::StoreError;
use crate::store::readers::ask;

/// How many lines, not yet read by the feed, are looked through for the last one that tells of a table.
const LAG: i64 = 10_000;

impl Log {
    /// A position for a client that reads some tables: that of the last line which tells of one of them, so
    /// that it does not move with what is written elsewhere.
    pub async fn hand_out<'a>(
        &self,
        position: &Position,
        tables: impl IntoIterator<Item = &'a TableName> + Clone,
    ) -> SealedPosition {
        let epoch = self.epoch.now();
        let Some(now) = epoch.place(position) else { return self.seal.seal(position) };
        let (read, newest) = self.recent.newest(tables.clone());
        let place = if newest.seq > now.seq || now.seq - read.seq > LAG {
            // Which one was the last before that is not worth a question.
            now
        } else if read.seq < now.seq {
            let last = self.last_of(tables, (read.seq, now.seq)).await;
            last.map_or(now, |last| last.unwrap_or(newest))
        } else {
            newest
        };
        self.seal.seal(&epoch.position(place))
    }

    /// The last line of a short stretch that tells of one of some tables.
    async fn last_of<'a>(
        &self,
        tables: impl IntoIterator<Item = &'a TableName>,
        (since, until): (i64, i64),
    ) -> Result<Option<LogPlace>, StoreError> {
        let tables = tables.into_iter().map(|table| format!("'{table}'"));
        let sql = format!(
            "select {PLACE} as place from _pagetide_changes
             where seq > ? and seq <= ? and +table_name in ({}) order by seq desc limit 1",
            tables.collect::<Vec<_>>().join(",")
        );
        let row = ask!(self.readers, connection => {
            let row = sqlx::query(AssertSqlSafe(sql.clone())).bind(since).bind(until);
            row.fetch_optional(connection).await.map_err(StoreError::from)
        })?;
        Ok(row.map(|row| LogPlace::of(&row)))
    }
}
