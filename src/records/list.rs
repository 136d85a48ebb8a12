//! Lists of records: which records a viewer asks for, and one page of them at a time.

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

/// A list of records that a viewer may read: its filter, order, fields and place to begin.
#[derive(Clone, Debug)]
pub struct RecordList {
    /// The table as the viewer sees it.
    pub view: View,
    /// The filter that the records pass.
    pub filter: Filter,
    /// The order of the records, and the part of them to return.
    pub window: Window,
    /// The fields that are returned.
    pub fields: FieldSet,
    /// The relationships whose records are returned with their labels.
    pub expand: Vec<Related>,
    /// The mark of this list, which its cursors carry: a cursor of another list is refused.
    pub cursor: ListCursor,
}

/// A page of a list.
#[derive(Clone, Debug)]
pub struct Listed {
    /// The records of the page, in order, at most as many as the limit of the list.
    pub records: Vec<Record>,
    /// The number of records that pass the filter, on all pages together.
    pub total: u64,
    /// The cursor of the next page. `None` on the last page.
    pub next_cursor: Option<String>,
    /// The position of the snapshot that the records were read from.
    pub position: SealedPosition,
}

impl RecordList {
    /// Lets the list begin after the record that the cursor of an earlier page names. Without a cursor it begins
    /// with its first record.
    ///
    /// # Errors
    /// [`RecordsError::Malformed`] if the cursor does not belong to this list.
    pub fn go_on_from(&mut self, cursor: Option<&str>) -> Result<(), RecordsError> {
        let read = |cursor| self.cursor.read(cursor, &self.view.table, &self.window.sort);
        self.window.after = cursor.map(read).transpose()?;
        Ok(())
    }
}

impl Records {
    /// Returns one page of a list, with the cursor of the next.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn list(&self, list: &RecordList) -> Result<Listed, RecordsError> {
        let RecordList { view, filter, window, cursor, .. } = list;
        let limit = window.limit as usize;
        // A record beyond the limit shows that there is a next page.
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
