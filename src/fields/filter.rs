//! Reads a filter from JSON. Pages, the API and subscriptions use the same form.

use std::sync::Arc;

use serde_json::{Map, Value as Json};

use crate::fields::operand;
use crate::model::field::FieldAt;
use crate::model::filter::{
    Filter, MAX_FILTER_CONDITIONS, MAX_FILTER_DEPTH, MAX_FILTER_GROUPS, MAX_FILTER_LIST, Test,
};
use crate::model::ids::FieldName;
use crate::model::operand::{ATTRIBUTES, Attribute, Operand, ROOTS, seeming};
use crate::model::operator::{Operands, Operator};
use crate::model::problem::PathStep;
use crate::model::storage::Storage;
use crate::model::table::Table;
use crate::model::value::Value;

/// The maximal length of a value in a condition, in bytes.
const MAX_OPERAND: usize = 1_000;

/// The number of faults after which the rest of a filter is not checked.
const MAX_FAULTS: usize = 100;

/// A fault of a filter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct FilterFault {
    /// The keys and indexes that lead from the filter to the fault.
    pub steps: Vec<PathStep>,
    /// The message, a whole sentence.
    pub message: String,
    /// The name at fault, if the fault is an unknown or unsuitable name.
    pub slip: Option<UnknownName>,
}

/// A name in a filter that is unknown or does not suit its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UnknownName {
    /// The table has no such field, or the reader may not filter by it.
    Field(String),
    /// A condition has no such key.
    Key(String),
    /// There is no such operator.
    Operator(String),
    /// The operator exists, but not for fields of this type.
    Unsuited(FieldAt),
    /// The path of the page has no parameter of this name.
    Param(String),
    /// No `$…` of this name exists that a value could stand for.
    Value(String),
}

/// The beginning of a value that stands for a property of the viewer.
const CURRENT_USER: &str = "$currentUser.";
const PARAMS: &str = "$params.";
const QUERY: &str = "$query.";

/// The keys of a condition.
pub const CONDITION_KEYS: [&str; 3] = ["field", "operator", "value"];

/// The reason why a value cannot be compared with a field.
struct OperandFault {
    /// The index of the value, if it is an item of a list.
    item: Option<usize>,
    message: String,
    slip: Option<UnknownName>,
}

impl From<String> for OperandFault {
    fn from(message: String) -> Self {
        Self { item: None, message, slip: None }
    }
}

/// The place of a filter, which decides for what its values may stand.
#[derive(Clone, Copy, Debug)]
pub enum FilterContext<'a> {
    /// On a page whose path has these parameters.
    Page(&'a [Arc<str>]),
    /// In a row rule of a table, which has no page.
    Rule,
    /// In a request: its values are data and stand for nothing else.
    Elsewhere,
}

impl FilterContext<'_> {
    /// The names that a value may stand for at this place.
    pub fn values(&self) -> &'static [&'static str] {
        match self {
            Self::Page(_) => &ROOTS,
            Self::Rule | Self::Elsewhere => &["$currentUser"],
        }
    }
}

/// Reads a filter: `[{field, operator, value}, …]`, `{and: […]}`, `{or: […]}` or `{not: …}`, nested.
///
/// `may_use` says whether the reader may filter by a field. A field that they may not filter by gets the same
/// message as one that does not exist.
///
/// # Errors
/// Every fault of the filter, at most 100.
pub fn read(
    table: &Table,
    may_use: &dyn Fn(FieldAt) -> bool,
    stand: FilterContext<'_>,
    json: &Json,
) -> Result<Filter<Operand>, Vec<FilterFault>> {
    let (steps, faults) = (Vec::new(), Vec::new());
    let mut reader =
        FilterParser { table, may_use, stand, steps, conditions: 0, groups: 0, faults };
    let filter = reader.filter(json, 0);
    if reader.faults.is_empty() { Ok(filter) } else { Err(reader.faults) }
}

