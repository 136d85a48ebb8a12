//! What waits to be sent to one connection: a bounded queue of shared bytes.

use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::Notify;

use crate::live::message::{CloseReason, Message};

/// How many bytes may wait for one reader. Past it the queue is dropped: a reader that slow reads
/// again rather than catching up, and memory stays flat.
const MAX_WAITING: usize = 1024 * 1024;

/// The queue between the hub and one connection.
#[derive(Debug, Default)]
pub struct Outbox {
    queue: Mutex<Queue>,
    filled: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    messages: Vec<Message>,
    bytes: usize,
    overflowed: bool,
    close: Option<CloseReason>,
}

/// What a connection is to send next.
#[derive(Debug)]
pub struct Delivery {
    /// In order.
    pub messages: Vec<Message>,
    /// Messages were dropped before these: every subscription must be told to read again.
    pub overflowed: bool,
    /// Close after these.
    pub close: Option<CloseReason>,
}

impl Delivery {
    /// All frames in one piece, so that one write sends them.
    pub fn frames(&self) -> Bytes {
        match self.messages.as_slice() {
            [only] => only.frame().clone(),
            messages => {
                let frames = messages.iter().map(|message| message.frame().as_ref());
                frames.collect::<Vec<_>>().concat().into()
            }
        }
    }
}

impl Outbox {
    /// Puts messages at the end of the queue.
    pub(super) fn push(&self, messages: impl IntoIterator<Item = Message>) {
        let mut queue = self.lock();
        for message in messages {
            queue.bytes += message.frame().len();
            queue.messages.push(message);
        }
        if queue.bytes > MAX_WAITING {
            queue.messages = Vec::new();
            queue.bytes = 0;
            queue.overflowed = true;
        }
        drop(queue);
        self.filled.notify_one();
    }

    /// Asks the connection to close once the queue is sent.
    pub fn close(&self, reason: CloseReason) {
        self.lock().close = Some(reason);
        self.filled.notify_one();
    }

    /// Waits for something to send and takes all of it.
    pub async fn next(&self) -> Delivery {
        loop {
            if let Some(delivery) = self.take() {
                return delivery;
            }
            self.filled.notified().await;
        }
    }

    /// Takes all there is to send, if there is anything.
    pub fn take(&self) -> Option<Delivery> {
        let mut queue = self.lock();
        let waits = !queue.messages.is_empty() || queue.overflowed || queue.close.is_some();
        waits.then(|| {
            let Queue { messages, overflowed, close, .. } = std::mem::take(&mut *queue);
            Delivery { messages, overflowed, close }
        })
    }

    /// How many bytes wait.
    pub(super) fn depth(&self) -> usize {
        self.lock().bytes
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        // A queue is whole between any two statements, whoever panicked.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
impl Outbox {
    pub(super) fn waiting(&self) -> Vec<Message> {
        self.take().map(|delivery| delivery.messages).unwrap_or_default()
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
        assert!(delivery.frames().len() <= MAX_WAITING);
    }

    #[tokio::test]
    async fn what_was_pushed_comes_out_in_order_and_at_once() {
        let outbox = Outbox::default();
        outbox.push([Message::reconnecting("a"), Message::reconnecting("b")]);
        let delivery = outbox.next().await;
        let texts: Vec<_> = delivery.messages.iter().map(Message::text).collect();
        assert!(texts[0].ends_with(br#""a"}"#) && texts[1].ends_with(br#""b"}"#));
        assert!(!delivery.overflowed);
    }
}
