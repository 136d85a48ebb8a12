//! Accepts TCP connections within limits: in all, for each address, and in time.
//!
//! A connection that is slow to send a request, idle for too long, or not read by its client is closed.
//! poem's own acceptor does none of this, does not set `TCP_NODELAY`, and does not wait after an error.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use poem::http::uri::Scheme;
use poem::web::{LocalAddr, RemoteAddr};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep, sleep};
use tokio_util::sync::CancellationToken;

use crate::http::peer::Proxies;
use crate::limits::{Limit, Limits};
use crate::system::end_when_unread;

/// The wait after a failed `accept`. Most often the process has no file descriptor left, and trying again at
/// once would keep a core busy.
const PAUSE: Duration = Duration::from_millis(50);
/// The time from the first byte of a request, its body included, to the first byte of its answer.
pub(super) const REQUEST: Duration = Duration::from_secs(60);
/// The time for which a connection may be silent after bytes of an answer. It is longer than a heartbeat (30
/// s), since Server-Sent Events are an answer that goes on.
const IDLE: Duration = Duration::from_secs(120);
/// The answer to an address that has too many connections, sent before any request is read.
const TOO_MANY: &[u8] = b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 30\r\n\
    Content-Length: 0\r\nConnection: close\r\n\r\n";
/// The first bytes of the answer after which the connection is a WebSocket (RFC 6455, 1.3).
const UPGRADED: &[u8] = b"HTTP/1.1 101";
/// The time for which the other machine may leave sent bytes unacknowledged before the connection is closed.
const UNREAD: Duration = Duration::from_secs(60);

/// The listener of the server with its limits on connections.
pub(super) struct Acceptor {
    listener: TcpListener,
    /// One permit for each connection that may be open ([`Limit::Connections`]).
    places: Arc<Semaphore>,
    peers: Peers,
    proxies: Proxies,
    limits: Arc<Limits>,
}

/// The open connections by the address and port of the client, each with a token that is cancelled when the
/// client has gone.
///
/// poem 3.1 waits for the end of an answer even after the client has gone, so an answer without an end, such
/// as an event stream, has to watch the token.
#[derive(Clone, Default)]
pub(super) struct Peers(Arc<Mutex<HashMap<IpAddr, Ports>>>);

/// The open connections of one address, by port.
type Ports = HashMap<u16, CancellationToken>;

impl Peers {
    /// Returns the token that is cancelled once this client has closed its side of the connection, or the
    /// connection is over. The token of a client that is not known is never cancelled.
    pub(super) fn gone(&self, peer: Option<&SocketAddr>) -> CancellationToken {
        let open = self.lock();
        let gone = peer.and_then(|peer| open.get(&peer.ip())?.get(&peer.port())).cloned();
        gone.unwrap_or_default()
    }

    /// The number of open connections from an address.
    fn count(&self, address: IpAddr) -> usize {
        self.lock().get(&address).map_or(0, HashMap::len)
    }

    fn add(&self, peer: SocketAddr, gone: CancellationToken) {
        self.lock().entry(peer.ip()).or_default().insert(peer.port(), gone);
    }