struct FilterParser<'a> {
    table: &'a Table,
    may_use: &'a dyn Fn(FieldAt) -> bool,
    stand: FilterContext<'a>,
    steps: Vec<PathStep>,
    conditions: usize,
    groups: usize,
    faults: Vec<FilterFault>,
}

impl FilterParser<'_> {
    fn filter(&mut self, json: &Json, depth: usize) -> Filter<Operand> {
        if depth > MAX_FILTER_DEPTH {
            return self.fault(format!("a filter may nest {MAX_FILTER_DEPTH} deep"));
        }
        match json {
            Json::Array(parts) => self.group(|reader| Filter::And(reader.parts(parts, depth))),
            Json::Object(map) => self.object(map, depth),
            _ => self.fault("a filter is a list of conditions, or one of and, or, not"),
        }
    }

    /// Reads an `and`, `or` or `not`. Each counts as a condition towards the limit, since `[[], [], …]` is long
    /// without holding any.
    fn group(&mut self, read: impl FnOnce(&mut Self) -> Filter<Operand>) -> Filter<Operand> {
        self.groups += 1;
        if self.groups > MAX_FILTER_GROUPS {
            return self.fault(format!("a filter may have {MAX_FILTER_GROUPS} groups"));
        }
        read(self)
    }

    fn object(&mut self, map: &Map<String, Json>, depth: usize) -> Filter<Operand> {
        let only = map.iter().next().filter(|_| map.len() == 1);
        match only.map(|(key, value)| (key.as_str(), value)) {
            Some(("and", Json::Array(parts))) => self.group(|reader| {
                Filter::And(reader.below("and", |reader| reader.parts(parts, depth)))
            }),
            Some(("or", Json::Array(parts))) => self.group(|reader| {
                Filter::Or(reader.below("or", |reader| reader.parts(parts, depth)))
            }),
            Some(("and" | "or", _)) => self.fault("`and` and `or` take a list of filters"),
            Some(("not", part)) => self.group(|reader| {
                let part = reader.below("not", |reader| reader.filter(part, depth + 1));
                Filter::Not(Box::new(part))
            }),
            _ => self.condition(map),
        }
    }

    fn parts(&mut self, parts: &[Json], depth: usize) -> Vec<Filter<Operand>> {
        let mut filters = Vec::with_capacity(parts.len().min(MAX_FILTER_CONDITIONS));
        for (index, part) in parts.iter().enumerate() {
            if self.conditions > MAX_FILTER_CONDITIONS
                || self.groups > MAX_FILTER_GROUPS
                || self.faults.len() > MAX_FAULTS
            {
                break;
            }
            self.steps.push(PathStep::Item(index));
            filters.push(self.filter(part, depth + 1));
            self.steps.pop();
        }
        filters
    }

    fn condition(&mut self, map: &Map<String, Json>) -> Filter<Operand> {
        self.conditions += 1;
        if self.conditions > MAX_FILTER_CONDITIONS {
            return self.fault(format!("a filter may have {MAX_FILTER_CONDITIONS} conditions"));
        }
        let unknown = map.keys().find(|key| !CONDITION_KEYS.contains(&key.as_str()));
        if let Some(key) = unknown {
            return self.unknown(key, key, UnknownName::Key);
        }
        let (field, operator) = (self.word(map, "field"), self.word(map, "operator"));
        let (Some(field), Some(operator)) = (field, operator) else { return Filter::all() };
        let may_use = self.may_use;
        let Some(at) = self.table.at(field).filter(|at| may_use(*at)) else {
            return self.unknown("field", field, UnknownName::Field);
        };
        let Ok(operator) = operator.parse::<Operator>() else {
            return self.unknown("operator", operator, UnknownName::Operator);
        };
        if !operator.suits(self.table.field(at).kind.storage()) {
            let message = format!("operator `{operator}` does not suit the field `{field}`");
            return self
                .below("operator", |reader| reader.slip(message, Some(UnknownName::Unsuited(at))));
        }
        match self.test(at, operator, map.get("value")) {
            Ok(test) => Filter::Test(at, test),
            Err(unfit) => {
                let key = if map.contains_key("value") { "value" } else { "operator" };
                self.below(key, |reader| {
                    let item = unfit.item.map(PathStep::Item);
                    reader.within(item, |reader| reader.slip(unfit.message, unfit.slip))
                })
            }
        }
    }

    /// Returns the text under a key. Notes a fault if there is none.
    fn word<'m>(&mut self, map: &'m Map<String, Json>, key: &str) -> Option<&'m str> {
        match map.get(key) {
            Some(Json::String(text)) => return Some(text),
            Some(_) => self.below(key, |reader| reader.fault(format!("{key} must be text"))),
            None => self.fault(format!("a condition needs `{key}`")),
        };
        None
    }

    fn test(
        &self,
        at: FieldAt,
        operator: Operator,
        value: Option<&Json>,
    ) -> Result<Test<Operand>, OperandFault> {
        let needed = || value.ok_or_else(|| format!("operator `{operator}` needs a value"));
        let is_list = self.table.field(at).kind.storage() == Storage::List;
        let operands = match (operator.operands(), value) {
            (Operands::None, None) => Vec::new(),
            (Operands::None, Some(_)) => {
                return Err(format!("operator `{operator}` takes no value").into());
            }
            (Operands::Value, _) => vec![self.one(at, needed()?)?],
            (Operands::Part, _) if is_list => vec![self.option(at, needed()?)?],
            (Operands::Part, _) => vec![self.part(at, needed()?)?],
            (Operands::List, _) => self.list(at, needed()?)?,
        };
        let test = Test::new(operator, operands);
        test.ok_or_else(|| format!("operator `{operator}` takes something else").into())
    }

    fn one(&self, at: FieldAt, json: &Json) -> Result<Operand, OperandFault> {
        let field = self.table.field(at);
        if let Some(operand) = self.reference(at, json)? {
            return Ok(operand);
        }
        if json.is_null() {
            return Err("a value cannot be null; use isEmpty or isNotEmpty".to_owned().into());
        }
        if json.as_array().is_some_and(|items| items.len() > MAX_FILTER_LIST) {
            return Err(format!("a list may have {MAX_FILTER_LIST} values").into());
        }
        if json.as_str().is_some_and(|text| text.len() > MAX_OPERAND) {
            return Err(format!("a value may have {MAX_OPERAND} bytes").into());
        }
        let value = operand(field, json);
        let value = value
            .map_err(|misfit| OperandFault::from(format!("value of `{}` {misfit}", field.name)))?;
        if value.is_null() {
            return Err("a value cannot be empty; use isEmpty or isNotEmpty".to_owned().into());
        }
        Ok(Operand::Literal(value))
    }

    /// Reads the option to look for in a multi-select.
    fn option(&self, at: FieldAt, json: &Json) -> Result<Operand, OperandFault> {
        match self.reference(at, json)? {
            // One option is a text, although the field keeps a list.
            Some(Operand::Param(name, _)) => return Ok(Operand::Param(name, Storage::Text)),
            Some(Operand::Query(name, _)) => return Ok(Operand::Query(name, Storage::Text)),
            Some(operand) => return Ok(operand),
            None => {}
        }
        let field = self.table.field(at);
        let options = field.kind.options();
        let found = options.iter().find(|option| json == option.as_ref());
        let found = found.map(|option| Operand::Literal(Value::Text(option.clone())));
        let options = || options.join(", ");
        let unfit =
            || format!("value of `{}` must be one of {}, got {json}", field.name, options());
        found.ok_or_else(|| unfit().into())
    }

    /// Reads the text to look for within a text.
    fn part(&self, at: FieldAt, json: &Json) -> Result<Operand, OperandFault> {
        match (self.reference(at, json)?, json.as_str()) {
            (Some(operand), _) => Ok(operand),
            (None, Some(text)) if text.len() > MAX_OPERAND => {
                Err(format!("a value may have {MAX_OPERAND} bytes").into())
            }
            (None, Some(text)) if text.contains('\0') => {
                Err("a value must not hold U+0000".to_owned().into())
            }
            (None, Some(text)) => Ok(Operand::Literal(Value::text(text))),
            (None, None) => Err(format!("value must be text, got {json}").into()),
        }
    }

    /// Reads a value that stands for another, as `$currentUser.id` and `$params.id` do. `None` for any other
    /// value.
    fn reference(&self, at: FieldAt, json: &Json) -> Result<Option<Operand>, OperandFault> {
        let Some(text) = json.as_str() else { return Ok(None) };
        if let Some(name) = text.strip_prefix(PARAMS) {
            return self.param(at, text, name).map(Some);
        }
        if let Some(name) = text.strip_prefix(QUERY) {
            return self.query(at, text, name).map(Some);
        }
        if let Some(name) = text.strip_prefix(CURRENT_USER) {
            return Ok(self.of_the_viewer(at, text, name).map(Some)?);
        }
        match (self.stand, seeming(text)) {
            (FilterContext::Elsewhere, _) | (_, None) => Ok(None),
            (_, Some(name)) => {
                let message = format!("`{name}` has no meaning here");
                let slip = Some(UnknownName::Value(name.to_owned()));
                Err(OperandFault { item: None, message, slip })
            }
        }
    }

    fn param(&self, at: FieldAt, text: &str, name: &str) -> Result<Operand, OperandFault> {
        let FilterContext::Page(params) = self.stand else {
            return Err(format!("`{text}` cannot be used here").into());
        };
        let storage = self.table.field(at).kind.storage();
        let known = params.iter().find(|known| known.as_ref() == name);
        known.map(|name| Operand::Param(name.clone(), storage)).ok_or_else(|| OperandFault {
            item: None,
            message: format!("the path of this page has no parameter `:{name}`"),
            slip: Some(UnknownName::Param(name.to_owned())),
        })
    }

    fn query(&self, at: FieldAt, text: &str, name: &str) -> Result<Operand, OperandFault> {
        let FilterContext::Page(_) = self.stand else {
            return Err(format!("`{text}` cannot be used here").into());
        };
        if name.parse::<FieldName>().is_err() {
            let message = format!("`{text}` is no name in a query string, as in `$query.status`");
            return Err(message.into());
        }
        Ok(Operand::Query(name.into(), self.table.field(at).kind.storage()))
    }

    fn of_the_viewer(&self, at: FieldAt, text: &str, name: &str) -> Result<Operand, String> {
        let found = ATTRIBUTES.iter().find(|(known, _)| *known == name);
        let Some((_, attribute)) = found else {
            let known: Vec<_> = ATTRIBUTES.iter().map(|(known, _)| *known).collect();
            return Err(format!("`{text}` is unknown; $currentUser has {}", known.join(", ")));
        };
        let field = self.table.field(at);
        match (field.kind.storage(), attribute) {
            (Storage::Text, attribute) => Ok(Operand::CurrentUser(*attribute)),
            (Storage::Person, Attribute::Id) => Ok(Operand::CurrentPerson),
            _ => Err(format!("`{text}` does not suit the field `{}`", field.name)),
        }
    }

    fn list(&self, at: FieldAt, json: &Json) -> Result<Vec<Operand>, OperandFault> {
        let Json::Array(items) = json else {
            return Err("value must be a list".to_owned().into());
        };
        if items.len() > MAX_FILTER_LIST {
            return Err(format!("a list may have {MAX_FILTER_LIST} values").into());
        }
        let one = |(index, item)| {
            self.one(at, item).map_err(|unfit| OperandFault { item: Some(index), ..unfit })
        };
        items.iter().enumerate().map(one).collect()
    }

    fn below<T>(&mut self, key: &str, then: impl FnOnce(&mut Self) -> T) -> T {
        self.within(Some(PathStep::Key(key.to_owned())), then)
    }

    fn within<T>(&mut self, step: Option<PathStep>, then: impl FnOnce(&mut Self) -> T) -> T {
        let depth = self.steps.len();
        self.steps.extend(step);
        let result = then(self);
        self.steps.truncate(depth);
        result
    }

    fn fault(&mut self, message: impl Into<String>) -> Filter<Operand> {
        self.slip(message, None)
    }

    fn unknown(
        &mut self,
        key: &str,
        name: &str,
        slip: impl FnOnce(String) -> UnknownName,
    ) -> Filter<Operand> {
        let slip = slip(name.to_owned());
        let what = match &slip {
            UnknownName::Key(_) => "key",
            _ => key,
        };
        let message = format!("unknown {what} `{name}`");
        self.below(key, |reader| reader.slip(message, Some(slip)))
    }

    /// Notes a fault at this place. The returned filter is never used, since the whole filter is refused.
    fn slip(&mut self, message: impl Into<String>, slip: Option<UnknownName>) -> Filter<Operand> {
        let steps = self.steps.clone();
        let message = message.into();
        self.faults.push(FilterFault { steps, message, slip });
        Filter::all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::table::tests::table;

    #[track_caller]
    fn check(json: &str, told: &str) {
        let table = table("orders", &["customer", "secret"]);
        let may_use = |at| at != table.at("secret").unwrap();
        let json = serde_json::from_str(json).unwrap();
        let faults =
            read(&table, &may_use, FilterContext::Elsewhere, &json).err().unwrap_or_default();
        let messages: Vec<_> = faults.iter().map(|fault| fault.message.as_str()).collect();
        assert_eq!(messages.join("; "), told);
    }

    fn faults(json: &str) -> usize {
        let json = serde_json::from_str(json).unwrap();
        read(&table("orders", &["customer"]), &|_| true, FilterContext::Elsewhere, &json)
            .err()
            .unwrap_or_default()
            .len()
    }

    #[test]
    fn filters_nest() {
        check(r#"[{"field":"customer","operator":"eq","value":"Ada"}]"#, "");
        check(r#"{"or":[{"not":[{"field":"id","operator":"in","value":[1,2]}]},[]]}"#, "");
    }

    #[test]
    fn a_hidden_field_is_as_unknown_as_a_missing_one() {
        check(r#"[{"field":"secret","operator":"isEmpty"}]"#, "unknown field `secret`");
        check(r#"[{"field":"nothing","operator":"isEmpty"}]"#, "unknown field `nothing`");
    }

    #[test]
    fn every_fault_is_told() {
        check(
            r#"[{"field":"customer","operator":"is"},{"field":"id","operator":"contains","value":"1"}]"#,
            "unknown operator `is`; operator `contains` does not suit the field `id`",
        );
        check("5", "a filter is a list of conditions, or one of and, or, not");
        check(
            r#"[{"field":"customer","operator":"eq","value":null}]"#,
            "a value cannot be null; use isEmpty or isNotEmpty",
        );
        check(r#"[{"field":"customer","operator":"eq"}]"#, "operator `eq` needs a value");
    }

    #[test]
    fn depth_and_size_are_bounded() {
        let deep = format!("{}[]{}", r#"{"not":"#.repeat(9), "}".repeat(9));
        check(&deep, "a filter may nest 8 deep");
        let one = r#"{"field":"customer","operator":"isEmpty"}"#;
        check(&format!("[{}]", [one; 102].join(",")), "a filter may have 100 conditions");
        check(&format!("[{}]", ["[]"; 99].join(",")), "");
        check(&format!("[{}]", ["[]"; 20_000].join(",")), "a filter may have 100 groups");
        check(&format!("[{}]", [r#"{"not":[]}"#; 60].join(",")), "a filter may have 100 groups");
        assert!(faults(&format!("[{}]", ["1"; 20_000].join(","))) <= MAX_FAULTS + 1);
    }
}
