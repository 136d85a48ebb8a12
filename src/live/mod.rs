//! Who hears what: messages, subscriptions, the matcher, queues. Knows no sockets.
//!
//! The [`Hub`] takes changes from the feed and puts finished messages into the [`Outbox`] of each
//! connection. A [`Session`] is what one connection may do, whatever transport it came by.

mod hub;
mod matcher;
mod message;
mod outbox;
mod session;

pub use hub::{Admission, Hub};
pub use message::{CloseReason, Message, messages_schema};
pub use outbox::{Delivery, Outbox};
pub use session::{Handshake, LiveError, Session};
