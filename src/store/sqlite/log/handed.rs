//! Positions as they are handed out to clients: a position moves on only with changes that its reader can
//! see, so that it gives away nothing of others.

use super::SqliteLog;
use super::place::LogPlace;
use crate::model::change::Change;
use crate::model::ids::{Position, SealedPosition};
use crate::store::StoreError;
use crate::store::log::ReadScope;
use crate::store::sqlite::readers::ask;

/// How many lines that the feed has not read yet are searched at most.
const LAG: i64 = 1_000;

impl SqliteLog {
    /// Returns the position for a client of this scope: that of the last change up to `position` which the
    /// client can see. If none of the newest lines has such a change, it is a place that moves on once in
    /// many lines.
    pub async fn hand_out(&self, position: &Position, scope: ReadScope<'_>) -> SealedPosition {
        let epoch = self.epoch.now();
        let Some(now) = epoch.place(position) else { return self.seal.seal(position) };
        let shows = |change: &Change| scope.shows(change);
        let until = self.recent.until();
        let place = if now.seq - until.seq > LAG {
            // The feed is far behind. Finding the last visible change is not worth so long a read.
            now
        } else {
            // The lines that the feed has not read yet are not in memory.
            let last = self.last_shown((until.seq, now.seq), &shows).await;
            let tables: Vec<_> = scope.tables().collect();
            let known = || self.recent.last_shown(now.seq, &tables, &shows);
            last.map_or(now, |last| last.unwrap_or_else(known))
        };
        self.seal.seal(&epoch.position(place))
    }

    /// Returns the place of the last line after `since`, up to `until`, with a change for which `shows` is
    /// true. `None` if there is none.
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
