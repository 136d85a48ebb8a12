//! The Server-Sent Events transport: sends the messages of an outbox, each as a `data:` line.
//!
//! The `id:` of an event has the position of each subscription of the stream, in the order of the handshakes,
//! separated by commas. A client that connects again with it in `Last-Event-ID` continues from there and
//! misses nothing.

use std::time::Duration;

use poem::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use poem::{Body, Response};
use tokio::sync::mpsc;
use tokio::time::{Instant, interval_at, sleep_until, timeout};
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;
use tokio_tungstenite::tungstenite::Bytes;
use tokio_util::sync::CancellationToken;

use crate::http::Sockets;
use crate::http::error::HttpError;
use crate::limits::{on_behalf_of, requester};
use crate::live::{CloseReason, Delivery, Handshake, Message, Name, Session};
use crate::model::ids::SealedPosition;

/// The header with the last `id:` that a client received (HTML standard, 9.2).
const LAST_EVENT_ID: &str = "last-event-id";
/// The time in which a client must read what was sent. After it the stream ends.
const WRITE: Duration = Duration::from_secs(30);
/// The header by which nginx passes on each event at once.
const UNBUFFERED: (HeaderName, &str) = (HeaderName::from_static("x-accel-buffering"), "no");
/// The sign in an `id:` for a subscription that has no position yet.
const NOTHING: &str = "-";

/// Sets `since` of each handshake to its position in `Last-Event-ID`. Without the header the handshakes stay
/// as they are.
///
/// # Errors
/// [`HttpError::Malformed`] if the header has another number of positions than there are handshakes.
pub(super) fn resume(headers: &HeaderMap, handshakes: &mut [Handshake]) -> Result<(), HttpError> {
    let Some(id) = headers.get(LAST_EVENT_ID).filter(|id| !id.is_empty()) else { return Ok(()) };
    let positions: Vec<_> = id.to_str().unwrap_or_default().split(',').collect();
    if positions.len() != handshakes.len() {
        let message = "Last-Event-ID belongs to a stream with other subscriptions".to_owned();
        return Err(HttpError::Malformed(message));
    }
    for (handshake, position) in handshakes.iter_mut().zip(positions) {
        if position != NOTHING {
            handshake.since = Some(SealedPosition::new(position));
        }
    }
    Ok(())
}

/// Returns an event stream with the messages of a session. `names` are the names of its subscriptions in the
/// order of the handshakes; `None` for a handshake that names no readable table. `gone` is cancelled when the
/// client leaves.
pub(super) fn open(
    session: Session,
    names: Vec<Option<Name>>,
    gone: CancellationToken,
    sockets: &Sockets,
) -> Response {
    // One place: the next events are taken from the outbox only when the client has taken the last, so that a
    // slow client fills its outbox, which is bounded, and not this channel.
    let (events, receiver) = mpsc::channel(1);
    let ids = names.into_iter().map(|name| (name, None)).collect();
    let stream = Stream { session, ids, events, gone };
    let streaming = on_behalf_of(requester(), stream.run(sockets.stop.clone()));
    sockets.tasks.spawn(streaming);
    let body = ReceiverStream::new(receiver).map(Ok::<Bytes, std::io::Error>);
    Response::builder()
        .status(StatusCode::OK)
        .content_type("text/event-stream")
        .header(header::CACHE_CONTROL, HeaderValue::from_static("no-cache, no-transform"))
        .header(UNBUFFERED.0, HeaderValue::from_static(UNBUFFERED.1))
        .body(Body::from_bytes_stream(body))
}

/// An open event stream.
struct Stream {
    session: Session,
    /// The name and the last position of each subscription, in the order of the handshakes.
    ids: Vec<(Option<Name>, Option<SealedPosition>)>,
    events: mpsc::Sender<Bytes>,
    /// Cancelled when the client has gone: poem does not notice by itself, see [`Peers`].
    ///
    /// [`Peers`]: crate::http::acceptor::Peers
    gone: CancellationToken,
}

/// The end of a stream: the client has gone, or the last message has been sent.
struct StreamEnd;

impl Stream {
    /// Runs the stream to its end.
    async fn run(mut self, stop: CancellationToken) {
        if stop.is_cancelled() {
            // The server closed its connections while this one was opening, and may have missed it.
            self.session.outbox().close(CloseReason::Restart);
        }
        // The only error is the end of the stream.
        let _ = self.talk().await;
    }

