//! The messages of the realtime contract, each encoded once and shared.
//!
//! A WebSocket frame and an SSE `data:` line are the same bytes: the text is kept as a finished
//! frame (RFC 6455, 5.2), and other transports take the text out of it.

use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use jiff::Timestamp;
use jiff::tz::Offset;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value as Json;

use crate::model::ids::{RecordId, SealedPosition, TableName};
use crate::records::envelope::Envelope;

/// A message from the server, told apart by `type`.
#[derive(Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "kebab-case", rename_all_fields = "camelCase")]
#[schemars(rename = "RealtimeMessage")]
pub(super) enum Body<'a> {
    /// A subscription is live: every later change that concerns it will be told.
    Subscribed {
        /// The table it is on.
        table: &'a str,
        /// The name the client gave it.
        #[serde(skip_serializing_if = "Option::is_none")]
        subscription_id: Option<&'a str>,
        /// What records must pass, as resolved. Absent for components: theirs is the author's.
        #[serde(skip_serializing_if = "Option::is_none")]
        filter: Option<&'a Json>,
        /// The fields that records will have.
        fields: Vec<&'a str>,
        /// Everything after this will be told.
        #[schemars(with = "String")]
        position: &'a SealedPosition,
        /// What the component means, as its page says it too; only for components.
        #[serde(skip_serializing_if = "Option::is_none")]
        shape: Option<&'a str>,
    },
    /// A subscription has ended.
    Unsubscribed {
        /// The table it was on.
        table: &'a str,
        /// The name the client gave it.
        #[serde(skip_serializing_if = "Option::is_none")]
        subscription_id: Option<&'a str>,
    },
    /// A record was inserted, updated or deleted, or began or ceased to match.
    Change(ChangeMessage<'a>),
    /// A sign of life.
    Heartbeat {
        /// The time at which it is sent.
        timestamp: String,
    },
    /// The gap cannot be filled: read again; then live from `position`.
    Resync {
        /// The name the client gave the subscription.
        #[serde(skip_serializing_if = "Option::is_none")]
        subscription_id: Option<&'a str>,
        /// Why the client must read again.
        reason: &'a str,
        /// Everything after this will be told.
        #[schemars(with = "String")]
        position: &'a SealedPosition,
    },
    /// A handshake that cannot be honoured: `PAGE_CHANGED` if the page that it comes from is to be
    /// loaded anew. Or, over Server-Sent Events, why the stream ends: `SESSION_ENDED` or
    /// `ACCESS_CHANGED`.
    Error {
        /// The name the client gave the subscription.
        #[serde(skip_serializing_if = "Option::is_none")]
        subscription_id: Option<&'a str>,
        /// What kind of error, as in the API.
        code: &'a str,
        /// What is wrong, as a sentence.
        message: &'a str,
    },
    /// Everyone on a page, once, to whoever joins it.
    PresenceSync {
        /// The path of the page.
        page_path: &'a str,
        /// Who is on it, the longest there first.
        users: Vec<&'a PresentUser>,
    },
    /// Somebody came to a page.
    Join {
        /// The person who came.
        user: &'a PresentUser,
    },
    /// Somebody left a page, with the last of their tabs.
    Leave {
        /// The person who left.
        user_id: &'a str,
        /// The path of the page.
        page_path: &'a str,
    },
    /// Somebody else changed fields that this connection's user was editing.
    Conflict(Conflict<'a>),
    /// Once, after the first answer to a handshake; and the last message before a planned close.
    ConnectionStatus {
        /// `connected`; or `reconnecting`, and the client should connect again.
        status: &'a str,
        /// The transport that is open, or about to close: `websocket` or `sse`.
        transport: &'a str,
    },
}

/// The members of `change`.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Change")]
pub(super) struct ChangeMessage<'a> {
    /// What to do: `insert`, `update` or `delete`.
    pub(super) event: &'a str,
    /// The table it happened to.
    pub(super) table: &'a str,
    /// The name the client gave the subscription.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) subscription_id: Option<&'a str>,
    /// The record as it now stands; absent on delete.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<RecordSchema>")]
    pub(super) record: Option<Envelope<'a>>,
    /// The record as it stood; only on update, and not of what happened while the client was away.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<RecordSchema>")]
    pub(super) old_record: Option<Envelope<'a>>,
    /// The key of the deleted record; only on delete.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<i64>")]
    pub(super) record_id: Option<RecordId>,
    /// The same as text; only where it is beyond 2^53 - 1, which many programs read as another number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<String>,
    /// When the change was made, as `2026-04-05T12:00:00.000Z`.
    pub(super) timestamp: &'a str,
    /// Whoever has applied this knows everything up to here.
    #[schemars(with = "String")]
    pub(super) position: &'a SealedPosition,
    /// `enter` when the record began to match, `leave` when it ceased to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) transition: Option<&'a str>,
    /// The row as the page shows it; only for components.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) html: Option<&'a str>,
    /// The place in the order: compare as text; only where the subscription has a sort.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sort_key: Option<&'a str>,
}

