//! Lists of long records, which are not packed into one row as short ones are.
//!
//! Packing all records of a list into one row is the fastest way to read them, but holds them in memory
//! several times over. So the packed bytes are bounded. If a record may be too long, the query returns a
//! mark in its place, and the list is read in another way: first the places and lengths of its records,
//! which are counted against the limits, then the records, a few at a time.

use std::collections::HashMap;

use serde_json::Value as Json;
use sqlx::{AssertSqlSafe, SqliteConnection};

use crate::model::ids::RecordId;
use crate::model::record::Record;
use crate::model::storage::Storage;
use crate::model::table::Table;
use crate::store::StoreError;
use crate::store::people::UserNames;
use crate::store::sqlite::triggers::MAX_ARGUMENTS;
use crate::store::sqlite::{meaning, row};

/// The mark in the place of a record that is too long to be packed.
pub(super) const LONG: &str = "long";

/// How many bytes of a list are packed into one row, and how many are read at once by their places. A single
/// record may have more.
const PACKED_BYTES: u64 = 1024 * 1024;
/// Records of up to this many bytes are packed, however many are asked for.
const SHORT: u64 = 1024;
/// How many columns are added up in one expression, since SQLite limits the depth of expressions.
const SUMMED: usize = 50;

/// The id of a record in a list, and its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RecordPlace {
    id: RecordId,
    /// The length of the record's texts together, in bytes.
    pub bytes: u64,
}

/// Returns the SQL expression of a packed record, or of the mark if the record may be too long for a list of
/// `limit` records.
pub(super) fn unless(table: &Table, limit: u32, packed: &str) -> String {
    let most = (PACKED_BYTES / u64::from(limit.max(1))).max(SHORT);
    format!("case when {} > {most} then '{LONG}' else {packed} end", length_of_texts(table))
}

/// Returns the SQL expression of a record's place, which [`places`] reads.
pub(super) fn place_of(table: &Table) -> String {
    format!("\"{}\".\"id\" || ' ' || ({})", table.name, length_of_texts(table))
}

/// Returns the SQL expression of the length of a record's texts together, in bytes. SQLite computes it
/// without reading the texts.
fn length_of_texts(table: &Table) -> String {
    let texts = table.fields.iter().filter(|field| {
        !matches!(
            field.kind.storage(),
            Storage::Integer | Storage::Link | Storage::Boolean | Storage::Decimal(_)
        )
    });
    let bytes = texts.map(|field| {
        let column = meaning::column(table.name.as_str(), field.name.as_str());
        // A cell of another type is no value of the field, and is not read.
        format!("case typeof({column}) when 'text' then octet_length({column}) else 0 end")
    });
    let bytes: Vec<_> = bytes.collect();
    let sums: Vec<_> = bytes.chunks(SUMMED).map(|some| format!("({})", some.join(" + "))).collect();
    if sums.is_empty() { "0".to_owned() } else { sums.join(" + ") }
}

/// Reads the places of a list from the lines of a column. `None` if a line is no place.
pub(super) fn places(lines: &str) -> Option<Vec<RecordPlace>> {
    let place = |line: &str| {
        let (id, bytes) = line.split_once(' ')?;
        let id = RecordId::from(id.parse::<i64>().ok()?);
        Some(RecordPlace { id, bytes: bytes.parse().ok()? })
    };
    lines.lines().map(place).collect()
}

/// Reads the records at these places, a few at a time, and returns them in their order.
pub(super) async fn read_places(
    table: &Table,
    places: &[RecordPlace],
    people: &UserNames,
    connection: &mut SqliteConnection,
) -> Result<Vec<Record>, StoreError> {
    let name = &table.name;
    let packed = packed(table);
    let sql = format!(
        "select group_concat({packed}, char(10)) from \"{name}\" \
         where \"{name}\".\"id\" in (select value from json_each(?))"
    );
    let mut records = Vec::with_capacity(places.len());
    let mut rest = places;
    while !rest.is_empty() {
        let (some, others) = rest.split_at(read_at_once(rest));
        rest = others;
        let ids = Json::from_iter(some.iter().map(|place| place.id.get())).to_string();
        let read = sqlx::query(AssertSqlSafe(sql.clone())).bind(ids);
        let read = read.fetch_one(&mut *connection).await?;
        let text = row::text(&read, 0).unwrap_or_default();
        let found = text.lines().filter_map(|line| row::packed(table, line, people));
        let mut found: HashMap<_, _> = found.map(|record| (record.id(), record)).collect();
        records.extend(some.iter().filter_map(|place| found.remove(&place.id)));
    }
    Ok(records)
}

/// Returns how many of the first of these places are read at once: at least one.
fn read_at_once(places: &[RecordPlace]) -> usize {
    let mut bytes = 0;
    let fits = |place: &&RecordPlace| {
        bytes += place.bytes;
        bytes <= PACKED_BYTES
    };
    places.iter().take_while(fits).count().max(1)
}

/// Returns the SQL expression of a record packed into one text, which [`row::packed`] reads.
pub(super) fn packed(table: &Table) -> String {
    // A cell that is no value of its field may have no form in JSON, so it is left out.
    let name = table.name.as_str();
    let fields = table.fields.iter().map(|field| {
        let column = meaning::in_json(field, &meaning::column(name, field.name.as_str()));
        format!("case when {} then {column} end", meaning::is_value(name, field))
    });
    let fields: Vec<_> = fields.collect();
    let packs = fields.chunks(MAX_ARGUMENTS).map(|pack| format!("json_array({})", pack.join(", ")));
    packs.collect::<Vec<_>>().join(" || char(9) || ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place_of(bytes: u64) -> RecordPlace {
        RecordPlace { id: RecordId::from(1), bytes }
    }

    #[test]
    fn so_many_are_read_at_once_as_fit_and_one_at_least() {
        let half = PACKED_BYTES / 2;
        assert_eq!(read_at_once(&[place_of(half), place_of(half), place_of(1)]), 2);
        assert_eq!(read_at_once(&[place_of(PACKED_BYTES + 1), place_of(1)]), 1);
        assert_eq!(read_at_once(&vec![place_of(0); 500]), 500);
    }

    #[test]
    fn places_are_read_from_their_lines() {
        let read = places("7 12\n-3 0").unwrap();
        assert_eq!(
            read,
            [
                RecordPlace { id: RecordId::from(7), bytes: 12 },
                RecordPlace { id: RecordId::from(-3), bytes: 0 }
            ]
        );
        assert_eq!(places(""), Some(Vec::new()));
        assert_eq!(places("seven 12"), None);
    }
}
