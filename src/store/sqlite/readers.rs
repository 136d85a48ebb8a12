//! The connections that read, divided into lanes by requester, and the time that each statement may take.
//!
//! Work that must not wait has connections of its own: the feed and the health checks share one lane,
//! sessions have another. Admins, other accounts and guests have a lane each. A statement of theirs first
//! gets a short time on its own lane. If it takes longer, it is stopped and run again on the slow lane, so
//! that quick statements never wait behind slow ones. A statement is stopped when its time is over, when
//! its reader no longer waits for the answer, and when the database is closed.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection, Executor, SqliteConnection};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::limits::{Limit, Limits, Requester, Share, Shares, requester};
use crate::store::StoreError;
use crate::store::sqlite::error;

mod credit;
mod leash;

use credit::{Credit, Moment};
pub(super) use leash::{Leash, Length, StopSignal};

/// The connections for one kind of reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lane {
    /// Reads of the server itself: the feed and the health checks.
    House,
    /// Look-ups of the user of a session or token.
    Sessions,
    /// Reads of admins, who must get in while all others wait.
    Admins,
    /// Reads of accounts that are no admins.
    Accounts,
    /// Reads of guests, who have no account.
    Guests,
    /// Statements that took too long on another lane, of any requester.
    Slow,
}

/// The number of connections of each lane. Reading is mostly waiting for the page cache, so a few suffice.
const LANES: [(Lane, usize); 6] = [
    (Lane::House, 2),
    (Lane::Sessions, 1),
    (Lane::Admins, 1),
    (Lane::Accounts, 2),
    (Lane::Guests, 2),
    (Lane::Slow, 2),
];

/// All connections that read. Clones share them.
#[derive(Clone)]
pub(super) struct Readers(Arc<ReadersInner>);

struct ReadersInner {
    lanes: [Arc<Connections>; LANES.len()],
    options: SqliteConnectOptions,
    limits: Arc<Limits>,
    /// The slow statements that run or wait, by requester.
    slow: Shares,
    /// How much time each requester may still take on the quick lanes.
    credit: Credit,
    stop: StopSignal,
}

/// The free connections of one lane, and the permits to take one.
struct Connections {
    free: Mutex<Vec<Leashed>>,
    places: Arc<Semaphore>,
}

/// A connection with the leash that stops its statements.
struct Leashed {
    connection: SqliteConnection,
    leash: Arc<Leash>,
    /// Whether the last statement may still be running.
    is_astray: bool,
    /// Whether the connection has read a broken file. SQLite keeps the pages in its cache as long as nothing
    /// is committed, even if the file has been repaired meanwhile.
    is_spoilt: bool,
}

impl Leashed {
    async fn open(options: &SqliteConnectOptions, stop: &StopSignal) -> Result<Self, sqlx::Error> {
        let mut connection = SqliteConnection::connect_with(options).await?;
        let leash = Leash::on(&mut connection, stop).await?;
        Ok(Self { connection, leash, is_astray: false, is_spoilt: false })
    }

    /// Waits until the last statement has ended. A caller that gives up waiting leaves `is_astray` set, so
    /// the next one waits again.
    async fn come_back(&mut self) -> Result<(), sqlx::Error> {
        if self.is_astray {
            // The statement has been cut, and the driver sends the ping only after its end.
            self.connection.ping().await?;
            self.is_astray = false;
        }
        Ok(())
    }

    /// Drops the cached pages of a broken file. The connection is not opened anew, since another file may be
    /// at the path by now.
    async fn forget_spoilt(&mut self) -> Result<(), sqlx::Error> {
        if self.is_spoilt {
            // This frees every page that no statement holds:
            // https://sqlite.org/pragma.html#pragma_shrink_memory
            self.connection.execute("pragma shrink_memory").await?;
            self.is_spoilt = false;
        }
        Ok(())
    }
}

/// A connection that one reader has taken from its lane. It returns to the lane when dropped, and a
/// statement that has not ended by then is stopped.
pub(super) struct Reader {
    leashed: Option<Leashed>,
    lane: Arc<Connections>,
    _place: OwnedSemaphorePermit,
}

impl Readers {
    /// Opens all connections at once: none is opened later, when another file may be at the path.
    pub(super) async fn open(
        options: SqliteConnectOptions,
        limits: Arc<Limits>,
    ) -> Result<Self, StoreError> {
        let stop = StopSignal::default();
        let mut lanes = Vec::with_capacity(LANES.len());
        for (_, count) in LANES {
            let mut free = Vec::with_capacity(count);
            for _ in 0..count {
                free.push(Leashed::open(&options, &stop).await?);
            }
            let places = Arc::new(Semaphore::new(count));
            lanes.push(Arc::new(Connections { free: Mutex::new(free), places }));
        }
        let Ok(lanes) = lanes.try_into() else { unreachable!("one is made for each") };
        let (all, each) = (Limit::SlowStatements, Limit::SlowStatementsPerRequester);
        let slow = Shares::new(limits.clone(), all, each);
        let credit = Credit::new(limits.clone());
        Ok(Self(Arc::new(ReadersInner { lanes, options, limits, slow, credit, stop })))
    }

