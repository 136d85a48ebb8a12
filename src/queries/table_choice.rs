//! Reads the choices of a viewer for a table (sort, search, filters, page) from the query string of its page.
//!
//! A choice that the table does not offer, or that names a field which the viewer may not read, is passed over,
//! and the page is shown as if it were not there. A filter whose value cannot be understood is different: it
//! matches no record, and its fault is shown. Otherwise the viewer would take all records for those that they
//! asked for.

use rust_decimal::prelude::ToPrimitive;

use crate::fields::filter::{FilterContext, FilterFault, UnknownName, read};
use crate::fields::relationship::parse_choice;
use crate::fields::{example, without_percent};
use crate::model::access::View;
use crate::model::components::data_table::{Choice, DataTable, FILTER, FILTER_BY, usual_operator};
use crate::model::field::{Field, FieldAt, FieldKind};
use crate::model::filter::{Filter, MAX_FILTER_CONDITIONS, Test};
use crate::model::operator::{Operands, Operator};
use crate::model::query::Sort;
use crate::model::route::RouteValues;
use crate::model::storage::Storage;
use crate::model::value::Value;
use crate::records::RecordsError;

/// The highest number of a page that can be chosen.
const MAX_PAGE: u64 = 1_000_000_000;

impl View {
    /// Reads the choices of the viewer for a table. The names of its parameters begin with `prefix`, since
    /// tables of one page share the query string.
    pub(super) fn choice(&self, table: &DataTable, prefix: &str, values: &RouteValues) -> Choice {
        let mut choice = Choice::none(table);
        let mut filters = Vec::new();
        for (name, value) in values.pairs() {
            let Some(name) = name.strip_prefix(prefix).filter(|name| table.knows(name)) else {
                continue;
            };
            let word = value.trim();
            match name {
                _ if word.is_empty() => {}
                "sort" if choice.sort.is_empty() => {
                    choice.sort = self.chosen_sort(table, word).unwrap_or_default();
                }
                "sort" => {}
                "search" => choice.search = choice.search.or_else(|| Some(word.into())),
                "page" => choice.page = page(word).unwrap_or(choice.page),
                "limit" => choice.limit = limit(table, word).unwrap_or(choice.limit),
                _ => {
                    let Some(read) = self.chosen_filter(name, value) else { continue };
                    choice.filters.push((name.into(), value.into()));
                    match read.and_then(|filter| fitting(&filters, filter)) {
                        Ok(filter) => filters.push(filter),
                        Err(fault) => choice.unclear.push((name.into(), fault.into())),
                    }
                }
            }
        }
        if let (Some(words), Some(fields)) = (&choice.search, &table.search) {
            match self.search_in(fields, words) {
                Ok(filter) => filters.push(filter),
                Err(fault) => choice.unclear.push(("search".into(), fault.to_string().into())),
            }
        }
        if !choice.unclear.is_empty() {
            filters.push(Filter::none());
        }
        choice.filter = filters.into_iter().fold(Filter::all(), Filter::and);
        choice
    }

    /// Reads a sort such as `total:desc`. `None` if it is malformed, or a column is not one to sort by for
    /// the viewer.
    fn chosen_sort(&self, table: &DataTable, text: &str) -> Option<Vec<Sort>> {
        let sortable = |sort: &Sort| {
            let mut columns = table.columns.iter();
            let column = columns.find(|column| column.field == sort.field);
            column.is_some_and(|column| column.sortable && column.visible.allows(&self.viewer))
        };
        self.sort(text).ok().filter(|sort| sort.iter().all(sortable))
    }

    /// Reads a filter: `filter=status:eq:pending`, `filter.status=pending` or `filter.dueOn.gte=2026-04-05`.
    /// `None` if the viewer may read no such field, or the field has no such operator. `Err` holds the message if
    /// the value does not fit.
    fn chosen_filter(&self, name: &str, value: &str) -> Option<Result<Filter, String>> {
        if name == FILTER {
            return self.chosen_json(value);
        }
        let (name, operator) = match name.strip_prefix(FILTER_BY)?.split_once('.') {
            Some((name, operator)) => (name, Some(operator)),
            None => (name.strip_prefix(FILTER_BY)?, None),
        };
        let at = self.table.at(name).filter(|at| self.fields.contains(*at))?;
        let field = self.table.field(at);
        let operator = operator.map_or(Ok(usual_operator(field)), str::parse).ok()?;
        let test = match operator.operands() {
            _ if !operator.suits(field.kind.storage()) => return None,
            Operands::Value | Operands::Part => self::value(field, operator, value)
                .and_then(|value| Test::new(operator, vec![value])),
            Operands::List | Operands::None => None,
        };
        Some(test.map(|test| Filter::Test(at, test)).ok_or_else(|| unfit(field)))
    }

    /// Reads a filter as the API takes it, JSON or `field:operator:value`. `None` if it names a field that the
    /// viewer may not read; `Err` holds the message if it has another fault.
    fn chosen_json(&self, text: &str) -> Option<Result<Filter, String>> {
        let json = match self.filter_text(text) {
            Ok(json) => json,
            Err(RecordsError::Malformed(_)) => {
                return Some(Err("The filter is not complete".to_owned()));
            }
            Err(_) => return None,
        };
        let may_use = |at: FieldAt| self.fields.contains(at);
        match read(&self.table, &may_use, FilterContext::Elsewhere, &json) {
            Ok(filter) => Some(Ok(filter.fill(&self.viewer, &RouteValues::default()))),
            Err(faults) => {
                let is_unknown =
                    |fault: &FilterFault| matches!(fault.slip, Some(UnknownName::Field(_)));
                let fault = faults.first().filter(|_| !faults.iter().any(is_unknown))?;
                Some(Err(format!("The filter: {fault}")))
            }
        }
    }
}

