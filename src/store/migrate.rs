//! Brings the database to what the app declares: all of it, or nothing.
//!
//! A table that differs is made anew beside the old one, filled from it, and takes its place. What
//! does not fit is counted first: no value is lost unless that is asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Connection, Row, SqliteConnection};

use crate::model::ids::TableName;
use crate::model::table::Table;
use crate::store::marks::Marks;
use crate::store::rebuild::{BlockingRows, OldTable, Rebuild, doubt};
use crate::store::renames::pending;
use crate::store::schema::create_table;
use crate::store::triggers::TriggerState;
use crate::store::{StoreError, schema, statements, system_tables, triggers, unrounded};

/// Another epoch is made where there is none.
const FORGET_HISTORY: &str = "delete from _pagetide_meta where key = 'epoch'";

/// What may become of values that no longer fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Losses {
    /// Nothing: the database is left as it is.
    Refused,
    /// Values may be lost.
    Allowed,
}

/// What was done to the database.
#[derive(Clone, Debug, Default)]
pub struct Migrated {
    /// Tables that did not exist before.
    pub created: Vec<TableName>,
    /// What else was changed, a line each.
    pub changes: Vec<String>,
    /// The statements that did it.
    pub sql: Vec<String>,
}

/// Whether what was done stays.
#[derive(Clone, Copy, PartialEq, Eq)]
enum TransactionEnd {
    Commit,
    Rollback,
}

/// Brings the database to what the app declares.
pub(super) async fn apply(
    connection: &mut SqliteConnection,
    tables: &[Arc<Table>],
    losses: Losses,
) -> Result<Migrated, StoreError> {
    migrate(connection, tables, losses, TransactionEnd::Commit).await
}

/// What [`apply`] would do; the database stays as it is.
pub(super) async fn plan(
    connection: &mut SqliteConnection,
    tables: &[Arc<Table>],
    losses: Losses,
) -> Result<Migrated, StoreError> {
    migrate(connection, tables, losses, TransactionEnd::Rollback).await
}

async fn migrate(
    connection: &mut SqliteConnection,
    tables: &[Arc<Table>],
    losses: Losses,
    end: TransactionEnd,
) -> Result<Migrated, StoreError> {
    // A table that takes another's place must not take along what refers to it.
    let loose = "pragma foreign_keys = off; pragma legacy_alter_table = on";
    sqlx::raw_sql(loose).execute(&mut *connection).await?;
    let migrated = in_one(connection, tables, losses, end).await;
    let strict = "pragma foreign_keys = on; pragma legacy_alter_table = off";
    sqlx::raw_sql(strict).execute(connection).await?;
    migrated
}

/// Makes our own tables where they are missing, and leaves those of the app alone.
pub(super) async fn apply_own(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    let mut transaction = connection.begin_with("begin immediate").await?;
    system_tables::bring(&mut transaction).await?;
    Ok(transaction.commit().await?)
}

/// All of it in one transaction.
async fn in_one(
    connection: &mut SqliteConnection,
    tables: &[Arc<Table>],
    losses: Losses,
    end: TransactionEnd,
) -> Result<Migrated, StoreError> {
    let mut transaction = connection.begin_with("begin immediate").await?;
    system_tables::bring(&mut transaction).await?;
    let marks = Marks::of(&mut transaction, tables).await?;
    let mut migration = Migration {
        connection: &mut transaction,
        declared: tables,
        losses,
        done: Migrated::default(),
        lost: Vec::new(),
        impossible: Vec::new(),
        made_anew: BTreeSet::new(),
        renamed: BTreeMap::new(),
    };
    let before = migration.tables().await?;
    if Marks::kept(migration.connection).await? != marks {
        // Other eyes may see other records, or another program has changed what it liked.
        // That is no statement of a migration, so it is not told as one.
        sqlx::raw_sql(FORGET_HISTORY).execute(&mut *migration.connection).await?;
    }
    migration.rename_all(&before).await?;
    for table in tables {
        migration.bring(table).await?;
    }
    migration.drop_undeclared(tables, &before).await?;
    for table in tables {
        migration.look_at_links(table).await?;
    }
    let Migration { done, lost, impossible, .. } = migration;
    if !impossible.is_empty() {
        return Err(StoreError::DoesNotFit(impossible));
    }
    if !lost.is_empty() {
        return Err(StoreError::WouldLose(lost));
    }
    if end == TransactionEnd::Commit {
        Marks::of(&mut transaction, tables).await?.keep(&mut transaction).await?;
        transaction.commit().await?;
    }
    Ok(done)
}

