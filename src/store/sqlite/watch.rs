//! Wakes the readers of the change log: at once after a write of our own, at once after an event on the
//! database's files, and at intervals in any case.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::Notify;

/// The wait after the first look that found nothing. Another program's commit becomes visible only a short
/// time after the write to the file that wakes us.
const SHORTEST: Duration = Duration::from_micros(300);
/// The longest wait: the delay of changes on a network mount without file events.
const LONGEST: Duration = Duration::from_millis(250);

/// A bell that is rung after commits: by the writer of this process, and by events of the file system.
#[derive(Clone)]
pub(super) struct CommitBell {
    /// Wakes the reader of the change log.
    bell: Arc<Notify>,
    /// Wakes the checks of the database's health.
    alarm: Arc<Notify>,
    // Kept, since dropping it ends the file events.
    watcher: Arc<Mutex<Option<RecommendedWatcher>>>,
}

impl CommitBell {
    /// Begins to watch the folder of the file, since the files beside it (`-wal`) come and go.
    pub(super) fn start(file: &Path) -> Self {
        let watch = Self { bell: Arc::default(), alarm: Arc::default(), watcher: Arc::default() };
        watch.turn_to(file);
        watch
    }

    /// Watches the folder of this file from now on. Needed also for the same path, since a folder that was
    /// removed and created again is no longer watched.
    pub(super) fn turn_to(&self, file: &Path) {
        let watcher = watch(file, self.bell.clone(), self.alarm.clone());
        if let Err(error) = &watcher {
            tracing::warn!("cannot watch the database's folder, looking at intervals: {error}");
        }
        *self.watcher.lock().unwrap_or_else(PoisonError::into_inner) = watcher.ok();
    }

    /// Wakes the reader of the change log.
    pub(super) fn ring(&self) {
        self.bell.notify_one();
    }

    /// Wakes the checks of the database's health.
    pub(super) fn sound(&self) {
        self.alarm.notify_one();
    }

    /// Waits for an event on the files or for [`sound`](Self::sound), at most for `longest`.
    pub(super) async fn alarm(&self, longest: Duration) {
        // After a timeout, the caller looks as well.
        let _ = tokio::time::timeout(longest, self.alarm.notified()).await;
    }

    /// Waits for the bell or for the time in `delay`, which the reader keeps between its calls.
    pub(super) async fn wait(&self, delay: &mut Delay) {
        tokio::select! {
            () = self.bell.notified() => delay.reset(),
            () = tokio::time::sleep(delay.0) => delay.0 = (delay.0 * 2).min(LONGEST),
        }
    }
}

/// How long to wait before the log is read again: short after a change, then twice as long each time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Delay(Duration);

impl Delay {
    pub(super) fn reset(&mut self) {
        self.0 = SHORTEST;
    }
}

impl Default for Delay {
    fn default() -> Self {
        Self(SHORTEST)
    }
}

fn watch(file: &Path, bell: Arc<Notify>, alarm: Arc<Notify>) -> notify::Result<RecommendedWatcher> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    let name = file.file_name().unwrap_or_default().to_owned();
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        let Ok(event) = event else { return };
        let ours = |path: &std::path::PathBuf| {
            let beside = path.file_name().unwrap_or_default();
            beside.as_encoded_bytes().starts_with(name.as_encoded_bytes())
        };
        if !matches!(event.kind, EventKind::Access(_)) && event.paths.iter().any(ours) {
            bell.notify_one();
            alarm.notify_one();
        }
    })?;
    watcher.watch(folder.unwrap_or(Path::new(".")), RecursiveMode::NonRecursive)?;
    Ok(watcher)
}
