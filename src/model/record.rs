//! A record of a table, and a set of its fields.

use std::ops::Index;
use std::sync::Arc;

use crate::model::field::FieldAt;
use crate::model::ids::RecordId;
use crate::model::value::Value;

/// A row: one value for each of its table's fields, in the table's order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// As many as the table has fields; the first is the `id`.
    pub values: Vec<Value>,
}

impl Record {
    /// The key. A row not yet stored has 0, which the database never gives out.
    pub fn id(&self) -> RecordId {
        match self.values.first() {
            Some(Value::Integer(key)) => (*key).into(),
            _ => 0.into(),
        }
    }

    /// How long its values are together, in bytes.
    pub fn length(&self) -> usize {
        let values = self.values.iter().map(|value| match value {
            Value::Text(text) | Value::Json(text) => text.len(),
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

/// The fields someone may see, in the table's order, never the `id`. Cheap to copy and to hash, so
/// that readers with the same rights can share one encoding.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FieldSet(Arc<[FieldAt]>);

impl FieldSet {
    /// These fields, put into the table's order.
    pub fn new(fields: impl IntoIterator<Item = FieldAt>) -> Self {
        let mut fields: Vec<_> = fields.into_iter().filter(|at| *at != FieldAt::ID).collect();
        fields.sort_unstable();
        fields.dedup();
        Self(fields.into())
    }

    /// Whether the field may be seen. The `id` always may.
    pub fn contains(&self, at: FieldAt) -> bool {
        at == FieldAt::ID || self.0.binary_search(&at).is_ok()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The fields, in the table's order.
    pub fn iter(&self) -> impl Iterator<Item = FieldAt> + '_ {
        self.0.iter().copied()
    }

    /// The fields that both allow.
    pub fn and(&self, other: &Self) -> Self {
        Self(self.iter().filter(|at| other.contains(*at)).collect())
    }
}
