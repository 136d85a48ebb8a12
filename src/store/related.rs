//! The related records that label the links of records: which are needed, and what their labels say.

use std::collections::HashMap;
use std::hash::Hash;

use crate::model::change::Change;
use crate::model::field::FieldAt;
use crate::model::ids::{RecordId, TableName};
use crate::model::query::Answer;
use crate::model::record::Record;
use crate::model::related::Related;
use crate::model::table::Table;
use crate::model::value::Value;

/// A record with a changed label, as seen through a relationship field that may refer to it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LabelChange {
    /// The table that has the field.
    pub table: TableName,
    /// The field that may refer to the record.
    pub field: FieldAt,
    /// The record whose label has changed.
    pub record: RecordId,
}

impl LabelChange {
    /// Returns the label change in a change, for the records of `table` that refer to its record by the
    /// field of `related`. `None` if their label stays the same.
    pub fn of(related: &Related, change: &Change, table: &Table) -> Option<Self> {
        let Change { old, new, .. } = change;
        let is_other = change.table == related.table.name
            && related.apply_labels(old.as_ref()) != related.apply_labels(new.as_ref());
        is_other.then(|| Self {
            table: table.name.clone(),
            field: related.field,
            record: change.record_id,
        })
    }
}

/// Collects the related records that are needed for labels, then labels links with them. The records are
/// read by [`Store::load`](super::Store::load).
#[derive(Clone, Debug, Default)]
pub struct RelatedLoader {
    /// The requested records. `None` until one is read, and if it does not exist.
    records: HashMap<TableName, HashMap<RecordId, Option<Record>>>,
    /// For each label change, whether any record refers to it. Assumed until it is known.
    renamed: HashMap<LabelChange, bool>,
}

impl RelatedLoader {
    /// Requests the record that a value refers to. Does nothing for other values, and if the label is not
    /// shown.
    pub fn request(&mut self, related: &Related, value: &Value) {
        if let Value::Link(link) = value
            && related.display.is_some()
        {
            self.records.entry(related.table.name.clone()).or_default().insert(link.id, None);
        }
    }

    /// Requests all records that an answer refers to.
    pub fn want_all(&mut self, related: &[Related], answer: &mut Answer) {
        for_each(related, answer, |related, value| self.request(related, value));
    }

    /// Requests to look whether any record refers to the record of this label change.
    pub fn want_referrers(&mut self, renamed: LabelChange) {
        self.renamed.insert(renamed, true);
    }

    /// The label changes for which that was requested.
    pub fn renamed(&self) -> impl Iterator<Item = &LabelChange> {
        self.renamed.keys()
    }

    /// Notes that no record refers to the record of this label change.
    pub fn has_no_referrers(&mut self, renamed: LabelChange) {
        self.renamed.insert(renamed, false);
    }

    /// Whether some record may refer to the record of this label change.
    pub fn may_have_referrers(&self, renamed: &LabelChange) -> bool {
        self.renamed.get(renamed).is_none_or(|some| *some)
    }

    /// The ids of the requested records, by table.
    pub fn wanted(&self) -> impl Iterator<Item = (&TableName, Vec<RecordId>)> {
        self.records.iter().map(|(table, records)| (table, records.keys().copied().collect()))
    }

    /// Stores records of a table that were read.
    pub fn read(&mut self, table: &TableName, records: Vec<Record>) {
        let known = self.records.entry(table.clone()).or_default();
        known.extend(records.into_iter().map(|record| (record.id(), Some(record))));
    }

    /// Whether all records that this record refers to, and whose labels are shown, were requested.
    pub fn cover(&self, related: &[Related], record: &Record) -> bool {
        related.iter().all(|related| match &record[related.field] {
            Value::Link(link) if related.display.is_some() => self
                .records
                .get(&related.table.name)
                .is_some_and(|known| known.contains_key(&link.id)),
            _ => true,
        })
    }

    /// Sets the labels of a record's links.
    pub fn label(&self, related: &[Related], record: &mut Record) {
        for related in related {
            self.label_value(related, &mut record.values[related.field.index()]);
        }
    }

    /// Sets the labels of all links in an answer.
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

/// Calls `then` with every value in an answer that is of a relationship field.
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