    fn remove(&self, peer: SocketAddr) {
        let mut open = self.lock();
        if let Entry::Occupied(mut ports) = open.entry(peer.ip()) {
            ports.get_mut().remove(&peer.port());
            if ports.get().is_empty() {
                ports.remove();
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, Ports>> {
        // No statement leaves the map half changed, so a panic elsewhere has not spoiled it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Acceptor {
    pub(super) fn new(
        listener: TcpListener,
        peers: Peers,
        proxies: Proxies,
        limits: Arc<Limits>,
    ) -> Self {
        let most = limits.count(Limit::Connections).min(Semaphore::MAX_PERMITS);
        let places = Arc::new(Semaphore::new(most));
        Self { listener, places, peers, proxies, limits }
    }

    /// Whether one more connection from this address may be opened.
    fn has_room(&self, address: IpAddr) -> bool {
        // A proxy, also one on this machine, has the connections of many clients.
        let most = self.limits.count(Limit::ConnectionsPerAddress);
        self.proxies.trusts(address) || address.is_loopback() || self.peers.count(address) < most
    }

    /// Waits for the next connection from an address that has not too many. Others are refused with
    /// [`TOO_MANY`]. Fails, after [`PAUSE`], if the system has no more connections to give.
    async fn next(&self) -> io::Result<(TcpStream, SocketAddr)> {
        loop {
            match self.listener.accept().await {
                Ok((stream, peer)) if self.has_room(peer.ip()) => return Ok((stream, peer)),
                Ok((stream, _)) => {
                    let _ = self.limits.refuse(Limit::ConnectionsPerAddress);
                    // One attempt: waiting until it can be written would hold up everyone else.
                    drop(stream.try_write(TOO_MANY));
                }
                Err(error) => {
                    tracing::warn!("cannot take a connection: {error}");
                    sleep(PAUSE).await;
                    return Err(error);
                }
            }
        }
    }
}

impl poem::listener::Acceptor for Acceptor {
    type Io = AcceptedConnection;

    fn local_addr(&self) -> Vec<LocalAddr> {
        self.listener.local_addr().map(Into::into).into_iter().map(LocalAddr).collect()
    }

    async fn accept(&mut self) -> io::Result<(AcceptedConnection, LocalAddr, RemoteAddr, Scheme)> {
        // The permit comes first: while all are taken, new connections wait in the system's own queue.
        let place = self.places.clone().acquire_owned().await.map_err(io::Error::other)?;
        let (stream, peer) = self.next().await?;
        stream.set_nodelay(true)?;
        let local = LocalAddr(stream.local_addr()?.into());
        end_when_unread(&stream, UNREAD)?;
        let peers = self.peers.clone();
        let gone = CancellationToken::new();
        // From here nothing can fail: `AcceptedConnection` removes the peer when it is dropped.
        peers.add(peer, gone.clone());
        let deadline = Some(Box::pin(sleep(REQUEST)));
        let connection =
            AcceptedConnection { stream, peer, peers, gone, deadline, asks: true, _place: place };
        Ok((connection, local, RemoteAddr(peer.into()), Scheme::HTTP))
    }
}

/// An open connection that closes itself at its deadline. Dropping it gives its place to another.
pub(super) struct AcceptedConnection {
    stream: TcpStream,
    peer: SocketAddr,
    peers: Peers,
    gone: CancellationToken,
    /// The time at which the connection is closed, moved on by what is sent and received. `None` for a
    /// WebSocket, which has time limits of its own.
    deadline: Option<Pin<Box<Sleep>>>,
    /// Whether a request has begun and not a byte of its answer has been sent.
    asks: bool,
    _place: OwnedSemaphorePermit,
}

impl AcceptedConnection {
    /// Notes that bytes of an answer are sent: each extends the deadline by [`IDLE`], and the answer to an
    /// upgrade ends it.
    fn answers(&mut self, bytes: &[u8]) {
        self.asks = false;
        if bytes.starts_with(UPGRADED) {
            self.deadline = None;
        } else if let Some(deadline) = &mut self.deadline {
            deadline.as_mut().reset(Instant::now() + IDLE);
        }
    }

    /// Notes that bytes were received. Only the first bytes of a request set the deadline; later ones do not,
    /// or a client could keep a connection by sending a byte now and then.
    fn hears(&mut self) {
        if let Some(deadline) = self.deadline.as_mut().filter(|_| !self.asks) {
            deadline.as_mut().reset(Instant::now() + REQUEST);
            self.asks = true;
        }
    }

    /// Whether the deadline has passed. The task is woken when it does.
    fn is_over(&mut self, cx: &mut Context<'_>) -> bool {
        self.deadline.as_mut().is_some_and(|deadline| deadline.as_mut().poll(cx).is_ready())
    }
}

impl Drop for AcceptedConnection {
    fn drop(&mut self) {
        self.gone.cancel();
        self.peers.remove(self.peer);
    }
}

impl AsyncRead for AcceptedConnection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.is_over(cx) {
            self.gone.cancel();
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        let room = buffer.remaining();
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if matches!(read, Poll::Ready(Ok(()))) && buffer.filled().len() > before {
            self.hears();
        } else if matches!(read, Poll::Ready(Ok(()))) && room > 0 {
            // Zero bytes read although there was room: the client has closed its side for good.
            self.gone.cancel();
        }
        read
    }
}

impl AsyncWrite for AcceptedConnection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.answers(bytes);
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.answers(slices.first().map_or(&[], |slice| slice));
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use poem::endpoint::make_sync;
    use poem::{Response, Server};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    /// Sends the parts to a server, one after each answer, and returns what comes back until the connection
    /// is closed. Time is paused, so it passes as soon as both sides wait.
    async fn talk(parts: &[&str]) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let hello = make_sync(|_| Response::builder().body("hello"));
        let server = Server::new_with_acceptor(Acceptor::new(
            listener,
            Peers::default(),
            Proxies::default(),
            Arc::default(),
        ));
        let serving = tokio::spawn(server.run(hello));
        let mut stream = TcpStream::connect(address).await.unwrap();
        let mut heard = String::new();
        for part in parts {
            stream.write_all(part.as_bytes()).await.unwrap();
            let mut bytes = vec![0; 1_000];
            let count = stream.read(&mut bytes).await.unwrap_or_default();
            heard.push_str(std::str::from_utf8(&bytes[..count]).unwrap());
        }
        let end = stream.read(&mut [0]).await;
        assert!(!matches!(end, Ok(1..)), "it goes on after {heard}");
        serving.abort();
        heard
    }

    const REQUEST: &str = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

    #[tokio::test(start_paused = true)]
    async fn whoever_says_nothing_or_half_of_it_is_let_go() {
        assert_eq!(talk(&[""]).await, "");
        assert_eq!(talk(&["GET / HTTP/1.1\r\nHo"]).await, "");
        assert_eq!(talk(&["POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n"]).await, "");
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_is_kept_for_the_next_request_and_not_for_ever() {
        let heard = talk(&[REQUEST, REQUEST]).await;
        assert_eq!(heard.matches("hello").count(), 2, "{heard}");
        // The second request is never completed.
        assert_eq!(talk(&[REQUEST, "GET"]).await.matches("hello").count(), 1);
    }

    #[tokio::test]
    async fn an_address_may_hold_many_connections_but_not_all() {
        let peers = Peers::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        // More connections than a semaphore has permits for.
        let limits = Limits::default()
            .with(Limit::ConnectionsPerAddress, 2_000)
            .with(Limit::Connections, u64::MAX);
        let acceptor = Acceptor::new(listener, peers.clone(), Proxies::default(), Arc::new(limits));
        for port in 0..2_000 {
            peers.add(([192, 0, 2, 1], port).into(), CancellationToken::new());
            peers.add(([127, 0, 0, 1], port).into(), CancellationToken::new());
        }
        assert!(!acceptor.has_room([192, 0, 2, 1].into()));
        assert!(acceptor.has_room([192, 0, 2, 2].into()));
        assert!(acceptor.has_room([127, 0, 0, 1].into()));
        peers.remove(([192, 0, 2, 1], 7).into());
        assert!(acceptor.has_room([192, 0, 2, 1].into()));
    }
}
