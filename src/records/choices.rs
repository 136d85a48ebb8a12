//! The records that a relationship offers to choose from.

use std::collections::HashMap;

use crate::model::field::FieldAt;
use crate::model::query::{Answer, Ask, Query, Window};
use crate::model::record::Record;
use crate::model::related::{Choices, MAX_CHOICES, Related};
use crate::model::value::RecordRef;
use crate::records::{Records, RecordsError};

impl Records {
    /// Returns the records that a viewer can choose from for each of these relationships, by its field. The
    /// relationships say which records and labels the viewer may read.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn choices(
        &self,
        related: &[&Related],
    ) -> Result<HashMap<FieldAt, Choices>, RecordsError> {
        if related.is_empty() {
            return Ok(HashMap::new());
        }
        let queries: Vec<_> = related.iter().map(|related| query(related)).collect();
        let snapshot = self.snapshot(&queries.iter().collect::<Vec<_>>()).await?;
        let each = related.iter().zip(snapshot.answers);
        Ok(each.map(|(related, answer)| (related.field, choices(related, &answer))).collect())
    }
}

/// The query for the records to choose from, with one more than is listed: it shows that there are too many.
fn query(related: &Related) -> Query {
    let window = Window::first(MAX_CHOICES + 1, Vec::new());
    Query {
        table: related.table.name.clone(),
        filter: related.rows.clone(),
        ask: Ask::Rows(window),
    }
}

fn choices(related: &Related, answer: &Answer) -> Choices {
    let table = related.table.name.clone();
    let display = related.display.map(|at| related.table.field(at).name.clone());
    let Answer::Rows(rows) = answer else { return Choices { table, display, all: None } };
    if rows.records.len() > MAX_CHOICES as usize {
        return Choices { table, display, all: None };
    }
    let link =
        |record: &Record| RecordRef { id: record.id(), label: related.apply_labels(Some(record)) };
    let mut all: Vec<_> = rows.records.iter().map(link).collect();
    all.sort_by_cached_key(|link| (link.to_string().to_ascii_lowercase(), link.id));
    Choices { table, display, all: Some(all) }
}
