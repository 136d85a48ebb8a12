//! Reads a filter: the one vocabulary of pages, the API and subscriptions.

use serde_json::{Map, Value as Json};

use crate::fields::parse;
use crate::model::filter::{
    Filter, MAX_FILTER_CONDITIONS, MAX_FILTER_DEPTH, MAX_FILTER_LIST, OPERATORS, Test,
    operator_suits,
};
use crate::model::problem::Step;
use crate::model::table::{FieldAt, Table};
use crate::model::value::Value;

/// The longest text an operator compares with, in bytes.
const MAX_OPERAND: usize = 1_000;

/// One thing wrong with a filter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct FilterFault {
    /// The way from the filter to what is wrong.
    pub steps: Vec<Step>,
    /// What is wrong.
    pub message: String,
    /// The name that is not known, and those that are, where a name is at fault.
    pub unknown: Option<(String, Vec<String>)>,
}

/// Reads `[{field, operator, value}, …]`, `{and: […]}`, `{or: […]}`, `{not: …}`, nested.
///
/// `may_use` says which fields this reader may filter by; any other is as unknown as one that does
/// not exist.
///
/// # Errors
/// Every fault of the filter.
pub fn read(
    table: &Table,
    may_use: &dyn Fn(FieldAt) -> bool,
    json: &Json,
) -> Result<Filter, Vec<FilterFault>> {
    let mut reader =
        Reader { table, may_use, steps: Vec::new(), conditions: 0, faults: Vec::new() };
    let filter = reader.filter(json, 0);
    if reader.faults.is_empty() { Ok(filter) } else { Err(reader.faults) }
}

struct Reader<'a> {
    table: &'a Table,
    may_use: &'a dyn Fn(FieldAt) -> bool,
    steps: Vec<Step>,
    conditions: usize,
    faults: Vec<FilterFault>,
}

