//! Migrates the database to the tables that the app declares, in one transaction.
//!
//! A table that differs from its declaration is created anew beside the old one, filled from it, and takes
//! its place. Values that do not fit are counted first: none is lost unless [`Losses::Allowed`] says so.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Connection, Row, SqliteConnection};

use crate::model::ids::TableName;
use crate::model::table::Table;
use crate::store::StoreError;
use crate::store::migration::{Losses, Migrated};
use crate::store::sqlite::marks::Marks;
use crate::store::sqlite::rebuild::{BlockingRows, OldTable, Rebuild, doubt};
use crate::store::sqlite::renames::pending;
use crate::store::sqlite::schema::create_table;
use crate::store::sqlite::triggers::TriggerState;
use crate::store::sqlite::{schema, statements, system_tables, triggers, unrounded};

/// Ends the history of the log: without an epoch in the database, the next one to open it begins another.
const FORGET_HISTORY: &str = "delete from _pagetide_meta where key = 'epoch'";

/// The end of a migration's transaction.
#[derive(Clone, Copy, PartialEq, Eq)]
enum TransactionEnd {
    Commit,
    Rollback,
}

/// Migrates the database to the declared tables. Returns the changes it made.
pub(super) async fn apply(
    connection: &mut SqliteConnection,
    tables: &[Arc<Table>],
    losses: Losses,
) -> Result<Migrated, StoreError> {
    migrate(connection, tables, losses, TransactionEnd::Commit).await
}

/// Returns the changes that [`apply`] would make. The database is unchanged.
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
    // When a table takes the place of its old version, rows that refer to the old one must not be deleted,
    // and references to its name must stay as they are.
    let loose = "pragma foreign_keys = off; pragma legacy_alter_table = on";
    sqlx::raw_sql(loose).execute(&mut *connection).await?;
    let migrated = in_one(connection, tables, losses, end).await;
    let strict = "pragma foreign_keys = on; pragma legacy_alter_table = off";
    sqlx::raw_sql(strict).execute(connection).await?;
    migrated
}

/// Creates our own tables if they are missing. The tables of the app are not touched.
pub(super) async fn apply_own(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    let mut transaction = connection.begin_with("begin immediate").await?;
    system_tables::create_missing(&mut transaction).await?;
    Ok(transaction.commit().await?)
}

/// Performs a whole migration in one transaction.
async fn in_one(
    connection: &mut SqliteConnection,
    tables: &[Arc<Table>],
    losses: Losses,
    end: TransactionEnd,
) -> Result<Migrated, StoreError> {
    let mut transaction = connection.begin_with("begin immediate").await?;
    system_tables::create_missing(&mut transaction).await?;
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
        // The permissions have changed, or another program has changed the schema, so the old history ends.
        // This is no change of the tables, so it is not listed with the statements of the migration.
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
    /// The losses that [`Losses::Refused`] forbids, a line for each.
    lost: Vec<String>,
    /// The obstacles that [`Losses::Allowed`] does not remove, a line for each.
    impossible: Vec<String>,
    /// The tables that this migration created or created anew.
    made_anew: BTreeSet<TableName>,
    /// The new names of renamed tables, by their old names.
    renamed: BTreeMap<String, String>,
}

