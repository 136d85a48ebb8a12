//! The triggers that fill the change log, whoever writes.
//!
//! They run in the writer's own SQLite, which may be old and set up in any way: only built-in
//! functions, and right whatever its `recursive_triggers` says.
//!
//! Other triggers on the table may run before and after these, and change the row again. So a line
//! of the log does not hold what its statement wrote, but the row **as it stands** when the line is
//! written, and each state that a row leaves is the old one of some line written later. Whoever
//! applies all lines in order then ends with the row as it is, in whatever order triggers run.

use sqlx::{AssertSqlSafe, Row, SqliteConnection};

use crate::model::field::Field;
use crate::model::storage::Storage;
use crate::model::table::Table;
use crate::store::{StoreError, meaning, unrounded};

/// How many arguments older versions of SQLite allow a function, less a few.
pub(super) const MAX_ARGUMENTS: usize = 100;
/// The time now, to the millisecond: the same for all of one statement.
const NOW: &str = "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')";
/// Who writes, where that is known.
const WHO: &str = "(select user_id from _pagetide_actor)";
/// How many notes of rows that were not replaced after all may lie about.
const MAX_NOTES: usize = 16;
/// Stands in the row before an update for a long text that the row after it has too. No value of a
/// field is an array in the log.
pub(super) const UNCHANGED: &str = "[]";
/// How long a text is at least that is not kept twice: below that, saying so takes as much.
const LONG: usize = 64;
/// What the triggers do.
const EVENTS: [&str; 6] = [
    "before_insert",
    "after_insert",
    "before_update",
    "after_touch",
    "after_update",
    "after_delete",
];

/// What a table has for triggers of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TriggerState {
    /// The very ones that it should have.
    Whole,
    /// All of them, but some are other than they should be.
    Other,
    /// Some are not there: what was written meanwhile is in no line of the log.
    Missing,
}

/// Gives the table the triggers that it should have, unless it has them; says what it had.
pub(super) async fn bring(
    connection: &mut SqliteConnection,
    table: &Table,
) -> Result<TriggerState, StoreError> {
    let state = state(connection, table).await?;
    if state != TriggerState::Whole {
        let logging = create(table, &unique_together(connection, table).await?);
        // While they were gone nobody kept the notes.
        let forget = "delete from _pagetide_replaced where table_name = ?";
        sqlx::query(forget).bind(table.name.as_str()).execute(&mut *connection).await?;
        // What is noted first looks whether its own triggers are there yet.
        let noting = unrounded::statements(table).into_iter();
        for statement in noting.chain(dropped(table.name.as_str())).chain(logging) {
            sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut *connection).await?;
        }
    }
    Ok(state)
}

/// What the table has for triggers of ours. Nothing is written.
pub(super) async fn state(
    connection: &mut SqliteConnection,
    table: &Table,
) -> Result<TriggerState, StoreError> {
    let mut wanted = create(table, &unique_together(connection, table).await?);
    let noting = unrounded::statements(table).into_iter();
    wanted.extend(noting.filter(|statement| statement.starts_with("create trigger")));
    Ok(compare(&wanted, &present(connection, table).await?))
}

/// The texts of the triggers of ours that the table has, whoever made them, in the order of their
/// names. They are compared with each other only.
pub(super) async fn present(
    connection: &mut SqliteConnection,
    table: &Table,
) -> Result<Vec<String>, StoreError> {
    let ours = "select sql from sqlite_master where type = 'trigger' and tbl_name = ?1
                and substr(name, 1, 11 + length(?1)) = '_pagetide_' || ?1 || '_' order by name";
    let rows = sqlx::query(ours).bind(table.name.as_str()).fetch_all(connection).await?;
    Ok(rows.iter().map(|row| plain(&row.get::<String, _>(0))).collect())
}

/// The text of a trigger as it is compared. SQLite keeps it in its own way: it writes the first words
/// itself, and puts names in quotes where a table is renamed.
pub(super) fn plain(sql: &str) -> String {
    let (first, rest) = sql.split_at_checked("create trigger ".len()).unwrap_or((sql, ""));
    first.to_lowercase() + &rest.replace('"', "")
}

