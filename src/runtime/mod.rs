//! An app at work: its database, its rules, its pages and everyone who listens, wired once.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::auth::{self, Auth};
use crate::feed::Pulse;
use crate::limits::Limits;
use crate::live::{CloseReason, Hub};
use crate::model::app::App;
use crate::model::ids::UserId;
use crate::model::refresh::Transport;
use crate::model::viewer::{User, Viewer};
use crate::openapi::Descriptions;
use crate::pages::{PageRequest, Pages, PagesError};
use crate::records::Records;
use crate::render::{Edition, RenderError, Renderer};
use crate::store::{Deleted, Losses, Migrated, Store, StoreError};

/// How often the sessions of open connections are looked at; within a second they must be over.
const WATCH_SESSIONS_EVERY: Duration = Duration::from_millis(400);

/// An app at work.
pub struct Runtime {
    /// The app as its author declared it.
    pub app: Arc<App>,
    /// Accounts, sessions and tokens.
    pub auth: Auth,
    /// Its records, under the rules of permissions.
    pub records: Records,
    /// The pages of the app, rendered for each viewer.
    pub pages: Pages,
    /// The description of its API.
    pub descriptions: Descriptions,
    /// The hub of live updates.
    pub hub: Arc<Hub>,
    store: Store,
    database_url: String,
    pulse: Pulse,
    stop: CancellationToken,
    tasks: TaskTracker,
}

/// The settings that an app is started with.
#[derive(Clone, Debug)]
pub struct Start {
    /// The URL of its database.
    pub database_url: String,
    /// The constants that clients and server share.
    pub transport: Transport,
    /// Whether values that no longer fit may be removed.
    pub losses: Losses,
    /// The limits of the server.
    pub limits: Arc<Limits>,
    /// Which state of its sources this is, where they are being worked on.
    pub edition: Option<Edition>,
}

/// The result of starting an app.
#[derive(Clone, Debug, Default)]
pub struct StartReport {
    /// The changes to the tables.
    pub migrated: Migrated,
    /// With this the first account can be made, while there is none.
    pub setup_token: Option<String>,
}

/// Why an app could not be started.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// The database cannot be opened or brought to what is declared.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A template cannot be used.
    #[error(transparent)]
    Render(#[from] RenderError),
}

impl Runtime {
    /// Opens the database and starts to listen to it.
    ///
    /// # Errors
    /// If the database cannot be opened or does not fit the app.
    pub async fn start(
        app: Arc<App>,
        database_url: &str,
        transport: Transport,
        losses: Losses,
    ) -> Result<(Self, StartReport), RuntimeError> {
        let database_url = database_url.to_owned();
        let limits = Arc::default();
        Self::begin(app, Start { database_url, transport, losses, limits, edition: None }).await
    }

    /// Opens the database and starts to listen to it.
    ///
    /// # Errors
    /// If the database cannot be opened or does not fit the app.
    pub async fn begin(app: Arc<App>, start: Start) -> Result<(Self, StartReport), RuntimeError> {
        let renderer = start.renderer(&app)?;
        let (store, migrated) = start.open(&app).await?;
        let (auth, setup_token) = Auth::open(store.clone()).await?;
        let runtime = Self::over(store, auth, app, renderer, start).await?;
        Ok((runtime, StartReport { migrated, setup_token }))
    }

    /// Starts another app that is to take the place of this one, which goes on until it is retired.
    /// The database is opened anew only for other tables.
    ///
    /// # Errors
    /// If the database cannot be opened or does not fit the app.
    pub async fn succeed(
        &self,
        app: Arc<App>,
        start: Start,
    ) -> Result<(Self, StartReport), RuntimeError> {
        if start.database_url != self.database_url {
            return Self::begin(app, start).await;
        }
        let renderer = start.renderer(&app)?;
        if app.tables == self.app.tables {
            let (store, auth) = (self.store.clone(), self.auth.clone());
            let runtime = Self::over(store, auth, app, renderer, start).await?;
            return Ok((runtime, StartReport::default()));
        }
        // Whoever looks after the tables as they are must not mend them back.
        let hold = self.store.hold().await;
        let (store, migrated) = start.open(&app).await?;
        Store::retire(hold);
        let auth = self.auth.over(store.clone());
        let runtime = Self::over(store, auth, app, renderer, start).await?;
        Ok((runtime, StartReport { migrated, setup_token: None }))
    }

    async fn over(
        store: Store,
        auth: Auth,
        app: Arc<App>,
        renderer: Arc<Renderer>,
        start: Start,
    ) -> Result<Self, RuntimeError> {
        let (hub, feed) = Hub::new(store.clone(), renderer.clone(), start.transport).await?;
        let records = Records::new(app.clone(), store.clone(), feed.versions());
        let pages = Pages::new(app.clone(), records.clone(), renderer, feed.versions());
        let pulse = feed.pulse();
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let publishing = hub.clone();
        tasks.spawn(stop.clone().run_until_cancelled_owned(async move {
            publishing.run(feed).await;
        }));
        let pruned = store.clone();
        tasks.spawn(stop.clone().run_until_cancelled_owned(async move { pruned.prune().await }));
        // Whoever works on an app may well throw its data away and go on.
        let deleted = start.edition.as_ref().map_or(Deleted::Wait, |_| Deleted::BeginAnew);
        let looked_after = store.clone();
        tasks.spawn(stop.clone().run_until_cancelled_owned(async move {
            looked_after.look_after(deleted).await;
        }));
        let present = hub.clone();
        tasks.spawn(stop.clone().run_until_cancelled_owned(async move {
            present.run_presence().await;
        }));
        let watching = watch_sessions(auth.clone(), hub.clone());
        tasks.spawn(stop.clone().run_until_cancelled_owned(watching));
        let database_url = start.database_url;
        let descriptions = Descriptions::new(app.clone());
        Ok(Self {
            app,
            auth,
            records,
            pages,
            descriptions,
            hub,
            store,
            database_url,
            pulse,
            stop,
            tasks,
        })
    }

