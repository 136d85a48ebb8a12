//! The triggers that fill the change log, for writes of any program.
//!
//! They run in the SQLite of the program that writes, which may be an old version with any settings. So they
//! use built-in functions only, and are right whether `recursive_triggers` is on or off.
//!
//! Other triggers on the table may run before and after these, and change the row again. So a line of the
//! log does not hold what its statement wrote, but the row **as it stands** when the line is written, and
//! each state that a row leaves is the old one of some later line. A reader who applies all lines in order
//! then ends with the row as it is, in whatever order the triggers run.

use sqlx::{AssertSqlSafe, Row, SqliteConnection};

use crate::model::field::Field;
use crate::model::storage::Storage;
use crate::model::table::Table;
use crate::store::StoreError;
use crate::store::sqlite::{meaning, unrounded};

/// How many arguments a function takes at most: a few less than older versions of SQLite allow.
pub(super) const MAX_ARGUMENTS: usize = 100;
/// The time now, to the millisecond. It is the same throughout a statement.
const NOW: &str = "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')";
/// The account that writes; null if it is not known.
const WHO: &str = "(select user_id from _pagetide_actor)";
/// How many outdated notes of rows that were not replaced may remain before they are deleted.
const MAX_NOTES: usize = 16;
/// The mark in the row before an update for a long text that the row after it has too. It cannot be mistaken
/// for a value, since no field is stored as an array in the log.
pub(super) const UNCHANGED: &str = "[]";
/// The least length of a text that [`UNCHANGED`] replaces, in characters.
const LONG: usize = 64;
/// The last parts of the triggers' names.
const EVENTS: [&str; 6] = [
    "before_insert",
    "after_insert",
    "before_update",
    "after_touch",
    "after_update",
    "after_delete",
];

/// The state of our triggers on a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TriggerState {
    /// The table has exactly the triggers that it should have.
    Whole,
    /// The table has all of them, but some have another text, or there are further ones.
    Other,
    /// Some triggers are missing, so changes may be missing from the log.
    Missing,
}

/// Creates our triggers on a table, unless it has them already. Returns the state before.
pub(super) async fn install(
    connection: &mut SqliteConnection,
    table: &Table,
) -> Result<TriggerState, StoreError> {
    let state = state(connection, table).await?;
    if state != TriggerState::Whole {
        let logging = create(table, &unique_together(connection, table).await?);
        // While the triggers were missing, the notes were not kept up to date.
        let forget = "delete from _pagetide_replaced where table_name = ?";
        sqlx::query(forget).bind(table.name.as_str()).execute(&mut *connection).await?;
        // The statements of `unrounded` come first: they look whether their own triggers exist.
        let noting = unrounded::statements(table).into_iter();
        for statement in noting.chain(drop_statements(table.name.as_str())).chain(logging) {
            sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut *connection).await?;
        }
    }
    Ok(state)
}

/// Returns the state of our triggers on a table, without writing anything.
pub(super) async fn state(
    connection: &mut SqliteConnection,
    table: &Table,
) -> Result<TriggerState, StoreError> {
    let mut wanted = create(table, &unique_together(connection, table).await?);
    let noting = unrounded::statements(table).into_iter();
    wanted.extend(noting.filter(|statement| statement.starts_with("create trigger")));
    Ok(compare_triggers(&wanted, &present_triggers(connection, table).await?))
}

/// Returns the texts of our triggers on a table, of any version of this program, in the order of their names
/// and in the form of [`normalized`].
pub(super) async fn present_triggers(
    connection: &mut SqliteConnection,
    table: &Table,
) -> Result<Vec<String>, StoreError> {
    let ours = "select sql from sqlite_master where type = 'trigger' and tbl_name = ?1
                and substr(name, 1, 11 + length(?1)) = '_pagetide_' || ?1 || '_' order by name";
    let rows = sqlx::query(ours).bind(table.name.as_str()).fetch_all(connection).await?;
    Ok(rows.iter().map(|row| normalized(&row.get::<String, _>(0))).collect())
}

/// Returns the text of a trigger in a form that can be compared. SQLite changes the first words of a text
/// when it stores it, and puts names in quotes when a table is renamed.
pub(super) fn normalized(sql: &str) -> String {
    let (first, rest) = sql.split_at_checked("create trigger ".len()).unwrap_or((sql, ""));
    first.to_lowercase() + &rest.replace('"', "")
}

fn compare_triggers(wanted: &[String], present: &[String]) -> TriggerState {
    let mut wanted: Vec<_> = wanted.iter().map(|sql| normalized(sql)).collect();
    wanted.sort_unstable();
    let mut known = present.to_vec();
    known.sort_unstable();
    let name = |sql: &String| sql.split(' ').nth(2).map(str::to_owned);
    if wanted == known {
        TriggerState::Whole
    } else if wanted.iter().map(name).all(|wanted| known.iter().map(name).any(|it| it == wanted)) {
        TriggerState::Other
    } else {
        TriggerState::Missing
    }
}

