//! The messages that the server sends to live clients, each encoded once and shared by all who receive it.
//!
//! A message is kept as a finished WebSocket frame (RFC 6455, 5.2); Server-Sent Events take the JSON text out
//! of that frame. docs/realtime.md describes the messages, and `schemas/messages.schema.json` is made from
//! the doc comments here.

use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use jiff::Timestamp;
use jiff::tz::Offset;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value as Json;

use crate::model::ids::{RecordId, SealedPosition, TableName};
use crate::records::envelope::Envelope;

/// A message from the server. Its `type` says which kind it is.
#[derive(Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "kebab-case", rename_all_fields = "camelCase")]
#[schemars(rename = "RealtimeMessage")]
pub(super) enum Body<'a> {
    /// A subscription is active: every change after `position` that concerns it will be sent.
    Subscribed {
        /// The table that the client has subscribed to; for a component, the table that it shows.
        table: &'a str,
        /// The `subscriptionId` from the handshake. Absent if the client gave none: the subscription then has
        /// the name of its table.
        #[serde(skip_serializing_if = "Option::is_none")]
        subscription_id: Option<&'a str>,
        /// The filter of the subscription as JSON, as the client sent it; `[]` if it sent none. Absent for a
        /// component, whose filter is that of its page.
        #[serde(skip_serializing_if = "Option::is_none")]
        filter: Option<&'a Json>,
        /// The names of the fields that each record of this subscription contains.
        fields: Vec<&'a str>,
        /// The position from which the subscription continues. Every change after it will be sent.
        #[schemars(with = "String")]
        position: &'a SealedPosition,
        /// A short word that stands for the meaning of the component, the same as `data-shape` on its page.
        /// Only for components. Send it as `shape` when you subscribe again: if the component has another
        /// meaning after a deploy, the answer is `PAGE_CHANGED`.
        #[serde(skip_serializing_if = "Option::is_none")]
        shape: Option<&'a str>,
    },
    /// A subscription has ended because the client asked for it.
    Unsubscribed {
        /// The table that the subscription was for.
        table: &'a str,
        /// The `subscriptionId` from the handshake. Absent if the client gave none.
        #[serde(skip_serializing_if = "Option::is_none")]
        subscription_id: Option<&'a str>,
    },
    /// A record was inserted, updated or deleted, or it began or ceased to match the subscription.
    Change(ChangeMessage<'a>),
    /// A sign of life, sent every 30 seconds. If nothing has arrived for longer than two heartbeats, connect
    /// again.
    Heartbeat {
        /// The time at which the server made the message, in UTC, as `2026-04-05T12:00:00.000Z`.
        timestamp: String,
    },
    /// The server cannot send the changes that this subscription missed. Read the records again; every change
    /// after `position` will be sent.
    Resync {
        /// The `subscriptionId` from the handshake. Absent if the client gave none.
        #[serde(skip_serializing_if = "Option::is_none")]
        subscription_id: Option<&'a str>,
        /// Why the client must read again, as a fragment of a sentence for a log.
        reason: &'a str,
        /// The position from which the subscription continues. Every change after it will be sent.
        #[schemars(with = "String")]
        position: &'a SealedPosition,
    },
    /// The server cannot accept a handshake; earlier subscriptions stay active. Over Server-Sent Events it is
    /// also the last message before the stream ends because the session has ended or the account has changed.
    Error {
        /// The `subscriptionId` from the refused handshake. Absent if the handshake had none, or the stream ends.
        #[serde(skip_serializing_if = "Option::is_none")]
        subscription_id: Option<&'a str>,
        /// The kind of error, for programs, as in the API: for example `NOT_FOUND`. `PAGE_CHANGED`: the component
        /// has another meaning now, open its page again. `SESSION_ENDED` and `ACCESS_CHANGED`: why a stream ends.
        code: &'a str,
        /// A description of the error, for people.
        message: &'a str,
    },
    /// All people on a page. Sent when the client enters the page, or asks again; after messages to the
    /// client were dropped; and when the page closes to the client (`users` is then empty) or opens to it
    /// again.
    PresenceSync {
        /// The path of the page.
        page_path: &'a str,
        /// The signed-in people on the page, at most 50, in the order in which they came. Guests are not
        /// listed.
        users: Vec<&'a PresentUser>,
    },
    /// A person has entered a page that the client is on. Not sent for further tabs of the same person.
    Join {
        /// The person who has entered, and the page.
        user: &'a PresentUser,
    },
    /// A person has left a page that the client is on: each of their connections has left it, was closed or
    /// silent for too long, or may no longer open the page.
    Leave {
        /// The id of the account of the person who has left, as in `users`.
        user_id: &'a str,
        /// The path of the page that the person has left.
        page_path: &'a str,
    },
    /// Another user has changed fields that this connection announced as being edited; or the server refused
    /// a PATCH of this session because the record was changed in the meantime.
    Conflict(Conflict<'a>),
    /// The state of the connection: sent once after the first `subscribed` or `presence-sync`, and as the
    /// last message before the server restarts.
    ConnectionStatus {
        /// `connected`, or `reconnecting`: the connection is about to close and the client should open another.
        status: &'a str,
        /// The transport of this connection: `websocket` or `sse`.
        transport: &'a str,
    },
}

/// The members of a `change` message.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Change")]
pub(super) struct ChangeMessage<'a> {
    /// The action on the client's copy of the records: `insert` or `update` stores `record`, `delete` removes
    /// the record with the key `recordId`.
    pub(super) event: &'a str,
    /// The table of the record.
    pub(super) table: &'a str,
    /// The `subscriptionId` from the handshake. Absent if the client gave none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) subscription_id: Option<&'a str>,
    /// The record after the change. Absent on `delete`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<RecordSchema>")]
    pub(super) record: Option<Envelope<'a>>,
    /// The record before the change. Only on `update`, and absent in a replay of missed changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<RecordSchema>")]
    pub(super) old_record: Option<Envelope<'a>>,
    /// The key of the record that was deleted or no longer matches, as a number. Only on `delete`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<i64>")]
    pub(super) record_id: Option<RecordId>,
    /// The same key as a string. Only on `delete`, and only if the number is beyond 2^53 - 1: programs that
    /// read every number as a double would take it for another key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<String>,
    /// The time at which the change was made, in UTC, as `2026-04-05T12:00:00.000Z`.
    pub(super) timestamp: &'a str,
    /// A client that has applied this message knows all changes up to this position. Store it, and send it as
    /// `since` when you subscribe again.
    #[schemars(with = "String")]
    pub(super) position: &'a SealedPosition,
    /// `enter` on an `insert`: the record is new, or began to match. `leave` on a `delete`: the record is
    /// gone, or ceased to match or to be readable. Absent on `update`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) transition: Option<&'a str>,
    /// The row as HTML, as the page shows it. Only on `insert` and `update`, for components that show rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) html: Option<&'a str>,
    /// The place of the record in the order: sort rows by comparing these as text. Only on `insert` and
    /// `update`, if the subscription has a `sort` or is to a component that shows sorted rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sort_key: Option<&'a str>,
}

