//! Cursors: an opaque text for the place at which the next page of a list begins.
//!
//! A cursor holds the id of the last record of a page and its values in the fields that the list is sorted by
//! (keyset pagination). So the next page is right even if records were added or removed meanwhile, that last
//! one among them. A cursor is not signed: a forged one gives its maker no more than a filter does.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use crate::model::field::FieldKind;
use crate::model::ids::{RecordId, UserId};
use crate::model::query::{After, Sort};
use crate::model::record::Record;
use crate::model::storage::Storage;
use crate::model::table::Table;
use crate::model::value::{UserRef, Value};
use crate::records::RecordsError;

/// The mark of a list, which its cursors begin with: a hash of its table, filter, search and sort.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListCursor(String);

impl ListCursor {
    /// Makes the mark of the list of a table with these parameters, as the client wrote them.
    pub fn new(table: &Table, words: &[Option<&str>]) -> Self {
        let mut digest = Sha256::new();
        for part in std::iter::once(Some(table.name.as_str())).chain(words.iter().copied()) {
            let part = part.unwrap_or_default();
            digest.update(part.len().to_le_bytes());
            digest.update(part);
        }
        Self(URL_SAFE_NO_PAD.encode(&digest.finalize()[..9]))
    }

    /// Makes the cursor of the page that begins after a record.
    pub fn behind(&self, record: &Record, sort: &[Sort]) -> String {
        let values = sort.iter().map(|sort| written(&record[sort.field]));
        let parts = [json!(self.0), json!(record.id().get())];
        let parts: Vec<_> = parts.into_iter().chain(values).collect();
        URL_SAFE_NO_PAD.encode(Json::Array(parts).to_string())
    }

    /// Returns the place in this list that a cursor names.
    ///
    /// # Errors
    /// [`RecordsError::Malformed`] if the text is no cursor, or the cursor of another list.
    pub fn read(&self, cursor: &str, table: &Table, sort: &[Sort]) -> Result<After, RecordsError> {
        let wrong = || {
            let message =
                "cursor must be a `nextCursor` of a list with the same filter, search and sort";
            RecordsError::Malformed(message.to_owned())
        };
        let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| wrong())?;
        let parts: Vec<Json> = serde_json::from_slice(&bytes).map_err(|_| wrong())?;
        let [mark, id, values @ ..] = parts.as_slice() else { return Err(wrong()) };
        let id = id.as_i64().map(RecordId::from).ok_or_else(wrong)?;
        if mark.as_str() != Some(&self.0) || values.len() != sort.len() {
            return Err(wrong());
        }
        let values = sort.iter().zip(values);
        let values = values.map(|(sort, json)| read(&table.field(sort.field).kind, json));
        Ok(After { values: values.collect::<Option<_>>().ok_or_else(wrong)?, id })
    }
}

/// Returns a value of the last record as the cursor holds it: of a related record or a user the id alone.
fn written(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Boolean(value) => json!(value),
        Value::Integer(value) => json!(value),
        Value::Decimal(value) => json!(value.to_string()),
        Value::Text(value) | Value::Json(value) => json!(value),
        Value::List(_) => json!(value),
        Value::Link(link) => json!(link.id.get()),
        Value::Person(person) => json!(person.id.as_str()),
    }
}

/// Reads a value that a cursor holds for a field of this type. `None` if it is no such value.
fn read(kind: &FieldKind, json: &Json) -> Option<Value> {
    if json.is_null() {
        return Some(Value::Null);
    }
    match kind.storage() {
        storage if storage.is_text() => json.as_str().map(Value::text),
        Storage::List => {
            let chosen = json.as_array()?;
            Some(Value::list(kind.options(), |option| chosen.iter().any(|item| item == option)))
        }
        Storage::Link => json.as_i64().map(|id| Value::Link(RecordId::from(id).into())),
        Storage::Json => json.as_str().map(|text| Value::Json(text.into())),
        Storage::Boolean => json.as_bool().map(Value::Boolean),
        Storage::Integer => json.as_i64().map(Value::Integer),
        Storage::Decimal(_) => json.as_str()?.parse().ok().map(Value::Decimal),
        Storage::Person => {
            let id = UserId::new(json.as_str()?);
            Some(Value::Person(UserRef { id, name: None }))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::query::Direction;
    use crate::model::table::tests::table;

    const WORDS: [Option<&str>; 2] = [Some("customer"), None];

    fn sort(table: &Table) -> Vec<Sort> {
        vec![Sort { field: table.at("customer").unwrap(), direction: Direction::Asc }]
    }

    #[track_caller]
    fn check(value: Value) {
        let table = table("orders", &["customer"]);
        let cursors = ListCursor::new(&table, &WORDS);
        let record = Record { values: vec![Value::Integer(7), value.clone()] };
        let after = cursors.read(&cursors.behind(&record, &sort(&table)), &table, &sort(&table));
        assert_eq!(after.unwrap(), After { values: vec![value], id: 7.into() });
    }

    #[test]
    fn a_cursor_says_where_its_record_stands() {
        check(Value::text("Ada & \"co\" é"));
        check(Value::text(""));
        check(Value::Null);
    }

    #[test]
    fn a_cursor_of_another_list_is_refused() {
        let orders = table("orders", &["customer"]);
        let record = Record { values: vec![Value::Integer(7), Value::text("Ada")] };
        let cursor = ListCursor::new(&orders, &WORDS).behind(&record, &sort(&orders));
        for other in
            [[None, Some("customer")], [Some("customers"), None], [Some("customer"), Some("a")]]
        {
            assert!(
                ListCursor::new(&orders, &other).read(&cursor, &orders, &sort(&orders)).is_err()
            );
        }
        let people = table("people", &["customer"]);
        assert!(ListCursor::new(&people, &WORDS).read(&cursor, &people, &sort(&people)).is_err());
        for text in ["", "x", "AAAA", "W10", "bnVsbA", &cursor[1..]] {
            let read = ListCursor::new(&orders, &WORDS).read(text, &orders, &sort(&orders));
            assert!(read.is_err(), "{text}");
        }
    }
}
