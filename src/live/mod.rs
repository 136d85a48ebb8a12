//! Live updates: messages, subscriptions, the matcher, queues. This module knows no sockets.
//!
//! The [`Hub`] takes changes from the feed and puts finished messages into the [`Outbox`] of each
//! connection. A [`Session`] carries out the handshakes of one connection, over any transport.

mod connections;
mod editing;
mod groups;
mod hub;
mod matcher;
mod message;
mod metrics;
mod outbox;
mod presence;
mod replay;
mod replay_cache;
mod session;
mod stays;

pub use connections::{Credential, OpenConnection};
pub use editing::TooManyEdits;
pub use hub::{ConnectionPermit, Hub};
pub use message::{CloseReason, Message, Name, messages_schema};
pub use outbox::{Delivery, Outbox};
pub use session::{Handshake, LiveError, Session, SessionContext};
