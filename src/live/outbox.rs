//! The outbox of a connection: a bounded queue of shared bytes that wait to be sent.

use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use smallvec::SmallVec;

use crate::limits::Limit;
use crate::live::message::{CloseReason, Message};

/// The most bytes that may wait for one client. Past this limit the queue is dropped, so that memory stays
/// bounded; a client that reads so slowly gets `resync` and reads the records again.
pub(super) const MAX_WAITING: usize = Limit::WaitingBytes.fixed();
/// The most bytes of several bursts that are joined for one write. A client that does not read costs this much
/// memory besides its queue.
const PIECE: usize = 16 * 1024;

/// The queue between the hub and one connection.
#[derive(Debug, Default)]
pub struct Outbox(Mutex<Queue>);

/// The messages that wait to be sent on one connection.
#[derive(Debug, Default)]
struct Queue {
    bursts: Bursts,
    /// The length of all frames in the queue, in bytes.
    bytes: usize,
    /// True if messages were dropped since the last delivery.
    overflowed: bool,
    close: Option<CloseReason>,
    /// The waker of the task that waits for messages to send.
    reader: Option<Waker>,
}

/// Bursts in the order in which they are sent. Mostly there is one: a client that reads fast enough takes each
/// burst as it comes.
type Bursts = SmallVec<[Burst; 1]>;

/// Consecutive messages, with their frames joined once for all connections that they are sent on. Cheap to
/// clone.
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

    /// The number of messages.
    pub(super) fn len(&self) -> usize {
        self.0.messages.len()
    }

    /// The length of all frames together, in bytes.
    pub(super) fn length(&self) -> usize {
        self.0.frames.len()
    }

    fn frames(&self) -> &Bytes {
        &self.0.frames
    }
}

/// Copies frames into one piece.
fn joined<'a>(frames: impl Iterator<Item = &'a Bytes>) -> Bytes {
    frames.map(Bytes::as_ref).collect::<Vec<_>>().concat().into()
}

/// The messages that a connection sends next.
#[derive(Debug)]
pub struct Delivery {
    bursts: Bursts,
    /// True if messages were dropped before these. Every subscription of the connection must then get `resync`.
    pub overflowed: bool,
    /// The reason to close the connection after these messages. `None` if it stays open.
    pub close: Option<CloseReason>,
}

impl Delivery {
    /// The messages, in order.
    pub fn messages(&self) -> impl Iterator<Item = &Message> {
        self.bursts.iter().flat_map(|burst| &burst.0.messages)
    }

    /// All frames in a few pieces, each for one write. Short bursts are joined up to 16 KiB; a longer burst
    /// is a piece of its own and is not copied. Pieces are made one at a time, so that only one needs memory.
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
    /// Adds messages to the queue.
    pub(super) fn push(&self, messages: impl IntoIterator<Item = Message>) {
        self.push_burst(Burst::new(messages.into_iter().collect()));
    }

    /// Adds a burst to the queue. Other outboxes may share the burst. If [`MAX_WAITING`] is exceeded, the whole
    /// queue is dropped.
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

    /// Asks the connection to close, for a reason, after the messages in the queue are sent.
    pub fn close(&self, reason: CloseReason) {
        let mut queue = self.lock();
        queue.close = Some(reason);
        wake(queue);
    }

    /// Waits until there is something to send, and takes all of it. Only one task at a time may wait.
    pub async fn next(&self) -> Delivery {
        poll_fn(|context| self.poll_take(context)).await
    }

    /// Takes all that waits to be sent. `None` if nothing does.
    pub fn take(&self) -> Option<Delivery> {
        self.lock().take()
    }

    /// Returns whether nothing waits to be sent.
    pub fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    /// The number of bytes that wait to be sent.
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
        // A poisoned lock is no fault: the queue is consistent after each statement that may panic.
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

/// Wakes the task that waits for messages. The lock is released first, since that task takes it at once.
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