/// The members of `conflict`.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Conflict<'a> {
    /// The table of the record.
    pub(super) table: &'a str,
    /// The key of the record.
    #[schemars(with = "i64")]
    pub(super) record_id: RecordId,
    /// Fields whose values are no longer what this user's edit began from.
    pub(super) overwritten_fields: Vec<&'a str>,
    /// Who changed them; both members null where the database does not know.
    pub(super) overwritten_by: Author<'a>,
    /// The record as it now stands.
    #[schemars(with = "RecordSchema")]
    pub(super) authoritative_record: Envelope<'a>,
    /// When it was changed.
    pub(super) timestamp: &'a str,
}

/// Whoever made a change.
#[derive(Serialize, JsonSchema)]
pub(super) struct Author<'a> {
    /// The identity of the account.
    pub(super) id: Option<&'a str>,
    /// The name that other people read.
    pub(super) name: Option<&'a str>,
}

/// Somebody on a page.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct PresentUser {
    /// The identity of the account.
    pub(super) id: Arc<str>,
    /// The name that other people read.
    pub(super) name: Arc<str>,
    /// The path of the page they are on.
    pub(super) page_path: Arc<str>,
    /// When they came to the page.
    pub(super) joined_at: Arc<str>,
}

/// The schema of a record: its `id` and its `fields`.
#[derive(JsonSchema)]
#[schemars(rename = "Record")]
#[expect(dead_code, reason = "stands for `Envelope` in the schema")]
struct RecordSchema {
    /// The key, as a string.
    id: String,
    /// The fields the reader may see.
    fields: std::collections::BTreeMap<String, Json>,
}

/// The JSON Schema of everything the server sends.
pub fn messages_schema() -> Json {
    schemars::schema_for!(Body<'static>).into()
}

/// What a client calls a subscription: by its own name for it, else by its table.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Name {
    /// The `subscriptionId` it gave.
    Given(Arc<str>),
    /// The client gave no name; the table stands for it.
    Table(TableName),
}

impl Name {
    /// The `subscriptionId`, where there is one.
    pub(super) fn id(&self) -> Option<&str> {
        match self {
            Self::Given(id) => Some(id),
            Self::Table(_) => None,
        }
    }
}

/// A finished message. Cheap to copy.
#[derive(Clone, Debug)]
pub struct Message(Arc<Finished>);

#[derive(Debug)]
struct Finished {
    frame: Bytes,
    text_at: usize,
    resume: Option<(Name, SealedPosition)>,
}

/// A change as everyone hears it who sees the same records: only the name that each client gave its
/// subscription is still to be put in.
pub(super) struct Encoded {
    json: Vec<u8>,
    /// The byte at which `subscriptionId` is inserted.
    name_at: usize,
    position: SealedPosition,
}

/// The members that stand before `subscriptionId`.
#[derive(Serialize)]
struct Head<'a> {
    r#type: &'a str,
    event: &'a str,
    table: &'a str,
}

impl Encoded {
    pub(super) fn new(change: ChangeMessage<'_>) -> Self {
        let head = Head { r#type: "change", event: change.event, table: change.table };
        let position = change.position.clone();
        Self { name_at: json(&head).len(), json: json(&Body::Change(change)), position }
    }

    /// The message of one subscription, or of all that have this name.
    pub(super) fn named(&self, name: &Name) -> Message {
        let resume = Some((name.clone(), self.position.clone()));
        let Some(id) = name.id() else { return Message::finish(&[&self.json], resume) };
        let (before, after) = self.json.split_at(self.name_at);
        let mut member = b"\"subscriptionId\":".to_vec();
        member.extend(json(&id));
        member.push(b',');
        Message::finish(&[before, &member, after], resume)
    }
}

fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("a message has only text keys")
}

impl Message {
    pub(super) fn new(body: &Body<'_>) -> Self {
        Self::finish(&[&json(body)], None)
    }

