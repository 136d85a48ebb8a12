//! Reads the parameters of queries from text: filters, searches, sorts and fields.

use serde_json::Value as Json;

use crate::fields;
use crate::fields::filter::FilterContext;
use crate::model::access::View;
use crate::model::field::{FieldAt, FieldKind};
use crate::model::filter::{Filter, Test};
use crate::model::operator::{Operands, Operator};
use crate::model::query::{Direction, Sort};
use crate::model::record::FieldSet;
use crate::model::related::Related;
use crate::model::route::RouteValues;
use crate::model::storage::Storage;
use crate::model::value::Value;
use crate::records::RecordsError;

/// The most fields that a list may be sorted by.
pub const MAX_SORTS: usize = 8;
/// The most words of a search.
const MAX_WORDS: usize = 10;
/// The longest search, in bytes.
pub const MAX_SEARCH: usize = 200;
/// The most fields in which the words of a search are looked for: each nests the SQL expression a step deeper, and
/// SQLite limits the depth.
const MAX_SEARCHED: usize = 100;

/// Parameters of queries, read for the viewer of a table. Fields that the viewer may not read cannot be used.
impl View {
    /// Reads a filter from its JSON form or from `field:operator:value`, and joins the viewer's row rule to it.
    ///
    /// # Errors
    /// If it is malformed, or names a field that the viewer may not read.
    pub fn filter(&self, text: &str) -> Result<Filter, RecordsError> {
        self.filter_json(&self.filter_text(text)?)
    }

    /// Returns the JSON form of a filter in a query string, which is JSON or `field:operator:value`.
    ///
    /// # Errors
    /// If it is malformed.
    pub fn filter_text(&self, text: &str) -> Result<Json, RecordsError> {
        let text = text.trim();
        if text.is_empty() {
            Ok(Json::Array(Vec::new()))
        } else if text.starts_with(['[', '{']) {
            serde_json::from_str(text)
                .map_err(|error| RecordsError::Malformed(format!("filter is not JSON: {error}")))
        } else {
            self.short_filter(text)
        }
    }

    /// Reads a filter from JSON, and joins the viewer's row rule to it.
    ///
    /// # Errors
    /// If it is malformed, or names a field that the viewer may not read.
    pub fn filter_json(&self, json: &Json) -> Result<Filter, RecordsError> {
        let asked = fields::filter::read(
            &self.table,
            &|at| self.fields.contains(at),
            FilterContext::Elsewhere,
            json,
        );
        let asked = asked.map_err(RecordsError::BadFilter)?;
        Ok(self.rows.clone().and(asked.fill(&self.viewer, &RouteValues::default())))
    }

    /// Returns the filter for a search: a record must contain every word of the text, each in any text field that
    /// the viewer may read. ASCII case is ignored.
    ///
    /// # Errors
    /// [`RecordsError::Malformed`] if the text is too long, or holds U+0000.
    pub fn search(&self, text: &str) -> Result<Filter, RecordsError> {
        let is_text = |at: &FieldAt| self.table.field(*at).kind.storage() == Storage::Text;
        let texts: Vec<_> = self.fields.iter().filter(is_text).collect();
        self.search_in(&texts, text)
    }

    /// Returns the filter for a search in some fields: a record must contain every word of the text, each in
    /// any of these fields that the viewer may read.
    ///
    /// # Errors
    /// [`RecordsError::Malformed`] if the text is too long, or holds U+0000.
    pub fn search_in(&self, fields: &[FieldAt], text: &str) -> Result<Filter, RecordsError> {
        let words: Vec<_> = text.split_whitespace().collect();
        if text.len() > MAX_SEARCH || words.len() > MAX_WORDS {
            let message = format!("search may have {MAX_WORDS} words and {MAX_SEARCH} bytes");
            return Err(RecordsError::Malformed(message));
        }
        if text.contains('\0') {
            return Err(RecordsError::Malformed("search must not hold U+0000".to_owned()));
        }
        let readable = fields.iter().filter(|at| self.fields.contains(**at)).take(MAX_SEARCHED);
        let holds = |word: &str| {
            let test = |at: &FieldAt| Filter::Test(*at, Test::Contains(Value::text(word)));
            Filter::Or(readable.clone().map(test).collect())
        };
        Ok(Filter::And(words.into_iter().map(holds).collect()))
    }

