//! Lists of records as a viewer asks for them, page by page.

use crate::model::access::View;
use crate::model::filter::Filter;
use crate::model::ids::SealedPosition;
use crate::model::query::{Answer, Ask, Query, Window};
use crate::model::record::{FieldSet, Record};
use crate::model::related::Related;
use crate::records::{Records, RecordsError};

pub use crate::records::cursor::ListCursor;

/// The number of records on a page of a list if the request has no limit.
pub const DEFAULT_LIMIT: u32 = 25;
/// The most records that a page of a list may have.
pub const MAX_LIMIT: u32 = 500;

/// A list that a viewer may have.
#[derive(Clone, Debug)]
pub struct RecordList {
    /// The table as the viewer sees it.
    pub view: View,
    /// The filter that the records pass.
    pub filter: Filter,
    /// Which part of them.
    pub window: Window,
    /// The fields that are returned.
    pub fields: FieldSet,
    /// The relationships whose records are returned with their labels.
    pub expand: Vec<Related>,
    /// Which list its cursors belong to.
    pub cursor: ListCursor,
}

/// A page of a list.
#[derive(Clone, Debug)]
pub struct Listed {
    /// No more than asked for, in order.
    pub records: Vec<Record>,
    /// How many there are in all.
    pub total: u64,
    /// With this the list goes on, if it does.
    pub next_cursor: Option<String>,
    /// The position of the snapshot that the records were read from.
    pub position: SealedPosition,
}

impl RecordList {
    /// Begins the list where an earlier page of it ended.
    ///
    /// # Errors
    /// [`RecordsError::Malformed`] if the cursor is not one of this list.
    pub fn go_on_from(&mut self, cursor: Option<&str>) -> Result<(), RecordsError> {
        let read = |cursor| self.cursor.read(cursor, &self.view.table, &self.window.sort);
        self.window.after = cursor.map(read).transpose()?;
        Ok(())
    }
}

impl Records {
    /// A page of a list.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn list(&self, list: &RecordList) -> Result<Listed, RecordsError> {
        let RecordList { view, filter, window, cursor, .. } = list;
        let limit = window.limit as usize;
        // One more than asked for says whether there are any more.
        let window = Window { limit: window.limit.saturating_add(1), ..window.clone() };
        let table = view.table.name.clone();
        let sort = window.sort.clone();
        let query = Query { table, filter: filter.clone(), ask: Ask::Rows(window) };
        let snapshot = self.snapshot(&[&query]).await?;
        let rows = snapshot.answers.into_iter().next().and_then(Answer::rows);
        let (mut records, total) = rows.map(|rows| (rows.records, rows.total)).unwrap_or_default();
        let goes_on = records.len() > limit;
        records.truncate(limit);
        let last = records.last().filter(|_| goes_on);
        let next_cursor = last.map(|record| cursor.behind(record, &sort));
        self.label(&list.expand, &mut records).await?;
        let position = self.position(&snapshot.position, view, &list.expand).await;
        Ok(Listed { records, total, next_cursor, position })
    }
}