fn page(text: &str) -> Option<u64> {
    text.parse().ok().filter(|page| (1..=MAX_PAGE).contains(page))
}

fn limit(table: &DataTable, text: &str) -> Option<u32> {
    text.parse().ok().filter(|limit| table.page_sizes.contains(limit))
}

/// Reads the value that a field is compared with, from the text that a viewer typed. `None` if it does not fit.
fn value(field: &Field, operator: Operator, text: &str) -> Option<Value> {
    let storage = field.kind.storage();
    let word = text.trim();
    match storage {
        Storage::Link => parse_choice(word).map(|id| Value::Link(id.into())),
        // A day typed for a field of times means the whole day (in UTC): `gt` and `lte` compare with its last
        // instant, the other operators with its first.
        Storage::Datetime if Storage::Date.read(word).is_some() => {
            let ends = matches!(operator, Operator::Gt | Operator::Lte);
            let time = if ends { "T23:59:59.999Z" } else { "T00:00:00.000Z" };
            storage.read(&format!("{word}{time}"))
        }
        Storage::Integer => storage.read(word).or_else(|| same_bound(operator, word)),
        Storage::Text => storage.read(text),
        Storage::Decimal(_) if matches!(field.kind, FieldKind::Percentage(_)) => {
            storage.read(without_percent(word))
        }
        _ => storage.read(word),
    }
}

/// Returns the whole number that a comparison with a decimal comes to among whole numbers: `gte 1.5` is `gte 2`.
/// `None` if there is none, as for `eq 1.5`.
fn same_bound(operator: Operator, text: &str) -> Option<Value> {
    let Value::Decimal(number) = Storage::Decimal(0).read(text)? else { return None };
    let whole = match operator {
        Operator::Gte | Operator::Lt => number.ceil(),
        Operator::Lte | Operator::Gt => number.floor(),
        _ if number.is_integer() => number,
        _ => return None,
    };
    whole.to_i64().map(Value::Integer)
}

/// The message about a text that is no value of the field to filter by, with an example of a value.
fn unfit(field: &Field) -> String {
    format!("{} must be {}", field.label, example(&field.kind))
}

/// Returns the filter, or a message if it has too many conditions together with the others.
fn fitting(others: &[Filter], filter: Filter) -> Result<Filter, String> {
    let count = others.iter().map(size).sum::<usize>() + size(&filter);
    if count <= MAX_FILTER_CONDITIONS {
        Ok(filter)
    } else {
        Err(format!("A filter may have {MAX_FILTER_CONDITIONS} conditions"))
    }
}

/// The number of conditions and groups in a filter.
fn size(filter: &Filter) -> usize {
    match filter {
        Filter::And(parts) | Filter::Or(parts) => 1 + parts.iter().map(size).sum::<usize>(),
        Filter::Not(part) => 1 + size(part),
        Filter::Test(..) => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::control::Control;
    use crate::fields::editor::control_that_holds;
    use crate::fields::{entry, samples};
    use crate::model::components::data_table::has_control;

    #[test]
    fn what_a_filter_shows_is_what_it_asks_for() {
        for (field, values) in samples::fields().iter().filter(|(field, _)| has_control(field)) {
            for value in values {
                let text = entry::text(value).unwrap();
                let (_, shown) = control_that_holds(field, Control::Text, &text);
                let asked = super::value(field, usual_operator(field), &shown);
                assert_eq!(asked.as_ref(), Some(value), "{:?} {text}", field.kind);
            }
        }
    }

    #[test]
    fn what_is_no_value_of_the_field_asks_for_nothing() {
        let unfit =
            ["abc", "1,5", "1.234,50", "0x10", "1e3", "2026-13-01", "perhaps", "12 50", "--1"];
        for (field, _) in samples::fields().iter().filter(|(field, _)| has_control(field)) {
            let is_text = field.kind.storage() == Storage::Text;
            for text in unfit.into_iter().filter(|_| !is_text) {
                assert_eq!(
                    super::value(field, Operator::Gte, text),
                    None,
                    "{:?} {text}",
                    field.kind
                );
            }
        }
    }

    #[test]
    fn whole_numbers_have_bounds_between_them() {
        let fields = samples::fields();
        let (field, _) =
            fields.iter().find(|(field, _)| matches!(field.kind, FieldKind::Integer(_))).unwrap();
        let check = |operator: &str, text: &str, bound: Option<i64>| {
            assert_eq!(
                super::value(field, operator.parse().unwrap(), text),
                bound.map(Value::Integer),
                "{operator} {text}"
            );
        };
        check("gte", "1.5", Some(2));
        check("lt", "1.5", Some(2));
        check("lte", "1.5", Some(1));
        check("gt", "1.5", Some(1));
        check("gte", "-1.5", Some(-1));
        check("lte", "-1.5", Some(-2));
        check("gte", "2.0", Some(2));
        check("eq", "2.0", Some(2));
        check("eq", "1.5", None);
        check("gte", "99999999999999999999", None);
    }
}