    /// Reads a sort, such as `total:desc,customer`. The direction is `asc` unless given.
    ///
    /// # Errors
    /// If it is malformed, or names a field that the viewer may not read.
    pub fn sort(&self, text: &str) -> Result<Vec<Sort>, RecordsError> {
        let terms: Vec<_> = text.split(',').collect();
        if terms.len() > MAX_SORTS {
            let message = format!("sort may name at most {MAX_SORTS} fields");
            return Err(RecordsError::Malformed(message));
        }
        let read = |term: &str| {
            let (name, direction) = term.trim().split_once(':').unwrap_or((term.trim(), "asc"));
            let direction = match direction {
                "asc" => Direction::Asc,
                "desc" => Direction::Desc,
                other => {
                    let message = format!("sort direction must be asc or desc, got `{other}`");
                    return Err(RecordsError::Malformed(message));
                }
            };
            Ok(Sort { field: self.field(name)?, direction })
        };
        terms.into_iter().map(read).collect()
    }

    /// Returns the set of the fields with these names.
    ///
    /// # Errors
    /// [`RecordsError::UnknownFields`] if a name is that of no field that the viewer may read.
    pub fn select<'a>(
        &self,
        names: impl IntoIterator<Item = &'a str>,
    ) -> Result<FieldSet, RecordsError> {
        let fields = names.into_iter().map(|name| self.field(name.trim()));
        Ok(FieldSet::new(fields.collect::<Result<Vec<_>, _>>()?))
    }

    /// Reads the relationships to expand, such as `customer,owner`: records are returned with the labels of the
    /// records that these fields refer to.
    ///
    /// # Errors
    /// If a name is that of no field that the viewer may read, or the field is no relationship.
    pub fn expand(&self, text: &str) -> Result<Vec<Related>, RecordsError> {
        let read = |name: &str| {
            let at = self.field(name.trim())?;
            let related = self.related.iter().find(|related| related.field == at);
            let message = || format!("expand takes relationships, and `{}` is none", name.trim());
            related.cloned().ok_or_else(|| RecordsError::Malformed(message()))
        };
        text.split(',').map(read).collect()
    }

    /// Returns the field with this name.
    ///
    /// # Errors
    /// [`RecordsError::UnknownFields`] if there is no such field that the viewer may read.
    pub fn field(&self, name: &str) -> Result<FieldAt, RecordsError> {
        let at = self.table.at(name).filter(|at| self.fields.contains(*at));
        at.ok_or_else(|| RecordsError::unknown_field(name))
    }

    /// Returns the JSON form of `field:operator:value`. An operator that takes a list, such as `in`, has its
    /// values between commas.
    fn short_filter(&self, text: &str) -> Result<Json, RecordsError> {
        let mut parts = text.splitn(3, ':');
        let (Some(name), Some(operator)) = (parts.next(), parts.next()) else {
            let message = "filter must be JSON, or field:operator:value".to_owned();
            return Err(RecordsError::Malformed(message));
        };
        let field = self.table.field(self.field(name)?);
        let typed = |text: &str| match (&field.kind, text) {
            (FieldKind::Checkbox, "true") => Json::Bool(true),
            (FieldKind::Checkbox, "false") => Json::Bool(false),
            _ => match field.kind.storage() {
                Storage::Integer => {
                    text.parse::<i64>().map_or_else(|_| Json::from(text), Json::from)
                }
                // A whole list is written as JSON, `tags:eq:["red"]`; one option as plain text.
                Storage::List if text.starts_with('[') => {
                    serde_json::from_str(text).unwrap_or_else(|_| Json::from(text))
                }
                _ => Json::from(text),
            },
        };
        let mut condition = serde_json::json!({ "field": name, "operator": operator });
        if let Some(value) = parts.next() {
            let operands = operator.parse().map(Operator::operands);
            condition["value"] = match operands {
                Ok(Operands::List) => value.split(',').map(typed).collect(),
                _ => typed(value),
            };
        }
        Ok(Json::Array(vec![condition]))
    }
}
