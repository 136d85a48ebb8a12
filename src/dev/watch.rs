//! When to look: at once after a sign from the file system, and now and then in any case, since it
//! may give none (a network mount, a folder that took another's place).

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use notify::event::{AccessKind, AccessMode};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use crate::dev::stamps::{FileStamps, Interests, difference};
use crate::system::FileIdentity;

/// So long without a sign means that whatever was being written is written.
const QUIET: Duration = Duration::from_millis(8);
/// How long quiet is waited for at most.
const NEVER_QUIET: Duration = Duration::from_millis(200);
/// How often to look without a sign.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Watches the files of an app and says which of them changed.
pub(super) struct FileWatcher {
    signs: mpsc::UnboundedReceiver<PathBuf>,
    watcher: Option<RecommendedWatcher>,
    /// The folders that signs come from, with their inodes.
    places: BTreeMap<PathBuf, FileIdentity>,
    interests: Interests,
    /// What was last seen.
    seen: FileStamps,
}

impl FileWatcher {
    /// Looks at nothing yet.
    pub(super) fn start() -> Self {
        let (sender, signs) = mpsc::unbounded_channel();
        let watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            for path in event.into_iter().filter(is_change).flat_map(|event| event.paths) {
                // Nobody looks any more.
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

    /// Looks at these from now on. What was seen of them before stays as it was seen.
    pub(super) fn look_at(&mut self, interests: Interests) {
        // What could not be read says nothing about what it would be made of.
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

    /// Waits until something has changed, and for the end of it; which files it was.
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

    /// The same, if there is a sign of it within this time.
    pub(super) async fn changed_within(&mut self, time: Duration) -> Option<BTreeSet<PathBuf>> {
        let until = Instant::now() + time;
        loop {
            let path = timeout_at(until, self.sign()).await.ok()?;
            if !self.interests.concern(&path) {
                continue;
            }
            let signs = self.all_signs(path).await;
            let changed = self.look(signs);
            // A folder may be new, though there is nothing in it yet.
            self.follow();
            if !changed.is_empty() {
                return Some(changed);
            }
        }
    }

    /// What has changed since the last look. A file that was written twice within one tick of the
    /// clock may look the same, so those that there was a sign of count in any case.
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

    /// All signs until it is quiet.
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

    /// Has signs come from the folders in which something can happen now.
    fn follow(&mut self) {
        let Some(watcher) = &mut self.watcher else { return };
        let places = self.interests.places();
        if places == self.places {
            return;
        }
        let before = std::mem::take(&mut self.places);
        for (place, inode) in &before {
            if places.get(place) != Some(inode) {
                // It may be gone, and the watch with it.
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

/// Whether it is not only that somebody reads.
fn is_change(event: &Event) -> bool {
    match event.kind {
        EventKind::Access(kind) => kind == AccessKind::Close(AccessMode::Write),
        _ => true,
    }
}
