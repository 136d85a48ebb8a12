//! Notes the tables with cells in decimal columns that must be rounded: floats with more digits than a
//! decimal has, computed by another program, or cells that are no numbers.
//!
//! To sort by such a column, each number must be rounded first, which takes longer than the sort itself. So
//! triggers note a table when such a cell is written, in the same transaction, and only the numbers of noted
//! tables are rounded. The cells are not changed.

use crate::model::storage::Storage;
use crate::model::table::Table;

/// Creates the table of noted tables.
pub(super) const NOTED: &str =
    "create table if not exists _pagetide_unrounded (table_name text primary key) without rowid;";

/// Returns the condition that a number needs no rounding: it is below ten billion and has five digits after
/// the point at most. True for null, too.
pub(super) fn is_short(x: &str) -> String {
    // Beyond ten billion there would be more than 15 digits.
    format!("ifnull({x} > -1e10 and {x} < 1e10 and round({x} * 1e5) / 1e5 = {x}, {x} is null)")
}

/// Returns the condition that a table is noted. SQLite evaluates it once for a statement.
pub(super) fn is_noted(table: &str) -> String {
    format!("(select count(*) from _pagetide_unrounded where table_name = '{table}')")
}

/// Returns the statements that note the table if it has such cells, and create the triggers that note it
/// later. For a table without decimals, the statements only drop the triggers.
pub(super) fn statements(table: &Table) -> Vec<String> {
    let name = table.name.as_str();
    let decimals: Vec<_> = table
        .fields
        .iter()
        .filter(|field| matches!(field.kind.storage(), Storage::Decimal(_)))
        .map(|field| format!("\"{}\"", field.name))
        .collect();
    if decimals.is_empty() {
        return drop_statements(name).collect();
    }
    let any = |prefix: &str| {
        let each = decimals.iter().map(|x| format!("not {}", is_short(&format!("{prefix}{x}"))));
        each.collect::<Vec<_>>().join(" or ")
    };
    let of_row = any(&format!("\"{name}\"."));
    let of_new = any("new.");
    // Not `insert or ignore`: in a trigger, the conflict clause of the outer statement is used instead.
    let note = format!(
        "insert into _pagetide_unrounded (table_name) select '{name}' where not {}",
        is_noted(name)
    );
    let [inserted, updated] = names(name);
    let columns = decimals.join(", ");
    let mut statements = vec![format!(
        "{note} and not exists (select 1 from sqlite_master where type = 'trigger' and name = '{inserted}') \
         and exists (select 1 from \"{name}\" where {of_row})"
    )];
    statements.extend(drop_statements(name));
    statements.push(format!(
        "create trigger \"{inserted}\" after insert on \"{name}\" when {of_new} begin {note}; end"
    ));
    statements.push(format!(
        "create trigger \"{updated}\" after update of {columns} on \"{name}\" when {of_new} \
         begin {note}; end"
    ));
    statements
}

/// Returns the statements that drop these triggers of a table.
pub(super) fn drop_statements(table: &str) -> impl Iterator<Item = String> {
    names(table).into_iter().map(|name| format!("drop trigger if exists \"{name}\""))
}

fn names(table: &str) -> [String; 2] {
    ["insert", "update"].map(|event| format!("_pagetide_{table}_unrounded_{event}"))
}
