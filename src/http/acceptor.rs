//! Takes connections in: without delay for small messages, without spinning when the system has no
//! more to give, and never for somebody who only holds them.

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

/// How long to wait when no connection can be taken: most often for file descriptors.
const PAUSE: Duration = Duration::from_millis(50);
/// How long a request may take from its first byte to the first of its answer, its body included.
pub(super) const REQUEST: Duration = Duration::from_secs(60);
/// How long a connection may stay open between two requests: longer than a heartbeat, since a stream
/// of events is an answer that goes on.
const IDLE: Duration = Duration::from_secs(120);
/// What an address with too many connections is told.
const TOO_MANY: &[u8] = b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 30\r\n\
    Content-Length: 0\r\nConnection: close\r\n\r\n";
/// How an answer begins after which the connection is a WebSocket's (RFC 6455, 1.3).
const UPGRADED: &[u8] = b"HTTP/1.1 101";
/// How long what was sent may stay unread by the other machine before the connection is given up.
const UNREAD: Duration = Duration::from_secs(60);

/// poem's own acceptor neither sets `TCP_NODELAY` nor waits after an error.
pub(super) struct Acceptor {
    listener: TcpListener,
    places: Arc<Semaphore>,
    peers: Peers,
    proxies: Proxies,
    limits: Arc<Limits>,
}

/// Who is at the other end of each open connection.
///
/// poem 3.1 waits for the end of an answer even after its reader has gone, so an answer without an
/// end must learn of it here.
#[derive(Clone, Default)]
pub(super) struct Peers(Arc<Mutex<HashMap<IpAddr, Ports>>>);

/// The open connections of one address, by port.
type Ports = HashMap<u16, CancellationToken>;

impl Peers {
    /// Is cancelled once this peer sends no more.
    pub(super) fn gone(&self, peer: Option<&SocketAddr>) -> CancellationToken {
        let open = self.lock();
        let gone = peer.and_then(|peer| open.get(&peer.ip())?.get(&peer.port())).cloned();
        gone.unwrap_or_default()
    }

    /// How many there are from an address.
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
        // The map is whole between any two statements, whoever panicked.
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

    /// Whether one more may come from this address.
    fn has_room(&self, address: IpAddr) -> bool {
        // Whatever stands before this server speaks for many.
        let most = self.limits.count(Limit::ConnectionsPerAddress);
        self.proxies.trusts(address) || address.is_loopback() || self.peers.count(address) < most
    }

    /// The next connection of somebody who has not too many.
    async fn next(&self) -> io::Result<(TcpStream, SocketAddr)> {
        loop {
            match self.listener.accept().await {
                Ok((stream, peer)) if self.has_room(peer.ip()) => return Ok((stream, peer)),
                Ok((stream, _)) => {
                    let _ = self.limits.refuse(Limit::ConnectionsPerAddress);
                    // Whether the refusal can be read is not our care.
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
        let place = self.places.clone().acquire_owned().await.map_err(io::Error::other)?;
        let (stream, peer) = self.next().await?;
        stream.set_nodelay(true)?;
        let local = LocalAddr(stream.local_addr()?.into());
        end_when_unread(&stream, UNREAD)?;
        let peers = self.peers.clone();
        let gone = CancellationToken::new();
        peers.add(peer, gone.clone());
        let deadline = Some(Box::pin(sleep(REQUEST)));
        let connection =
            AcceptedConnection { stream, peer, peers, gone, deadline, asks: true, _place: place };
        Ok((connection, local, RemoteAddr(peer.into()), Scheme::HTTP))
    }
}

/// A connection that holds its place among the others.
pub(super) struct AcceptedConnection {
    stream: TcpStream,
    peer: SocketAddr,
    peers: Peers,
    gone: CancellationToken,
    /// When it is over unless something is sent before; none for a WebSocket, which has its own.
    deadline: Option<Pin<Box<Sleep>>>,
    /// Whether a request is under way.
    asks: bool,
    _place: OwnedSemaphorePermit,
}

impl AcceptedConnection {
    /// Notes what is being sent.
    fn answers(&mut self, bytes: &[u8]) {
        self.asks = false;
        if bytes.starts_with(UPGRADED) {
            self.deadline = None;
        } else if let Some(deadline) = &mut self.deadline {
            deadline.as_mut().reset(Instant::now() + IDLE);
        }
    }

    /// Notes that something was received.
    fn hears(&mut self) {
        if let Some(deadline) = self.deadline.as_mut().filter(|_| !self.asks) {
            deadline.as_mut().reset(Instant::now() + REQUEST);
            self.asks = true;
        }
    }

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
            // Nothing read although there was room: the other end has said its last.
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

    /// Sends this to a server, and says what comes back until the connection is over. Time passes as
    /// soon as both wait.
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
        // The second request never ends.
        assert_eq!(talk(&[REQUEST, "GET"]).await.matches("hello").count(), 1);
    }

    #[tokio::test]
    async fn an_address_may_hold_many_connections_but_not_all() {
        let peers = Peers::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        // However many connections a host allows.
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
