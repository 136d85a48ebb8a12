//! The place of a line in the change log.

use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;

use crate::store::StoreError;
use crate::store::sqlite::row;

/// The SQL expression for the text that [`LogPlace::read`] reads.
pub(in crate::store) const PLACE: &str =
    "seq || char(9) || at || char(9) || table_name || char(9) || key";
/// Selects the place of the newest line; no row if there is none.
pub(in crate::store) const LAST_PLACE: &str =
    "select seq || char(9) || at || char(9) || table_name || char(9) || key
     from _pagetide_changes order by seq desc limit 1";

/// The place of a line in the log: its number and a mark, by which the line is recognised. The default value
/// is the place before the first line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::store) struct LogPlace {
    pub(in crate::store) seq: i64,
    /// A hash of the line's time, table and key.
    pub(in crate::store) mark: u32,
}

impl LogPlace {
    /// Reads a place from its text, as [`PLACE`] selects it.
    pub(in crate::store) fn read(line: &str) -> Self {
        let (seq, said) = line.split_once('\t').unwrap_or_default();
        // FNV-1a: any hash will do, so long as every version of this program makes the same.
        let mark = said.bytes().fold(0x811c_9dc5, |mark: u32, byte| {
            (mark ^ u32::from(byte)).wrapping_mul(0x0100_0193)
        });
        Self { seq: seq.parse().unwrap_or_default(), mark }
    }

    pub(in crate::store) fn of(row: &SqliteRow) -> Self {
        row::text(row, "place").map_or_else(Self::default, |line| Self::read(&line))
    }
}

/// Returns the place of the newest line. The default place if there is none.
pub(in crate::store) async fn last_place(
    connection: &mut SqliteConnection,
) -> Result<LogPlace, StoreError> {
    let row = sqlx::query(LAST_PLACE).fetch_optional(connection).await?;
    let place = row.as_ref().and_then(|row| row::text(row, 0));
    Ok(place.map_or_else(LogPlace::default, |line| LogPlace::read(&line)))
}