    /// A message after which the subscription knows everything up to a position.
    pub(super) fn at(body: &Body<'_>, name: &Name, position: &SealedPosition) -> Self {
        Self::finish(&[&json(body)], Some((name.clone(), position.clone())))
    }

    fn finish(parts: &[&[u8]], resume: Option<(Name, SealedPosition)>) -> Self {
        let length = parts.iter().map(|part| part.len()).sum();
        let mut frame = BytesMut::with_capacity(length + 10);
        put_text_header(&mut frame, length);
        let text_at = frame.len();
        for part in parts {
            frame.extend_from_slice(part);
        }
        Self(Arc::new(Finished { frame: frame.freeze(), text_at, resume }))
    }

    /// A sign of life, now.
    pub fn heartbeat() -> Self {
        Self::new(&Body::Heartbeat { timestamp: now() })
    }

    /// What follows the first answer to a handshake.
    pub fn connected(transport: &str) -> Self {
        Self::new(&Body::ConnectionStatus { status: "connected", transport })
    }

    /// The last message before a planned close.
    pub fn reconnecting(transport: &str) -> Self {
        Self::new(&Body::ConnectionStatus { status: "reconnecting", transport })
    }

    /// The last message of a stream that has no close code to say why it ends.
    pub fn ended(reason: CloseReason) -> Self {
        let (code, message) = (reason.name(), reason.words());
        Self::new(&Body::Error { subscription_id: None, code, message })
    }

    /// The finished WebSocket frame.
    pub fn frame(&self) -> &Bytes {
        &self.0.frame
    }

    /// The message as JSON text.
    pub fn text(&self) -> &[u8] {
        &self.0.frame[self.0.text_at..]
    }

    /// Where its subscription goes on from, once this is read.
    pub fn resume(&self) -> Option<&(Name, SealedPosition)> {
        self.0.resume.as_ref()
    }
}

/// Why the server closes a connection; the number is the WebSocket's close code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// The server is going away and will be back (1012, service restart).
    Restart,
    /// Nothing was subscribed for too long (1000).
    Idle,
    /// The session has ended (4401).
    SessionEnded,
    /// The account that the connection was opened with is no longer the same (4403).
    AccessChanged,
}

impl CloseReason {
    /// What a stream without close codes calls it.
    fn name(self) -> &'static str {
        match self {
            Self::Restart => "RESTART",
            Self::Idle => "IDLE",
            Self::SessionEnded => "SESSION_ENDED",
            Self::AccessChanged => "ACCESS_CHANGED",
        }
    }

    /// The same in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Restart => "the server restarts",
            Self::Idle => "nothing was subscribed",
            Self::SessionEnded => "the session has ended",
            Self::AccessChanged => "what you may see has changed",
        }
    }

    /// The close code (RFC 6455, 7.4; 4000 and up are ours).
    pub fn code(self) -> u16 {
        match self {
            Self::Restart => 1012,
            Self::Idle => 1000,
            Self::SessionEnded => 4401,
            Self::AccessChanged => 4403,
        }
    }
}

/// The header of an unmasked, final text frame.
fn put_text_header(frame: &mut BytesMut, length: usize) {
    const FINAL_TEXT: u8 = 0x81;
    frame.put_u8(FINAL_TEXT);
    match length {
        0..=125 => frame.put_u8(length as u8),
        126..=0xFFFF => {
            frame.put_u8(126);
            frame.put_u16(length as u16);
        }
        _ => {
            frame.put_u8(127);
            frame.put_u64(length as u64);
        }
    }
}

pub(super) fn now() -> String {
    Offset::UTC.to_datetime(Timestamp::now()).strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

/// Tells a subscription to read again.
pub(super) fn resync(name: &Name, reason: &str, position: &SealedPosition) -> Message {
    Message::at(&Body::Resync { subscription_id: name.id(), reason, position }, name, position)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(length: usize, header: &[u8]) {
        let mut frame = BytesMut::new();
        put_text_header(&mut frame, length);
        assert_eq!(&frame[..], header);
    }

    #[test]
    fn frames_have_the_shortest_header_that_holds_their_length() {
        check(5, &[0x81, 5]);
        check(125, &[0x81, 125]);
        check(126, &[0x81, 126, 0, 126]);
        check(65_535, &[0x81, 126, 255, 255]);
        check(65_536, &[0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]);
    }

    #[test]
    fn the_text_of_a_message_is_its_json() {
        let message = Message::reconnecting("websocket");
        let json =
            r#"{"type":"connection-status","status":"reconnecting","transport":"websocket"}"#;
        assert_eq!(message.text(), json.as_bytes());
    }
}