struct Migration<'a> {
    connection: &'a mut SqliteConnection,
    declared: &'a [Arc<Table>],
    losses: Losses,
    done: Migrated,
    /// What would be lost and may not be.
    lost: Vec<String>,
    /// What no permission helps.
    impossible: Vec<String>,
    /// Tables whose rows were put there now.
    made_anew: BTreeSet<TableName>,
    /// The new names of tables by those that they had.
    renamed: BTreeMap<String, String>,
}

impl Migration<'_> {
    /// The tables that this program has made.
    async fn tables(&mut self) -> Result<BTreeSet<String>, StoreError> {
        let ours = "select tbl_name from sqlite_master
                    where type = 'trigger' and name = '_pagetide_' || tbl_name || '_after_insert'";
        let rows = sqlx::query(ours).fetch_all(&mut *self.connection).await?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    }

    /// Brings one table to what is declared.
    async fn bring(&mut self, table: &Table) -> Result<(), StoreError> {
        let name = table.name.as_str();
        if let Some(words) = self.taken(name).await? {
            self.impossible.push(words);
            return Ok(());
        }
        if self.columns(name).await?.is_empty() {
            self.run(create_table(name, table)).await?;
            self.seed(table).await?;
            self.made_anew.insert(table.name.clone());
            self.done.created.push(table.name.clone());
        } else {
            let old = self.old(name).await?;
            if !is_as_declared(table, &old.made_by) || refers_elsewhere(table, &old) {
                self.rebuild(table, &old).await?;
            }
        }
        for statement in schema::indexes(table) {
            sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut *self.connection).await?;
        }
        // Seed rows are no changes: the triggers come after them.
        let triggers = triggers::bring(self.connection, table).await?;
        if triggers == TriggerState::Missing && !self.made_anew.contains(&table.name) {
            self.forget_history().await?;
        }
        Ok(())
    }

    /// What else in the database has the name of a table, in words; it is not ours to take the place of.
    async fn taken(&mut self, name: &str) -> Result<Option<String>, StoreError> {
        let sql = "select case when type <> 'table' then type when wr then 'wr' end
                   from pragma_table_list where schema = 'main' and name = ?1 collate nocase
                   union all
                   select type from sqlite_master
                   where type = 'index' and name = ?1 collate nocase";
        let found: Option<Option<String>> =
            sqlx::query_scalar(sql).bind(name).fetch_optional(&mut *self.connection).await?;
        let what = match found.flatten().as_deref() {
            Some("view") => "a view",
            Some("index") => "an index",
            Some("virtual" | "shadow") => "a virtual table or a part of one",
            Some("wr") => "a table without rowid",
            _ => return Ok(None),
        };
        Ok(Some(format!(
            "{name}: there is {what} of this name in the database, which is no table for records; \
             call the table otherwise, or that"
        )))
    }

    /// A table as it is now.
    async fn old(&mut self, name: &str) -> Result<OldTable, StoreError> {
        let links = "select \"from\", \"table\" from pragma_foreign_key_list(?)";
        let rows = sqlx::query(links).bind(name).fetch_all(&mut *self.connection).await?;
        let link = |row: &_| (text(row, 0), self.name_now(&text(row, 1)));
        let links = rows.iter().map(link).collect();
        let (made_by, columns) = (self.made_by(name).await?, self.columns(name).await?);
        Ok(OldTable { made_by, columns, links })
    }

    /// What a table is called now that was called so before.
    fn name_now(&self, old: &str) -> String {
        self.renamed.get(old).map_or(old, String::as_str).to_owned()
    }

    async fn columns(&mut self, table: &str) -> Result<Vec<String>, StoreError> {
        let columns = sqlx::query("select name from pragma_table_xinfo(?)").bind(table);
        let rows = columns.fetch_all(&mut *self.connection).await?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    }

    /// The statement that made a table.
    async fn made_by(&mut self, table: &str) -> Result<String, StoreError> {
        let sql = "select sql from sqlite_master where type = 'table' and name = ?";
        let sql = sqlx::query_scalar::<_, String>(sql).bind(table);
        Ok(sql.fetch_optional(&mut *self.connection).await?.unwrap_or_default())
    }

    /// Gives every table that is under an old name its new one, before anything else is done: a new
    /// table may have the old name.
    async fn rename_all(&mut self, before: &BTreeSet<String>) -> Result<(), StoreError> {
        let tables = self.declared;
        let mut there = BTreeSet::new();
        for table in tables {
            let name = table.name.as_str();
            if self.taken(name).await?.is_some() || !self.columns(name).await?.is_empty() {
                there.insert(name);
            }
        }
        let declared = tables
            .iter()
            .map(|table| (table.name.as_str(), table.renamed_from.as_ref().map(TableName::as_str)));
        let declared: Vec<_> = declared.collect();
        let renamed = pending(&declared, |old| before.contains(old), |name| there.contains(name));
        for renaming in renamed.iter().filter(|renaming| renaming.is_doubtful) {
            let (from, to) = (renaming.from, renaming.to);
            let words =
                format!("{to}: there are records of both `{from}` and `{to}`, {}", doubt(from));
            self.impossible.push(words);
        }
        if self.impossible.is_empty() {
            for renaming in renamed {
                self.rename(renaming.from, renaming.to).await?;
                self.renamed.insert(renaming.from.to_owned(), renaming.to.to_owned());
            }
        }
        Ok(())
    }

    /// Gives a table another name, and with it the indexes and triggers that others put on it.
    async fn rename(&mut self, old: &str, name: &str) -> Result<(), StoreError> {
        for statement in triggers::dropped(old).chain(unrounded::dropped(old)) {
            self.run(statement).await?;
        }
        // They are made anew under the new name.
        let ours = "select name from sqlite_master where type = 'index' and tbl_name = ?
                    and substr(name, 1, 10) = '_pagetide_'";
        let indexes = sqlx::query(ours).bind(old).fetch_all(&mut *self.connection).await?;
        for index in indexes {
            self.run(format!("drop index \"{}\"", index.get::<String, _>(0))).await?;
        }
        self.done.changes.push(format!("table {old} is now {name}"));
        self.run(format!("alter table \"{old}\" rename to \"{name}\"")).await?;
        self.forget_history().await
    }

    /// Makes the table anew from its own rows.
    async fn rebuild(&mut self, table: &Table, old: &OldTable) -> Result<(), StoreError> {
        let name = table.name.as_str();
        let rebuild = Rebuild::new(table, old);
        self.done.changes.extend(rebuild.changes());
        for obstacle in rebuild.obstacles() {
            self.look_at(&obstacle, name).await?;
        }
        // What stands in the way is told in other words than the database's.
        if !self.lost.is_empty() || !self.impossible.is_empty() {
            return Ok(());
        }
        self.made_anew.insert(table.name.clone());
        let extras = self.extras(name).await?;
        for statement in rebuild.statements() {
            self.run(statement).await?;
        }
        for (what, statement) in extras {
            if let Err(error) = self.run(statement).await {
                let why = error.cause();
                self.impossible.push(format!(
                    "{name}: its {what}, which is not declared here, cannot stay: {why}; drop it first"
                ));
            }
        }
        self.forget_history().await
    }

    /// A position in the history of tables as they were means nothing now.
    async fn forget_history(&mut self) -> Result<(), StoreError> {
        self.run(FORGET_HISTORY.to_owned()).await
    }

    /// Counts references to records that are not there. The database itself is not asked to mind
    /// them while tables are made anew.
    async fn look_at_links(&mut self, table: &Table) -> Result<(), StoreError> {
        if !self.made_anew.contains(&table.name) {
            return Ok(());
        }
        let name = table.name.as_str();
        for (at, other, _) in table.links() {
            let field = table.field(at);
            let column = format!("\"{}\"", field.name);
            let condition = format!(
                "{column} is not null and not exists (
                   select 1 from \"{other}\" as other where other.\"id\" = \"{name}\".{column})"
            );
            let obstacle = BlockingRows {
                condition: condition.clone(),
                sample: Some(column.clone()),
                what: "value",
                words: format!(" that no record of {other} has as its id"),
                place: format!("{name}.{}", field.name),
                is_loss: !field.required,
            };
            if self.look_at(&obstacle, name).await? > 0 && self.losses == Losses::Allowed {
                self.run(format!("update \"{name}\" set {column} = null where {condition}"))
                    .await?;
            }
        }
        Ok(())
    }

    async fn look_at(&mut self, obstacle: &BlockingRows, table: &str) -> Result<i64, StoreError> {
        let BlockingRows { condition, sample, what, words, place, is_loss } = obstacle;
        let count = self.count(table, condition).await?;
        if count == 0 {
            return Ok(0);
        }
        let plural = if count == 1 { "" } else { "s" };
        let mut told = format!("{place}: {count} {what}{plural}{words}");
        if let Some(column) = sample {
            told.push_str(&self.sample(table, column, condition).await?);
        }
        match (is_loss, self.losses) {
            (false, _) => self.impossible.push(told),
            (true, Losses::Refused) => self.lost.push(told),
            (true, Losses::Allowed) => self.done.changes.push(format!("lost: {told}")),
        }
        Ok(count)
    }

    /// The indexes and triggers that others have put on a table, each with what makes it.
    async fn extras(&mut self, table: &str) -> Result<Vec<(String, String)>, StoreError> {
        let extras = "select type || ' ' || name, sql from sqlite_master where tbl_name = ? and sql is not null
                      and type in ('index', 'trigger') and substr(name, 1, 10) <> '_pagetide_'";
        let rows = sqlx::query(extras).bind(table).fetch_all(&mut *self.connection).await?;
        Ok(rows.iter().map(|row| (text(row, 0), text(row, 1))).collect())
    }

    async fn drop_undeclared(
        &mut self,
        tables: &[Arc<Table>],
        before: &BTreeSet<String>,
    ) -> Result<(), StoreError> {
        let declared: BTreeSet<_> = tables.iter().map(|table| table.name.as_str()).collect();
        for old in before.iter().filter(|old| !declared.contains(old.as_str())) {
            // One that was renamed is no longer there.
            if self.columns(old).await?.is_empty() {
                continue;
            }
            let words = format!(
                ", since the table is no longer declared; `renamedFrom: {old}` on another table \
                 keeps them"
            );
            let (condition, place, what) = ("1".to_owned(), old.clone(), "record");
            let obstacle =
                BlockingRows { condition, sample: None, what, words, place, is_loss: true };
            self.look_at(&obstacle, old).await?;
            self.run(format!("drop table \"{old}\"")).await?;
            self.done.changes.push(format!("table {old} is gone"));
        }
        Ok(())
    }

    async fn seed(&mut self, table: &Table) -> Result<(), StoreError> {
        for record in &table.seed {
            let given = table.all().filter(|(at, _)| !record[*at].is_null());
            let values = given.map(|(at, _)| (at, record[at].clone())).collect::<Vec<_>>();
            statements::insert(self.connection, table, &values).await.map_err(|cause| {
                StoreError::Seed { table: table.name.clone(), cause: Box::new(cause) }
            })?;
        }
        Ok(())
    }

    async fn count(&mut self, table: &str, condition: &str) -> Result<i64, StoreError> {
        let sql = format!("select count(*) from \"{table}\" where {condition}");
        Ok(sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut *self.connection).await?)
    }

    /// The first of some values, and the record it stands in.
    async fn sample(
        &mut self,
        table: &str,
        column: &str,
        condition: &str,
    ) -> Result<String, StoreError> {
        let sql = format!(
            "select ', as in ' || substr(quote({column}), 1, 40) || ' of record ' || rowid
             from \"{table}\" where {condition} order by rowid limit 1"
        );
        Ok(sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut *self.connection).await?)
    }

    async fn run(&mut self, sql: String) -> Result<(), StoreError> {
        sqlx::raw_sql(AssertSqlSafe(sql.clone())).execute(&mut *self.connection).await?;
        self.done.sql.push(sql);
        Ok(())
    }
}

/// Whether a field refers to a table that has another name now, while another has taken its own.
fn refers_elsewhere(table: &Table, old: &OldTable) -> bool {
    table.links().any(|(at, other, _)| {
        let name = table.field(at).name.as_str();
        old.links.iter().any(|(from, to)| from == name && to != other.as_str())
    })
}

fn text(row: &SqliteRow, column: usize) -> String {
    row.get(column)
}

/// Whether the table was made by the very statement that would make it now.
fn is_as_declared(table: &Table, made_by: &str) -> bool {
    let declared = create_table(table.name.as_str(), table);
    // SQLite writes the words before the columns in its own way.
    let columns = |sql: &str| sql.split_once('(').map(|(_, columns)| columns.to_owned());
    columns(made_by) == columns(&declared)
}
