//! What fields refer to: records of other tables, and what a viewer may read of them.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::model::field::FieldAt;
use crate::model::filter::Filter;
use crate::model::ids::{FieldName, TableName};
use crate::model::record::Record;
use crate::model::table::Table;
use crate::model::value::{Label, RecordRef, Value};

/// A field that refers to records, and what a viewer may read of them. It is made in `access`.
#[derive(Clone, Debug)]
pub struct Related {
    /// The field that refers to the other record.
    pub field: FieldAt,
    /// The table of the records.
    pub table: Arc<Table>,
    /// What they go by; nothing where the viewer may not read it.
    pub display: Option<FieldAt>,
    /// Which of them there are for the viewer.
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
    /// What a record goes by for the viewer, if they may read that.
    pub fn apply_labels(&self, record: Option<&Record>) -> Label {
        let record = record.filter(|record| self.rows.matches(record));
        match record.zip(self.display).map(|(record, display)| &record[display]) {
            Some(Value::Text(text)) if !text.trim().is_empty() => Label::Text(text.clone()),
            _ => Label::Hidden,
        }
    }
}

/// How many records are listed to choose from; of more, people look for theirs.
pub const MAX_CHOICES: u32 = 200;

/// The records that a relationship may be set to, or is filtered by.
#[derive(Clone, Debug)]
pub struct Choices {
    /// What they are records of.
    pub table: TableName,
    /// The field that they go by; nothing where the viewer may not read it.
    pub display: Option<FieldName>,
    /// All of them, in the order of what they go by; nothing if there are too many.
    pub all: Option<Vec<RecordRef>>,
}
