//! Related records, which relationships refer to, and their labels for a viewer.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::model::field::FieldAt;
use crate::model::filter::Filter;
use crate::model::ids::{FieldName, TableName};
use crate::model::record::Record;
use crate::model::table::Table;
use crate::model::value::{Label, RecordRef, Value};

/// A relationship of a table, with what a viewer may read of its related records. `App::view` makes it.
#[derive(Clone, Debug)]
pub struct Related {
    /// The relationship field of the table.
    pub field: FieldAt,
    /// The table of the related records.
    pub table: Arc<Table>,
    /// The field whose value is the label of a related record; `None` if the viewer may not read it.
    pub display: Option<FieldAt>,
    /// The related records that the viewer may read.
    pub rows: Filter,
}

impl PartialEq for Related {
    fn eq(&self, other: &Self) -> bool {
        let key = |related: &Self| (related.field, related.display, related.table.name.clone());
        key(self) == key(other) && self.rows == other.rows
    }
}

impl Eq for Related {}

impl Hash for Related {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.field, &self.table.name, self.display, &self.rows).hash(state);
    }
}

impl Related {
    /// Returns the label of a related record for the viewer. [`Label::Hidden`] if there is no record, the
    /// viewer may not read it, or its label is no text or blank.
    pub fn apply_labels(&self, record: Option<&Record>) -> Label {
        let record = record.filter(|record| self.rows.matches(record));
        match record.zip(self.display).map(|(record, display)| &record[display]) {
            Some(Value::Text(text)) if !text.trim().is_empty() => Label::Text(text.clone()),
            _ => Label::Hidden,
        }
    }
}

/// The greatest number of records to list in a select. Of more records, viewers search for theirs.
pub const MAX_CHOICES: u32 = 200;

/// The records that a viewer may choose from, to set a relationship or filter by it.
#[derive(Clone, Debug)]
pub struct Choices {
    /// The table of the records.
    pub table: TableName,
    /// The field whose value is their label; `None` if the viewer may not read it.
    pub display: Option<FieldName>,
    /// All records, in the order of their labels; `None` if there are more than [`MAX_CHOICES`].
    pub all: Option<Vec<RecordRef>>,
}
