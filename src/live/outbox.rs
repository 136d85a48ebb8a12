//! The outbox of a connection: a bounded queue of shared bytes that wait to be sent.

use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use smallvec::SmallVec;

use crate::limits::Limit;
use crate::live::message::{CloseReason, Message};

/// How many bytes may wait for one reader. Past it the queue is dropped: a reader that slow reads
/// again rather than catching up, and memory stays flat.
pub(super) const MAX_WAITING: usize = Limit::WaitingBytes.fixed();
/// How many bytes of several bursts are joined for one write. It is what a reader that does not
/// read costs beside its queue.
const PIECE: usize = 16 * 1024;

/// The queue between the hub and one connection.
#[derive(Debug, Default)]
pub struct Outbox(Mutex<Queue>);

#[derive(Debug, Default)]
struct Queue {
    /// Most often one: a reader that keeps up takes each as it comes.
    bursts: Bursts,
    bytes: usize,
    overflowed: bool,
    close: Option<CloseReason>,
    /// The task that waits for something to send.
    reader: Option<Waker>,
}

type Bursts = SmallVec<[Burst; 1]>;

/// Messages that follow each other, their frames joined once for all who hear them. Cheap to copy.
#[derive(Clone, Debug)]
pub(super) struct Burst(Arc<Joined>);

#[derive(Debug)]
struct Joined {
    messages: Vec<Message>,
    frames: Bytes,
}

impl Burst {
    pub(super) fn new(messages: Vec<Message>) -> Self {
        let frames = match messages.as_slice() {
            [only] => only.frame().clone(),
            messages => joined(messages.iter().map(Message::frame)),
        };
        Self(Arc::new(Joined { messages, frames }))
    }

    /// How many messages there are.
    pub(super) fn len(&self) -> usize {
        self.0.messages.len()
    }

    /// How long their frames are, in bytes.
    pub(super) fn length(&self) -> usize {
        self.0.frames.len()
    }

    fn frames(&self) -> &Bytes {
        &self.0.frames
    }
}

fn joined<'a>(frames: impl Iterator<Item = &'a Bytes>) -> Bytes {
    frames.map(Bytes::as_ref).collect::<Vec<_>>().concat().into()
}

/// The next thing that a connection sends.
#[derive(Debug)]
pub struct Delivery {
    bursts: Bursts,
    /// Messages were dropped before these: every subscription must be told to read again.
    pub overflowed: bool,
    /// Why the connection is to be closed once these are sent; `None` if it stays.
    pub close: Option<CloseReason>,
}

impl Delivery {
    /// The messages, in order.
    pub fn messages(&self) -> impl Iterator<Item = &Message> {
        self.bursts.iter().flat_map(|burst| &burst.0.messages)
    }

    /// All frames in few pieces, each for one write. They are made as they are asked for.
    pub fn pieces(&self) -> impl Iterator<Item = Bytes> {
        let mut rest = self.bursts.as_slice();
        std::iter::from_fn(move || {
            let mut length = rest.first()?.frames().len();
            let more = rest[1..].iter().take_while(|burst| {
                length += burst.frames().len();
                length <= PIECE
            });
            let (piece, left) = rest.split_at(1 + more.count());
            rest = left;
            Some(match piece {
                [only] => only.frames().clone(),
                bursts => joined(bursts.iter().map(Burst::frames)),
            })
        })
    }
}

impl Outbox {
    /// Puts messages at the end of the queue.
    pub(super) fn push(&self, messages: impl IntoIterator<Item = Message>) {
        self.push_burst(Burst::new(messages.into_iter().collect()));
    }

    /// Puts messages that others hear too at the end of the queue.
    pub(super) fn push_burst(&self, burst: Burst) {
        if burst.0.messages.is_empty() {
            return;
        }
        let mut queue = self.lock();
        queue.bytes += burst.frames().len();
        queue.bursts.push(burst);
        if queue.bytes > MAX_WAITING {
            queue.bursts = Bursts::new();
            queue.bytes = 0;
            queue.overflowed = true;
        }
        wake(queue);
    }

