//! What is served: an app at work, whose place another may take while requests come in.

use std::sync::Arc;

use tokio::sync::watch;

use crate::http::dev::DevChannel;
use crate::runtime::Runtime;

/// What is served.
#[derive(Clone)]
pub struct Site {
    runtime: watch::Receiver<Option<Arc<Runtime>>>,
    dev: Option<DevChannel>,
}

impl Site {
    /// What its author works on: there may be nothing yet that could be served.
    pub fn under_work(runtime: watch::Receiver<Option<Arc<Runtime>>>, dev: DevChannel) -> Self {
        Self { runtime, dev: Some(dev) }
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
        Self { runtime: watch::channel(Some(runtime)).1, dev: None }
    }
}
