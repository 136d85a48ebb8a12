//! Lists of long records, which are not packed into one row of an answer as others are.
//!
//! To pack records into one row takes the least time, and holds them in memory several times over. So only so
//! many bytes are packed: where a record may be too long for that, a mark stands in its place, and the list is
//! read by the places of its records, which are counted before any of them is read.

use std::collections::HashMap;

use serde_json::Value as Json;
use sqlx::{AssertSqlSafe, SqliteConnection};

use crate::model::ids::RecordId;
use crate::model::record::Record;
use crate::model::storage::Storage;
use crate::model::table::Table;
use crate::store::people::UserNames;
use crate::store::triggers::MAX_ARGUMENTS;
use crate::store::{StoreError, meaning, row};

/// What stands in the place of a record that is too long to be packed with others.
pub(super) const LONG: &str = "long";

/// How many bytes of one list are packed into one row, and how many are read at once by their places; a
/// single record may have more.
const PACKED_BYTES: u64 = 1024 * 1024;
/// Records up to so many bytes are packed, however many are asked for.
const SHORT: u64 = 1024;
/// How many columns are added up at once, since SQLite nests what it computes only so deep.
const SUMMED: usize = 50;

/// Where a record of a list stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RecordPlace {
    id: RecordId,
    /// How long its texts are together.
    pub bytes: u64,
}

/// A packed record as SQL, or the mark where it may be too long for a list of so many.
pub(super) fn unless(table: &Table, limit: u32, packed: &str) -> String {
    let most = (PACKED_BYTES / u64::from(limit.max(1))).max(SHORT);
    format!("case when {} > {most} then '{LONG}' else {packed} end", bytes(table))
}

/// The place of a record as SQL: see [`places`].
pub(super) fn place(table: &Table) -> String {
    format!("\"{}\".\"id\" || ' ' || ({})", table.name, bytes(table))
}

/// How long the texts of a record are together, as SQL. SQLite knows that without reading them.
fn bytes(table: &Table) -> String {
    let texts = table.fields.iter().filter(|field| {
        !matches!(
            field.kind.storage(),
            Storage::Integer | Storage::Link | Storage::Boolean | Storage::Decimal(_)
        )
    });
    let bytes = texts.map(|field| {
        let column = meaning::column(table.name.as_str(), field.name.as_str());
        // What is no text is never read.
        format!("case typeof({column}) when 'text' then octet_length({column}) else 0 end")
    });
    let bytes: Vec<_> = bytes.collect();
    let sums: Vec<_> = bytes.chunks(SUMMED).map(|some| format!("({})", some.join(" + "))).collect();
    if sums.is_empty() { "0".to_owned() } else { sums.join(" + ") }
}

/// The places of a list, as the lines of a column have them.
pub(super) fn places(lines: &str) -> Option<Vec<RecordPlace>> {
    let place = |line: &str| {
        let (id, bytes) = line.split_once(' ')?;
        let id = RecordId::from(id.parse::<i64>().ok()?);
        Some(RecordPlace { id, bytes: bytes.parse().ok()? })
    };
    lines.lines().map(place).collect()
}

/// The records at these places, in their order, read a few at a time.
pub(super) async fn read(
    table: &Table,
    places: &[RecordPlace],
    people: &UserNames,
    connection: &mut SqliteConnection,
) -> Result<Vec<Record>, StoreError> {
    let (name, packed) = (&table.name, packed(table));
    let sql = format!(
        "select group_concat({packed}, char(10)) from \"{name}\" \
         where \"{name}\".\"id\" in (select value from json_each(?))"
    );
    let mut records = Vec::with_capacity(places.len());
    let mut rest = places;
    while !rest.is_empty() {
        let (some, others) = rest.split_at(at_once(rest));
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

/// How many of the first of these places are read at once: one at least.
fn at_once(places: &[RecordPlace]) -> usize {
    let mut bytes = 0;
    let fits = |place: &&RecordPlace| {
        bytes += place.bytes;
        bytes <= PACKED_BYTES
    };
    places.iter().take_while(fits).count().max(1)
}

/// A record packed into one column: see [`row::packed`].
pub(super) fn packed(table: &Table) -> String {
    // What is no value of its field may be nothing that JSON can say.
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

    fn place(bytes: u64) -> RecordPlace {
        RecordPlace { id: RecordId::from(1), bytes }
    }

    #[test]
    fn so_many_are_read_at_once_as_fit_and_one_at_least() {
        let half = PACKED_BYTES / 2;
        assert_eq!(at_once(&[place(half), place(half), place(1)]), 2);
        assert_eq!(at_once(&[place(PACKED_BYTES + 1), place(1)]), 1);
        assert_eq!(at_once(&vec![place(0); 500]), 500);
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