    /// Asks the connection to close once the queue is sent.
    pub fn close(&self, reason: CloseReason) {
        let mut queue = self.lock();
        queue.close = Some(reason);
        wake(queue);
    }

    /// Waits for something to send and takes all of it. One reader at a time may wait.
    pub async fn next(&self) -> Delivery {
        poll_fn(|context| self.poll_take(context)).await
    }

    /// Takes all there is to send, if there is anything.
    pub fn take(&self) -> Option<Delivery> {
        self.lock().take()
    }

    /// Whether nothing waits to be sent.
    pub fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    /// How many bytes wait.
    pub(super) fn depth(&self) -> usize {
        self.lock().bytes
    }

    fn poll_take(&self, context: &Context<'_>) -> Poll<Delivery> {
        let mut queue = self.lock();
        match queue.take() {
            Some(delivery) => Poll::Ready(delivery),
            None => {
                queue.reader = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        // A queue is whole between any two statements, whoever panicked.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn is_empty(&self) -> bool {
        self.bursts.is_empty() && !self.overflowed && self.close.is_none()
    }

    fn take(&mut self) -> Option<Delivery> {
        (!self.is_empty()).then(|| {
            let Self { bursts, overflowed, close, .. } = std::mem::take(self);
            Delivery { bursts, overflowed, close }
        })
    }
}

/// Wakes the reader once the queue is free for it.
fn wake(mut queue: MutexGuard<'_, Queue>) {
    let reader = queue.reader.take();
    drop(queue);
    if let Some(reader) = reader {
        reader.wake();
    }
}

#[cfg(test)]
impl Outbox {
    pub(super) fn waiting(&self) -> Vec<Message> {
        self.take().map(|delivery| delivery.messages().cloned().collect()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_reader_that_does_not_read_costs_a_bounded_queue() {
        let outbox = Outbox::default();
        let message = Message::reconnecting(&"x".repeat(1_000));
        for _ in 0..5_000 {
            outbox.push([message.clone()]);
        }
        let delivery = outbox.next().await;
        assert!(delivery.overflowed);
        assert!(delivery.pieces().map(|piece| piece.len()).sum::<usize>() <= MAX_WAITING);
    }

    #[tokio::test]
    async fn what_was_pushed_comes_out_in_order_and_at_once() {
        let outbox = Outbox::default();
        outbox.push([Message::reconnecting("a"), Message::reconnecting("b")]);
        let delivery = outbox.next().await;
        let texts: Vec<_> = delivery.messages().map(Message::text).collect();
        assert!(texts[0].ends_with(br#""a"}"#) && texts[1].ends_with(br#""b"}"#));
        assert!(!delivery.overflowed);
    }

    #[test]
    fn what_follows_each_other_goes_out_in_few_pieces_and_whole() {
        let outbox = Outbox::default();
        let messages: Vec<_> =
            (0..100).map(|nth| Message::reconnecting(&"x".repeat(nth * 10))).collect();
        let all = joined(messages.iter().map(Message::frame));
        let (shared, single) = messages.split_at(30);
        outbox.push_burst(Burst::new(shared.to_vec()));
        single.iter().for_each(|message| outbox.push([message.clone()]));
        let delivery = outbox.take().unwrap();
        let pieces: Vec<_> = delivery.pieces().collect();
        assert_eq!(joined(pieces.iter()), all);
        assert!(pieces.iter().all(|piece| piece.len() <= PIECE));
        assert!(pieces.len() <= 2 * all.len() / PIECE + 1, "{}", pieces.len());
        assert_eq!(delivery.messages().count(), messages.len());
    }

    #[test]
    fn a_burst_that_is_longer_than_a_piece_is_not_copied() {
        let outbox = Outbox::default();
        let burst = Burst::new(vec![Message::reconnecting(&"x".repeat(PIECE)); 3]);
        outbox.push_burst(burst.clone());
        let delivery = outbox.take().unwrap();
        let pieces: Vec<_> = delivery.pieces().collect();
        assert_eq!(pieces.len(), 1);
        assert_eq!(pieces[0].as_ptr(), burst.frames().as_ptr());
    }
}
