//! What a viewer chose about a table, read from the query string of its page.
//!
//! What makes no sense is as if it were not there: the page still comes. A field that they may not
//! read makes no sense either, whatever they would do with it.

use serde_json::Value as Json;

use crate::fields::filter::{Stand, read};
use crate::model::access::{View, Viewer};
use crate::model::address::{Address, Values};
use crate::model::component::{Component, ComponentKind};
use crate::model::data_table::{Choice, Chosen, DataTable, FILTER, FILTER_BY, usual_operator};
use crate::model::filter::{Filter, MAX_FILTER_CONDITIONS, OPERATORS, Test, operator_suits};
use crate::model::query::{Answer, Ask, Query, Sort};
use crate::model::related::entered;
use crate::model::table::{Field, FieldAt, Storage};
use crate::model::value::Value;
use crate::records::{Records, RecordsError};

/// The last page that can be asked for.
const MAX_PAGE: u64 = 1_000_000_000;

/// What a component asks for one viewer at one address.
#[derive(Clone, Debug)]
pub struct Question {
    /// Its table as they see it.
    pub view: View,
    /// What it asks.
    pub query: Query,
    /// What they chose, where it is a table.
    pub chosen: Option<Chosen>,
}

impl Records {
    /// What a component asks for this viewer at this address.
    ///
    /// # Errors
    /// When it shows no records, or none that they may read.
    pub fn question(
        &self,
        viewer: &Viewer,
        component: &Component,
        address: &Address,
    ) -> Result<Question, RecordsError> {
        let view = self.view_for(viewer, component)?;
        let query = component.query(&view, &address.values).ok_or(RecordsError::NotFound)?;
        let ComponentKind::DataTable(table) = &component.kind else {
            return Ok(Question { view, query, chosen: None });
        };
        let prefix = address.page.prefix(&component.id);
        let choice = view.choice(table, &prefix, &address.values);
        let filter = query.filter.and(choice.filter.clone());
        let table = table.seen_by(&view, &choice);
        let query = Query { filter, ask: Ask::Rows(table.window.clone()), ..query };
        Ok(Question { view, query, chosen: Some(Chosen { table, choice }) })
    }
}

impl Question {
    /// Turns back to the last page, if the answer says that the one asked for lies beyond it.
    pub fn turn_back(&mut self, answer: &Answer) -> bool {
        let (Some(Chosen { table, choice }), Answer::Rows(rows)) = (&mut self.chosen, answer)
        else {
            return false;
        };
        if !rows.records.is_empty() || choice.page == 1 {
            return false;
        }
        choice.page = rows.total.div_ceil(u64::from(choice.limit)).max(1);
        table.window.offset = (choice.page - 1) * u64::from(choice.limit);
        self.query.ask = Ask::Rows(table.window.clone());
        true
    }
}

impl View {
    /// What the viewer chose about a table, by the names that begin with a prefix.
    fn choice(&self, table: &DataTable, prefix: &str, values: &Values) -> Choice {
        let mut choice = Choice::none(table);
        let mut filters = Vec::new();
        for (name, value) in values.pairs() {
            let Some(name) = name.strip_prefix(prefix).filter(|name| table.knows(name)) else {
                continue;
            };
            let value = value.trim();
            match name {
                _ if value.is_empty() => {}
                "sort" if choice.sort.is_empty() => {
                    choice.sort = self.chosen_sort(table, value).unwrap_or_default();
                }
                "sort" => {}
                "search" => choice.search = choice.search.or_else(|| Some(value.into())),
                "page" => choice.page = page(value).unwrap_or(choice.page),
                "limit" => choice.limit = limit(table, value).unwrap_or(choice.limit),
                _ => {
                    let filter = self.chosen_filter(name, value);
                    let count = |filters: &[Filter]| filters.iter().map(size).sum::<usize>();
                    let fits =
                        |filter: &Filter| count(&filters) + size(filter) <= MAX_FILTER_CONDITIONS;
                    if let Some(filter) = filter.filter(fits) {
                        filters.push(filter);
                        choice.filters.push((name.into(), value.into()));
                    }
                }
            }
        }
        let search = choice.search.as_deref().zip(table.search.as_deref());
        let search = search.and_then(|(words, fields)| self.search_in(fields, words).ok());
        if search.is_none() {
            choice.search = None;
        }
        filters.extend(search);
        choice.filter = filters.into_iter().fold(Filter::all(), Filter::and);
        choice
    }