impl Reader<'_> {
    fn filter(&mut self, json: &Json, depth: usize) -> Filter {
        if depth > MAX_FILTER_DEPTH {
            return self.fault(format!("a filter may nest {MAX_FILTER_DEPTH} deep"));
        }
        match json {
            Json::Array(parts) => Filter::And(self.parts(parts, depth)),
            Json::Object(map) => self.object(map, depth),
            _ => self.fault("a filter is a list of conditions, or one of and, or, not"),
        }
    }

    fn object(&mut self, map: &Map<String, Json>, depth: usize) -> Filter {
        let only = map.iter().next().filter(|_| map.len() == 1);
        match only.map(|(key, value)| (key.as_str(), value)) {
            Some(("and", Json::Array(parts))) => {
                Filter::And(self.below("and", |reader| reader.parts(parts, depth)))
            }
            Some(("or", Json::Array(parts))) => {
                Filter::Or(self.below("or", |reader| reader.parts(parts, depth)))
            }
            Some(("and" | "or", _)) => self.fault("`and` and `or` take a list of filters"),
            Some(("not", part)) => {
                Filter::Not(Box::new(self.below("not", |reader| reader.filter(part, depth + 1))))
            }
            _ => self.condition(map),
        }
    }

    fn parts(&mut self, parts: &[Json], depth: usize) -> Vec<Filter> {
        let mut filters = Vec::with_capacity(parts.len().min(MAX_FILTER_CONDITIONS));
        for (index, part) in parts.iter().enumerate() {
            if self.conditions > MAX_FILTER_CONDITIONS {
                break;
            }
            self.steps.push(Step::Item(index));
            filters.push(self.filter(part, depth + 1));
            self.steps.pop();
        }
        filters
    }

    fn condition(&mut self, map: &Map<String, Json>) -> Filter {
        self.conditions += 1;
        if self.conditions > MAX_FILTER_CONDITIONS {
            return self.fault(format!("a filter may have {MAX_FILTER_CONDITIONS} conditions"));
        }
        const KEYS: [&str; 3] = ["field", "operator", "value"];
        if let Some(key) = map.keys().find(|key| !KEYS.contains(&key.as_str())) {
            return self.unknown(key, key, "key", KEYS.map(String::from).to_vec());
        }
        let (Some(field), Some(operator)) = (text(map, "field"), text(map, "operator")) else {
            return self.fault("a condition needs `field` and `operator`");
        };
        let may_use = self.may_use;
        let Some(at) = self.table.at(field).filter(|at| may_use(*at)) else {
            let usable = self.table.all().filter(|(at, _)| may_use(*at));
            let names = usable.map(|(_, field)| field.name.to_string()).collect();
            return self.unknown("field", field, "field", names);
        };
        if !OPERATORS.contains(&operator) {
            return self.unknown(
                "operator",
                operator,
                "operator",
                OPERATORS.map(String::from).to_vec(),
            );
        }
        if !operator_suits(operator, self.table.field(at).kind.storage()) {
            let message = format!("operator `{operator}` does not suit the field `{field}`");
            return self.below("operator", |reader| reader.fault(message));
        }
        match self.test(at, operator, map.get("value")) {
            Ok(test) => Filter::Test(at, test),
            Err(message) => {
                let key = if map.contains_key("value") { "value" } else { "operator" };
                self.below(key, |reader| reader.fault(message))
            }
        }
    }

    fn test(&self, at: FieldAt, operator: &str, value: Option<&Json>) -> Result<Test, String> {
        if let "isEmpty" | "isNotEmpty" = operator {
            return match value {
                Some(_) => Err(format!("operator `{operator}` takes no value")),
                None if operator == "isEmpty" => Ok(Test::IsEmpty),
                None => Ok(Test::IsNotEmpty),
            };
        }
        let value = value.ok_or_else(|| format!("operator `{operator}` needs a value"))?;
        Ok(match operator {
            "eq" => Test::Eq(self.one(at, value)?),
            "neq" => Test::Neq(self.one(at, value)?),
            "gt" => Test::Gt(self.one(at, value)?),
            "gte" => Test::Gte(self.one(at, value)?),
            "lt" => Test::Lt(self.one(at, value)?),
            "lte" => Test::Lte(self.one(at, value)?),
            "contains" => Test::Contains(part(value)?),
            "startsWith" => Test::StartsWith(part(value)?),
            "endsWith" => Test::EndsWith(part(value)?),
            "in" => Test::In(self.list(at, value)?),
            _ => Test::NotIn(self.list(at, value)?),
        })
    }

    fn one(&self, at: FieldAt, json: &Json) -> Result<Value, String> {
        let field = self.table.field(at);
        if json.is_null() {
            return Err("a value cannot be null; use isEmpty or isNotEmpty".to_owned());
        }
        if json.as_str().is_some_and(|text| text.len() > MAX_OPERAND) {
            return Err(format!("a value may have {MAX_OPERAND} bytes"));
        }
        parse(field, json).map_err(|misfit| format!("value of `{}` {misfit}", field.name))
    }

    fn list(&self, at: FieldAt, json: &Json) -> Result<Vec<Value>, String> {
        let Json::Array(items) = json else { return Err("value must be a list".to_owned()) };
        if items.len() > MAX_FILTER_LIST {
            return Err(format!("a list may have {MAX_FILTER_LIST} values"));
        }
        items.iter().map(|item| self.one(at, item)).collect()
    }

    fn below<T>(&mut self, key: &str, then: impl FnOnce(&mut Self) -> T) -> T {
        self.steps.push(Step::Key(key.to_owned()));
        let result = then(self);
        self.steps.pop();
        result
    }

    /// Notes a fault here. What is returned only fills the place: the filter is refused.
    fn fault(&mut self, message: impl Into<String>) -> Filter {
        let (steps, message) = (self.steps.clone(), message.into());
        self.faults.push(FilterFault { steps, message, unknown: None });
        Filter::all()
    }

    fn unknown(&mut self, key: &str, name: &str, what: &str, known: Vec<String>) -> Filter {
        self.below(key, |reader| {
            let unplaced = reader.fault(format!("unknown {what} `{name}`"));
            if let Some(fault) = reader.faults.last_mut() {
                fault.unknown = Some((name.to_owned(), known));
            }
            unplaced
        })
    }
}

fn text<'a>(map: &'a Map<String, Json>, key: &str) -> Option<&'a str> {
    map.get(key)?.as_str()
}

fn part(json: &Json) -> Result<String, String> {
    match json.as_str() {
        Some(text) if text.len() > MAX_OPERAND => {
            Err(format!("a value may have {MAX_OPERAND} bytes"))
        }
        Some(text) if text.contains('\0') => Err("a value must not hold U+0000".to_owned()),
        Some(text) => Ok(text.to_owned()),
        None => Err(format!("value must be text, got {json}")),
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
        let faults = read(&table, &may_use, &json).err().unwrap_or_default();
        let messages: Vec<_> = faults.iter().map(|fault| fault.message.as_str()).collect();
        assert_eq!(messages.join("; "), told);
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
    }
}
