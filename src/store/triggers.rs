//! The triggers that fill the change log, whoever writes.
//!
//! They run in the writer's own SQLite, which may be old and set up in any way: only built-in
//! functions, and right whatever its `recursive_triggers` says.

use crate::model::table::Table;
use crate::store::{meaning, unrounded};

/// How many arguments older versions of SQLite allow a function, less a few.
pub(super) const MAX_ARGUMENTS: usize = 100;
/// The time now, to the millisecond: the same for all of one statement.
const NOW: &str = "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')";

/// The statements that create the table's triggers anew.
pub(super) fn statements(table: &Table) -> Vec<String> {
    let anew = dropped(table.name.as_str()).chain(create(table));
    unrounded::statements(table).into_iter().chain(anew).collect()
}

/// The statements that take away the triggers of a table of this name.
pub(super) fn dropped(table: &str) -> impl Iterator<Item = String> {
    let names = ["before_insert", "after_insert", "after_update", "after_touch", "after_delete"];
    names.into_iter().map(move |name| format!("drop trigger if exists {}", trigger(table, name)))
}

fn create(table: &Table) -> Vec<String> {
    let mut statements = vec![before_insert(table), after_insert(table), after_delete(table)];
    match table.updated_at() {
        Some(at) => {
            let token = quoted(table.field(at).name.as_str());
            statements.extend([bumping_update(table, &token), touch(table, &token)]);
        }
        None => statements.push(plain_update(table)),
    }
    statements
}

/// `insert or replace` removes rows without telling a delete trigger. So rows that might be
/// replaced are noted first, and what became of them is settled after the insert.
fn before_insert(table: &Table) -> String {
    let unique = table.fields.iter().filter(|field| field.unique || field.name.as_str() == "id");
    let same: Vec<_> = unique
        .map(|field| {
            let column = quoted(field.name.as_str());
            format!("{column} = new.{column}")
        })
        .collect();
    let (name, on) = (trigger(table.name.as_str(), "before_insert"), quoted(table.name.as_str()));
    let (text, same, row) = (literal(table), same.join(" or "), row_json(table, ""));
    format!(
        "create trigger {name} before insert on {on} begin
           delete from _pagetide_replaced;
           insert into _pagetide_replaced (table_name, key, old)
             select {text}, id, {row} from {on} where {same};
         end"
    )
}

fn after_insert(table: &Table) -> String {
    let (name, on) = (trigger(table.name.as_str(), "after_insert"), quoted(table.name.as_str()));
    let (text, row) = (literal(table), row_json(table, "new."));
    format!(
        "create trigger {name} after insert on {on} begin
           insert into _pagetide_changes (table_name, key, old, by, at)
             select {text}, key, old, (select user_id from _pagetide_actor), {NOW}
             from _pagetide_replaced
             where table_name = {text} and key <> new.id
               and not exists (select 1 from {on} where id = key);
           insert into _pagetide_changes (table_name, key, old, new, by, at) values (
             {text}, new.id,
             (select old from _pagetide_replaced where table_name = {text} and key = new.id),
             {row}, (select user_id from _pagetide_actor), {NOW});
           delete from _pagetide_replaced;
         end"
    )
}

fn after_delete(table: &Table) -> String {
    let (name, on) = (trigger(table.name.as_str(), "after_delete"), quoted(table.name.as_str()));
    let (text, row) = (literal(table), row_json(table, "old."));
    format!(
        "create trigger {name} after delete on {on} begin
           delete from _pagetide_replaced where table_name = {text} and key = old.id;
           insert into _pagetide_changes (table_name, key, old, by, at)
             values ({text}, old.id, {row}, (select user_id from _pagetide_actor), {NOW});
         end"
    )
}

/// An update of a table without an `updated-at` field.
fn plain_update(table: &Table) -> String {
    let (name, on) = (trigger(table.name.as_str(), "after_update"), quoted(table.name.as_str()));
    let log = log_update(table, &row_json(table, "new."));
    format!("create trigger {name} after update on {on} begin {log} end")
}