    /// `total:desc`, if viewers may sort by these columns.
    fn chosen_sort(&self, table: &DataTable, text: &str) -> Option<Vec<Sort>> {
        let sortable = |sort: &Sort| {
            let mut columns = table.columns.iter();
            let column = columns.find(|column| column.field == sort.field);
            column.is_some_and(|column| column.sortable && column.visible.allows(&self.viewer))
        };
        self.sort(text).ok().filter(|sort| sort.iter().all(sortable))
    }

    /// `filter=status:eq:pending`, `filter.status=pending` or `filter.dueOn.gte=2026-04-05`.
    fn chosen_filter(&self, name: &str, value: &str) -> Option<Filter> {
        if name == FILTER {
            let json = self.filter_text(value).ok()?;
            return self.chosen_json(&json);
        }
        let (name, operator) = match name.strip_prefix(FILTER_BY)?.split_once('.') {
            Some((name, operator)) => (name, Some(operator)),
            None => (name.strip_prefix(FILTER_BY)?, None),
        };
        let at = self.table.at(name).filter(|at| self.fields.contains(*at))?;
        let field = self.table.field(at);
        let operator = operator.unwrap_or_else(|| usual_operator(field));
        let fits = OPERATORS.contains(&operator) && operator_suits(operator, field.kind.storage());
        fits.then(|| test(field, operator, value)).flatten().map(|test| Filter::Test(at, test))
    }

    fn chosen_json(&self, json: &Json) -> Option<Filter> {
        let may_use = |at: FieldAt| self.fields.contains(at);
        let filter = read(&self.table, &may_use, Stand::Elsewhere, json).ok()?;
        Some(filter.fill(&self.viewer, &Values::default()))
    }
}

fn page(text: &str) -> Option<u64> {
    text.parse().ok().filter(|page| (1..=MAX_PAGE).contains(page))
}

fn limit(table: &DataTable, text: &str) -> Option<u32> {
    text.parse().ok().filter(|limit| table.page_sizes.contains(limit))
}

fn test(field: &Field, operator: &str, text: &str) -> Option<Test> {
    let one = || value(field, operator, text);
    Some(match operator {
        "eq" => Test::Eq(one()?),
        "neq" => Test::Neq(one()?),
        "gt" => Test::Gt(one()?),
        "gte" => Test::Gte(one()?),
        "lt" => Test::Lt(one()?),
        "lte" => Test::Lte(one()?),
        "contains" => Test::Contains(one()?),
        "startsWith" => Test::StartsWith(one()?),
        "endsWith" => Test::EndsWith(one()?),
        _ => return None,
    })
}

/// A value to hold a field's against. A day stands for its first or its last instant.
fn value(field: &Field, operator: &str, text: &str) -> Option<Value> {
    let storage = field.kind.storage();
    if storage == Storage::Link {
        return entered(text).map(|id| Value::Link(id.into()));
    }
    if storage == Storage::Datetime && Storage::Date.read(text).is_some() {
        let ends = matches!(operator, "gt" | "lte");
        let time = if ends { "T23:59:59.999Z" } else { "T00:00:00.000Z" };
        return storage.read(&format!("{text}{time}"));
    }
    storage.read(text)
}

/// How many conditions and groups a filter has.
fn size(filter: &Filter) -> usize {
    match filter {
        Filter::And(parts) | Filter::Or(parts) => 1 + parts.iter().map(size).sum::<usize>(),
        Filter::Not(part) => 1 + size(part),
        Filter::Test(..) => 1,
    }
}
