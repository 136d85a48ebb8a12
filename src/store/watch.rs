//! When to look at the change log: at once after a write of our own, at once after something
//! happened to the database's files, and now and then in any case.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::Notify;

/// The wait after the first look that found nothing. Another program's commit shows only some
/// moments after its write to the file that wakes us.
const SHORTEST: Duration = Duration::from_micros(300);
/// The longest wait: what a network mount without file events has to live with.
const LONGEST: Duration = Duration::from_millis(250);

/// A bell that writers ring, here or through the file system.
#[derive(Clone)]
pub(super) struct CommitBell {
    bell: Arc<Notify>,
    /// Rung with it, for whoever looks after the database.
    alarm: Arc<Notify>,
    // Dropping it would end the watching.
    watcher: Arc<Mutex<Option<RecommendedWatcher>>>,
}

impl CommitBell {
    /// Watches the folder of the file: the files beside it (`-wal`) come and go.
    pub(super) fn start(file: &Path) -> Self {
        let watch = Self { bell: Arc::default(), alarm: Arc::default(), watcher: Arc::default() };
        watch.turn_to(file);
        watch
    }

    /// Watches the folder of this file from now on: one that was removed is watched no longer.
    pub(super) fn turn_to(&self, file: &Path) {
        let watcher = watch(file, self.bell.clone(), self.alarm.clone());
        if let Err(error) = &watcher {
            tracing::warn!("cannot watch the database's folder, looking at intervals: {error}");
        }
        *self.watcher.lock().unwrap_or_else(PoisonError::into_inner) = watcher.ok();
    }

    /// Tells whoever waits to look.
    pub(super) fn ring(&self) {
        self.bell.notify_one();
    }

    /// Tells whoever looks after the database to do so.
    pub(super) fn sound(&self) {
        self.alarm.notify_one();
    }

    /// Waits until something has happened to the files, or for so long.
    pub(super) async fn alarm(&self, longest: Duration) {
        // Nothing happening is as good a reason to look.
        let _ = tokio::time::timeout(longest, self.alarm.notified()).await;
    }

    /// Waits until it is time to look again. `delay` is the reader's own, kept between its calls.
    pub(super) async fn wait(&self, delay: &mut Delay) {
        tokio::select! {
            () = self.bell.notified() => delay.reset(),
            () = tokio::time::sleep(delay.0) => delay.0 = (delay.0 * 2).min(LONGEST),
        }
    }
}

/// How long to wait before looking at the log again: short after a sign of life, then longer.
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
