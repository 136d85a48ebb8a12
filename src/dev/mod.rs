//! `pagetide dev`: watches the files of an app, loads it again after each change, and informs the
//! browsers. If the new state has errors, the last good state is still served.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::sync::watch as latest;

use crate::http::{DevChannel, Site};
use crate::limits::Limits;
use crate::model::app::App;
use crate::model::refresh::TRANSPORT;
use crate::render::Edition;
use crate::runtime::{Runtime, RuntimeError, Start, StartReport};
use crate::spec;
use crate::store::{Losses, StoreError};

mod stamps;
mod watch;

use stamps::Interests;
use watch::FileWatcher;

/// The folders of an app that are watched with all files in them.
const FOLDERS: [&str; 2] = ["templates", PUBLIC];
/// The folder whose files are served unchanged.
const PUBLIC: &str = "public";
/// How long a failed load waits for further changes before it is reported: a file may have been read half
/// written.
const HALF_WRITTEN: Duration = Duration::from_millis(60);
/// How long browsers may take to move from one state of the app to the next, before the earlier one
/// stops.
const MOVING: Duration = Duration::from_secs(1);

/// The settings of the development server.
pub struct Setting {
    /// The path of the app's folder or of its first file.
    pub app: PathBuf,
    /// Returns the URL of the database for an app, which may name one itself.
    pub database_url: Box<dyn Fn(&App) -> String + Send>,
    /// Whether values that no longer fit may be removed.
    pub losses: Losses,
    /// The limits of the server.
    pub limits: Arc<Limits>,
    /// Host names that the server answers to, in addition to those of this machine.
    pub hosts: Vec<String>,
}

/// An app under development.
pub struct Dev {
    setting: Setting,
    watch: FileWatcher,
    runtime: latest::Sender<Option<Arc<Runtime>>>,
    news: latest::Sender<Arc<str>>,
    known: News,
}

/// The state that browsers compare with their own to notice a change.
#[derive(Clone, Serialize)]
struct News {
    process: Arc<str>,
    /// The number of the load that is served.
    page: u64,
    /// How many changes were in stylesheets only.
    style: u64,
    /// How many changes were in other public files.
    files: u64,
    /// The report of the last load if it has errors, as `check` prints it.
    fault: Option<String>,
}

/// The outcome of a change of files, or of the first load.
pub struct Outcome {
    /// The files that changed, relative to the app's folder. Empty for the first load.
    pub changed: Vec<String>,
    /// The kind of the change, with its result.
    pub kind: ReloadOutcome,
    /// The time from the last event of the file system until the browsers were informed.
    pub took: Duration,
}

/// The kind of a change of files, with its result.
pub enum ReloadOutcome {
    /// The app was loaded and is served, with a report of its warnings.
    Served(Box<(Arc<Runtime>, StartReport)>, spec::Report),
    /// The app has errors and is not served; with the report as text.
    Refused(String),
    /// Only stylesheets in `public/` changed.
    Styled,
    /// Only files in `public/` changed, and not only stylesheets.
    Copied,
}

impl Dev {
    /// Creates the development server of an app, which need not exist yet. Returns it with the site to
    /// serve.
    pub fn open(setting: Setting) -> (Self, Site) {
        let process: Arc<str> = format!("{:x}", rand::random::<u64>()).into();
        let known = News { process: process.clone(), page: 0, style: 0, files: 0, fault: None };
        let runtime = latest::Sender::new(None);
        let news = latest::Sender::new(known.to_json());
        let hosts = setting.hosts.clone().into();
        let channel = DevChannel { process, news: news.subscribe(), hosts };
        let site = Site::under_work(runtime.subscribe(), channel, setting.limits.clone());
        let watch = FileWatcher::start();
        (Self { setting, watch, runtime, news, known }, site)
    }

    /// Loads the app for the first time.
    pub async fn load(&mut self) -> Outcome {
        self.outcome(BTreeSet::new(), Instant::now()).await
    }

    /// Waits for the next change and processes it.
    pub async fn next(&mut self) -> Outcome {
        let changed = self.watch.changed().await;
        self.outcome(changed, Instant::now()).await
    }

    /// Finishes the writes in progress and closes the database.
    pub async fn stop(&self) {
        let runtime = self.runtime.borrow().clone();
        if let Some(runtime) = runtime {
            runtime.stop().await;
        }
    }

    async fn outcome(&mut self, mut changed: BTreeSet<PathBuf>, mut since: Instant) -> Outcome {
        let kind = loop {
            let kind = self.take(&changed).await;
            if !matches!(kind, ReloadOutcome::Refused(_)) {
                break kind;
            }
            let Some(more) = self.watch.changed_within(HALF_WRITTEN).await else { break kind };
            since = Instant::now();
            changed.extend(more);
        };
        self.tell(&kind);
        let folder = self.folder();
        let name =
            |path: &PathBuf| path.strip_prefix(&folder).unwrap_or(path).display().to_string();
        Outcome { changed: changed.iter().map(name).collect(), kind, took: since.elapsed() }
    }

