//! What a request may bring, and what its answer may hold, beside all others that are under way.
//!
//! The bytes of bodies are counted as they come, those of long answers until they have been sent: each a share
//! of the requester's, given back when the request, or its answer, is over. What guests send is counted over
//! time too: it may stay in the database.

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

/// Answers up to so many bytes are not counted: a socket takes them at once.
const SHORT: u64 = 64 * 1024;
/// How much of a long answer is handed on at once.
const PIECE: usize = 64 * 1024;
/// In which steps it is counted what guests send, in bytes.
const SENT_UNIT: u64 = 16;
/// After how long they may send as much again as they may send at once.
const SENT_PERIOD: Duration = Duration::from_secs(120);

/// What all requests hold together. Copies are one.
#[derive(Clone)]
pub(super) struct Budget {
    bodies: Shares,
    answers: Shares,
    /// What guests send over time.
    sent: Arc<Flow>,
}

/// How many bytes are held in memory for an answer that is encoded only as it is read: an extension of the
/// response.
#[derive(Clone, Copy, Debug)]
pub(super) struct Weight(pub u64);

/// What came of a body so far.
#[derive(Default)]
pub(super) struct Receipt(Arc<Mutex<Received>>);

#[derive(Default)]
struct Received {
    share: Option<Share>,
    /// Who sent it, where that is counted over time.
    guest: Option<(Requester, Arc<Flow>)>,
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

    /// Counts the body of a request as it comes. What it takes is given back with the receipt.
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

    /// Counts an answer that is held in memory as a whole, or [weighs](Weight) something, until it has been
    /// sent or nobody takes it.
    ///
    /// # Errors
    /// If too much waits already to be read.
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
        response.headers_mut().insert(header::CONTENT_LENGTH, length.into());
        let parts = Body::from(body).into_bytes_stream();
        response.set_body(Body::from_bytes_stream(pieces(parts, share)));
        Ok(response)
    }
}

/// The same bytes in pieces; the share is held until the last is taken.
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

/// The same parts; the share is held until the last is taken.
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
    /// Why the body was not taken, if it was not.
    pub(super) fn refused(&self) -> Option<Exceeded> {
        self.lock().refused
    }

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
        // Both are whole between any two statements, whoever panicked.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
