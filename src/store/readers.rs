//! The connections that read, apart by who asks, and what each statement may take of them.
//!
//! What must not wait has connections of its own: the feed and the looks at the database's health, and
//! sessions. Admins read on other connections than whoever else has an account, and these on others than
//! guests do. A statement of either is
//! first given a moment; what takes longer is stopped, and run again where slow ones wait for each other,
//! so that quick ones never wait behind them. A statement ends when its time is over, when nobody waits
//! for its answer any more, and when the database is closed.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection, Executor, SqliteConnection};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::limits::{Limit, Limits, Requester, Share, Shares, requester};
use crate::store::{StoreError, error};

mod credit;
mod leash;

use credit::{Credit, Moment};
pub(super) use leash::{Leash, Length, StopSignal};

/// Who reads on the same connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lane {
    /// The server itself, for everyone: its feed, its looks at its own health.
    House,
    /// Whoever is to be known by a session or token.
    Sessions,
    /// Admins, who must get in while everybody else waits.
    Admins,
    /// Whoever else has an account.
    Accounts,
    /// Everyone who has no account.
    Guests,
    /// Statements of anybody that take long.
    Slow,
}

/// The lanes with how many connections each has. Reading is mostly waiting for the page cache, so a few
/// suffice.
const LANES: [(Lane, usize); 6] = [
    (Lane::House, 2),
    (Lane::Sessions, 1),
    (Lane::Admins, 1),
    (Lane::Accounts, 2),
    (Lane::Guests, 2),
    (Lane::Slow, 2),
];

/// The connections that read. Copies are one.
#[derive(Clone)]
pub(super) struct Readers(Arc<ReadersInner>);

struct ReadersInner {
    lanes: [Arc<Connections>; LANES.len()],
    options: SqliteConnectOptions,
    limits: Arc<Limits>,
    /// Slow statements that are under way or wait, by who asked.
    slow: Shares,
    /// What each requester may still take of the quick lanes.
    credit: Credit,
    stop: StopSignal,
}

/// The connections of one lane.
struct Connections {
    free: Mutex<Vec<Leashed>>,
    places: Arc<Semaphore>,
}

/// A connection and what holds its statements.
struct Leashed {
    connection: SqliteConnection,
    leash: Arc<Leash>,
    /// Whether the last statement may still be under way.
    is_astray: bool,
    /// Whether it has read a file that was no whole database: its cache keeps those pages, also once the
    /// file is whole again, for nothing was committed meanwhile.
    is_spoilt: bool,
}

impl Leashed {
    async fn open(options: &SqliteConnectOptions, stop: &StopSignal) -> Result<Self, sqlx::Error> {
        let mut connection = SqliteConnection::connect_with(options).await?;
        let leash = Leash::on(&mut connection, stop).await?;
        Ok(Self { connection, leash, is_astray: false, is_spoilt: false })
    }

    /// Waits until nothing is under way. Whoever gives up waiting leaves it astray for the next one.
    async fn come_back(&mut self) -> Result<(), sqlx::Error> {
        if self.is_astray {
            // It has been cut, and whatever is sent now waits for its end.
            self.connection.ping().await?;
            self.is_astray = false;
        }
        Ok(())
    }

    /// Forgets the pages of a file that was no whole database. The connection stays, since another file may
    /// be at the path by now.
    async fn forget_spoilt(&mut self) -> Result<(), sqlx::Error> {
        if self.is_spoilt {
            // It frees every page that no statement holds: https://sqlite.org/pragma.html#pragma_shrink_memory
            self.connection.execute("pragma shrink_memory").await?;
            self.is_spoilt = false;
        }
        Ok(())
    }
}

/// A connection in the hands of one reader. It goes back when dropped; a statement that has not ended by
/// then is stopped.
pub(super) struct Reader {
    leashed: Option<Leashed>,
    lane: Arc<Connections>,
    _place: OwnedSemaphorePermit,
}

impl Readers {
    /// Opens all of them at once: none is opened later, when another file may be at the path.
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

    /// What the connections were opened with.
    pub(super) fn options(&self) -> &SqliteConnectOptions {
        &self.0.options
    }

