//! All changes after a position, in commit order; waits when there are none.
//!
//! It reads the change log and nothing else, so it does not matter who made a change.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::watch;

use crate::model::ids::Position;
use crate::store::{Batch, LogPace, Store, StoreError};

mod versions;

pub use versions::{Version, Versions};

/// A reader of the change log, at some position.
pub struct Feed {
    store: Store,
    position: Position,
    versions: Versions,
    pace: LogPace,
    pulse: Pulse,
}

/// What is next in the feed.
#[derive(Debug)]
pub enum Next {
    /// Changes in the order in which they were committed.
    Changes(Batch),
    /// The log tells another history from here on: what was known before may not be so.
    Anew(Position),
}

/// When the feed last knew of nothing that should have been told long ago.
#[derive(Clone)]
pub struct Pulse(watch::Sender<Instant>);

/// How old a change may be when it is given out, before the feed counts as behind.
const LATE: Duration = Duration::from_secs(5);

impl Pulse {
    /// Whether the feed is behind: it cannot read, is not asked for more, or has too much to tell.
    pub fn is_late(&self) -> bool {
        self.0.borrow().elapsed() > LATE
    }

    fn beat(&self) {
        self.0.send_replace(Instant::now());
    }
}

impl Feed {
    /// A feed of everything that is committed from now on.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn from_now(store: Store) -> Result<Self, StoreError> {
        let position = store.log().remember().await?;
        let versions = Versions::new(store.log().clone(), position.clone());
        let pulse = Pulse(watch::Sender::new(Instant::now()));
        Ok(Self { store, position, versions, pace: LogPace::default(), pulse })
    }

    /// Whether this feed keeps up.
    pub fn pulse(&self) -> Pulse {
        self.pulse.clone()
    }

    /// The version of each table; goes on as changes are given out.
    pub fn versions(&self) -> Versions {
        self.versions.clone()
    }

    /// Everything up to here has been given out.
    pub fn position(&self) -> &Position {
        &self.position
    }

    /// The next changes. A database that does not answer is asked again, so this only waits.
    pub async fn next(&mut self) -> Next {
        loop {
            let state = self.store.log().stamp();
            match self.store.log().after(&self.position).await {
                Ok(Some(batch)) if batch.position != self.position => {
                    self.pace.quicken();
                    self.position = batch.position.clone();
                    self.versions.note(&batch);
                    if !is_old(&batch) {
                        self.pulse.beat();
                    }
                    return Next::Changes(batch);
                }
                Ok(None) => {
                    if let Some(position) = self.begin_anew().await {
                        return Next::Anew(position);
                    }
                }
                Ok(Some(_)) => {
                    self.versions.settle(state);
                    self.pulse.beat();
                }
                Err(error) => tracing::warn!("cannot read the change log, trying again: {error}"),
            }
            self.store.log().wait(&mut self.pace).await;
        }
    }

    /// Goes on where the other history stands, once it has begun.
    async fn begin_anew(&mut self) -> Option<Position> {
        if self.store.go_astray(&self.position).await {
            return None;
        }
        let position = match self.store.log().remember().await {
            Ok(position) => position,
            Err(error) => {
                tracing::warn!("cannot read the change log, trying again: {error}");
                return None;
            }
        };
        self.position = position.clone();
        self.versions.begin_anew(position.clone());
        self.pulse.beat();
        Some(position)
    }
}

/// Whether the last change of a batch was committed too long ago.
fn is_old(batch: &Batch) -> bool {
    let at = batch.changes.last().and_then(|change| change.at.parse::<Timestamp>().ok());
    at.is_some_and(|at| Timestamp::now().duration_since(at).as_secs_f64() > LATE.as_secs_f64())
}
