//! What fields lead to: records of other tables, and what a viewer may read of them.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::model::change::Change;
use crate::model::filter::Filter;
use crate::model::ids::{FieldName, RecordId, TableName};
use crate::model::query::Answer;
use crate::model::record::Record;
use crate::model::table::{FieldAt, Table};
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

    /// The record of a change, if it goes by something else now for those who lead to it from `table`.
    pub fn renamed_by(&self, change: &Change, table: &Table) -> Option<LabelChange> {
        let Change { old, new, .. } = change;
        let is_other = change.table == self.table.name
            && self.apply_labels(old.as_ref()) != self.apply_labels(new.as_ref());
        is_other.then(|| LabelChange {
            table: table.name.clone(),
            field: self.field,
            record: change.record_id,
        })
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

/// A record as people choose it where it is not listed: what it goes by, and its id.
pub fn entry(link: &RecordRef) -> String {
    match &link.label {
        Label::Text(label) => format!("{label} #{}", link.id),
        Label::Unread | Label::Hidden => link.to_string(),
    }
}

/// The record that somebody entered, as [`entry`] has it or by its id alone.
pub fn entered(text: &str) -> Option<RecordId> {
    let id = text.rsplit_once('#').map_or(text, |(_, id)| id);
    id.trim().parse().ok()
}

/// A record that now goes by something else, as a field of some table leads to it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LabelChange {
    /// The table of the field.
    pub table: TableName,
    /// The field that refers to the record.
    pub field: FieldAt,
    /// The record that it may lead to.
    pub record: RecordId,
}

/// What has to be read to know what records lead to.
#[derive(Clone, Debug, Default)]
pub struct RelatedLoader {
    /// Records by which others are labelled: nothing where there is none.
    records: HashMap<TableName, HashMap<RecordId, Option<Record>>>,
    /// Whether any record leads to these; until that is known, it is taken for certain.
    renamed: HashMap<LabelChange, bool>,
}

impl RelatedLoader {
    /// Notes that a record is to be read.
    pub fn request(&mut self, related: &Related, value: &Value) {
        if let Value::Link(link) = value
            && related.display.is_some()
        {
            self.records.entry(related.table.name.clone()).or_default().insert(link.id, None);
        }
    }

    /// Notes every record that an answer leads to.
    pub fn want_all(&mut self, related: &[Related], answer: &mut Answer) {
        for_each(related, answer, |related, value| self.request(related, value));
    }

    /// Notes that it is to be found out whether any record leads to this one.
    pub fn want_referrers(&mut self, renamed: LabelChange) {
        self.renamed.insert(renamed, true);
    }

    /// The records of which that is to be found out.
    pub fn renamed(&self) -> impl Iterator<Item = &LabelChange> {
        self.renamed.keys()
    }

    /// Takes in that no record leads to this one.
    pub fn has_no_referrers(&mut self, renamed: LabelChange) {
        self.renamed.insert(renamed, false);
    }

    /// Whether some record may lead to this one.
    pub fn may_have_referrers(&self, renamed: &LabelChange) -> bool {
        self.renamed.get(renamed).is_none_or(|some| *some)
    }

    /// What is to be read, by table.
    pub fn wanted(&self) -> impl Iterator<Item = (&TableName, Vec<RecordId>)> {
        self.records.iter().map(|(table, records)| (table, records.keys().copied().collect()))
    }

    /// Takes in records that were read.
    pub fn read(&mut self, table: &TableName, records: Vec<Record>) {
        let known = self.records.entry(table.clone()).or_default();
        known.extend(records.into_iter().map(|record| (record.id(), Some(record))));
    }

    /// Whether everything that a record leads to was asked for.
    pub fn cover(&self, related: &[Related], record: &Record) -> bool {
        related.iter().all(|related| match &record[related.field] {
            Value::Link(link) if related.display.is_some() => self
                .records
                .get(&related.table.name)
                .is_some_and(|known| known.contains_key(&link.id)),
            _ => true,
        })
    }

    /// Gives a record's links what they go by.
    pub fn label(&self, related: &[Related], record: &mut Record) {
        for related in related {
            self.label_value(related, &mut record.values[related.field.index()]);
        }
    }

    /// Gives all links of an answer what they go by.
    pub fn label_all(&self, related: &[Related], answer: &mut Answer) {
        for_each(related, answer, |related, value| self.label_value(related, value));
    }

    fn label_value(&self, related: &Related, value: &mut Value) {
        if let Value::Link(link) = value {
            let record =
                self.records.get(&related.table.name).and_then(|known| known.get(&link.id));
            link.label = related.apply_labels(record.and_then(Option::as_ref));
        }
    }
}

/// Every value of an answer that is of a field which refers to records.
fn for_each(related: &[Related], answer: &mut Answer, mut then: impl FnMut(&Related, &mut Value)) {
    for related in related {
        match answer {
            Answer::Rows(rows) => {
                let records = rows.records.iter_mut();
                records.for_each(|record| then(related, &mut record.values[related.field.index()]));
            }
            // Keys of other fields are no links.
            Answer::Groups(groups) => {
                groups.groups.iter_mut().for_each(|group| then(related, &mut group.key));
            }
            Answer::Figure(_) => {}
        }
    }
}
