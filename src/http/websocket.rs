//! The WebSocket transport: sends the frames of an outbox, and passes the client's messages to the session.
//!
//! Messages are finished frames that many sockets share, so they are written to the connection as they are.
//! The library reads the client's frames, and answers pings and closes.

use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use poem::{OnUpgrade, Upgraded};
use tokio::io::AsyncWriteExt;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::{CapacityError, Error};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role};
use tokio_tungstenite::tungstenite::{Bytes, Message as Frame};
use tokio_util::sync::CancellationToken;

use crate::http::frames;
use crate::live::{CloseReason, Delivery, Message, Outbox, Session};

/// The time from the answer until the connection is switched to WebSocket.
const OPEN: Duration = Duration::from_secs(10);
/// The time in which a client must read what was sent. After it the connection is given up.
const WRITE: Duration = Duration::from_secs(30);
/// The time that the closing handshake may take (RFC 6455, 7.1.2).
const GOODBYE: Duration = Duration::from_secs(1);
/// A ping without content (RFC 6455, 5.5.2).
const PING: &[u8] = &[0x89, 0];

/// The reason why a socket ends.
enum SocketEnd {
    /// The client has left, or cannot be reached.
    Gone,
    /// The client has closed the socket. It is sent a close frame in answer, and no more data (RFC 6455,
    /// 5.5.1).
    Closed,
    /// The server closes the socket with this code and reason.
    Close(CloseCode, &'static str),
}

/// Runs a socket to its end.
pub(super) async fn run(upgrade: OnUpgrade, session: Session, stop: CancellationToken) {
    let Ok(Ok(stream)) = timeout(OPEN, upgrade).await else { return };
    let config = Some(frames::config());
    let stream = WebSocketStream::from_raw_socket(stream, Role::Server, config).await;
    let outbox = session.outbox().clone();
    let mut socket = Socket { stream, session, outbox, owes: false };
    if stop.is_cancelled() {
        // The server closed its connections while this one was opening, and may have missed it.
        socket.outbox.close(CloseReason::Restart);
    }
    match socket.talk().await {
        SocketEnd::Gone => {}
        SocketEnd::Closed => Box::pin(socket.read_out()).await,
        SocketEnd::Close(code, reason) => Box::pin(socket.close(code, reason)).await,
    }
}

struct Socket {
    stream: WebSocketStream<Upgraded>,
    session: Session,
    outbox: Arc<Outbox>,
    /// Whether the library may have a frame of its own to send: the answer to a ping or a close.
    owes: bool,
}

impl Socket {
    /// Sends and receives until the socket ends, and returns the reason.
    ///
    /// There may be thousands of sockets, so the task is kept small and waits for few things: the stop of the
    /// server comes through the outbox, and one timer serves for heartbeats and the idle timeout. Rare work
    /// is boxed.
    async fn talk(&mut self) -> SocketEnd {
        let (first, every) = self.session.heartbeats();
        let idle = Duration::from_millis(self.session.transport().idle_timeout_ms);
        let mut beat_at = Instant::now() + first;
        let mut idle_since = None;
        let mut timer = pin!(sleep_until(beat_at));
        loop {
            if self.session.is_idle() {
                idle_since.get_or_insert_with(Instant::now);
            } else {
                idle_since = None;
            }
            let idle_until = idle_since.map(|since| since + idle);
            let wake_at = idle_until.map_or(beat_at, |until| until.min(beat_at));
            if timer.deadline() != wake_at {
                timer.as_mut().reset(wake_at);
            }
            if self.session.can_catch_up() {
                if let Err(end) = Box::pin(self.catch_up()).await {
                    return end;
                }
                continue;
            }
            let done = tokio::select! {
                delivery = self.outbox.next() => self.deliver(delivery).await,
                frame = self.stream.next() => self.receive(frame).await,
                () = timer.as_mut() => {
                    if idle_until.is_some_and(|until| until <= wake_at) {
                        Err(closing(CloseReason::Idle))
                    } else {
                        beat_at = Instant::now() + every;
                        self.beat().await
                    }
                }
            };
            if let Err(end) = done {
                return end;
            }
        }
    }

    /// Puts the next part of a replay into the outbox, unless a frame of the client arrives first.
    async fn catch_up(&mut self) -> Result<(), SocketEnd> {
        tokio::select! {
            biased;
            frame = self.stream.next() => self.receive(frame).await,
            () = self.session.catch_up() => Ok(()),
        }
    }

