//! The rows of a data table: written directly, since they are most of a page's bytes.

use std::fmt::Write;

use minijinja::{Value, context};

use crate::fields;
use crate::model::component::{Column, DataTable};
use crate::model::query::Sort;
use crate::model::record::{FieldSet, Record};
use crate::model::sort_key::sort_key;
use crate::model::table::Table;

/// Writes rows for one viewer; what is the same for all rows is prepared once.
pub(super) struct RowWriter<'a> {
    table: &'a Table,
    sort: &'a [Sort],
    cells: Vec<(&'a Column, String)>,
}

impl<'a> RowWriter<'a> {
    pub(super) fn new(data_table: &'a DataTable, table: &'a Table, fields: &FieldSet) -> Self {
        let readable = data_table.columns.iter().filter(|column| fields.contains(column.field));
        let cells = readable.map(|column| (column, opening(column, table))).collect();
        Self { table, sort: &data_table.data_source.sort, cells }
    }

    /// What stands above the columns.
    pub(super) fn heads(&self) -> Vec<Value> {
        let head = |(column, _): &(&Column, String)| {
            let numeric = fields::right_aligned(&self.table.field(column.field).kind);
            context! { label => column.label.as_ref(), numeric }
        };
        self.cells.iter().map(head).collect()
    }

    pub(super) fn write(&self, record: &Record, html: &mut String) {
        let (id, key) = (record.id(), sort_key(record, self.sort));
        write!(html, r#"<tr data-id="{id}" data-sort-key="{key}">"#)
            .expect("writing to a string cannot fail");
        for (column, opening) in &self.cells {
            html.push_str(opening);
            fields::write_cell(self.table.field(column.field), &record[column.field], html);
            html.push_str("</td>");
        }
        html.push_str("</tr>\n");
    }
}

/// `<td …>` with the label that phones show beside the value.
fn opening(column: &Column, table: &Table) -> String {
    let numeric = fields::right_aligned(&table.field(column.field).kind);
    let mut html = String::from(if numeric { r#"<td class="numeric""# } else { "<td" });
    html.push_str(r#" data-label=""#);
    fields::escape(&column.label, &mut html);
    html.push_str(r#"">"#);
    html
}