/// An update of any other column moves the token on, always forward, and logs the row as it then
/// stands. The update in here names the token alone, so it does not fire this trigger again.
fn bumping_update(table: &Table, token: &str) -> String {
    let (name, on) = (trigger(table.name.as_str(), "after_update"), quoted(table.name.as_str()));
    let others = table.fields.iter().filter(|field| !field.kind.is_generated());
    let others = others.map(|field| quoted(field.name.as_str()));
    let others: Vec<_> = others.filter(|column| column != token).collect();
    let next = format!(
        "max({NOW}, coalesce(strftime('%Y-%m-%dT%H:%M:%fZ', old.{token}, '+0.001 seconds'), {NOW}))"
    );
    let row = row_json_with(table, "new.", token, &next);
    let (others, log) = (others.join(", "), log_update(table, &row));
    format!(
        "create trigger {name} after update of {others} on {on} begin
           {log}
           update {on} set {token} = {next} where id = new.id;
         end"
    )
}

/// An update of the token alone, by another program. Where the update inside `bumping_update`
/// fires this too (`recursive_triggers`), the log already ends with this very row.
fn touch(table: &Table, token: &str) -> String {
    let (name, on) = (trigger(table.name.as_str(), "after_touch"), quoted(table.name.as_str()));
    let others = table.fields.iter().map(|field| quoted(field.name.as_str()));
    let same: Vec<_> = others
        .filter(|column| column != token)
        .map(|column| format!("new.{column} is old.{column}"))
        .collect();
    let (same, row, text) = (same.join(" and "), row_json(table, "new."), literal(table));
    let log = log_update(table, &row);
    format!(
        "create trigger {name} after update of {token} on {on}
         when new.{token} is not old.{token} and {same} and not exists (
           select 1 from _pagetide_changes
           where seq = (select max(seq) from _pagetide_changes)
             and table_name = {text} and key = new.id and new = {row})
         begin {log} end"
    )
}

/// Logs an update; one that gives the record another key, as a delete and an insert.
fn log_update(table: &Table, new: &str) -> String {
    let (text, old) = (literal(table), row_json(table, "old."));
    let who = "(select user_id from _pagetide_actor)";
    format!(
        "insert into _pagetide_changes (table_name, key, old, by, at)
           select {text}, old.id, {old}, {who}, {NOW} where old.id <> new.id;
         insert into _pagetide_changes (table_name, key, old, new, by, at) values ({text}, new.id,
           case when old.id = new.id then {old} end, {new}, {who}, {NOW});"
    )
}

/// The row as a JSON object by column.
fn row_json(table: &Table, prefix: &str) -> String {
    row_json_with(table, prefix, "", "")
}

/// The row as a JSON object by column, with another expression for one column.
fn row_json_with(table: &Table, prefix: &str, replaced: &str, expression: &str) -> String {
    let pairs: Vec<_> = table
        .fields
        .iter()
        .map(|field| {
            let column = quoted(field.name.as_str());
            if column == replaced {
                return format!("'{}', {expression}", field.name);
            }
            // `json_object` refuses a BLOB, and with it the writer's own statement.
            format!("'{}', {}", field.name, meaning::in_json(field, &format!("{prefix}{column}")))
        })
        .collect();
    let objects: Vec<_> = pairs
        .chunks(MAX_ARGUMENTS / 2)
        .map(|pairs| format!("json_object({})", pairs.join(", ")))
        .collect();
    // `{…}` and `{…}` become `{…,…}`: the braces between them are cut away.
    objects
        .into_iter()
        .reduce(|joined, next| {
            format!("(substr({joined}, 1, length({joined}) - 1) || ',' || substr({next}, 2))")
        })
        .unwrap_or_else(|| "'{}'".to_owned())
}

fn trigger(table: &str, name: &str) -> String {
    format!("\"_pagetide_{table}_{name}\"")
}

fn quoted(name: &str) -> String {
    format!("\"{name}\"")
}

fn literal(table: &Table) -> String {
    format!("'{}'", table.name)
}
