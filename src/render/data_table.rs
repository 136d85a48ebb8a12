//! Renders a data table around its rows: the controls above and below them, and the links of these
//! controls.

use minijinja::{Value, context};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::fields::control::{Control, ZONE};
use crate::fields::editor::control_that_holds;
use crate::fields::filter_control;
use crate::model::action::ActionKind;
use crate::model::components::component::Component;
use crate::model::components::component_type::ComponentType;
use crate::model::components::data_table::{Choice, Chosen, Column, DataTable, FILTER_BY};
use crate::model::field::{Field, FieldAt, FieldKind};
use crate::model::format::ValueFormat;
use crate::model::query::{Direction, Rows, Sort};
use crate::model::storage::Storage;
use crate::render::component_html::{ComponentHtml, ComponentWriter};
use crate::render::rows::{RowWriter, class};
use crate::render::{ComponentData, RenderError, picker};
use crate::router::Address;

/// The characters that are percent-encoded in a query string.
const IN_A_QUERY: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b':').remove(b',');
/// Up to so many pages, every page has a link.
const MAX_LINKED: u64 = 7;

impl ComponentHtml for DataTable {
    fn html(&self, writer: &ComponentWriter<'_>) -> Result<String, RenderError> {
        let Some((data, rows)) = writer.rows() else { return Ok(String::new()) };
        let Some(chosen) = &data.chosen else { return Ok(String::new()) };
        let inside = context(writer.component, writer.scene.address, data, chosen, rows);
        writer.fill_with_data("data_table.html", data, inside)
    }

    fn stylesheets(&self) -> Vec<&'static str> {
        let acts = self.changes_records().then_some("form.css");
        let is_browsed = self.is_browsable() || self.row_link.is_some();
        acts.into_iter().chain(is_browsed.then_some("browse.css")).collect()
    }
}

/// Returns what the template of a data table needs in addition to what all components have.
fn context(
    component: &Component,
    address: &Address,
    data: &ComponentData,
    Chosen { table, choice }: &Chosen,
    shown: &Rows,
) -> Value {
    let links = TableLinks::new(component, address, data, table, choice);
    let writer = RowWriter::new(table, &data.table, &data.fields);
    let mut rows = String::with_capacity(512 * shown.records.len());
    for record in &shown.records {
        writer.write(record, &mut rows);
    }
    let head = |column| links.head(column, writer.editor(column, &data.editable));
    context! {
        title => table.title.as_deref(),
        heads => table.columns.iter().map(head).collect::<Vec<_>>(),
        editable => !data.editable.is_empty(),
        lock => writer.lock(),
        rows => Value::from_safe_string(rows),
        shown => shown.records.len(),
        total => shown.total,
        limit => choice.limit,
        offset => table.window.offset,
        browsable => table.is_browsable() || table.row_link.is_some(),
        path => address.path.as_ref(),
        acts => !table.open.row.is_empty(),
        bulk => bulk(table),
        tools => table.has_tools().then(|| links.tools()),
        pager => table.pagination.then(|| links.pager(shown)),
        clear => choice.narrows().then(|| links.clear()),
        unclear => choice.unclear.iter().map(|(_, fault)| fault.to_string()).collect::<Vec<_>>(),
        empty_message => table.empty_message.as_ref(),
    }
}

/// Returns the actions for the selected rows.
fn bulk(table: &DataTable) -> Vec<Value> {
    let action = |index: &usize| {
        let action = table.bulk_actions.get(*index)?;
        let is_deletion = matches!(action.deed, ActionKind::Delete);
        Some(context! { index, label => action.label.as_ref(), is_deletion })
    };
    table.open.bulk.iter().filter_map(action).collect()
}

/// Makes the links of the controls of one table, on one page.
struct TableLinks<'a> {
    address: &'a Address,
    data: &'a ComponentData,
    table: &'a DataTable,
    choice: &'a Choice,
    prefix: String,
}