/// The members of a `conflict` message.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Conflict<'a> {
    /// The table of the record.
    pub(super) table: &'a str,
    /// The key of the record, as a number.
    #[schemars(with = "i64")]
    pub(super) record_id: RecordId,
    /// The names of the fields in conflict: the announced fields to which the change gave other values, or
    /// the fields that the refused PATCH would have set to other values.
    pub(super) overwritten_fields: Vec<&'a str>,
    /// The account that made the change. Both members are null if another program made it.
    pub(super) overwritten_by: Author<'a>,
    /// The record as it is now.
    #[schemars(with = "RecordSchema")]
    pub(super) authoritative_record: Envelope<'a>,
    /// The time at which the record was changed, in UTC, as `2026-04-05T12:00:00.000Z`; the time of the
    /// message if that is no longer known.
    pub(super) timestamp: &'a str,
}

/// The account that made a change. Both members are null if it is not known.
#[derive(Serialize, JsonSchema)]
pub(super) struct Author<'a> {
    /// The id of the account.
    pub(super) id: Option<&'a str>,
    /// The display name of the account. Null also if the account no longer exists.
    pub(super) name: Option<&'a str>,
}

/// A signed-in person on a page.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct PresentUser {
    /// The id of the account.
    pub(super) id: Arc<str>,
    /// The display name of the account.
    pub(super) name: Arc<str>,
    /// The path of the page that the person is on.
    pub(super) page_path: Arc<str>,
    /// The time at which the person entered the page, in UTC, as `2026-04-05T12:00:00.000Z`.
    pub(super) joined_at: Arc<str>,
}

