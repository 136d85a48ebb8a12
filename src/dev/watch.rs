//! Watches files: compares states at once after an event of the file system, and at intervals in any
//! case, since there may be no event (a network mount, a folder that replaced another).

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use notify::event::{AccessKind, AccessMode};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use crate::dev::stamps::{FileStamps, Interests, difference};
use crate::system::FileIdentity;

/// After so long without an event, a write counts as finished.
const QUIET: Duration = Duration::from_millis(8);
/// The longest wait for a write to be finished.
const NEVER_QUIET: Duration = Duration::from_millis(200);
/// The interval of comparisons without an event.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Watches the files of an app and returns those that changed.
pub(super) struct FileWatcher {
    signs: mpsc::UnboundedReceiver<PathBuf>,
    watcher: Option<RecommendedWatcher>,
    /// The folders that are registered for events, with their inodes.
    places: BTreeMap<PathBuf, FileIdentity>,
    interests: Interests,
    /// The state at the last comparison.
    seen: FileStamps,
}

impl FileWatcher {
    /// Creates a watcher that watches no files yet.
    pub(super) fn start() -> Self {
        let (sender, signs) = mpsc::unbounded_channel();
        let watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            for path in event.into_iter().filter(is_change).flat_map(|event| event.paths) {
                // Sending fails only if the watcher was dropped.
                let _ = sender.send(path);
            }
        });
        if let Err(error) = &watcher {
            tracing::warn!("cannot watch files, looking at intervals: {error}");
        }
        Self {
            signs,
            watcher: watcher.ok(),
            places: BTreeMap::new(),
            interests: Interests::default(),
            seen: FileStamps::new(),
        }
    }

    /// Watches these files from now on. The known state of files that were watched before is kept, so a
    /// change since then is still found.
    pub(super) fn look_at(&mut self, interests: Interests) {
        // If the app's first file could not be read, it is unknown which files the app is made from, so
        // the earlier ones are kept.
        self.interests = match interests.is_bare() {
            true => interests.and(&self.interests),
            false => interests,
        };
        let now = self.interests.stamps();
        self.seen.retain(|path, _| now.contains_key(path) || self.interests.is_file(path));
        for (path, stamp) in now {
            self.seen.entry(path).or_insert(stamp);
        }
        self.follow();
    }

    /// Waits until files have changed and no further event comes. Returns the changed files.
    pub(super) async fn changed(&mut self) -> BTreeSet<PathBuf> {
        loop {
            if let Some(changed) = self.changed_within(LOOK_EVERY).await {
                return changed;
            }
            let changed = self.look(BTreeSet::new());
            if !changed.is_empty() {
                self.follow();
                return changed;
            }
        }
    }

    /// Waits for a change like [`changed`](Self::changed), but only for this time. `None` if no event
    /// announces one.
    pub(super) async fn changed_within(&mut self, time: Duration) -> Option<BTreeSet<PathBuf>> {
        let until = Instant::now() + time;
        loop {
            let path = timeout_at(until, self.sign()).await.ok()?;
            if !self.interests.concern(&path) {
                continue;
            }
            let signs = self.all_signs(path).await;
            let changed = self.look(signs);
            // A folder may be new although nothing is in it yet.
            self.follow();
            if !changed.is_empty() {
                return Some(changed);
            }
        }
    }

    /// Returns the files that changed since the last comparison. A file that was written twice within one
    /// tick of the clock may look unchanged, so files with an event count in any case.
    fn look(&mut self, signs: BTreeSet<PathBuf>) -> BTreeSet<PathBuf> {
        let now = self.interests.stamps();
        let mut changed = difference(&self.seen, &now);
        changed.extend(signs.into_iter().filter(|path| now.contains_key(path)));
        self.seen = now;
        changed
    }

    async fn sign(&mut self) -> PathBuf {
        match self.signs.recv().await {
            Some(path) => path,
            None => std::future::pending().await,
        }
    }

    /// Collects the paths of events until no further event comes.
    async fn all_signs(&mut self, first: PathBuf) -> BTreeSet<PathBuf> {
        let mut signs = BTreeSet::from([first]);
        let over = sleep_until(Instant::now() + NEVER_QUIET);
        tokio::pin!(over);
        loop {
            tokio::select! {
                () = &mut over => return signs,
                next = timeout(QUIET, self.sign()) => match next {
                    Ok(path) => drop(signs.insert(path)),
                    Err(_) => return signs,
                },
            }
        }
    }

    /// Registers for events the folders in which something can happen now.
    fn follow(&mut self) {
        let Some(watcher) = &mut self.watcher else { return };
        let places = self.interests.places();
        if places == self.places {
            return;
        }
        let before = std::mem::take(&mut self.places);
        for (place, inode) in &before {
            if places.get(place) != Some(inode) {
                // The folder may have been removed, and its registration with it.
                let _ = watcher.unwatch(place);
            }
        }
        for (place, inode) in places {
            let is_watched = before.get(&place) == Some(&inode);
            if is_watched || watcher.watch(&place, RecursiveMode::NonRecursive).is_ok() {
                self.places.insert(place, inode);
            }
        }
    }
}

/// Whether the event may be a change, and not only a read.
fn is_change(event: &Event) -> bool {
    match event.kind {
        EventKind::Access(kind) => kind == AccessKind::Close(AccessMode::Write),
        _ => true,
    }
}