    /// Makes every page once, where templates are the app's own: what they ask for is only known then.
    ///
    /// # Errors
    /// If one of them cannot be rendered, for a guest or for an admin.
    pub async fn try_pages(&self) -> Result<(), RenderError> {
        if self.app.templates.is_empty() {
            return Ok(());
        }
        for viewer in [Viewer::Guest, somebody()] {
            let words = ("There is no such page", "");
            rendered(self.pages.error(&viewer, 404, words, ""))?;
            for page in self.app.pages.iter().filter(|page| !page.has_params()) {
                rendered(
                    self.pages
                        .open(&viewer, PageRequest { url: &page.path, ..PageRequest::default() })
                        .await,
                )?;
            }
        }
        Ok(())
    }

    /// Ends what this one does, since another has taken its place. Whoever listens may move there by
    /// themselves within `grace`; what they miss meanwhile they hear there.
    pub async fn retire(&self, successor: &Self, grace: Duration) {
        // At once: two feeds over one database would take each other's bell.
        self.stop.cancel();
        tokio::time::sleep(grace).await;
        self.hub.close_all(CloseReason::Restart);
        self.tasks.close();
        self.tasks.wait().await;
        if !self.store.is(&successor.store) {
            self.store.close().await;
        }
    }

    /// The limits of the server.
    pub fn limits(&self) -> &Arc<Limits> {
        self.store.limits()
    }

    /// The URL of the database.
    pub fn database_url(&self) -> &str {
        &self.database_url
    }

    /// Whether requests can be answered, and changes are told in time.
    ///
    /// # Errors
    /// If the database does not answer, or is not what it should be.
    pub async fn ready(&self) -> Result<bool, StoreError> {
        self.store.check().await?;
        Ok(!self.pulse.is_late())
    }

    /// Finishes the writes under way and closes the database.
    pub async fn stop(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        self.store.close().await;
    }
}

/// An admin, to try what only they see.
fn somebody() -> Viewer {
    Viewer::User(User {
        id: UserId::new("somebody"),
        email: "somebody@example.org".into(),
        name: "Somebody".into(),
        role: "admin".parse().expect("it is a role"),
    })
}

/// Whether a page could be rendered; what else may keep it from being shown is no fault of its
/// templates.
fn rendered<T>(made: Result<T, PagesError>) -> Result<(), RenderError> {
    match made {
        Err(PagesError::Render(error)) => Err(error),
        Ok(_) | Err(PagesError::Records(_)) => Ok(()),
    }
}

impl Start {
    async fn open(&self, app: &App) -> Result<(Store, Migrated), StoreError> {
        let limits = self.limits.clone();
        Store::open_within(&self.database_url, &app.tables, self.losses, limits).await
    }

    fn renderer(&self, app: &App) -> Result<Arc<Renderer>, RenderError> {
        let renderer = Renderer::new(app, self.transport)?;
        Ok(Arc::new(match &self.edition {
            Some(edition) => renderer.of_edition(edition.clone()),
            None => renderer,
        }))
    }
}

/// Closes the connections of sessions that have ended, or whose account has changed.
async fn watch_sessions(auth: Auth, hub: Arc<Hub>) {
    let mut seen = None;
    loop {
        tokio::time::sleep(WATCH_SESSIONS_EVERY).await;
        hub.close_expired(auth::now());
        match auth.version().await {
            Ok(version) if seen.as_ref() == Some(&version) => {}
            Ok(version) => match review(&auth, &hub).await {
                Ok(()) => seen = Some(version),
                Err(error) => tracing::warn!("cannot look at sessions, trying again: {error}"),
            },
            Err(error) => tracing::warn!("cannot look at sessions, trying again: {error}"),
        }
    }
}

async fn review(auth: &Auth, hub: &Hub) -> Result<(), StoreError> {
    auth.refresh().await?;
    let credentials = hub.credentials();
    let users = credentials.iter().filter_map(|credential| match &credential.viewer {
        Viewer::User(user) => Some((&*credential.token, user)),
        Viewer::Guest => None,
    });
    let (tokens, users): (Vec<_>, Vec<_>) = users.unzip();
    let known = auth.all_known(&tokens).await?;
    for ((token, before), now) in tokens.iter().zip(users).zip(known) {
        match now {
            None => hub.close(token, CloseReason::SessionEnded),
            // A rule about rows may go by any of these.
            Some(now) if now != *before => hub.close(token, CloseReason::AccessChanged),
            Some(_) => {}
        }
    }
    Ok(())
}
