//! A page of a list as JSON. What is long is encoded as it is read, a piece at a time.

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

/// Records of more bytes together are encoded as they are read.
const LONG: usize = 256 * 1024;
/// How much is encoded at once; a single record may be longer.
const PIECE: usize = 64 * 1024;

#[derive(Serialize)]
struct ListBody<'a> {
    records: Vec<Envelope<'a>>,
    pagination: Pagination,
    position: SealedPosition,
}

/// What comes after the records.
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

/// A page that is encoded as it is read; it has a record at least.
struct Pieces {
    table: Arc<Table>,
    fields: FieldSet,
    records: std::vec::IntoIter<Record>,
    /// What stands before the next record.
    before: &'static [u8],
    end: Option<ListEnd>,
}

/// The answer to whoever asked for a page of a list.
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

    fn encode(&mut self) -> serde_json::Result<Vec<u8>> {
        let mut piece = Vec::with_capacity(PIECE);
        while piece.len() < PIECE {
            let Some(record) = self.records.next() else {
                // An object begins with a brace, where the records end here.
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