    /// The options that the connections were opened with.
    pub(super) fn options(&self) -> &SqliteConnectOptions {
        &self.0.options
    }

    /// The signal that stops every statement when the database is closed.
    pub(super) fn stop(&self) -> &StopSignal {
        &self.0.stop
    }

    /// Takes a connection for reads of the server itself. Its statements have no time limit.
    pub(super) async fn house(&self) -> Result<Reader, StoreError> {
        self.take(Lane::House, Length::Any).await
    }

    /// Takes a connection to look up the user of a session or token.
    pub(super) async fn sessions(&self) -> Result<Reader, StoreError> {
        self.take(Lane::Sessions, Length::Time(self.0.limits.time(Limit::StatementTime))).await
    }

    /// Begins to read for the requester of this task: see [`ask`].
    pub(super) fn asking(&self) -> Asking<'_> {
        Asking { readers: self, requester: requester(), stage: Stage::Fresh }
    }

    async fn take(&self, lane: Lane, length: Length) -> Result<Reader, StoreError> {
        let lane = self.lane(lane);
        let place = lane.places.clone().acquire_owned().await.map_err(|_| StoreError::Closed)?;
        let leashed = lane.free().pop().ok_or(StoreError::Closed)?;
        let mut reader = Reader { leashed: Some(leashed), lane, _place: place };
        if let Some(leashed) = &mut reader.leashed {
            if leashed.come_back().await.is_err() {
                // The connection is of no use any more; its statement has ended, or the driver's thread has.
                *leashed = Leashed::open(&self.0.options, &self.0.stop).await?;
            }
            leashed.leash.let_out(length);
            // If the reader is dropped before `settle`, its statement may still run.
            leashed.is_astray = true;
            leashed.forget_spoilt().await?;
        }
        Ok(reader)
    }

    fn lane(&self, wanted: Lane) -> Arc<Connections> {
        let at = LANES.iter().position(|(lane, _)| *lane == wanted).unwrap_or_default();
        self.0.lanes[at].clone()
    }

    /// Takes every connection of every lane, to put others in their place.
    ///
    /// # Errors
    /// If a reader does not give its connection back within `patience`.
    pub(super) async fn take_all(&self, patience: Duration) -> Result<Vec<Reader>, StoreError> {
        let mut all = Vec::new();
        for (lane, count) in LANES {
            for _ in 0..count {
                let reader = timeout(patience, self.take(lane, Length::Any)).await;
                let reader = reader.map_err(|_| {
                    StoreError::Unfit("readers still use the old database file".to_owned())
                })?;
                all.push(reader?);
            }
        }
        Ok(all)
    }

    /// Opens a connection with these options in the place of a reader's, which is closed.
    pub(super) async fn replace(
        &self,
        reader: &mut Reader,
        options: &SqliteConnectOptions,
    ) -> Result<(), StoreError> {
        let other = Leashed::open(options, &self.0.stop).await?;
        if let Some(before) = reader.leashed.replace(other) {
            // It may belong to a file that was deleted, so an error says nothing.
            let _ = before.connection.close().await;
        }
        Ok(())
    }

    /// Stops all running statements and closes every connection.
    pub(super) async fn close(&self) {
        self.0.stop.stop();
        for ((_, count), lane) in LANES.iter().zip(&self.0.lanes) {
            let count = u32::try_from(*count).unwrap_or(u32::MAX);
            let Ok(places) = lane.places.acquire_many(count).await else { continue };
            lane.places.close();
            drop(places);
            let free = std::mem::take(&mut *lane.free());
            for leashed in free {
                // Nothing can be done about a connection that will not close.
                let _ = leashed.connection.close().await;
            }
        }
    }
}

/// A read that may run twice: first for a short time on the lane of its requester, then on the slow lane.
pub(super) struct Asking<'a> {
    readers: &'a Readers,
    requester: Requester,
    stage: Stage,
}

enum Stage {
    Fresh,
    House,
    Quick { began: Instant, time: Duration, _turn: Option<OwnedSemaphorePermit> },
    Stopped,
    Slow { _share: Share },
}

