//! Positions as they are handed out: they move with what their reader can see, and with nothing else.

use super::Log;
use super::place::LogPlace;
use crate::model::change::Change;
use crate::model::filter::Filter;
use crate::model::ids::{Position, SealedPosition, TableName};
use crate::model::record::{FieldSet, Record};
use crate::model::related::Related;
use crate::model::table::Table;
use crate::store::StoreError;
use crate::store::readers::ask;
use crate::store::related::LabelChange;

/// How many lines that the feed has not read yet are looked through.
const LAG: i64 = 1_000;

/// What somebody reads of a table, by which a change can be seen or not.
#[derive(Clone, Copy, Debug)]
pub struct ReadScope<'a> {
    /// The table that is read.
    pub table: &'a Table,
    /// The records that are read.
    pub rows: &'a Filter,
    /// The fields of them that are read.
    pub fields: &'a FieldSet,
    /// The records that are read for their labels, by the field that refers to them.
    pub related: &'a [Related],
}

impl<'a> ReadScope<'a> {
    /// The tables that are read, the related ones too.
    fn tables(self) -> impl Iterator<Item = &'a TableName> {
        let related = self.related.iter().map(|related| &related.table.name);
        std::iter::once(&self.table.name).chain(related)
    }

    /// Whether somebody who reads this can see that a change has happened: a record comes, goes or looks
    /// otherwise, or is labelled otherwise by one that it refers to.
    fn shows(&self, change: &Change) -> bool {
        let Change { old, new, .. } = change;
        let is_read = |record: &&Record| self.rows.matches(record);
        let is_seen = change.table == self.table.name
            && match (old.as_ref().filter(is_read), new.as_ref().filter(is_read)) {
                (None, None) => false,
                (Some(old), Some(new)) => self.fields.iter().any(|at| old[at] != new[at]),
                (Some(_), None) | (None, Some(_)) => true,
            };
        let is_relabelled = |related| LabelChange::of(related, change, self.table).is_some();
        is_seen || self.related.iter().any(is_relabelled)
    }
}

impl Log {
    /// A position for a client that reads this: that of the last change which it can see, so that the position
    /// does not move with what is closed to the client. Where there is none among the newest lines, it is a
    /// place that moves once in many lines.
    pub async fn hand_out(&self, position: &Position, scope: ReadScope<'_>) -> SealedPosition {
        let epoch = self.epoch.now();
        let Some(now) = epoch.place(position) else { return self.seal.seal(position) };
        let shows = |change: &Change| scope.shows(change);
        let until = self.recent.until();
        let place = if now.seq - until.seq > LAG {
            // Which change was the last one before that is not worth a question.
            now
        } else {
            // What the feed has not read yet is in no memory.
            let last = self.last_shown((until.seq, now.seq), &shows).await;
            let tables: Vec<_> = scope.tables().collect();
            let known = || self.recent.last_shown(now.seq, &tables, &shows);
            last.map_or(now, |last| last.unwrap_or_else(known))
        };
        self.seal.seal(&epoch.position(place))
    }

    /// The last line of a short stretch that tells of a change which is seen.
    async fn last_shown(
        &self,
        (since, until): (i64, i64),
        shows: &(dyn Fn(&Change) -> bool + Sync),
    ) -> Result<Option<LogPlace>, StoreError> {
        let mut since = since;
        let mut last = None;
        let epoch = self.epoch.now();
        while since < until {
            let stretch = (since + 1, until);
            let lines = ask!(self.readers, reader => self.read(reader, &epoch, stretch).await)?;
            let Some(newest) = lines.last().map(|line| line.place.seq) else { break };
            let seen = lines.iter().filter(|line| line.change.as_deref().is_some_and(shows));
            last = seen.map(|line| line.place).next_back().or(last);
            since = newest;
        }
        Ok(last)
    }
}
