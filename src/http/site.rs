//! The site that is served: an app and its database, which another may replace while requests come in.

use std::sync::Arc;

use tokio::sync::watch;

use crate::http::dev::DevChannel;
use crate::http::peer::Proxies;
use crate::limits::Limits;
use crate::model::origin::Origin;
use crate::runtime::Runtime;

/// The app that is served, with the settings of the server that stay when the app is replaced.
#[derive(Clone)]
pub struct Site {
    /// The app that is served now. `None` while an author's app has never been free of faults.
    runtime: watch::Receiver<Option<Arc<Runtime>>>,
    /// The channel to the browser of an author. `None` on a server in production.
    dev: Option<DevChannel>,
    /// The origins of exported pages that the operator lets read from here, beside those in the app's YAML.
    origins: Arc<[Origin]>,
    proxies: Proxies,
    limits: Arc<Limits>,
}

impl Site {
    /// The site of an app that its author works on: `runtime` may hold no app yet.
    pub fn under_work(
        runtime: watch::Receiver<Option<Arc<Runtime>>>,
        dev: DevChannel,
        limits: Arc<Limits>,
    ) -> Self {
        let (origins, proxies) = (Arc::default(), Proxies::default());
        Self { runtime, dev: Some(dev), origins, proxies, limits }
    }

    /// The same site, which also keeps exported pages at these origins live.
    #[must_use]
    pub fn shared_with(self, origins: Vec<Origin>) -> Self {
        Self { origins: origins.into(), ..self }
    }

    /// The same site behind these proxies: their `X-Forwarded-…` headers are trusted.
    #[must_use]
    pub fn behind(self, proxies: Proxies) -> Self {
        Self { proxies, ..self }
    }

    /// Whether exported pages of this origin (`https://docs.example`) may read what guests may read.
    pub(super) fn allows(&self, origin: &str) -> bool {
        let runtime = self.runtime();
        let own = runtime.iter().flat_map(|runtime| &runtime.app.live_origins);
        own.chain(self.origins.iter()).any(|known| known.as_str() == origin)
    }

    /// The proxies whose `X-Forwarded-…` headers are trusted.
    pub(super) fn proxies(&self) -> &Proxies {
        &self.proxies
    }

    /// The limits of the server. They stay when the app is replaced.
    pub(super) fn limits(&self) -> &Arc<Limits> {
        &self.limits
    }

    /// The app that is served now. A request keeps it until its end, though another may take its place
    /// meanwhile. `None` if an author's app could not be served yet.
    pub(super) fn runtime(&self) -> Option<Arc<Runtime>> {
        self.runtime.borrow().clone()
    }

    /// The channel to the browser of the author. `None` on a server in production.
    pub(super) fn dev(&self) -> Option<&DevChannel> {
        self.dev.as_ref()
    }
}

impl From<Arc<Runtime>> for Site {
    fn from(runtime: Arc<Runtime>) -> Self {
        let limits = runtime.limits().clone();
        let runtime = watch::channel(Some(runtime)).1;
        Self { runtime, dev: None, origins: Arc::default(), proxies: Proxies::default(), limits }
    }
}