impl Migration<'_> {
    /// Returns the tables in the database that this program has created, which have our triggers.
    async fn tables(&mut self) -> Result<BTreeSet<String>, StoreError> {
        let ours = "select tbl_name from sqlite_master
                    where type = 'trigger' and name = '_pagetide_' || tbl_name || '_after_insert'";
        let rows = sqlx::query(ours).fetch_all(&mut *self.connection).await?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    }

    /// Migrates one table to its declaration.
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
        // The triggers are created after the seed rows, which are no changes for the log.
        let triggers = triggers::install(self.connection, table).await?;
        if triggers == TriggerState::Missing && !self.made_anew.contains(&table.name) {
            self.forget_history().await?;
        }
        Ok(())
    }

    /// Checks whether something else in the database has this name, such as a view. Returns a message about
    /// it, or `None` if the name can be used for a table.
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
             rename it, or give the table another name"
        )))
    }

    /// Reads a table as it is in the database now.
    async fn old(&mut self, name: &str) -> Result<OldTable, StoreError> {
        let links = "select \"from\", \"table\" from pragma_foreign_key_list(?)";
        let rows = sqlx::query(links).bind(name).fetch_all(&mut *self.connection).await?;
        let link = |row: &_| (text(row, 0), self.name_now(&text(row, 1)));
        let links = rows.iter().map(link).collect();
        let (made_by, columns) = (self.made_by(name).await?, self.columns(name).await?);
        Ok(OldTable { made_by, columns, links })
    }

    /// Returns the new name of a table, or `old` itself if the table was not renamed.
    fn name_now(&self, old: &str) -> String {
        self.renamed.get(old).map_or(old, String::as_str).to_owned()
    }

    async fn columns(&mut self, table: &str) -> Result<Vec<String>, StoreError> {
        let columns = sqlx::query("select name from pragma_table_xinfo(?)").bind(table);
        let rows = columns.fetch_all(&mut *self.connection).await?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    }

    /// Returns the statement that created a table. Empty if there is no such table.
    async fn made_by(&mut self, table: &str) -> Result<String, StoreError> {
        let sql = "select sql from sqlite_master where type = 'table' and name = ?";
        let sql = sqlx::query_scalar::<_, String>(sql).bind(table);
        Ok(sql.fetch_optional(&mut *self.connection).await?.unwrap_or_default())
    }

    /// Renames all tables that have an old name. This comes first, since a new table may have the old name of
    /// another.
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

    /// Renames a table. Indexes and triggers of other programs go with it; ours are dropped, and created
    /// again under the new name.
    async fn rename(&mut self, old: &str, name: &str) -> Result<(), StoreError> {
        for statement in triggers::drop_statements(old).chain(unrounded::drop_statements(old)) {
            self.run(statement).await?;
        }
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

    /// Creates the table anew and fills it from its own rows, unless there are obstacles.
    async fn rebuild(&mut self, table: &Table, old: &OldTable) -> Result<(), StoreError> {
        let name = table.name.as_str();
        let rebuild = Rebuild::new(table, old);
        self.done.changes.extend(rebuild.changes());
        for obstacle in rebuild.obstacles() {
            self.look_at(&obstacle, name).await?;
        }
        // The obstacles are reported in our own words; the statements would fail in those of SQLite.
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

    /// Ends the history of the log, since positions in it refer to the tables as they were before.
    async fn forget_history(&mut self) -> Result<(), StoreError> {
        self.run(FORGET_HISTORY.to_owned()).await
    }

    /// Counts the references of a recreated table to records that do not exist, and removes them if losses
    /// are allowed. Foreign keys are off during a migration, so SQLite does not check them.
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

    /// Returns the indexes and triggers that other programs have put on a table: the kind and name of each,
    /// and the statement that creates it.
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
            // A renamed table is no longer there.
            if self.columns(old).await?.is_empty() {
                continue;
            }
            let words = format!(
                ", since the table is no longer declared; `renamedFrom: {old}` on another table \
                 keeps them"
            );
            let condition = "1".to_owned();
            let place = old.clone();
            let what = "record";
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

    /// Returns the first value of a column for which a condition is true, and its record, for a message:
    /// `, as in 'x' of record 1`.
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

/// Whether a field of the old table refers to another table than the declared one, since that was renamed.
fn refers_elsewhere(table: &Table, old: &OldTable) -> bool {
    table.links().any(|(at, other, _)| {
        let name = table.field(at).name.as_str();
        old.links.iter().any(|(from, to)| from == name && to != other.as_str())
    })
}

fn text(row: &SqliteRow, column: usize) -> String {
    row.get(column)
}

/// Whether the table was created by the same statement that would create it now.
fn is_as_declared(table: &Table, made_by: &str) -> bool {
    let declared = create_table(table.name.as_str(), table);
    // SQLite changes the words before the columns when it stores the statement, so they are not compared.
    let columns = |sql: &str| sql.split_once('(').map(|(_, columns)| columns.to_owned());
    columns(made_by) == columns(&declared)
}