fn compare(wanted: &[String], present: &[String]) -> TriggerState {
    let mut wanted: Vec<_> = wanted.iter().map(|sql| plain(sql)).collect();
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

/// The statements that take away the triggers of a table of this name.
pub(super) fn dropped(table: &str) -> impl Iterator<Item = String> {
    EVENTS.into_iter().map(move |event| format!("drop trigger if exists {}", trigger(table, event)))
}

/// Columns that must not be the same in two rows, each with how it is compared.
type Together = Vec<(String, String)>;

/// What must be unique in the table, by its own rules and by indexes that others put on it.
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

/// In the order in which they are made. SQLite fires the newest first, so an update is logged before
/// it is touched on.
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

/// `insert or replace` removes rows without telling a delete trigger. So rows that might be
/// replaced are noted first, and what became of them is settled after the insert.
fn before_insert(table: &Table, unique: &[Together]) -> String {
    let (name, on) = (trigger(table.name.as_str(), "before_insert"), quoted(table.name.as_str()));
    let note = note(table, &same(table, unique));
    format!("create trigger {name} before insert on {on} begin {note} end")
}

/// The same for `update or replace`.
fn before_update(table: &Table, unique: &[Together]) -> String {
    let (name, on) = (trigger(table.name.as_str(), "before_update"), quoted(table.name.as_str()));
    let columns = unique.iter().flatten().map(|(column, _)| column.as_str()).chain(["id"]);
    let generated = table.fields.iter().filter(|field| field.kind.is_generated());
    let generated: Vec<_> = generated.map(|field| field.name.as_str()).collect();
    let mut columns: Vec<_> = columns.filter(|column| !generated.contains(column)).collect();
    columns.sort_unstable();
    columns.dedup();
    let columns = columns.into_iter().map(quoted).collect::<Vec<_>>().join(", ");
    let note = note(table, &format!("\"id\" <> old.\"id\" and ({})", same(table, unique)));
    format!("create trigger {name} before update of {columns} on {on} begin {note} end")
}

/// Whether a row has what a new one may not have too.
fn same(table: &Table, unique: &[Together]) -> String {
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

/// Notes rows that may be about to be replaced. What was noted of others that were not is of no use
/// any more, but only a few notes are looked at each time: of a statement around this one, the
/// notes are still needed.
fn note(table: &Table, which: &str) -> String {
    let (text, on, row) = (literal(table), quoted(table.name.as_str()), row_json(table));
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
    let (name, on) = (trigger(table.name.as_str(), "after_insert"), quoted(table.name.as_str()));
    let (text, row, replaced) = (literal(table), row_json(table), replaced(table, ""));
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

/// Logs what was noted and is not there any more.
fn replaced(table: &Table, but: &str) -> String {
    let (text, on) = (literal(table), quoted(table.name.as_str()));
    format!(
        "insert into _pagetide_changes (table_name, key, old, by, at)
           select {text}, noted.key, noted.old, {WHO}, {NOW} from _pagetide_replaced as noted
           where noted.table_name = {text} {but}
             and not exists (select 1 from {on} where {on}.\"id\" = noted.key)
             and noted.rowid = (select max(rowid) from _pagetide_replaced as last
               where last.table_name = {text} and last.key = noted.key);"
    )
}

/// The row that the new one took the place of; null if there was none.
fn noted(table: &Table) -> String {
    let text = literal(table);
    format!(
        "(select old from _pagetide_replaced where table_name = {text} and key = new.\"id\"
           order by rowid desc limit 1)"
    )
}

/// A row that a trigger has put there again was changed.
fn after_delete(table: &Table) -> String {
    let (name, on) = (trigger(table.name.as_str(), "after_delete"), quoted(table.name.as_str()));
    let (text, old, now) =
        (literal(table), old_json(table), row_now(table, "old", &row_json(table)));
    format!(
        "create trigger {name} after delete on {on} begin
           delete from _pagetide_replaced
             where table_name = {text} and key = old.\"id\" and old = {old};
           insert into _pagetide_changes (table_name, key, old, new, by, at)
             values ({text}, old.\"id\", {old}, {now}, {WHO}, {NOW});
         end"
    )
}

/// An update of a table without an `updated-at` field.
fn plain_update(table: &Table) -> String {
    let (name, on) = (trigger(table.name.as_str(), "after_update"), quoted(table.name.as_str()));
    let log = log_update(table, &row_json(table));
    format!("create trigger {name} after update on {on} begin {log} end")
}

/// An update of any other column moves the token on, always forward. The row is logged as it will
/// stand then: the update in here names the token alone, so it does not fire this trigger again.
fn bumping_update(table: &Table, token: &str) -> String {
    let (name, on) = (trigger(table.name.as_str(), "after_update"), quoted(table.name.as_str()));
    let others = table.fields.iter().filter(|field| !field.kind.is_generated());
    let others = others.map(|field| quoted(field.name.as_str()));
    let others: Vec<_> = others.filter(|column| column != token).collect();
    let next = format!(
        "max({NOW}, coalesce(strftime('%Y-%m-%dT%H:%M:%fZ', old.{token}, '+0.001 seconds'), {NOW}))"
    );
    // A trigger that ran before may have moved it on already.
    let moved = format!("case when {on}.{token} is old.{token} then {next} else {on}.{token} end");
    let row =
        json_object(
            table,
            &format!("{on}."),
            |_, column, json| {
                if column == token { moved.clone() } else { json }
            },
        );
    let (others, log) = (others.join(", "), log_update(table, &row));
    format!(
        "create trigger {name} after update of {others} on {on} begin
           {log}
           update {on} set {token} = {next} where \"id\" = new.\"id\" and {token} is old.{token};
         end"
    )
}

/// What the other one cannot see: an update of the token alone by another program, and what other
/// triggers do because the token was moved on: while it does that, `bumping_update` is not fired
/// again unless `recursive_triggers` is on. Where it has logged the update, the token is another by
/// now, or it was the update of the token alone in there, whose row the log ends with already. That the
/// log ends with the row as it stands is not enough for others: that may be the line of a later update,
/// which says nothing of the state that this one left. (Where the row was noted, each line begins with
/// what the one before it ended with.)
fn touch(table: &Table, token: &str) -> String {
    let (name, on) = (trigger(table.name.as_str(), "after_touch"), quoted(table.name.as_str()));
    let (text, row, before) = (literal(table), row_json(table), before_json(table));
    let (now, log, noted) = (row_now(table, "new", &row), log_update(table, &row), noted(table));
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

/// Logs an update; one that gives the record another key, under both. `row` is the row as it stands.
/// Where a row was noted, the note is what the log said last of it: a trigger of somebody else may
/// update a row that has just taken the place of another, before that is logged.
fn log_update(table: &Table, row: &str) -> String {
    let (text, on, old) = (literal(table), quoted(table.name.as_str()), old_json(table));
    let (was, is) = (row_now(table, "old", &row_json(table)), row_now(table, "new", row));
    let (replaced, noted) = (replaced(table, "and noted.key <> old.\"id\""), noted(table));
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

/// The row before an update, as the log has it: without long texts that the row as it stands has too.
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

/// The row that an id now stands for; null if there is none. `of` is `old` or `new`.
fn row_now(table: &Table, of: &str, row: &str) -> String {
    let on = quoted(table.name.as_str());
    format!("(select {row} from {on} where {on}.\"id\" = {of}.\"id\")")
}

/// The row before, as a JSON object by column.
fn old_json(table: &Table) -> String {
    json_object(table, "old.", |_, _, json| json)
}

/// A row of the table, as a JSON object by column.
fn row_json(table: &Table) -> String {
    json_object(table, &format!("{}.", quoted(table.name.as_str())), |_, _, json| json)
}

/// A row as a JSON object by column. `put` may put another expression in the place of a column's.
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

fn literal(table: &Table) -> String {
    format!("'{}'", table.name)
}

#[cfg(test)]
mod tests;