impl<'a> TableLinks<'a> {
    fn new(
        component: &Component,
        address: &'a Address,
        data: &'a ComponentData,
        table: &'a DataTable,
        choice: &'a Choice,
    ) -> Self {
        let prefix = address.page.prefix(&component.id);
        Self { address, data, table, choice, prefix }
    }

    /// Returns the address of the page with another choice for this table and everything else unchanged.
    fn to(&self, choice: &Choice) -> String {
        let mut href = self.address.path.to_string();
        let pairs = self.others().chain(self.own(choice));
        for (index, (name, value)) in pairs.enumerate() {
            href.push(if index == 0 { '?' } else { '&' });
            href.extend(utf8_percent_encode(&name, IN_A_QUERY));
            href.push('=');
            href.extend(utf8_percent_encode(&value, IN_A_QUERY));
        }
        href
    }

    /// Returns the parameters of the query string that are not about this table.
    fn others(&self) -> impl Iterator<Item = (String, String)> {
        let is_own =
            |name: &str| name.strip_prefix(&self.prefix).is_some_and(|name| self.table.knows(name));
        let pairs = self.address.values.pairs().filter(move |(name, _)| !is_own(name));
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned()))
    }

    /// Returns the parameters of the query string for a choice.
    fn own(&self, choice: &Choice) -> impl Iterator<Item = (String, String)> {
        let mut pairs = Vec::new();
        if !choice.sort.is_empty() {
            let terms = choice.sort.iter().map(|sort| self.term(sort)).collect::<Vec<_>>();
            pairs.push(("sort".to_owned(), terms.join(",")));
        }
        pairs.extend(choice.search.iter().map(|words| ("search".to_owned(), words.to_string())));
        let filters = choice.filters.iter();
        pairs.extend(filters.map(|(name, value)| (name.to_string(), value.to_string())));
        if choice.limit != choice.usual_limit {
            pairs.push(("limit".to_owned(), choice.limit.to_string()));
        }
        if choice.page > 1 {
            pairs.push(("page".to_owned(), choice.page.to_string()));
        }
        pairs.into_iter().map(|(name, value)| (format!("{}{name}", self.prefix), value))
    }

    fn term(&self, sort: &Sort) -> String {
        let direction = match sort.direction {
            Direction::Asc => "asc",
            Direction::Desc => "desc",
        };
        format!("{}:{direction}", self.field(sort.field).name)
    }

    fn field(&self, at: FieldAt) -> &'a Field {
        self.data.table.field(at)
    }

    /// Returns the link that removes the search and all filters, and keeps the order.
    fn clear(&self) -> String {
        let choice = Choice { search: None, filters: Vec::new(), page: 1, ..self.choice.clone() };
        self.to(&choice)
    }

    /// Returns the heading of a column.
    fn head(&self, column: &Column, editor: Option<String>) -> Value {
        let first = self.table.window.sort.first();
        let sorted = first.filter(|sort| sort.field == column.field);
        let sorted = sorted.filter(|_| column.sortable).map(|sort| match sort.direction {
            Direction::Asc => "ascending",
            Direction::Desc => "descending",
        });
        context! {
            label => column.label.as_ref(),
            class => class(column, &self.data.table),
            width => column.width.as_deref(),
            editor,
            relative => column.format == Some(ValueFormat::Relative),
            sorted,
            href => column.sortable.then(|| self.sorted_by(column.field)),
        }
    }

    /// Returns the link to the next order of a column: ascending, descending, then the author's. A step
    /// that would change nothing is skipped.
    fn sorted_by(&self, field: FieldAt) -> String {
        let now = self.table.window.sort.first().filter(|sort| sort.field == field);
        let is_chosen = self.choice.sort.first().is_some_and(|sort| sort.field == field);
        let sort = match now.map(|sort| sort.direction) {
            Some(Direction::Asc) => vec![Sort { field, direction: Direction::Desc }],
            Some(Direction::Desc) if is_chosen => Vec::new(),
            Some(Direction::Desc) | None => vec![Sort { field, direction: Direction::Asc }],
        };
        self.to(&Choice { sort, page: 1, ..self.choice.clone() })
    }

    /// Returns the controls above the table.
    fn tools(&self) -> Value {
        let filters = self.table.filters.iter().filter(|at| self.data.fields.contains(**at));
        let controls: Vec<_> = filters.clone().flat_map(|at| self.names(*at)).collect();
        // A filter without a control is kept, whatever else people choose.
        let own = self
            .choice
            .filters
            .iter()
            .filter(|(name, _)| !controls.iter().any(|known| **known == **name));
        let own = own.map(|(name, value)| (format!("{}{name}", self.prefix), value.to_string()));
        let hidden = self.others().chain(own).map(|(name, value)| context! { name, value });
        context! {
            hidden => hidden.collect::<Vec<_>>(),
            sort => self.table.is_sortable().then(|| self.sorts()),
            search => self.table.search.is_some().then(|| context! {
                name => format!("{}search", self.prefix),
                value => self.choice.search.as_deref().unwrap_or_default(),
                unclear => self.is_unclear("search"),
            }),
            filters => filters.map(|at| self.control(*at)).collect::<Vec<_>>(),
        }
    }

    /// Returns the orders to choose from in a list, for screens without room for column headings.
    fn sorts(&self) -> Value {
        let chosen = self.own(&Choice { sort: self.choice.sort.clone(), ..self.none() }).next();
        let sortable = self.table.columns.iter().filter(|column| column.sortable);
        let option = |(column, direction, arrow): (&Column, Direction, &str)| {
            let value = self.term(&Sort { field: column.field, direction });
            let selected = chosen.as_ref().is_some_and(|(_, chosen)| *chosen == value);
            context! { value, selected, label => format!("{} {arrow}", column.label) }
        };
        let both = [(Direction::Asc, "↑"), (Direction::Desc, "↓")];
        let options = sortable
            .flat_map(|column| both.map(|(direction, arrow)| option((column, direction, arrow))));
        context! { name => format!("{}sort", self.prefix), options => options.collect::<Vec<_>>() }
    }

    /// Returns the choice before people have chosen anything.
    fn none(&self) -> Choice {
        let limit = self.choice.usual_limit;
        Choice {
            sort: Vec::new(),
            search: None,
            filters: Vec::new(),
            limit,
            page: 1,
            ..self.choice.clone()
        }
    }

    /// Returns the control that filters by one field.
    fn control(&self, at: FieldAt) -> Value {
        let field = self.field(at);
        let names = self.names(at);
        let chosen = |name: &str| {
            let mut filters = self.choice.filters.iter();
            let found = filters.find(|(known, _)| **known == *name);
            found.map(|(_, value)| value.as_ref()).unwrap_or_default()
        };
        let first = names.first().map_or("", |name| chosen(name));
        let picker =
            self.data.choices.get(&at).map(|choices| picker::context(choices, first, None));
        let (kind, options) = match &field.kind {
            _ if picker.is_some() => ("records", Vec::new()),
            FieldKind::Checkbox => ("options", vec![("true", "yes"), ("false", "no")]),
            kind if !kind.options().is_empty() => {
                ("options", kind.options().iter().map(|word| (&**word, &**word)).collect())
            }
            kind if filter_control(kind) != Control::Text => ("dates", Vec::new()),
            _ if names.len() > 1 => ("numbers", Vec::new()),
            _ => ("text", Vec::new()),
        };
        let is_stray = !first.is_empty() && options.iter().all(|(value, _)| *value != first);
        let stray = is_stray.then_some((first, first));
        let option = |(value, label): (&str, &str)| {
            context! { value, label, selected => value == first }
        };
        let end = |name: &String| {
            let (holder, value) =
                control_that_holds(field, filter_control(&field.kind), chosen(name));
            context! {
                name => format!("{}{name}", self.prefix),
                value,
                kind => holder.input_type().unwrap_or("text"),
                step => holder.step(),
                max => holder.max(),
                unclear => self.is_unclear(name),
            }
        };
        context! {
            label => field.label.as_ref(),
            zone => (field.kind.storage() == Storage::Datetime).then_some(ZONE),
            kind,
            options => stray.into_iter().chain(options).map(option).collect::<Vec<_>>(),
            ends => names.iter().map(end).collect::<Vec<_>>(),
            picker,
        }
    }

    /// Returns the names of the parameters that filter by one field: two for a range, otherwise one.
    fn names(&self, at: FieldAt) -> Vec<String> {
        let field = self.field(at);
        let name = format!("{FILTER_BY}{}", field.name);
        match field.kind.storage().has_ranges() {
            true => vec![format!("{name}.gte"), format!("{name}.lte")],
            false => vec![name],
        }
    }

    /// Whether the value of this parameter cannot be understood.
    fn is_unclear(&self, name: &str) -> bool {
        self.choice.unclear.iter().any(|(unclear, _)| **unclear == *name)
    }

    /// Returns the links to the other pages of rows.
    fn pager(&self, shown: &Rows) -> Value {
        let page = self.choice.page;
        let limit = u64::from(self.choice.limit);
        let pages = shown.total.div_ceil(limit).max(1);
        let to = |page: u64| self.to(&Choice { page, ..self.choice.clone() });
        let numbers = numbers(page, pages).into_iter().map(|number| match number {
            Some(number) => {
                context! { number, href => to(number), current => number == page }
            }
            None => context! { number => None::<u64> },
        });
        let sizes = self.table.page_sizes.iter().map(|size| {
            let value = (*size != self.choice.usual_limit).then_some(size);
            context! { size, value, selected => *size == self.choice.limit }
        });
        let first = self.table.window.offset + 1;
        context! {
            pages,
            from => first,
            to => self.table.window.offset + shown.records.len() as u64,
            previous => (page > 1).then(|| to(page - 1)),
            next => (page < pages).then(|| to(page + 1)),
            numbers => numbers.collect::<Vec<_>>(),
            name => format!("{}limit", self.prefix),
            sizes => sizes.collect::<Vec<_>>(),
        }
    }
}

