//! The `{id, fields}` envelope that records travel in.

use serde::ser::{Serialize, SerializeMap, SerializeStruct, Serializer};

use crate::model::record::{FieldSet, Record};
use crate::model::table::Table;

/// A record as clients receive it, with the fields that the viewer may read: `{ "id": "42", "fields": {…} }`.
pub struct Envelope<'a> {
    /// The table of the record.
    pub table: &'a Table,
    /// The record with all its fields.
    pub record: &'a Record,
    /// The fields that the viewer may read.
    pub fields: &'a FieldSet,
}

impl Serialize for Envelope<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut envelope = serializer.serialize_struct("Envelope", 2)?;
        envelope.serialize_field("id", &self.record.id().to_string())?;
        envelope.serialize_field("fields", &Fields(self))?;
        envelope.end()
    }
}

struct Fields<'a>(&'a Envelope<'a>);

impl Serialize for Fields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for at in self.0.fields.iter() {
            map.serialize_entry(self.0.table.field(at).name.as_str(), &self.0.record[at])?;
        }
        map.end()
    }
}