impl Asking<'_> {
    /// Takes the connection for the next try.
    ///
    /// # Errors
    /// If too many slow statements wait already, or the database is closed.
    pub(super) async fn reader(&mut self) -> Result<Reader, StoreError> {
        let ReadersInner { limits, slow, credit, .. } = &*self.readers.0;
        let lane = match &self.requester {
            Requester::House => {
                self.stage = Stage::House;
                return self.readers.house().await;
            }
            Requester::Admin(_) => Lane::Admins,
            Requester::Account(_) => Lane::Accounts,
            Requester::Network(_) => Lane::Guests,
        };
        if matches!(self.stage, Stage::Fresh) {
            let Moment { time, turn } = credit.moment(&self.requester).await;
            let reader = self.readers.take(lane, Length::Work(time)).await?;
            self.stage = Stage::Quick { began: Instant::now(), time, _turn: turn };
            return Ok(reader);
        }
        self.stage = Stage::Slow { _share: slow.take(self.requester.clone(), 1)? };
        let time = limits.time(Limit::StatementTime);
        // Each statement before this one may take as long itself.
        let waited = timeout(time * 2, self.readers.take(Lane::Slow, Length::Time(time))).await;
        waited.map_err(|_| limits.refuse(Limit::SlowStatements))?
    }

    /// Gives the connection back, and returns the result of the read. `None` if the read was stopped and is
    /// to be tried again.
    pub(super) fn settle<T>(
        &mut self,
        reader: Reader,
        done: Result<T, StoreError>,
    ) -> Option<Result<T, StoreError>> {
        let ReadersInner { limits, credit, stop, .. } = &*self.readers.0;
        let done = reader.settle(done);
        let is_cut = done.as_ref().err().is_some_and(error::is_interrupted) && !stop.is_stopped();
        match self.stage {
            Stage::Quick { began, time, .. } => {
                // The statement cannot have used more processor time than this; on a busy machine it spent
                // the rest waiting for the processor.
                credit.spend(&self.requester, began.elapsed().min(time));
                self.stage = Stage::Stopped;
                (!is_cut).then_some(done)
            }
            Stage::Slow { .. } if is_cut => Some(Err(limits.refuse(Limit::StatementTime).into())),
            _ => Some(done),
        }
    }
}

/// Reads on one connection: `settled!(readers.house(), connection => future)`. The future returns a result
/// whose error converts into [`StoreError`]; with such an error, the calling function returns.
macro_rules! settled {
    ($reader:expr, $connection:ident => $work:expr) => {{
        let mut reader = $reader.await?;
        let $connection = &mut *reader;
        let done = $work.await.map_err($crate::store::StoreError::from);
        reader.settle(done)?
    }};
}
pub(super) use settled;

/// Reads for the requester of this task: `ask!(readers, connection => work)`, where `work` is a
/// `Result<_, StoreError>` and may run twice. This is a macro, since a closure that borrows its
/// surroundings cannot return a future that is `Send`.
macro_rules! ask {
    ($readers:expr, $connection:ident => $work:expr) => {{
        let mut asking = $readers.asking();
        loop {
            let mut reader = asking.reader().await?;
            let $connection = &mut *reader;
            let done: Result<_, $crate::store::StoreError> = $work;
            if let Some(done) = asking.settle(reader, done) {
                break done;
            }
        }
    }};
}
pub(super) use ask;

impl Connections {
    fn free(&self) -> std::sync::MutexGuard<'_, Vec<Leashed>> {
        // A panic elsewhere cannot leave the list half changed.
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reader {
    /// Notes that the statement has ended, with this result, and returns the result. If a reader is dropped
    /// without this, the next one first waits for the end of its statement, which costs a round trip.
    pub(super) fn settle<T>(mut self, done: Result<T, StoreError>) -> Result<T, StoreError> {
        if let Some(leashed) = &mut self.leashed {
            leashed.is_astray = false;
            leashed.is_spoilt = done.as_ref().is_err_and(error::is_broken);
        }
        done
    }
}

impl Deref for Reader {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        &self.leashed.as_ref().expect("it is only taken when dropped").connection
    }
}

impl DerefMut for Reader {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        &mut self.leashed.as_mut().expect("it is only taken when dropped").connection
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        if let Some(leashed) = self.leashed.take() {
            if leashed.is_astray {
                leashed.leash.cut();
            }
            self.lane.free().push(leashed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sqlite::{connect_to, options};

    /// If a file is overwritten and then restored, nothing is committed, so SQLite would keep the pages that
    /// it read in between.
    #[tokio::test]
    async fn what_was_read_of_a_broken_file_is_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data.db");
        let mut writer = connect_to(&path).await.unwrap();
        let fill = "create table things (words text);
                    with recursive n(i) as (select 1 union all select i + 1 from n where i < 900)
                    insert into things select hex(randomblob(100)) from n;
                    pragma wal_checkpoint(truncate)";
        sqlx::raw_sql(fill).execute(&mut writer).await.unwrap();
        let read_only = options(&path).read_only(true);
        let readers = Readers::open(read_only, Arc::new(Limits::default())).await.unwrap();
        let longest = async || {
            let sql = "select max(length(words)) from things";
            let length =
                settled!(readers.house(), house => sqlx::query_scalar(sql).fetch_one(house));
            Ok::<i64, StoreError>(length)
        };
        let whole = std::fs::read(&path).unwrap();
        let mut broken = whole.clone();
        broken[8_192..].fill(0xff);
        std::fs::write(&path, broken).unwrap();
        assert!(error::is_broken(&longest().await.unwrap_err()));
        std::fs::write(&path, whole).unwrap();
        assert_eq!(longest().await.unwrap(), 200);
    }
}