    async fn take(&mut self, changed: &BTreeSet<PathBuf>) -> ReloadOutcome {
        let public = self.folder().join(PUBLIC);
        if changed.is_empty() || !changed.iter().all(|path| path.starts_with(&public)) {
            return self.reload().await;
        }
        let is_style =
            |path: &PathBuf| path.extension().is_some_and(|extension| extension == "css");
        if changed.iter().all(is_style) { ReloadOutcome::Styled } else { ReloadOutcome::Copied }
    }

    /// Loads the app and serves it if it has no errors.
    async fn reload(&mut self) -> ReloadOutcome {
        let path = self.setting.app.clone();
        let read = tokio::task::spawn_blocking(move || spec::load(&path)).await;
        let loaded = match read {
            Ok(Ok(loaded)) => loaded,
            Ok(Err(error)) => {
                self.look_at(BTreeSet::new());
                return ReloadOutcome::Refused(format!("error: {error}\n"));
            }
            Err(error) => return ReloadOutcome::Refused(format!("error: {error}\n")),
        };
        self.look_at(loaded.files);
        let Some(app) = loaded.app else {
            let report = loaded.report;
            return ReloadOutcome::Refused(format!("{}{}\n", report.coloured(), report.summary()));
        };
        match self.begin(app).await {
            Ok(begun) => ReloadOutcome::Served(Box::new(begun), loaded.report),
            Err(error) => ReloadOutcome::Refused(refusal(&error)),
        }
    }

    async fn begin(&mut self, app: Arc<App>) -> Result<(Arc<Runtime>, StartReport), RuntimeError> {
        let process = self.known.process.clone();
        let page = self.known.page + 1;
        let start = Start {
            database_url: (self.setting.database_url)(&app),
            transport: TRANSPORT,
            losses: self.setting.losses,
            limits: self.setting.limits.clone(),
            edition: Some(Edition { process, page }),
        };
        let before = self.runtime.borrow().clone();
        let (runtime, started) = match &before {
            Some(before) => before.succeed(app, start).await?,
            None => Runtime::begin(app, start).await?,
        };
        if let Err(error) = runtime.try_pages().await {
            match before {
                Some(before) => runtime.retire(&before, Duration::ZERO).await,
                None => runtime.stop().await,
            }
            return Err(error.into());
        }
        let runtime = Arc::new(runtime);
        self.known.page = page;
        self.runtime.send_replace(Some(runtime.clone()));
        if let Some(before) = before {
            let successor = runtime.clone();
            tokio::spawn(async move { before.retire(&successor, MOVING).await });
        }
        Ok((runtime, started))
    }

    fn tell(&mut self, kind: &ReloadOutcome) {
        match kind {
            ReloadOutcome::Served(..) => self.known.fault = None,
            ReloadOutcome::Refused(fault) => self.known.fault = Some(fault.clone()),
            ReloadOutcome::Styled => self.known.style += 1,
            ReloadOutcome::Copied => self.known.files += 1,
        }
        self.news.send_replace(self.known.to_json());
    }

    /// Watches these files from now on. If there are none because nothing could be read, the earlier
    /// files are watched too.
    fn look_at(&mut self, files: BTreeSet<PathBuf>) {
        let folder = self.folder();
        let first = first_file(&self.setting.app);
        let folders = FOLDERS.map(|name| folder.join(name)).to_vec();
        self.watch.look_at(Interests::new(files.into_iter().chain([first]), folders));
    }

    /// Returns the app's folder, which need not exist.
    fn folder(&self) -> PathBuf {
        let first = first_file(&self.setting.app);
        first.parent().unwrap_or(Path::new("/")).to_owned()
    }
}

impl News {
    fn to_json(&self) -> Arc<str> {
        serde_json::to_string(self).unwrap_or_default().into()
    }
}

/// Returns the absolute path of an app's first file, which need not exist.
fn first_file(app: &Path) -> PathBuf {
    let path = std::path::absolute(app).unwrap_or_else(|_| app.to_owned());
    let path = path.canonicalize().unwrap_or(path);
    let is_yaml =
        path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
    if path.is_file() || (is_yaml && !path.is_dir()) { path } else { path.join("app.yaml") }
}

/// Returns the text about an app without errors that cannot be served, with what to do about it.
fn refusal(error: &RuntimeError) -> String {
    let help = match error {
        RuntimeError::Store(StoreError::WouldLose(_)) => {
            "\nUndo the change, or add `renamedFrom` with the old name of a field or table. To remove \
             the values, stop the server and run `pagetide migrate --allow-destructive`.\n"
        }
        RuntimeError::Store(StoreError::DoesNotFit(_)) => {
            "\nUndo the change, or correct the records first.\n"
        }
        RuntimeError::Store(_) | RuntimeError::Render(_) => "",
    };
    let mut told = format!("error: {error}\n");
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        told.push_str(&format!("  {error}\n"));
        cause = error.source();
    }
    told + help
}
