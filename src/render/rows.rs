//! Renders the rows of a data table. They are written directly instead of by a template, since they are
//! most of a page's bytes.

use std::fmt::Write;

use crate::fields;
use crate::fields::editor::editor;
use crate::fields::entry;
use crate::fields::format::write_column;
use crate::model::action::RowAction;
use crate::model::components::data_table::{Align, Column, DataTable};
use crate::model::field::{FieldAt, FieldKind};
use crate::model::ids::RecordId;
use crate::model::query::Sort;
use crate::model::record::{FieldSet, Record};
use crate::model::sort_key::sort_key;
use crate::model::table::Table;
use crate::model::value::Value as Plain;
use crate::render::href::path;

/// Renders rows for one viewer. What is the same for all rows is prepared once.
pub(super) struct RowWriter<'a> {
    data_table: &'a DataTable,
    table: &'a Table,
    fields: &'a FieldSet,
    sort: &'a [Sort],
    cells: Vec<(&'a Column, String)>,
    /// The `updated-at` field for optimistic locking. `None` if no cell can be edited, or if the viewer
    /// may not read the field.
    lock: Option<FieldAt>,
}

impl<'a> RowWriter<'a> {
    /// Creates a writer. `data_table` must have only the columns that the viewer sees.
    pub(super) fn new(data_table: &'a DataTable, table: &'a Table, fields: &'a FieldSet) -> Self {
        let cells = data_table.columns.iter().map(|column| (column, opening(column, table)));
        let cells = cells.collect();
        let lock = table.updated_at().filter(|at| data_table.is_editable() && fields.contains(*at));
        Self { data_table, table, fields, sort: &data_table.window.sort, cells, lock }
    }

    /// Returns the name of the field for optimistic locking.
    pub(super) fn lock(&self) -> Option<&'a str> {
        self.lock.map(|at| self.table.field(at).name.as_str())
    }

    /// Returns the editor of a column's cells as JSON. `None` if the viewer may not edit them.
    pub(super) fn editor(&self, column: &Column, editable: &FieldSet) -> Option<String> {
        let is_editable = column.editable && editable.contains(column.field);
        let editor = editor(self.table.field(column.field)).filter(|_| is_editable)?;
        serde_json::to_string(&editor).ok()
    }

    pub(super) fn write(&self, record: &Record, html: &mut String) {
        let id = record.id();
        let key = sort_key(record, self.sort);
        write!(html, r#"<tr data-id="{id}" data-sort-key="{key}""#)
            .expect("writing to a string cannot fail");
        if let Some(lock) = self.lock {
            write_data("updated-at", &record[lock], html);
        }
        if self.data_table.is_editable() && !self.data_table.open.update.matches(record) {
            html.push_str(" data-fixed");
        }
        html.push('>');
        if !self.data_table.open.bulk.is_empty() {
            write_choice(id, self.data_table.may_be_chosen(record), html);
        }
        let parts = self.data_table.row_link.as_deref();
        let mut link = parts.and_then(|parts| path(parts, self.fields, record));
        for (column, opening) in &self.cells {
            html.push_str(opening);
            if column.editable {
                write_data("value", &record[column.field], html);
            }
            html.push('>');
            // The first cell contains the link of the whole row.
            match link.take() {
                Some(link) => self.write_link(column, record, &link, html),
                None => self.write_value(column, record, html),
            }
            html.push_str("</td>");
        }
        self.write_actions(record, html);
        html.push_str("</tr>\n");
    }

    /// Writes the actions of the row into a cell of their own.
    fn write_actions(&self, record: &Record, html: &mut String) {
        let open = &self.data_table.open;
        if open.row.is_empty() {
            return;
        }
        html.push_str(r#"<td class="pt-acts">"#);
        for index in &open.row {
            match self.data_table.row_actions.get(*index) {
                Some(RowAction::Act(action))
                    if !action.is_done(record) && action.is_for(record, open) =>
                {
                    let id = record.id();
                    write!(
                        html,
                        r#"<button class="pt-quiet" name="_action" value="row.{index}:{id}">"#
                    )
                    .expect("writing to a string cannot fail");
                    fields::escape(&action.label, html);
                    html.push_str("</button>");
                }
                Some(RowAction::Link { label, href }) => {
                    let Some(href) = path(href, self.fields, record) else { continue };
                    html.push_str(r#"<a class="pt-button pt-quiet" href=""#);
                    fields::escape(&href, html);
                    html.push_str(r#"">"#);
                    fields::escape(label, html);
                    html.push_str("</a>");
                }
                Some(RowAction::Act(_)) | None => {}
            }
        }
        html.push_str("</td>");
    }

    fn write_value(&self, column: &Column, record: &Record, html: &mut String) {
        let field = self.table.field(column.field);
        let value = &record[column.field];
        write_column(field, column.format, value, html);
    }

    fn write_link(&self, column: &Column, record: &Record, link: &str, html: &mut String) {
        html.push_str(r#"<a class="pt-row-link" href=""#);
        fields::escape(link, html);
        html.push_str(r#"">"#);
        match (&self.table.field(column.field).kind, &record[column.field]) {
            // A link cannot contain another link.
            (FieldKind::Email | FieldKind::Url | FieldKind::PhoneNumber, Plain::Text(text)) => {
                fields::escape(text, html);
            }
            _ => self.write_value(column, record, html),
        }
        html.push_str("</a>");
    }
}

/// Writes the cell with the checkbox that selects the row. Empty if the viewer may do no bulk action to
/// the row.
fn write_choice(id: RecordId, may_be_chosen: bool, html: &mut String) {
    if !may_be_chosen {
        html.push_str(r#"<td class="pt-choose"></td>"#);
        return;
    }
    let open = r#"<td class="pt-choose"><input type="checkbox" name="_record" value=""#;
    write!(html, r#"{open}{id}" aria-label="Choose this row" autocomplete="off"></td>"#)
        .expect("writing to a string cannot fail");
}

/// Returns the start tag of a column's cells, not yet closed. It holds the label, which phones show
/// beside the value.
fn opening(column: &Column, table: &Table) -> String {
    let mut html = String::from("<td");
    if let Some(class) = class(column, table) {
        html.push_str(&format!(r#" class="{class}""#));
    }
    html.push_str(r#" data-label=""#);
    fields::escape(&column.label, &mut html);
    html.push('"');
    html
}

/// Returns the class of a column's cells, `None` if they need none.
pub(super) fn class(column: &Column, table: &Table) -> Option<&'static str> {
    match column.align {
        Some(Align::Left) => Some("pt-align-left"),
        Some(Align::Center) => Some("pt-align-center"),
        Some(Align::Right) => Some("pt-align-right"),
        None => fields::right_aligned(&table.field(column.field).kind).then_some("pt-numeric"),
    }
}

/// Writes ` data-name="value"`, with the value as in the API, without quotes. Writes nothing if the value
/// is missing.
fn write_data(name: &str, value: &Plain, html: &mut String) {
    let Some(text) = entry::text(value) else { return };
    html.push_str(" data-");
    html.push_str(name);
    html.push_str(r#"=""#);
    fields::escape(&text, html);
    html.push('"');
}
