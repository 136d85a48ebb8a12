//! Requests in, answers out: routes, who is asking, transports, errors. The only module that knows
//! poem and WebSocket.

use std::time::Duration;

use poem::Server;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::http::acceptor::{Acceptor, Peers};
use crate::http::budget::Budget;
use crate::limits::Limit;
use crate::live::CloseReason;

mod routes;

mod acceptor;
mod answer;
mod budget;
mod caller;
mod compression;
mod cors;
mod csrf;
mod error;
mod host;
mod json;
mod methods;
mod middleware;
mod names;
mod page;
mod peer;
mod site;

mod accounts;
mod admin;
mod assets;
mod dev;
mod forms;
mod frames;
mod health;
mod html;
mod openapi;
mod profile;
mod public;
mod ranges;
mod records;
mod sse;
mod subscribe;
mod websocket;

pub use dev::DevChannel;
pub use frames::texts;
pub use peer::{BadProxy, Proxies};
pub use site::Site;

/// How long requests under way may take to finish once the server is told to stop.
const FINISH_REQUESTS: Duration = Duration::from_secs(5);
/// How long sockets may take to say goodbye.
const CLOSE_SOCKETS: Duration = Duration::from_secs(3);

/// The open sockets, and what tells them to close.
#[derive(Clone)]
struct Sockets {
    stop: CancellationToken,
    tasks: TaskTracker,
    peers: Peers,
    budget: Budget,
}

/// Serves an app until told to stop; then tells sockets to come back, and finishes what is under
/// way.
pub async fn serve(site: impl Into<Site>, listener: TcpListener, stop: CancellationToken) {
    let site = site.into();
    let (tasks, peers) = (TaskTracker::new(), Peers::default());
    let sockets = Sockets { stop: stop.clone(), tasks, peers, budget: Budget::new(site.limits()) };
    let endpoint = routes::routes(site.clone(), sockets.clone());
    let acceptor = Acceptor::new(
        listener,
        sockets.peers.clone(),
        site.proxies().clone(),
        site.limits().clone(),
    );
    // RFC 9113, 5.1.2.
    let streams = u32::try_from(site.limits().size(Limit::RequestsPerConnection));
    let streams = streams.unwrap_or(u32::MAX);
    let server = Server::new_with_acceptor(acceptor).http2_max_concurrent_streams(streams);
    let stopped = async move {
        stop.cancelled().await;
        if let Some(runtime) = site.runtime() {
            runtime.hub.close_all(CloseReason::Restart);
        }
    };
    let served = server.run_with_graceful_shutdown(endpoint, stopped, Some(FINISH_REQUESTS)).await;
    if let Err(error) = served {
        tracing::error!("the server stopped: {error}");
    }
    sockets.tasks.close();
    if tokio::time::timeout(CLOSE_SOCKETS, sockets.tasks.wait()).await.is_err() {
        tracing::info!("{} sockets did not close in time", sockets.tasks.len());
    }
}
