//! The parameters of queries, read from text: filters, searches, sorts and fields.

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

/// How many fields a list may be sorted by.
pub const MAX_SORTS: usize = 8;
/// How many words a search may have.
const MAX_WORDS: usize = 10;
/// How long a search may be, in bytes.
pub const MAX_SEARCH: usize = 200;
/// In how many fields words are looked for: each is a step deeper in SQL.
const MAX_SEARCHED: usize = 100;

/// Queries of a table by its viewer. None of them returns a record that the viewer may not read.
impl View {
    /// A filter from its JSON form or from `field:operator:value`, among the records they may read.
    ///
    /// # Errors
    /// If it is malformed, or names a field that the viewer may not read.
    pub fn filter(&self, text: &str) -> Result<Filter, RecordsError> {
        self.filter_json(&self.filter_text(text)?)
    }

    /// The JSON that a filter in a query string stands for.
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

    /// A filter from JSON, among the records they may read.
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

    /// The records that hold every word of a text, each in some field of text that the viewer may
    /// read. ASCII case is ignored.
    ///
    /// # Errors
    /// If it is too long.
    pub fn search(&self, text: &str) -> Result<Filter, RecordsError> {
        let is_text = |at: &FieldAt| self.table.field(*at).kind.storage() == Storage::Text;
        let texts: Vec<_> = self.fields.iter().filter(is_text).collect();
        self.search_in(&texts, text)
    }

    /// The records that hold every word of a text, each in one of these fields that the viewer may
    /// read.
    ///
    /// # Errors
    /// If it is too long.
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

    /// `total:desc,customer:asc`
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

    /// `customer,total`: these fields and no others.
    ///
    /// # Errors
    /// If one is not a field that the viewer may read.
    pub fn select<'a>(
        &self,
        names: impl IntoIterator<Item = &'a str>,
    ) -> Result<FieldSet, RecordsError> {
        let fields = names.into_iter().map(|name| self.field(name.trim()));
        Ok(FieldSet::new(fields.collect::<Result<Vec<_>, _>>()?))
    }

    /// `customer,owner`: these relationships, to return the labels of their records.
    ///
    /// # Errors
    /// If one is not a field that the viewer may read, or no relationship.
    pub fn expand(&self, text: &str) -> Result<Vec<Related>, RecordsError> {
        let read = |name: &str| {
            let at = self.field(name.trim())?;
            let related = self.related.iter().find(|related| related.field == at);
            let message = || format!("expand takes relationships, and `{}` is none", name.trim());
            related.cloned().ok_or_else(|| RecordsError::Malformed(message()))
        };
        text.split(',').map(read).collect()
    }

    /// The field of this name.
    ///
    /// # Errors
    /// [`RecordsError::UnknownFields`] if there is none that the viewer may read.
    pub fn field(&self, name: &str) -> Result<FieldAt, RecordsError> {
        let at = self.table.at(name).filter(|at| self.fields.contains(*at));
        at.ok_or_else(|| RecordsError::unknown_field(name))
    }

    /// `field:operator:value` as JSON. Values of lists stand between commas.
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
                // A whole list, as `tags:eq:["red"]`; one option is a text.
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
