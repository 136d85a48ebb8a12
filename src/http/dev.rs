//! The development server's part of HTTP: which hosts it answers to, and the channel that tells an author's
//! browser of changes to the app.

use std::sync::Arc;

use futures_util::{SinkExt, StreamExt};
use poem::http::{StatusCode, header};
use poem::web::Data;
use poem::{OnUpgrade, Request, Response, Result, handler};
use tokio::sync::watch;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message as Frame;
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_util::sync::CancellationToken;

use crate::client;
use crate::http::error::HttpError;
use crate::http::{Site, Sockets, frames, host, html, subscribe};
use crate::render::Renderer;

/// The path of the WebSocket to which an author's browser connects.
pub(super) const PATH: &str = "/_pagetide/dev";

/// The channel to an author's browser, and the hosts by which the browser may reach the server.
#[derive(Clone)]
pub struct DevChannel {
    /// The id of this run of the program. A page of another run reloads.
    pub process: Arc<str>,
    /// The newest message for the browser, as JSON: the state of the app and its faults.
    pub news: watch::Receiver<Arc<str>>,
    /// The hosts that are allowed beside the names of this machine, such as `localhost`. Without ports.
    pub hosts: Arc<[String]>,
}

impl DevChannel {
    /// Refuses a request whose `Host` or `Origin` is not allowed. Another site can let a name of its own lead
    /// to this machine (DNS rebinding), and the browser would then take its pages for pages of this server.
    ///
    /// # Errors
    /// [`HttpError::ForeignHost`] with the host, which is a 403.
    pub(super) fn check(&self, request: &Request) -> Result<(), HttpError> {
        let headers = request.headers();
        // A header with other bytes than ASCII matches no host.
        let text = |value: &header::HeaderValue| value.to_str().unwrap_or("?").to_owned();
        let host = headers.get(header::HOST).map(text).unwrap_or_default();
        let origin = headers.get(header::ORIGIN).map(text);
        let from = origin.map(|origin| match origin.split_once("://") {
            Some((_, host)) => host.to_owned(),
            None => origin,
        });
        match [Some(host), from].into_iter().flatten().find(|host| !self.knows(host)) {
            Some(host) => Err(HttpError::ForeignHost(host::name(&host).to_owned())),
            None => Ok(()),
        }
    }

    /// Whether a host, with or without a port, is allowed.
    fn knows(&self, host: &str) -> bool {
        let name = host::name(host);
        host::is_of_this_machine(name)
            || self.hosts.iter().any(|host| host.eq_ignore_ascii_case(name))
    }

    /// The answer while the app has faults and nothing can be served: a page (503) that reloads once there is
    /// an app. `None` for files of the client and the channel itself, which that page needs.
    pub(super) fn answer(&self, request: &Request) -> Option<Response> {
        if request.uri().path().starts_with(client::FOLDER) {
            return None;
        }
        let nonce = html::nonce();
        let html = Renderer::waiting(&self.process, &nonce).unwrap_or_default();
        Some(html::page(StatusCode::SERVICE_UNAVAILABLE, &nonce, html))
    }
}

/// `GET /_pagetide/dev` opens a WebSocket that sends the newest message, and each one that replaces it. 404
/// on a server in production.
#[handler]
pub(super) fn channel(
    request: &Request,
    site: Data<&Site>,
    sockets: Data<&Sockets>,
) -> Result<Response> {
    let dev = site.dev().ok_or(HttpError::NoSuchRoute)?;
    let (response, upgrade) = subscribe::switch(request)?;
    sockets.tasks.spawn(tell(upgrade, dev.news.clone(), sockets.stop.clone()));
    Ok(response)
}

/// Sends the messages until the browser leaves or sends something that is not a frame, or the server stops.
/// Frames of the browser are ignored.
async fn tell(upgrade: OnUpgrade, mut news: watch::Receiver<Arc<str>>, stop: CancellationToken) {
    let Ok(stream) = upgrade.await else { return };
    let config = Some(frames::config());
    let mut stream = WebSocketStream::from_raw_socket(stream, Role::Server, config).await;
    loop {
        let text = news.borrow_and_update().to_string();
        if stream.send(Frame::text(text)).await.is_err() {
            return;
        }
        loop {
            tokio::select! {
                changed = news.changed() => match changed {
                    Ok(()) => break,
                    Err(_) => return,
                },
                frame = stream.next() => match frame {
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => return,
                },
                () = stop.cancelled() => {
                    // A browser that does not get the close frame notices the end of the connection.
                    let _ = stream.close(None).await;
                    return;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks whether a request with these header lines is allowed if `studio.example` is.
    #[track_caller]
    fn check(headers: &str, allowed: bool) {
        let news = watch::channel("{}".into()).1;
        let hosts = ["studio.example".to_owned()].into();
        let dev = DevChannel { process: "1".into(), news, hosts };
        let mut request = Request::builder();
        for line in headers.lines() {
            let (name, value) = line.split_once(": ").unwrap();
            request = request.header(name, value);
        }
        assert_eq!(dev.check(&request.finish()).is_ok(), allowed, "{headers}");
    }

    #[test]
    fn this_machine_is_known_by_all_its_names() {
        check("host: localhost:3000", true);
        check("host: 127.0.0.1:3000", true);
        check("host: 127.9.9.9", true);
        check("host: [::1]:3000", true);
        check("host: app.localhost:3000", true);
        check("host: localhost:3000\norigin: http://localhost:3000", true);
    }

    #[test]
    fn another_name_must_be_allowed() {
        check("host: studio.example", true);
        check("host: Studio.Example:8443\norigin: https://studio.example:8443", true);
        check("host: evil.example:3000", false);
        check("host: 192.0.2.1:3000", false);
        check("host: localhost.evil.example", false);
        check("host: 127.evil.example", false);
        check("host: 127.0.0.1.evil.example", false);
        check("host: evil-localhost", false);
        check("", false);
    }

    #[test]
    fn another_site_is_refused_whatever_it_asks_for() {
        check("host: localhost\norigin: https://evil.example", false);
        check("host: localhost\norigin: null", false);
        check("host: localhost\norigin: http://localhost.evil.example", false);
    }
}
