//! A page of a list as JSON. A long page is encoded while it is sent, a piece at a time, so that its text is
//! never in memory beside its records.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream;
use poem::http::{StatusCode, header};
use poem::{Body, Response};
use serde::Serialize;

use crate::http::answer;
use crate::http::budget::Weight;
use crate::model::ids::SealedPosition;
use crate::model::record::{FieldSet, Record};
use crate::model::table::Table;
use crate::records::envelope::Envelope;
use crate::records::{Listed, RecordList};

/// Pages whose records have more bytes together are encoded while they are sent.
const LONG: usize = 256 * 1024;
/// The bytes that are encoded at once. A piece ends with a record, so it may be longer.
const PIECE: usize = 64 * 1024;

#[derive(Serialize)]
struct ListBody<'a> {
    records: Vec<Envelope<'a>>,
    pagination: Pagination,
    position: SealedPosition,
}

/// The members of the answer that come after `records`.
#[derive(Serialize)]
struct ListEnd {
    pagination: Pagination,
    position: SealedPosition,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Pagination {
    limit: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<u64>,
    total: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// An iterator over the pieces of a page. The page must have at least one record, as the first one opens the
/// JSON.
struct Pieces {
    table: Arc<Table>,
    fields: FieldSet,
    records: std::vec::IntoIter<Record>,
    /// The JSON before the next record: the beginning of the object, then a comma.
    before: &'static [u8],
    /// The end of the object. `None` once it has been encoded.
    end: Option<ListEnd>,
}

/// Returns the answer to a request for a page of a list.
pub(super) fn answer(wanted: RecordList, listed: Listed) -> Response {
    let pagination = Pagination {
        limit: wanted.window.limit,
        offset: wanted.window.after.is_none().then_some(wanted.window.offset),
        total: listed.total,
        next_cursor: listed.next_cursor,
    };
    let table = wanted.view.table;
    let fields = wanted.fields;
    let end = ListEnd { pagination, position: listed.position };
    let bytes: usize = listed.records.iter().map(Record::length).sum();
    if bytes <= LONG {
        let envelope = |record| Envelope { table: &table, record, fields: &fields };
        let records = listed.records.iter().map(envelope).collect();
        let ListEnd { pagination, position } = end;
        return answer::json(StatusCode::OK, &ListBody { records, pagination, position });
    }
    let pieces = Pieces::new(table, fields, listed.records, end);
    Response::builder()
        .content_type("application/json")
        .header(header::CACHE_CONTROL, "no-store")
        .extension(Weight(bytes as u64))
        .body(Body::from_bytes_stream(stream::iter(pieces)))
}

impl Pieces {
    fn new(table: Arc<Table>, fields: FieldSet, records: Vec<Record>, end: ListEnd) -> Self {
        let records = records.into_iter();
        Self { table, fields, records, before: b"{\"records\":[", end: Some(end) }
    }

    /// Encodes the next piece.
    fn encode(&mut self) -> serde_json::Result<Vec<u8>> {
        let mut piece = Vec::with_capacity(PIECE);
        while piece.len() < PIECE {
            let Some(record) = self.records.next() else {
                // `ListEnd` is encoded as an object of its own; its `{` gives way to the end of the records.
                let end = serde_json::to_vec(&self.end.take())?;
                piece.extend_from_slice(b"],");
                piece.extend_from_slice(end.get(1..).unwrap_or_default());
                break;
            };
            piece.extend_from_slice(std::mem::replace(&mut self.before, b","));
            let (table, fields) = (&self.table, &self.fields);
            serde_json::to_writer(&mut piece, &Envelope { table, record: &record, fields })?;
        }
        Ok(piece)
    }
}

impl Iterator for Pieces {
    type Item = io::Result<Bytes>;

    fn next(&mut self) -> Option<Self::Item> {
        self.end.is_some().then(|| Ok(self.encode()?.into()))
    }
}
