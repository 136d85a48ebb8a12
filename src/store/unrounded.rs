//! Which tables hold decimals that are not plainly what they mean: computed by another program, with
//! more digits than a decimal has, or no numbers at all.
//!
//! To sort by such a column each number must be rounded first, which takes longer than the sort. So
//! triggers note the table when such a value is written, in the same transaction, and only what is
//! noted is rounded. Nobody's value is changed.

use crate::model::storage::Storage;
use crate::model::table::Table;

/// The tables that are noted.
pub(super) const NOTED: &str =
    "create table if not exists _pagetide_unrounded (table_name text primary key) without rowid;";

/// Whether a number has so few digits that it is the decimal it means: a whole number of
/// hundred-thousandths, divided again. True for null, too.
pub(super) fn is_short(x: &str) -> String {
    // Beyond ten billion there would be more than 15 digits.
    format!("ifnull({x} > -1e10 and {x} < 1e10 and round({x} * 1e5) / 1e5 = {x}, {x} is null)")
}

/// Whether a table is noted: looked up once in a statement.
pub(super) fn is_noted(table: &str) -> String {
    format!("(select count(*) from _pagetide_unrounded where table_name = '{table}')")
}

/// The statements that note the table, now and whenever it is written to; none for a table without
/// decimals.
pub(super) fn statements(table: &Table) -> Vec<String> {
    let name = table.name.as_str();
    let decimals: Vec<_> = table
        .fields
        .iter()
        .filter(|field| matches!(field.kind.storage(), Storage::Decimal(_)))
        .map(|field| format!("\"{}\"", field.name))
        .collect();
    if decimals.is_empty() {
        return dropped(name).collect();
    }
    let any = |prefix: &str| {
        let each = decimals.iter().map(|x| format!("not {}", is_short(&format!("{prefix}{x}"))));
        each.collect::<Vec<_>>().join(" or ")
    };
    let (of_row, of_new) = (any(&format!("\"{name}\".")), any("new."));
    // Not `or ignore`: the writer's own statement would decide what becomes of a conflict.
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
    statements.extend(dropped(name));
    statements.push(format!(
        "create trigger \"{inserted}\" after insert on \"{name}\" when {of_new} begin {note}; end"
    ));
    statements.push(format!(
        "create trigger \"{updated}\" after update of {columns} on \"{name}\" when {of_new} \
         begin {note}; end"
    ));
    statements
}

/// The statements that take away the triggers of a table of this name.
pub(super) fn dropped(table: &str) -> impl Iterator<Item = String> {
    names(table).into_iter().map(|name| format!("drop trigger if exists \"{name}\""))
}

fn names(table: &str) -> [String; 2] {
    ["insert", "update"].map(|event| format!("_pagetide_{table}_unrounded_{event}"))
}