    async fn talk(&mut self) -> Result<(), StreamEnd> {
        let outbox = self.session.outbox().clone();
        let (first, every) = self.session.heartbeats();
        let mut heartbeat = interval_at(Instant::now() + first, every);
        let idle = Duration::from_millis(self.session.transport().idle_timeout_ms);
        let idle = Instant::now() + idle;
        self.send(self.retry().into_bytes()).await?;
        loop {
            if self.session.can_catch_up() && !self.gone.is_cancelled() {
                self.session.catch_up().await;
                continue;
            }
            tokio::select! {
                // Subscriptions of a stream come with its request, so a stream without any never gets one.
                () = sleep_until(idle), if self.session.is_idle() => return Err(StreamEnd),
                delivery = outbox.next() => self.deliver(delivery).await?,
                _ = heartbeat.tick() => self.beat().await?,
                () = self.gone.cancelled() => return Err(StreamEnd),
                () = self.events.closed() => return Err(StreamEnd),
            }
        }
    }

    /// The `retry:` field: the milliseconds that a browser waits after the stream breaks. A random part keeps
    /// browsers from coming back all at once after a restart.
    fn retry(&self) -> String {
        let first = self.session.transport().reconnect_delays_ms[0];
        format!("retry: {}\n\n", first + rand::random_range(0..=first))
    }

    /// Sends the messages of a delivery as events, and ends the stream if it says so.
    async fn deliver(&mut self, delivery: Delivery) -> Result<(), StreamEnd> {
        if delivery.overflowed {
            self.session.resync_all().await;
        }
        let mut events = Vec::new();
        for message in delivery.messages() {
            self.write(message, &mut events);
        }
        if !events.is_empty() {
            self.send(events).await?;
        }
        match delivery.close {
            Some(CloseReason::Restart) => self.say_last(&Message::reconnecting("sse")).await,
            Some(reason) => self.say_last(&Message::ended(reason)).await,
            None => Ok(()),
        }
    }

    /// Sends a heartbeat whose `id:` has the present positions. Without it, a quiet subscription would have
    /// to replay ever more when the client connects again.
    async fn beat(&mut self) -> Result<(), StreamEnd> {
        // The position is read before the outbox is emptied: all messages up to it have then been sent.
        let position = self.session.position();
        while let Some(delivery) = self.session.outbox().take() {
            self.deliver(delivery).await?;
        }
        for (name, known) in self.ids.iter_mut().filter(|(_, known)| known.is_some()) {
            let Some(name) = name else { continue };
            if let Some(resume) = self.session.resume(name, &position).await {
                *known = Some(resume);
            }
        }
        let mut event = Vec::new();
        self.put_id(&mut event);
        put_data(&Message::heartbeat(), &mut event);
        self.send(event).await?;
        // The client says nothing over an event stream. That it takes events is its sign of life for
        // presence.
        self.session.touch();
        Ok(())
    }

    /// Sends the last message, without an `id:`, and ends the stream.
    async fn say_last(&mut self, message: &Message) -> Result<(), StreamEnd> {
        let mut event = Vec::new();
        put_data(message, &mut event);
        self.send(event).await?;
        Err(StreamEnd)
    }

    /// Writes a message as an event. If it moves a subscription to another position, the event has an `id:`.
    fn write(&mut self, message: &Message, events: &mut Vec<u8>) {
        if let Some((name, position)) = message.resume() {
            for (_, known) in self.ids.iter_mut().filter(|(of, _)| of.as_ref() == Some(name)) {
                *known = Some(position.clone());
            }
            self.put_id(events);
        }
        put_data(message, events);
    }

    /// Writes the `id:` line.
    fn put_id(&self, events: &mut Vec<u8>) {
        let position = |(_, known): &(_, Option<SealedPosition>)| {
            known.as_ref().map_or(NOTHING.to_owned(), |known| known.as_str().to_owned())
        };
        let id = self.ids.iter().map(position).collect::<Vec<_>>().join(",");
        events.extend_from_slice(format!("id: {id}\n").as_bytes());
    }

    /// Hands events to the client. Ends the stream if the client has gone or does not read for [`WRITE`].
    async fn send(&self, events: Vec<u8>) -> Result<(), StreamEnd> {
        match timeout(WRITE, self.events.send(events.into())).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(StreamEnd),
        }
    }
}

/// Writes the `data:` line of a message and the end of its event. JSON has no line break, so one line will
/// do.
fn put_data(message: &Message, events: &mut Vec<u8>) {
    events.extend_from_slice(b"data: ");
    events.extend_from_slice(message.text());
    events.extend_from_slice(b"\n\n");
}
