//! The HTTP server: routes, middleware, authentication of requests, live transports, errors as answers.
//!
//! The only module that knows poem, sockets and status codes. Decisions about data belong in `records`,
//! decisions about pages in `pages`.

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

/// The time that requests under way have to finish once the server is told to stop.
const FINISH_REQUESTS: Duration = Duration::from_secs(5);
/// The time that live connections have to end after that.
const CLOSE_SOCKETS: Duration = Duration::from_secs(3);

/// The parts of the server that live connections and middleware share. Clones are the same.
#[derive(Clone)]
struct Sockets {
    /// Cancelled when the server is to stop.
    stop: CancellationToken,
    /// The tasks of the live connections, each of which outlives its request.
    tasks: TaskTracker,
    peers: Peers,
    budget: Budget,
}

/// Serves a site until `stop` is cancelled. It then tells live clients to connect again, takes no new
/// connections, and returns once the requests under way are answered and the live connections are closed, or
/// after 8 seconds (`FINISH_REQUESTS` and `CLOSE_SOCKETS`).
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
    // HTTP/2 lets a client have as many requests at once on a connection as the server says (RFC 9113,
    // 5.1.2).
    let streams = u32::try_from(site.limits().size(Limit::RequestsPerConnection));
    let streams = streams.unwrap_or(u32::MAX);
    let server = Server::new_with_acceptor(acceptor).http2_max_concurrent_streams(streams);
    // Live connections are asked to end as soon as the server is to stop: the answers of event streams would
    // otherwise hold the shutdown for its whole time.
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
