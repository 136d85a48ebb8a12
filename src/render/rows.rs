//! The rows of a data table: written directly, since they are most of a page's bytes.

use std::fmt::Write;

use minijinja::{Value, context};

use crate::fields;
use crate::fields::control::editor;
use crate::fields::entry;
use crate::model::component::{Column, DataTable};
use crate::model::query::Sort;
use crate::model::record::{FieldSet, Record};
use crate::model::sort_key::sort_key;
use crate::model::table::{FieldAt, Table};
use crate::model::value::Value as Plain;

/// Writes rows for one viewer; what is the same for all rows is prepared once.
pub(super) struct RowWriter<'a> {
    table: &'a Table,
    sort: &'a [Sort],
    cells: Vec<(&'a Column, String)>,
    /// What an edit is held against, where cells can be edited and the reader may see it.
    lock: Option<FieldAt>,
}

impl<'a> RowWriter<'a> {
    pub(super) fn new(data_table: &'a DataTable, table: &'a Table, fields: &FieldSet) -> Self {
        let readable = data_table.columns.iter().filter(|column| fields.contains(column.field));
        let cells = readable.map(|column| (column, opening(column, table))).collect();
        let lock = table.updated_at().filter(|at| data_table.is_editable() && fields.contains(*at));
        Self { table, sort: &data_table.window.sort, cells, lock }
    }

    /// The name of the field that edits are held against.
    pub(super) fn lock(&self) -> Option<&'a str> {
        self.lock.map(|at| self.table.field(at).name.as_str())
    }

    /// What stands above the columns, and how each is edited, where the viewer may.
    pub(super) fn heads(&self, editable: &FieldSet) -> Vec<Value> {
        let head = |(column, _): &(&Column, String)| {
            let field = self.table.field(column.field);
            let numeric = fields::right_aligned(&field.kind);
            let is_editable = column.editable && editable.contains(column.field);
            let editor = editor(field).filter(|_| is_editable);
            let editor = editor.and_then(|editor| serde_json::to_string(&editor).ok());
            context! { label => column.label.as_ref(), numeric, editor }
        };
        self.cells.iter().map(head).collect()
    }

    pub(super) fn write(&self, record: &Record, html: &mut String) {
        let (id, key) = (record.id(), sort_key(record, self.sort));
        write!(html, r#"<tr data-id="{id}" data-sort-key="{key}""#)
            .expect("writing to a string cannot fail");
        if let Some(lock) = self.lock {
            write_data("updated-at", &record[lock], html);
        }
        html.push('>');
        for (column, opening) in &self.cells {
            html.push_str(opening);
            if column.editable {
                write_data("value", &record[column.field], html);
            }
            html.push('>');
            fields::write_cell(self.table.field(column.field), &record[column.field], html);
            html.push_str("</td>");
        }
        html.push_str("</tr>\n");
    }
}

/// `<td …`, not yet closed, with the label that phones show beside the value.
fn opening(column: &Column, table: &Table) -> String {
    let numeric = fields::right_aligned(&table.field(column.field).kind);
    let mut html = String::from(if numeric { r#"<td class="numeric""# } else { "<td" });
    html.push_str(r#" data-label=""#);
    fields::escape(&column.label, &mut html);
    html.push('"');
    html
}

/// Writes ` data-name="value"`: the value as the API has it, without its quotes; nothing if it is
/// missing.
fn write_data(name: &str, value: &Plain, html: &mut String) {
    let Some(text) = entry::text(value) else { return };
    html.push_str(" data-");
    html.push_str(name);
    html.push_str(r#"=""#);
    fields::escape(&text, html);
    html.push('"');
}
