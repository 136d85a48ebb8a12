//! Takes connections in: without delay for small messages, and without spinning when the system
//! has no more to give.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use poem::http::uri::Scheme;
use poem::web::{LocalAddr, RemoteAddr};
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

/// How many connections may be open at once.
const MAX_CONNECTIONS: usize = 20_000;
/// How long to wait when no connection can be taken: most often for file descriptors.
const PAUSE: Duration = Duration::from_millis(50);
/// How long what was sent may stay unread by the other machine before the connection is given up.
const UNREAD: Duration = Duration::from_secs(60);

/// poem's own acceptor neither sets `TCP_NODELAY` nor waits after an error.
pub(super) struct Acceptor {
    listener: TcpListener,
    places: Arc<Semaphore>,
    peers: Peers,
}

/// Who is at the other end of each open connection.
///
/// poem 3.1 waits for the end of an answer even after its reader has gone, so an answer without an
/// end must learn of it here.
#[derive(Clone, Default)]
pub(super) struct Peers(Arc<Mutex<HashMap<SocketAddr, CancellationToken>>>);

impl Peers {
    /// Is cancelled once this peer sends no more.
    pub(super) fn gone(&self, peer: Option<&SocketAddr>) -> CancellationToken {
        let open = self.lock();
        let gone = peer.and_then(|peer| open.get(peer)).cloned();
        gone.unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SocketAddr, CancellationToken>> {
        // The map is whole between any two statements, whoever panicked.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Acceptor {
    pub(super) fn new(listener: TcpListener, peers: Peers) -> Self {
        Self { listener, places: Arc::new(Semaphore::new(MAX_CONNECTIONS)), peers }
    }
}

impl poem::listener::Acceptor for Acceptor {
    type Io = Connection;

    fn local_addr(&self) -> Vec<LocalAddr> {
        self.listener.local_addr().map(Into::into).into_iter().map(LocalAddr).collect()
    }

    async fn accept(&mut self) -> io::Result<(Connection, LocalAddr, RemoteAddr, Scheme)> {
        let place = self.places.clone().acquire_owned().await.map_err(io::Error::other)?;
        let (stream, peer) = match self.listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!("cannot take a connection: {error}");
                tokio::time::sleep(PAUSE).await;
                return Err(error);
            }
        };
        stream.set_nodelay(true)?;
        let local = LocalAddr(stream.local_addr()?.into());
        SockRef::from(&stream).set_tcp_user_timeout(Some(UNREAD))?;
        let (peers, gone) = (self.peers.clone(), CancellationToken::new());
        peers.lock().insert(peer, gone.clone());
        let connection = Connection { stream, peer, peers, gone, _place: place };
        Ok((connection, local, RemoteAddr(peer.into()), Scheme::HTTP))
    }
}

/// A connection that holds its place among the others.
pub(super) struct Connection {
    stream: TcpStream,
    peer: SocketAddr,
    peers: Peers,
    gone: CancellationToken,
    _place: OwnedSemaphorePermit,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.gone.cancel();
        self.peers.lock().remove(&self.peer);
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let (room, before) = (buffer.remaining(), buffer.filled().len());
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        // Nothing read although there was room: the other end has said its last.
        if matches!(read, Poll::Ready(Ok(()))) && room > 0 && buffer.filled().len() == before {
            self.gone.cancel();
        }
        read
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
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