/// A record, as in the API: its `id` and its `fields`.
#[derive(JsonSchema)]
#[schemars(rename = "Record")]
#[expect(dead_code, reason = "stands for `Envelope` in the schema")]
struct RecordSchema {
    /// The key of the record, as a string.
    id: String,
    /// The values of the record, by the names of the fields: those that the subscriber may read and asked
    /// for.
    fields: std::collections::BTreeMap<String, Json>,
}

/// Returns the JSON Schema of all messages that the server sends.
pub fn messages_schema() -> Json {
    schemars::schema_for!(Body<'static>).into()
}

/// The name of a subscription within its connection: the client's own name for it, or else its table.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Name {
    /// The `subscriptionId` that the client gave.
    Given(Arc<str>),
    /// The table of the subscription, if the client gave no name.
    Table(TableName),
}

impl Name {
    /// The `subscriptionId` for messages. `None` if the client gave none.
    pub(super) fn id(&self) -> Option<&str> {
        match self {
            Self::Given(id) => Some(id),
            Self::Table(_) => None,
        }
    }
}

/// A message that is encoded and framed, ready to be sent. Clones share the bytes.
#[derive(Clone, Debug)]
pub struct Message(Arc<Finished>);

#[derive(Debug)]
struct Finished {
    /// A WebSocket frame: a header, then the JSON text.
    frame: Bytes,
    /// The byte of the frame at which the text begins.
    text_at: usize,
    /// The subscription that the message is for, and the position that its client has then reached.
    resume: Option<(Name, SealedPosition)>,
}

/// A change encoded for a group of equal subscriptions. Only the `subscriptionId`, in which their messages
/// differ, has yet to be inserted: see [`Encoded::named`].
pub(super) struct Encoded {
    json: Vec<u8>,
    /// The byte of `json` at which `subscriptionId` is inserted.
    name_at: usize,
    position: SealedPosition,
}

/// The members of a `change` message that come before `subscriptionId`, in their order.
#[derive(Serialize)]
struct Head<'a> {
    r#type: &'a str,
    event: &'a str,
    table: &'a str,
}

