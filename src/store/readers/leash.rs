//! What holds the statements of a connection: SQLite asks it again and again whether to go on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use sqlx::SqliteConnection;

use crate::system::thread_time;

/// After how many steps of its virtual machine SQLite asks whether to go on. Looking through a long text
/// is one step, of up to some milliseconds; asking takes some ten nanoseconds.
const STEPS: i32 = 64;
/// A deadline that never comes.
const NEVER: u64 = u64::MAX;

/// Stops every statement of every connection that it was given to. Copies are one.
#[derive(Clone, Debug, Default)]
pub(in crate::store) struct StopSignal(Arc<AtomicBool>);

impl StopSignal {
    pub(in crate::store) fn stop(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub(in crate::store) fn is_stopped(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Says how long the statements of one connection may go on.
#[derive(Debug)]
pub(in crate::store) struct Leash {
    began: Instant,
    /// When they are to stop, in microseconds since it began; at once if it is zero.
    until: AtomicU64,
    /// How much of the processor they may use, in microseconds; any, if it is zero.
    work: AtomicU64,
    /// What their thread had used of it when they began; zero until that is looked at.
    used_before: AtomicU64,
    stop: StopSignal,
}

/// How long statements may go on.
#[derive(Clone, Copy, Debug)]
pub(in crate::store) enum Length {
    /// For ever: nothing stops them but their asker.
    Any,
    /// Until so much time has passed.
    Time(Duration),
    /// Until they have used so much of the processor: on a busy machine no statement is slow for standing
    /// still.
    Work(Duration),
}

impl Leash {
    /// Puts a connection on a leash of any length.
    pub(in crate::store) async fn on(
        connection: &mut SqliteConnection,
        stop: &StopSignal,
    ) -> Result<Arc<Self>, sqlx::Error> {
        let leash = Arc::new(Self {
            began: Instant::now(),
            until: AtomicU64::new(NEVER),
            work: AtomicU64::default(),
            used_before: AtomicU64::default(),
            stop: stop.clone(),
        });
        let held = leash.clone();
        let mut handle = connection.lock_handle().await?;
        handle.set_progress_handler(STEPS, move || held.goes_on());
        drop(handle);
        Ok(leash)
    }

    /// Lets statements go on for so long from now on. Nothing may be under way.
    pub(in crate::store) fn let_out(&self, length: Length) {
        let (time, work) = match length {
            Length::Any => (None, None),
            Length::Time(time) => (Some(time), None),
            Length::Work(work) => (Some(work), Some(work)),
        };
        self.work.store(work.map_or(0, micros), Ordering::Relaxed);
        self.used_before.store(0, Ordering::Relaxed);
        let until = time.map_or(NEVER, |time| self.now().saturating_add(micros(time)));
        self.until.store(until, Ordering::Relaxed);
    }

    /// Stops what is under way.
    pub(in crate::store) fn cut(&self) {
        self.until.store(0, Ordering::Relaxed);
    }

    fn goes_on(&self) -> bool {
        let until = self.until.load(Ordering::Relaxed);
        if self.stop.is_stopped() || until == 0 {
            return false;
        }
        let work = self.work.load(Ordering::Relaxed);
        if work > 0 && self.used_before.load(Ordering::Relaxed) == 0 {
            self.used_before.store(used(), Ordering::Relaxed);
        }
        if until == NEVER || until > self.now() {
            return true;
        }
        let used = used().saturating_sub(self.used_before.load(Ordering::Relaxed));
        if work == 0 || used >= work {
            return false;
        }
        // It cannot use up the rest sooner. Unless it has been cut meanwhile.
        let next = self.now().saturating_add(work - used);
        let looked = self.until.compare_exchange(until, next, Ordering::Relaxed, Ordering::Relaxed);
        looked.is_ok()
    }

    /// Microseconds since it began, from 1 on.
    fn now(&self) -> u64 {
        micros(self.began.elapsed()).saturating_add(1)
    }
}

/// What this thread has used of the processor, in microseconds, from 1 on.
fn used() -> u64 {
    micros(thread_time()).saturating_add(1)
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(NEVER)
}