    /// Sends a heartbeat and a ping. The client's pong is its sign of life for presence.
    async fn beat(&mut self) -> Result<(), SocketEnd> {
        let heartbeat = [Message::heartbeat().frame(), PING].concat();
        self.send(&heartbeat.into()).await
    }

    /// Sends the frames of a delivery, and ends the socket if it says so.
    async fn deliver(&mut self, delivery: Delivery) -> Result<(), SocketEnd> {
        if delivery.overflowed {
            self.session.resync_all().await;
        }
        for piece in delivery.pieces() {
            self.send(&piece).await?;
        }
        match delivery.close {
            Some(CloseReason::Restart) => self.send_off().await,
            Some(reason) => Err(closing(reason)),
            None => Ok(()),
        }
    }

    /// Takes what the client sent: a message for the session, or the reason to end the socket. `None` is the
    /// end of the connection.
    async fn receive(&mut self, frame: Option<Result<Frame, Error>>) -> Result<(), SocketEnd> {
        self.owes = true;
        if let Some(Ok(_)) = frame {
            self.session.touch();
        }
        match frame {
            Some(Ok(Frame::Text(text))) => {
                // Boxed, since it is rare and large: as part of the task it would make the memory of every
                // socket larger.
                Box::pin(self.session.receive(&text)).await;
                Ok(())
            }
            Some(Ok(Frame::Binary(_))) => {
                Err(SocketEnd::Close(CloseCode::Unsupported, "send JSON as text"))
            }
            Some(Ok(Frame::Close(_))) => Err(SocketEnd::Closed),
            Some(Ok(Frame::Ping(_) | Frame::Pong(_) | Frame::Frame(_))) => Ok(()),
            Some(Err(Error::Utf8(_))) => Err(SocketEnd::Close(CloseCode::Invalid, "not UTF-8")),
            Some(Err(Error::Capacity(CapacityError::MessageTooLong { .. }))) => {
                Err(SocketEnd::Close(CloseCode::Size, "at most 64 KiB a message"))
            }
            Some(Err(Error::Protocol(_))) => {
                Err(SocketEnd::Close(CloseCode::Protocol, "not a WebSocket frame"))
            }
            Some(Err(_)) | None => Err(SocketEnd::Gone),
        }
    }

    /// Tells the client to connect again, since the server restarts, and ends the socket.
    async fn send_off(&mut self) -> Result<(), SocketEnd> {
        self.send(Message::reconnecting("websocket").frame()).await?;
        Err(closing(CloseReason::Restart))
    }

    /// Writes finished frames to the connection. Frames that the library has begun to write are completed
    /// first, so that no frame comes to stand within another.
    async fn send(&mut self, frames: &Bytes) -> Result<(), SocketEnd> {
        let owes = std::mem::take(&mut self.owes);
        let mut sent = pin!(async {
            if owes {
                self.stream.flush().await.map_err(io::Error::other)?;
            }
            let stream = self.stream.get_mut();
            stream.write_all(frames).await?;
            stream.flush().await
        });
        // Most often the connection takes all at once. Only otherwise a timer is set, which costs time and
        // memory.
        let at_once = poll_fn(|cx| Poll::Ready(sent.as_mut().poll(cx))).await;
        let sent = match at_once {
            Poll::Ready(sent) => Ok(sent),
            Poll::Pending => timeout(WRITE, sent).await,
        };
        match sent {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(SocketEnd::Gone),
        }
    }

    /// Sends a close frame and waits for the client's answer, for [`GOODBYE`] each.
    async fn close(&mut self, code: CloseCode, reason: &'static str) {
        let frame = CloseFrame { code, reason: reason.into() };
        if let Ok(Ok(())) = timeout(GOODBYE, self.stream.close(Some(frame))).await {
            self.read_out().await;
        }
    }

    /// Lets the library finish the closing handshake: it sends the answer, or waits for it. Gives up after
    /// [`GOODBYE`].
    async fn read_out(&mut self) {
        let _ =
            timeout(GOODBYE, async { while let Some(Ok(_)) = self.stream.next().await {} }).await;
    }
}

fn closing(reason: CloseReason) -> SocketEnd {
    SocketEnd::Close(reason.code().into(), reason.words())
}