/// Returns the statements that drop our triggers on a table.
pub(super) fn drop_statements(table: &str) -> impl Iterator<Item = String> {
    EVENTS.into_iter().map(move |event| format!("drop trigger if exists {}", trigger(table, event)))
}

/// The columns of a unique index, each with its collation.
type Together = Vec<(String, String)>;

/// Returns the unique indexes of a table: those of its own rules, and those of other programs.
async fn unique_together(
    connection: &mut SqliteConnection,
    table: &Table,
) -> Result<Vec<Together>, StoreError> {
    let sql = "select list.name, info.name, info.coll
               from pragma_index_list(?) as list, pragma_index_xinfo(list.name) as info
               where list.\"unique\" = 1 and info.key = 1 and info.name is not null
               order by list.name, info.seqno";
    let rows = sqlx::query(sql).bind(table.name.as_str()).fetch_all(connection).await?;
    let mut indexes: Vec<(String, Together)> = Vec::new();
    for row in &rows {
        let (index, column): (String, String) = (row.get(0), row.get(1));
        let term = (column, row.get::<String, _>(2));
        match indexes.last_mut().filter(|(last, _)| *last == index) {
            Some((_, together)) => together.push(term),
            None => indexes.push((index, vec![term])),
        }
    }
    let mut all: Vec<_> = indexes.into_iter().map(|(_, together)| together).collect();
    all.sort_unstable();
    all.dedup();
    Ok(all)
}

/// Returns the statements that create the triggers, in their order. SQLite fires the newest trigger first, so
/// `after_update`, which logs an update, fires before `after_touch`.
fn create(table: &Table, unique: &[Together]) -> Vec<String> {
    let mut statements = vec![
        before_insert(table, unique),
        after_insert(table),
        before_update(table, unique),
        after_delete(table),
    ];
    match table.updated_at() {
        Some(at) => {
            let token = quoted(table.field(at).name.as_str());
            statements.extend([touch(table, &token), bumping_update(table, &token)]);
        }
        None => statements.push(plain_update(table)),
    }
    statements
}

/// The trigger that notes the rows which an insert may replace. `insert or replace` removes rows without
/// firing delete triggers. So rows that might be replaced are noted before the insert, and those that are
/// gone after it are logged as deleted.
fn before_insert(table: &Table, unique: &[Together]) -> String {
    let name = trigger(table.name.as_str(), "before_insert");
    let on = quoted(table.name.as_str());
    let note = note_replaced(table, &same_key(table, unique));
    format!("create trigger {name} before insert on {on} begin {note} end")
}

/// The trigger that notes the rows which an `update or replace` may replace: see [`before_insert`].
fn before_update(table: &Table, unique: &[Together]) -> String {
    let name = trigger(table.name.as_str(), "before_update");
    let on = quoted(table.name.as_str());
    let columns = unique.iter().flatten().map(|(column, _)| column.as_str()).chain(["id"]);
    let generated = table.fields.iter().filter(|field| field.kind.is_generated());
    let generated: Vec<_> = generated.map(|field| field.name.as_str()).collect();
    let mut columns: Vec<_> = columns.filter(|column| !generated.contains(column)).collect();
    columns.sort_unstable();
    columns.dedup();
    let columns = columns.into_iter().map(quoted).collect::<Vec<_>>().join(", ");
    let note =
        note_replaced(table, &format!("\"id\" <> old.\"id\" and ({})", same_key(table, unique)));
    format!("create trigger {name} before update of {columns} on {on} begin {note} end")
}

/// The condition that a row has the id or a unique value of the new row.
fn same_key(table: &Table, unique: &[Together]) -> String {
    let on = quoted(table.name.as_str());
    let sets = unique.iter().map(|together| {
        let terms = together.iter().map(|(column, collation)| {
            let column = quoted(column);
            format!("{on}.{column} = new.{column} collate {collation}")
        });
        format!("({})", terms.collect::<Vec<_>>().join(" and "))
    });
    [format!("{on}.\"id\" = new.\"id\"")].into_iter().chain(sets).collect::<Vec<_>>().join(" or ")
}

