//! A record of a table, and sets of fields of a table.

use std::ops::Index;
use std::sync::Arc;

use crate::model::field::FieldAt;
use crate::model::ids::RecordId;
use crate::model::value::Value;

/// A record: one value for each field of its table, in the order of the fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The values, one for each field of the table. The first is the `id`.
    pub values: Vec<Value>,
}

impl Record {
    /// The id. It is 0 for a record that is not stored yet: the database gives no record that id.
    pub fn id(&self) -> RecordId {
        match self.values.first() {
            Some(Value::Integer(key)) => (*key).into(),
            _ => 0.into(),
        }
    }

    /// The size of its values together, in bytes. An estimate: lists count as one value of fixed size.
    pub fn length(&self) -> usize {
        let values = self.values.iter().map(|value| match value {
            Value::Text(text) | Value::Json(text) => text.len(),
            // Other values have a fixed size, or are small lists.
            _ => size_of::<Value>(),
        });
        values.sum()
    }
}

impl Index<FieldAt> for Record {
    type Output = Value;

    fn index(&self, at: FieldAt) -> &Value {
        &self.values[at.index()]
    }
}

/// A set of fields that a viewer may read, in the table's order and without the `id`. Cheap to clone and to
/// hash, so that viewers with the same rights can share one encoding of a change.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FieldSet(Arc<[FieldAt]>);

impl FieldSet {
    /// Makes a set of these fields. The `id` and repetitions are left out.
    pub fn new(fields: impl IntoIterator<Item = FieldAt>) -> Self {
        let mut fields: Vec<_> = fields.into_iter().filter(|at| *at != FieldAt::ID).collect();
        fields.sort_unstable();
        fields.dedup();
        Self(fields.into())
    }

    /// Whether the set holds the field. Always `true` for the `id`, which every viewer of a record may read.
    pub fn contains(&self, at: FieldAt) -> bool {
        at == FieldAt::ID || self.0.binary_search(&at).is_ok()
    }

    /// Whether there is no field but the `id`.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Iterates over the fields in the table's order, without the `id`.
    pub fn iter(&self) -> impl Iterator<Item = FieldAt> + '_ {
        self.0.iter().copied()
    }

    /// Returns the fields that are in both sets.
    pub fn and(&self, other: &Self) -> Self {
        Self(self.iter().filter(|at| other.contains(*at)).collect())
    }
}