    /// What stops every statement once the database is closed.
    pub(super) fn stop(&self) -> &StopSignal {
        &self.0.stop
    }

    /// A connection for what the server itself has to know. No time is set to it.
    pub(super) async fn house(&self) -> Result<Reader, StoreError> {
        self.take(Lane::House, Length::Any).await
    }

    /// A connection to find out who somebody is.
    pub(super) async fn sessions(&self) -> Result<Reader, StoreError> {
        self.take(Lane::Sessions, Length::Time(self.0.limits.time(Limit::StatementTime))).await
    }

    /// Begins to read for whoever this task works for: see [`ask`].
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
                // What was under way has ended, or its thread has.
                *leashed = Leashed::open(&self.0.options, &self.0.stop).await?;
            }
            leashed.leash.let_out(length);
            // Until it is settled.
            leashed.is_astray = true;
            leashed.forget_spoilt().await?;
        }
        Ok(reader)
    }

    fn lane(&self, wanted: Lane) -> Arc<Connections> {
        let at = LANES.iter().position(|(lane, _)| *lane == wanted).unwrap_or_default();
        self.0.lanes[at].clone()
    }

    /// Takes every connection, stopping what is under way on them, to put others in their place.
    ///
    /// # Errors
    /// When one does not come back within `patience`.
    pub(super) async fn take_all(&self, patience: Duration) -> Result<Vec<Reader>, StoreError> {
        let mut all = Vec::new();
        for (lane, count) in LANES {
            for _ in 0..count {
                let reader = timeout(patience, self.take(lane, Length::Any)).await;
                let reader = reader.map_err(|_| {
                    StoreError::Unfit("readers do not make way for another file".to_owned())
                })?;
                all.push(reader?);
            }
        }
        Ok(all)
    }

    /// Puts another connection in the place of a reader's, which is closed.
    pub(super) async fn replace(
        &self,
        reader: &mut Reader,
        options: &SqliteConnectOptions,
    ) -> Result<(), StoreError> {
        let other = Leashed::open(options, &self.0.stop).await?;
        if let Some(before) = reader.leashed.replace(other) {
            // It may be to a file that is no more.
            let _ = before.connection.close().await;
        }
        Ok(())
    }

    /// Stops what is under way and closes every connection.
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

/// A question that may be asked twice: what takes longer than a moment is asked again among the slow ones.
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
    /// The connection to ask on.
    ///
    /// # Errors
    /// When too many slow questions wait already, or the database is closed.
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
        // Those before it may take as long each.
        let waited = timeout(time * 2, self.readers.take(Lane::Slow, Length::Time(time))).await;
        waited.map_err(|_| limits.refuse(Limit::SlowStatements))?
    }

    /// Gives the connection back with what came of it. `None` if it is to be asked again.
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
                // It cannot have used more of the processor; on a busy machine the rest is standing still.
                credit.spend(&self.requester, began.elapsed().min(time));
                self.stage = Stage::Stopped;
                (!is_cut).then_some(done)
            }
            Stage::Slow { .. } if is_cut => Some(Err(limits.refuse(Limit::StatementTime).into())),
            _ => Some(done),
        }
    }
}

/// Reads on one connection: `settled!(readers.house(), connection => future)`, where the future gives a result
/// whose error is or becomes a [`StoreError`]. Returns from the function around it with that error.
macro_rules! settled {
    ($reader:expr, $connection:ident => $work:expr) => {{
        let mut reader = $reader.await?;
        let $connection = &mut *reader;
        let done = $work.await.map_err($crate::store::StoreError::from);
        reader.settle(done)?
    }};
}
pub(super) use settled;

/// Reads for whoever this task works for: `ask!(readers, connection => work)`, where `work` gives a
/// `Result<_, StoreError>` and may be done twice. Not a function, since a closure that borrows what is
/// around it cannot give a future that may change threads.
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
        // The list is whole between any two statements, whoever panicked.
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reader {
    /// Notes that the statement has ended, whatever came of it. A reader that is dropped without this is
    /// taken to be at work still, which costs the next one a round trip.
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
    use crate::store::{connect_to, options};

    /// Nothing is committed by whoever cuts a file and puts it back, so SQLite would keep what it read.
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
