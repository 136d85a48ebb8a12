//! One stream of Server-Sent Events: the messages of its outbox, each as `data:`.
//!
//! The `id:` of an event says where every subscription of the stream goes on from, in the order in
//! which they were asked for; a client that comes back with it in `Last-Event-ID` misses nothing.

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

/// What a client sends to go on from where it was (HTML standard, 9.2).
const LAST_EVENT_ID: &str = "last-event-id";
/// How long a client may take to read what was sent before it counts as stuck.
const WRITE: Duration = Duration::from_secs(30);
/// Tells proxies to pass on each event at once (nginx).
const UNBUFFERED: (HeaderName, &str) = (HeaderName::from_static("x-accel-buffering"), "no");
/// Stands in an `id:` for what has no position.
const NOTHING: &str = "-";

/// Lets each handshake go on from where the client's last event left it.
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

/// Answers with the messages of a session that is subscribed to all it asked for, under `names`.
pub(super) fn open(
    session: Session,
    names: Vec<Option<Name>>,
    gone: CancellationToken,
    sockets: &Sockets,
) -> Response {
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

struct Stream {
    session: Session,
    /// How far each subscription has come.
    ids: Vec<(Option<Name>, Option<SealedPosition>)>,
    events: mpsc::Sender<Bytes>,
    /// The reader has gone.
    gone: CancellationToken,
}

/// The client is gone, or the stream is over.
struct StreamEnd;

impl Stream {
    async fn run(mut self, stop: CancellationToken) {
        if stop.is_cancelled() {
            // Whoever closed all connections may have missed this one.
            self.session.outbox().close(CloseReason::Restart);
        }
        // An error only means that there is nobody left to tell.
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
                // What a stream hears never changes, so one that hears nothing never will.
                () = sleep_until(idle), if self.session.is_idle() => return Err(StreamEnd),
                delivery = outbox.next() => self.deliver(delivery).await?,
                _ = heartbeat.tick() => self.beat().await?,
                () = self.gone.cancelled() => return Err(StreamEnd),
                () = self.events.closed() => return Err(StreamEnd),
            }
        }
    }

    /// When a browser is to come back after the stream breaks: not all of them at once.
    fn retry(&self) -> String {
        let first = self.session.transport().reconnect_delays_ms[0];
        format!("retry: {}\n\n", first + rand::random_range(0..=first))
    }

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

    async fn beat(&mut self) -> Result<(), StreamEnd> {
        // Taken before the queue is emptied: all that came before it is then sent.
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
        // What was taken from us was read by somebody, or by the system on their behalf.
        self.session.touch();
        Ok(())
    }

    async fn say_last(&mut self, message: &Message) -> Result<(), StreamEnd> {
        let mut event = Vec::new();
        put_data(message, &mut event);
        self.send(event).await?;
        Err(StreamEnd)
    }

    fn write(&mut self, message: &Message, events: &mut Vec<u8>) {
        if let Some((name, position)) = message.resume() {
            for (_, known) in self.ids.iter_mut().filter(|(of, _)| of.as_ref() == Some(name)) {
                *known = Some(position.clone());
            }
            self.put_id(events);
        }
        put_data(message, events);
    }

    fn put_id(&self, events: &mut Vec<u8>) {
        let position = |(_, known): &(_, Option<SealedPosition>)| {
            known.as_ref().map_or(NOTHING.to_owned(), |known| known.as_str().to_owned())
        };
        let id = self.ids.iter().map(position).collect::<Vec<_>>().join(",");
        events.extend_from_slice(format!("id: {id}\n").as_bytes());
    }

    async fn send(&self, events: Vec<u8>) -> Result<(), StreamEnd> {
        match timeout(WRITE, self.events.send(events.into())).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(StreamEnd),
        }
    }
}

/// JSON holds no line break, so one line is enough.
fn put_data(message: &Message, events: &mut Vec<u8>) {
    events.extend_from_slice(b"data: ");
    events.extend_from_slice(message.text());
    events.extend_from_slice(b"\n\n");
}
