//! The time limit of a connection's statements. SQLite's progress handler asks it again and again whether
//! to go on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use sqlx::SqliteConnection;

use crate::system::thread_time;

/// After how many steps of its virtual machine SQLite asks whether to go on. Searching a long text is one
/// step, of up to some milliseconds; asking takes some ten nanoseconds.
const STEPS: i32 = 64;
const NEVER: u64 = u64::MAX;

/// A signal that stops all statements of the connections it was given to. Clones share it.
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

/// The time limit of the statements of one connection.
#[derive(Debug)]
pub(in crate::store) struct Leash {
    began: Instant,
    /// The deadline of the statements, in microseconds since `began`. Zero stops them at once.
    until: AtomicU64,
    /// How much processor time the statements may use, in microseconds. Zero is no limit.
    work: AtomicU64,
    /// The processor time that their thread had used when they began, in microseconds. Zero until the first
    /// look at it.
    used_before: AtomicU64,
    stop: StopSignal,
}

/// How long the statements of a connection may run.
#[derive(Clone, Copy, Debug)]
pub(in crate::store) enum Length {
    /// Without a limit, until their reader gives up waiting.
    Any,
    /// Until so much time has passed.
    Time(Duration),
    /// Until they have used so much processor time. On a busy machine, the time that a statement waits for
    /// the processor does not count.
    Work(Duration),
}

impl Leash {
    /// Installs a leash on a connection, at first without a limit.
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

    /// Sets the limit of the statements that are run from now on. No statement may be running.
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

    /// Stops the statement that is running.
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
        // The statement cannot use up its processor time before `next`. The exchange fails if it was cut
        // meanwhile.
        let next = self.now().saturating_add(work - used);
        let looked = self.until.compare_exchange(until, next, Ordering::Relaxed, Ordering::Relaxed);
        looked.is_ok()
    }

    /// The microseconds since `began`, plus 1, since a deadline of zero has another meaning.
    fn now(&self) -> u64 {
        micros(self.began.elapsed()).saturating_add(1)
    }
}

/// The processor time that this thread has used, in microseconds, plus 1, since zero means "not yet looked
/// at".
fn used() -> u64 {
    micros(thread_time()).saturating_add(1)
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(NEVER)
}