/// The statements that note the rows for which `which` is true, since they may be replaced. Earlier notes of
/// rows that are still there are deleted, but only when there are many: a statement around this one (in
/// whose trigger this one runs) still needs its notes.
fn note_replaced(table: &Table, which: &str) -> String {
    let text = table_literal(table);
    let on = quoted(table.name.as_str());
    let row = row_json(table);
    let last = MAX_NOTES - 1;
    format!(
        "delete from _pagetide_replaced where table_name = {text}
           and exists (select 1 from _pagetide_replaced limit 1 offset {last})
           and exists (select 1 from {on} where {on}.\"id\" = key);
         insert into _pagetide_replaced (table_name, key, old)
           select {text}, {on}.\"id\", {row} from {on} where {which};"
    )
}

fn after_insert(table: &Table) -> String {
    let name = trigger(table.name.as_str(), "after_insert");
    let on = quoted(table.name.as_str());
    let text = table_literal(table);
    let row = row_json(table);
    let replaced = replaced(table, "");
    let noted = noted(table);
    format!(
        "create trigger {name} after insert on {on} begin
           {replaced}
           insert into _pagetide_changes (table_name, key, old, new, by, at)
             select {text}, new.\"id\", {noted}, {row}, {WHO}, {NOW}
             from {on} where {on}.\"id\" = new.\"id\";
           delete from _pagetide_replaced where table_name = {text} and (key = new.\"id\"
             or not exists (select 1 from {on} where {on}.\"id\" = key));
         end"
    )
}

/// The statement that logs the deletion of noted rows that are gone.
fn replaced(table: &Table, but: &str) -> String {
    let text = table_literal(table);
    let on = quoted(table.name.as_str());
    format!(
        "insert into _pagetide_changes (table_name, key, old, by, at)
           select {text}, noted.key, noted.old, {WHO}, {NOW} from _pagetide_replaced as noted
           where noted.table_name = {text} {but}
             and not exists (select 1 from {on} where {on}.\"id\" = noted.key)
             and noted.rowid = (select max(rowid) from _pagetide_replaced as last
               where last.table_name = {text} and last.key = noted.key);"
    )
}

/// The expression of the row that the new one replaced, from its note; null if there was none.
fn noted(table: &Table) -> String {
    let text = table_literal(table);
    format!(
        "(select old from _pagetide_replaced where table_name = {text} and key = new.\"id\"
           order by rowid desc limit 1)"
    )
}

/// The trigger that logs a deletion. If another trigger has inserted the row again, it is logged as an
/// update.
fn after_delete(table: &Table) -> String {
    let name = trigger(table.name.as_str(), "after_delete");
    let on = quoted(table.name.as_str());
    let (text, old, now) =
        (table_literal(table), old_json(table), row_now(table, "old", &row_json(table)));
    format!(
        "create trigger {name} after delete on {on} begin
           delete from _pagetide_replaced
             where table_name = {text} and key = old.\"id\" and old = {old};
           insert into _pagetide_changes (table_name, key, old, new, by, at)
             values ({text}, old.\"id\", {old}, {now}, {WHO}, {NOW});
         end"
    )
}

/// The trigger that logs updates of a table without an `updated-at` field.
fn plain_update(table: &Table) -> String {
    let name = trigger(table.name.as_str(), "after_update");
    let on = quoted(table.name.as_str());
    let log = log_update(table, &row_json(table));
    format!("create trigger {name} after update on {on} begin {log} end")
}

/// The trigger that logs updates of a table with an `updated-at` field, and sets this field, called the
/// token here. An update of any other column moves the token on, always forward. The row is logged as it
/// will be with the new token. The update in this trigger names the token alone, so it does not fire the
/// trigger again.
fn bumping_update(table: &Table, token: &str) -> String {
    let name = trigger(table.name.as_str(), "after_update");
    let on = quoted(table.name.as_str());
    let others = table.fields.iter().filter(|field| !field.kind.is_generated());
    let others = others.map(|field| quoted(field.name.as_str()));
    let others: Vec<_> = others.filter(|column| column != token).collect();
    let next = format!(
        "max({NOW}, coalesce(strftime('%Y-%m-%dT%H:%M:%fZ', old.{token}, '+0.001 seconds'), {NOW}))"
    );
    // Another trigger that ran before may have moved the token on already.
    let moved = format!("case when {on}.{token} is old.{token} then {next} else {on}.{token} end");
    let row =
        json_object(
            table,
            &format!("{on}."),
            |_, column, json| {
                if column == token { moved.clone() } else { json }
            },
        );
    let others = others.join(", ");
    let log = log_update(table, &row);
    format!(
        "create trigger {name} after update of {others} on {on} begin
           {log}
           update {on} set {token} = {next} where \"id\" = new.\"id\" and {token} is old.{token};
         end"
    )
}

/// The trigger that logs the updates which [`bumping_update`] does not: an update of the token alone by
/// another program, and the updates that other triggers make because the token was moved on. During these,
/// `bumping_update` does not fire again unless `recursive_triggers` is on.
///
/// An update that `bumping_update` has logged must not be logged twice. There are two such cases. Either the
/// token has another value by now, or this is the update of the token alone within `bumping_update`, and the
/// last line of the log holds the row as it is. For other updates, such a last line is not enough to leave
/// them out: it may be that of a later update, which does not hold the state that this update left. (If the
/// row was noted, each line begins with the state that the one before it ended with.)
fn touch(table: &Table, token: &str) -> String {
    let name = trigger(table.name.as_str(), "after_touch");
    let on = quoted(table.name.as_str());
    let (text, row, before) = (table_literal(table), row_json(table), before_json(table));
    let now = row_now(table, "new", &row);
    let log = log_update(table, &row);
    let noted = noted(table);
    let others = table.fields.iter().map(|field| quoted(field.name.as_str()));
    let others = others.chain([quoted("id")]).filter(|column| column != token);
    let same: Vec<_> = others.map(|column| format!("old.{column} is new.{column}")).collect();
    let same = same.join(" and ");
    format!(
        "create trigger {name} after update on {on}
         when not exists (select 1 from {on}
             where {on}.\"id\" = new.\"id\" and {on}.{token} is not new.{token})
           and not exists (select 1 from _pagetide_changes
             where seq = (select max(seq) from _pagetide_changes)
               and table_name = {text} and key = new.\"id\" and new is {now}
               and ({same} or old is {before} or {noted} is not null))
         begin {log} end"
    )
}

/// The statements that log an update; an update of the id is logged under both ids. `row` is the expression
/// of the row as it stands. If there is a note of the row, it holds the last logged state, and is used as
/// the old one: another program's trigger may update a row that has just replaced another, before that is
/// logged.
fn log_update(table: &Table, row: &str) -> String {
    let text = table_literal(table);
    let on = quoted(table.name.as_str());
    let old = old_json(table);
    let was = row_now(table, "old", &row_json(table));
    let is = row_now(table, "new", row);
    let replaced = replaced(table, "and noted.key <> old.\"id\"");
    let noted = noted(table);
    let before = before_json(table);
    format!(
        "{replaced}
         insert into _pagetide_changes (table_name, key, old, new, by, at)
           select {text}, old.\"id\", {old}, {was}, {WHO}, {NOW} where old.\"id\" <> new.\"id\";
         insert into _pagetide_changes (table_name, key, old, new, by, at)
           select {text}, new.\"id\",
             coalesce({noted}, case when old.\"id\" = new.\"id\" then {before} end), {is}, {WHO}, {NOW}
           where old.\"id\" = new.\"id\"
             or exists (select 1 from {on} where {on}.\"id\" = new.\"id\");
         delete from _pagetide_replaced where table_name = {text} and (
           not exists (select 1 from {on} where {on}.\"id\" = key)
           or old.\"id\" <> new.\"id\" and key in (old.\"id\", new.\"id\"));
         update _pagetide_replaced set old = {is} where table_name = {text} and key = new.\"id\";"
    )
}

/// The expression of the row before an update as it is logged: without long texts that the row still has, see
/// [`UNCHANGED`].
fn before_json(table: &Table) -> String {
    let on = quoted(table.name.as_str());
    json_object(table, "old.", |field, column, json| match field.kind.storage() {
        Storage::Text | Storage::Json => format!(
            "case when length(old.{column}) >= {LONG} and old.{column} is \
               (select {column} from {on} where {on}.\"id\" = new.\"id\")
             then json_array() else {json} end"
        ),
        _ => json,
    })
}

/// The expression of the row that now has the id of the `old` or `new` row, as `of` says; null if there is
/// none.
fn row_now(table: &Table, of: &str, row: &str) -> String {
    let on = quoted(table.name.as_str());
    format!("(select {row} from {on} where {on}.\"id\" = {of}.\"id\")")
}

/// The expression of the `old` row as a JSON object, by column.
fn old_json(table: &Table) -> String {
    json_object(table, "old.", |_, _, json| json)
}

/// The expression of a row of the table as a JSON object, by column.
fn row_json(table: &Table) -> String {
    json_object(table, &format!("{}.", quoted(table.name.as_str())), |_, _, json| json)
}

/// The expression of a row as a JSON object, by column. `put` receives the expression of each column, and
/// returns the one to use.
fn json_object(
    table: &Table,
    prefix: &str,
    put: impl Fn(&Field, &str, String) -> String,
) -> String {
    let pairs: Vec<_> = table
        .fields
        .iter()
        .map(|field| {
            let column = quoted(field.name.as_str());
            // `json_object` refuses a BLOB, and with it the writer's own statement.
            let json = meaning::in_json(field, &format!("{prefix}{column}"));
            format!("'{}', {}", field.name, put(field, &column, json))
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

fn table_literal(table: &Table) -> String {
    format!("'{}'", table.name)
}

#[cfg(test)]
mod tests;
