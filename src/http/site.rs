//! What is served: an app at work, whose place another may take while requests come in.

use std::sync::Arc;

use tokio::sync::watch;

use crate::http::dev::DevChannel;
use crate::http::peer::Proxies;
use crate::limits::Limits;
use crate::model::origin::Origin;
use crate::runtime::Runtime;

/// The app that is served, with everything that its handlers need.
#[derive(Clone)]
pub struct Site {
    runtime: watch::Receiver<Option<Arc<Runtime>>>,
    dev: Option<DevChannel>,
    origins: Arc<[Origin]>,
    proxies: Proxies,
    limits: Arc<Limits>,
}

impl Site {
    /// What its author works on: there may be nothing yet that could be served.
    pub fn under_work(
        runtime: watch::Receiver<Option<Arc<Runtime>>>,
        dev: DevChannel,
        limits: Arc<Limits>,
    ) -> Self {
        let (origins, proxies) = (Arc::default(), Proxies::default());
        Self { runtime, dev: Some(dev), origins, proxies, limits }
    }

    /// The same, keeping the exported pages of these sites live too.
    #[must_use]
    pub fn shared_with(self, origins: Vec<Origin>) -> Self {
        Self { origins: origins.into(), ..self }
    }

    /// The same behind these proxies.
    #[must_use]
    pub fn behind(self, proxies: Proxies) -> Self {
        Self { proxies, ..self }
    }

    /// Whether pages of this origin may show what guests see.
    pub(super) fn allows(&self, origin: &str) -> bool {
        let runtime = self.runtime();
        let own = runtime.iter().flat_map(|runtime| &runtime.app.live_origins);
        own.chain(self.origins.iter()).any(|known| known.as_str() == origin)
    }

    /// Whose word is taken for where a request comes from.
    pub(super) fn proxies(&self) -> &Proxies {
        &self.proxies
    }

    /// What requests may bring and answers hold, whichever app is served.
    pub(super) fn limits(&self) -> &Arc<Limits> {
        &self.limits
    }

    /// The app that is served now.
    pub(super) fn runtime(&self) -> Option<Arc<Runtime>> {
        self.runtime.borrow().clone()
    }

    /// What its author's browser hears.
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
