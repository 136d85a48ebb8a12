//! Limits the memory for the bodies of requests and answers, in all and for each requester.
//!
//! The bytes of a request's body are counted as they arrive, until the request is over; those of a long
//! answer until it has been sent. Bytes that guests send are counted over time too, since they may stay in
//! the database.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use http_body::Body as _;
use http_body_util::combinators::BoxBody;
use poem::http::header;
use poem::{Body, Request, Response};

use crate::limits::{Exceeded, Flow, Limit, Limits, Requester, Share, Shares};

/// Answers of at most so many bytes are not counted: the socket takes them at once.
const SHORT: u64 = 64 * 1024;
/// The bytes of a long answer that are handed to the socket at once.
const PIECE: usize = 64 * 1024;
/// The bytes for which one unit of the [`Flow`] stands.
const SENT_UNIT: u64 = 16;
/// The time after which a guest who has sent all that is allowed at once may send as much again.
const SENT_PERIOD: Duration = Duration::from_secs(120);

/// The shares of memory that all requests and answers hold. Clones are the same budget.
#[derive(Clone)]
pub(super) struct Budget {
    bodies: Shares,
    answers: Shares,
    /// The bytes that guests send over time.
    sent: Arc<Flow>,
}

/// The bytes of memory that an answer holds which is encoded only while it is sent. A handler sets it as an
/// extension of the response, since the length of such an answer is not known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Weight(pub u64);

/// The count of a request's body. Dropping it gives back the share.
#[derive(Default)]
pub(super) struct Receipt(Arc<Mutex<Received>>);

#[derive(Default)]
struct Received {
    /// The bytes received so far. `None` if the request is not to have a body.
    share: Option<Share>,
    /// The guest whose bytes are counted over time. `None` for an account.
    guest: Option<(Requester, Arc<Flow>)>,
    /// The limit that ended the body.
    refused: Option<Exceeded>,
}

impl Budget {
    pub(super) fn new(limits: &Arc<Limits>) -> Self {
        let shares = |all, each| Shares::new(limits.clone(), all, each);
        Self {
            bodies: shares(Limit::BodiesBytes, Limit::BodiesBytesPerRequester),
            answers: shares(Limit::AnswersBytes, Limit::AnswersBytesPerRequester),
            sent: Arc::new(Flow::new(
                limits,
                (Limit::GuestBytesPerRequester, Limit::GuestBytes),
                SENT_UNIT,
                SENT_PERIOD,
            )),
        }
    }

    /// Counts the body of a request while its handler reads it. Past a limit reading fails, and
    /// [`Receipt::refused`] says why. Bodies of safe methods (`GET`) are not counted, as no handler reads
    /// them.
    pub(super) fn receive(&self, request: &mut Request, requester: &Requester) -> Receipt {
        let receipt = Receipt::default();
        if request.method().is_safe() {
            return receipt;
        }
        receipt.lock().share = Some(self.bodies.begin(requester.clone()));
        if matches!(requester, Requester::Network(_)) {
            receipt.lock().guest = Some((requester.clone(), self.sent.clone()));
        }
        let counted = Receipt(receipt.0.clone());
        let body = request.take_body().into_bytes_stream().map(move |part| {
            let part = part?;
            counted.note(part.len())?;
            Ok::<_, io::Error>(part)
        });
        request.set_body(Body::from_bytes_stream(body));
        receipt
    }

    /// Counts an answer that is in memory as a whole, or has a [`Weight`], until it has been sent or dropped.
    /// Other answers are returned as they are.
    ///
    /// # Errors
    /// [`Exceeded`] if the answers that wait to be read take too much memory already.
    pub(super) fn send(
        &self,
        mut response: Response,
        requester: &Requester,
    ) -> Result<Response, Exceeded> {
        if let Some(Weight(bytes)) = response.extensions_mut().remove() {
            let share = self.answers.take(requester.clone(), bytes)?;
            let parts = response.take_body().into_bytes_stream();
            response.set_body(Body::from_bytes_stream(holding(parts, share)));
            return Ok(response);
        }
        let body: BoxBody<Bytes, io::Error> = response.take_body().into();
        let length = body.size_hint().exact().filter(|length| *length > SHORT);
        let Some(length) = length else {
            response.set_body(body);
            return Ok(response);
        };
        let share = self.answers.take(requester.clone(), length)?;
        // As a stream the body no longer says its length.
        response.headers_mut().insert(header::CONTENT_LENGTH, length.into());
        let parts = Body::from(body).into_bytes_stream();
        response.set_body(Body::from_bytes_stream(pieces(parts, share)));
        Ok(response)
    }
}

/// Cuts the parts of a body into pieces of [`PIECE`] bytes. The share is held until the last has been taken:
/// in one piece, the body would count as sent as soon as the connection has taken it over.
fn pieces(
    parts: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
    share: Share,
) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
    let parts =
        parts.map_ok(|part| {
            stream::iter((0..part.len()).step_by(PIECE).map(move |from| {
                Ok::<_, io::Error>(part.slice(from..(from + PIECE).min(part.len())))
            }))
        });
    holding(parts.try_flatten(), share)
}

/// Returns the same parts, holding the share until the last has been taken or the stream is dropped.
fn holding(
    parts: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
    share: Share,
) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
    stream::unfold((parts.boxed(), share), async |(mut parts, share)| {
        let part = parts.next().await?;
        Some((part, (parts, share)))
    })
}

impl Receipt {
    /// The limit that the body exceeded. `None` if it was read, or not read at all.
    pub(super) fn refused(&self) -> Option<Exceeded> {
        self.lock().refused
    }

    /// Counts bytes that were received. Fails if a limit is exceeded.
    fn note(&self, bytes: usize) -> io::Result<()> {
        let mut received = self.lock();
        let bytes = bytes as u64;
        let grown = received.share.as_mut().map_or(Ok(()), |share| share.grow(bytes));
        let guest = received.guest.as_ref();
        let sent = guest.map_or(Ok(()), |(requester, sent)| sent.take(requester, bytes));
        grown.and(sent).map_err(|exceeded| {
            received.refused = Some(exceeded);
            io::Error::other(exceeded)
        })
    }

    fn lock(&self) -> MutexGuard<'_, Received> {
        // No statement leaves the fields half changed, so a panic elsewhere has not spoiled them.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