/// Returns the numbers of the pages that have a link: the first, the last and those around this one.
/// `None` stands for a gap.
fn numbers(page: u64, pages: u64) -> Vec<Option<u64>> {
    if pages <= MAX_LINKED {
        return (1..=pages).map(Some).collect();
    }
    let near = page.saturating_sub(1).clamp(2, pages - 3)..=(page + 1).clamp(4, pages - 1);
    let mut numbers = vec![Some(1)];
    numbers.extend((*near.start() > 2).then_some(None));
    numbers.extend(near.clone().map(Some));
    numbers.extend((*near.end() < pages - 1).then_some(None));
    numbers.push(Some(pages));
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(page: u64, pages: u64, told: &str) {
        let text =
            |number: Option<u64>| number.map_or("…".to_owned(), |number| number.to_string());
        let linked: Vec<_> = numbers(page, pages).into_iter().map(text).collect();
        assert_eq!(linked.join(" "), told);
    }

    #[test]
    fn the_pages_around_this_one_have_links() {
        check(1, 1, "1");
        check(3, 7, "1 2 3 4 5 6 7");
        check(1, 20, "1 2 3 4 … 20");
        check(3, 20, "1 2 3 4 … 20");
        check(4, 20, "1 … 3 4 5 … 20");
        check(10, 20, "1 … 9 10 11 … 20");
        check(18, 20, "1 … 17 18 19 20");
        check(20, 20, "1 … 17 18 19 20");
    }
}
