//! The feed: all changes after a position, in commit order. It waits when there are none.
//!
//! It reads nothing but the change log, so changes of all programs arrive in the same way.

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

/// The next event in the feed.
#[derive(Debug)]
pub enum Next {
    /// Changes in the order in which they were committed.
    Changes(Batch),
    /// Another history of the log has begun at this position. Records that were read before may be outdated.
    Anew(Position),
}

/// The time at which the feed last had no change that was late.
#[derive(Clone)]
pub struct Pulse(watch::Sender<Instant>);

/// How long a change may wait in the feed before the feed counts as late.
const LATE: Duration = Duration::from_secs(5);

impl Pulse {
    /// Whether the feed is late: it cannot read the log, is not asked for the next changes, or has too many.
    pub fn is_late(&self) -> bool {
        self.0.borrow().elapsed() > LATE
    }

    fn beat(&self) {
        self.0.send_replace(Instant::now());
    }
}

impl Feed {
    /// Opens a feed of all changes that are committed from now on.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn from_now(store: Store) -> Result<Self, StoreError> {
        let position = store.log().remember().await?;
        let versions = Versions::new(store.log().clone(), position.clone());
        let pulse = Pulse(watch::Sender::new(Instant::now()));
        Ok(Self { store, position, versions, pace: LogPace::default(), pulse })
    }

    /// The pulse of this feed, which shows whether it is late.
    pub fn pulse(&self) -> Pulse {
        self.pulse.clone()
    }

    /// The versions of all tables. They change as the feed returns changes.
    pub fn versions(&self) -> Versions {
        self.versions.clone()
    }

    /// The position up to which all changes have been returned.
    pub fn position(&self) -> &Position {
        &self.position
    }

    /// Waits for the next changes and returns them. If the database does not answer, it is asked again.
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

    /// Goes on at the newest position of the new history, and returns it. `None` if that history has not
    /// begun yet.
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

/// Whether the last change of a batch was committed longer than [`LATE`] ago.
fn is_old(batch: &Batch) -> bool {
    let at = batch.changes.last().and_then(|change| change.at.parse::<Timestamp>().ok());
    at.is_some_and(|at| Timestamp::now().duration_since(at).as_secs_f64() > LATE.as_secs_f64())
}