impl Encoded {
    /// Encodes a change whose `subscription_id` is `None`.
    pub(super) fn new(change: ChangeMessage<'_>) -> Self {
        let head = Head { r#type: "change", event: change.event, table: change.table };
        let position = change.position.clone();
        // The head alone ends with `}` where the whole message has a comma, so its length is the byte after
        // that comma. This holds as long as `Head` has the first members of the message, in their order.
        Self { name_at: json(&head).len(), json: json(&Body::Change(change)), position }
    }

    /// Returns the message for the subscriptions of the group that have this name.
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
    /// Encodes a message that moves no subscription to another position.
    pub(super) fn new(body: &Body<'_>) -> Self {
        Self::finish(&[&json(body)], None)
    }

    /// Encodes a message after which the client knows everything about a subscription up to a position.
    pub(super) fn at(body: &Body<'_>, name: &Name, position: &SealedPosition) -> Self {
        Self::finish(&[&json(body)], Some((name.clone(), position.clone())))
    }

    fn finish(parts: &[&[u8]], resume: Option<(Name, SealedPosition)>) -> Self {
        let length = parts.iter().map(|part| part.len()).sum();
        // The header of a frame without a mask has at most 10 bytes.
        let mut frame = BytesMut::with_capacity(length + 10);
        put_text_header(&mut frame, length);
        let text_at = frame.len();
        for part in parts {
            frame.extend_from_slice(part);
        }
        Self(Arc::new(Finished { frame: frame.freeze(), text_at, resume }))
    }

    /// Returns a `heartbeat` with the present time.
    pub fn heartbeat() -> Self {
        Self::new(&Body::Heartbeat { timestamp: now() })
    }

    /// Returns the `connection-status` that follows the first `subscribed` or `presence-sync` of a
    /// connection. `transport` is `websocket` or `sse`.
    pub fn connected(transport: &str) -> Self {
        Self::new(&Body::ConnectionStatus { status: "connected", transport })
    }

    /// Returns the `connection-status` that is sent last before the server restarts.
    pub fn reconnecting(transport: &str) -> Self {
        Self::new(&Body::ConnectionStatus { status: "reconnecting", transport })
    }

    /// Returns the last message of a Server-Sent Events stream: such a stream has no close code to say why it
    /// ends.
    pub fn ended(reason: CloseReason) -> Self {
        let (code, message) = (reason.name(), reason.words());
        Self::new(&Body::Error { subscription_id: None, code, message })
    }

    /// The message as a WebSocket frame, header included.
    pub fn frame(&self) -> &Bytes {
        &self.0.frame
    }

    /// The message as JSON text.
    pub fn text(&self) -> &[u8] {
        &self.0.frame[self.0.text_at..]
    }

    /// The subscription that the message belongs to, and the position from which it continues once its client
    /// has read the message. `None` for a message that moves no subscription.
    pub fn resume(&self) -> Option<&(Name, SealedPosition)> {
        self.0.resume.as_ref()
    }
}

/// The reason why the server closes a connection. The number is the close code of a WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// The server restarts; clients should connect again (1012, service restart).
    Restart,
    /// The connection has had no subscription, and was on no page, for five minutes (1000).
    Idle,
    /// The session or the API token that the connection was opened with has ended (4401).
    SessionEnded,
    /// The role, the name or the email address of the viewer's account has changed (4403). The viewer may be
    /// allowed to read other records now, so the connection begins anew.
    AccessChanged,
}

impl CloseReason {
    /// The `code` of the `error` with which a Server-Sent Events stream ends.
    fn name(self) -> &'static str {
        match self {
            Self::Restart => "RESTART",
            Self::Idle => "IDLE",
            Self::SessionEnded => "SESSION_ENDED",
            Self::AccessChanged => "ACCESS_CHANGED",
        }
    }

    /// The reason in words, for the close frame of a WebSocket and the `message` of an `error`.
    pub fn words(self) -> &'static str {
        match self {
            Self::Restart => "the server restarts",
            Self::Idle => "nothing was subscribed",
            Self::SessionEnded => "the session has ended",
            Self::AccessChanged => "what you may see has changed",
        }
    }

    /// The close code of a WebSocket. RFC 6455, 7.4.2, leaves 4000 to 4999 to applications.
    pub fn code(self) -> u16 {
        match self {
            Self::Restart => 1012,
            Self::Idle => 1000,
            Self::SessionEnded => 4401,
            Self::AccessChanged => 4403,
        }
    }
}

/// Writes the header of a text frame: one frame is the whole message, and servers do not mask (RFC 6455, 5.1
/// and 5.2). The payload has `length` bytes.
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

/// Returns the present time in UTC, as `2026-04-05T12:00:00.000Z`.
pub(super) fn now() -> String {
    Offset::UTC.to_datetime(Timestamp::now()).strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

/// Returns the message that tells a client to read the records of a subscription again.
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
