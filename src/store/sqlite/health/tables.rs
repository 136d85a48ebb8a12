//! Checks whether the tables of the app still have all declared columns and all of our triggers, so that
//! every change is in the log.

use sqlx::{Connection, Row, SqliteConnection};

use super::LastLook;
use crate::model::value::Value;
use crate::store::StoreError;
use crate::store::own::OwnStatement;
use crate::store::sqlite::triggers::TriggerState;
use crate::store::sqlite::{SqliteEngine, log, marks, triggers};

/// The parts of the tables that the log depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TableParts {
    /// SQLite's `schema_version`, which each change of a table moves.
    version: i64,
    /// Our triggers: for each its table, its text, and its row in `sqlite_master`, which is another one if
    /// it was dropped and created again.
    triggers: Vec<(String, String, i64)>,
}

impl SqliteEngine {
    /// Compares the tables with those at the last check. Creates missing triggers again and begins a new
    /// history, since changes may be missing from the log.
    ///
    /// # Errors
    /// [`StoreError::Unfit`] if a table or column is missing, or another version of the app has taken over.
    pub(super) async fn look_at_tables(&self, last: &mut LastLook) -> Result<(), StoreError> {
        let connection = self.connection(last).await?;
        let epoch = log::known_epoch(connection).await?;
        if epoch.as_deref() != Some(self.log.epoch.now().as_str()) {
            // Another server on this database has begun a new history.
            return self.begin_history(last).await;
        }
        let version = schema_version(self.connection(last).await?).await?;
        if last.schema.as_ref().is_some_and(|schema| schema.version == version) {
            return Ok(());
        }
        let known = last.schema.as_ref().map(|schema| schema.triggers.clone());
        let connection = self.connection(last).await?;
        let mut transaction = connection.begin().await?;
        if !self.are_told(&mut transaction).await? {
            // A write transaction is begun only if there is something to repair, since it keeps others from
            // writing.
            transaction.rollback().await?;
            let connection = self.connection(last).await?;
            transaction = connection.begin_with("begin immediate").await?;
        }
        let missing = self.what_is_missing(&mut transaction).await?;
        if let Some(missing) = missing {
            return Err(StoreError::Unfit(missing));
        }
        let mut is_missing = false;
        for table in self.tables.iter() {
            let made: Option<Vec<_>> = known.as_ref().map(|known| {
                let mine = known.iter().filter(|(on, ..)| on == table.name.as_str());
                mine.map(|(_, sql, _)| sql.clone()).collect()
            });
            let present = triggers::present_triggers(&mut transaction, table).await?;
            if made.is_some_and(|made| made != present && present.len() == made.len()) {
                return Err(StoreError::Unfit(format!(
                    "another version of this program or of the app has taken over the table `{}`; \
                     start this server again",
                    table.name
                )));
            }
            let state = triggers::install(&mut transaction, table).await?;
            is_missing |= state == TriggerState::Missing;
            if state == TriggerState::Missing {
                tracing::warn!(
                    "another program created the table `{}` anew or dropped its triggers: they were \
                     created again, and all clients read again",
                    table.name
                );
            }
        }
        // Still within the transaction, before another program can change the tables again.
        let schema = self.parts(&mut transaction).await?;
        let mark = marks::parts(&mut transaction).await?;
        transaction.commit().await?;
        let is_other =
            last.schema.as_ref().is_some_and(|before| before.triggers != schema.triggers);
        last.schema = Some(schema);
        // At the next start, other parts than these mean that the tables were changed while no server ran.
        let values = vec![Value::text(mark)];
        self.execute(OwnStatement::new(marks::KEEP_PARTS, values)).await?;
        if is_missing || is_other {
            self.begin_history(last).await?;
        }
        Ok(())
    }

    /// Whether all changes are logged: each table exists, with all of its triggers.
    async fn are_told(&self, connection: &mut SqliteConnection) -> Result<bool, StoreError> {
        for table in self.tables.iter() {
            if triggers::state(connection, table).await? != TriggerState::Whole {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Returns a message that names a missing table or column. `None` if none is missing.
    async fn what_is_missing(
        &self,
        connection: &mut SqliteConnection,
    ) -> Result<Option<String>, StoreError> {
        let columns = "select group_concat(name, ',') from pragma_table_xinfo(?)";
        let ours = [
            "_pagetide_changes",
            "_pagetide_replaced",
            "_pagetide_actor",
            "_pagetide_unrounded",
            "_pagetide_users",
        ];
        let declared = self.tables.iter().map(|table| table.name.as_str());
        for name in ours.into_iter().chain(declared) {
            let found: Option<String> =
                sqlx::query_scalar(columns).bind(name).fetch_one(&mut *connection).await?;
            let Some(found) = found else {
                return Ok(Some(format!(
                    "the table `{name}` is gone; put it back, or restart the server to create an empty \
                     one"
                )));
            };
            let table = self.tables.iter().find(|table| table.name.as_str() == name);
            let fields = table.into_iter().flat_map(|table| &table.fields);
            let lost = fields
                .map(|field| field.name.as_str())
                .find(|field| !found.split(',').any(|column| column == *field));
            if let Some(field) = lost {
                return Ok(Some(format!(
                    "the table `{name}` no longer has a column `{field}`; put it back, or restart the \
                     server"
                )));
            }
        }
        Ok(None)
    }

    async fn parts(&self, connection: &mut SqliteConnection) -> Result<TableParts, StoreError> {
        let version = schema_version(connection).await?;
        let sql = "select tbl_name, sql, rowid from sqlite_master
                   where type = 'trigger' and
                     substr(name, 1, 11 + length(tbl_name)) = '_pagetide_' || tbl_name || '_'
                   order by name";
        let rows = sqlx::query(sql).fetch_all(connection).await?;
        let parts = rows.iter().map(|row| {
            (row.get(0), triggers::normalized(&row.get::<String, _>(1)), row.get::<i64, _>(2))
        });
        let is_declared = |(on, ..): &(String, String, i64)| {
            self.tables.iter().any(|table| table.name.as_str() == on)
        };
        Ok(TableParts { version, triggers: parts.filter(is_declared).collect() })
    }
}

async fn schema_version(connection: &mut SqliteConnection) -> Result<i64, StoreError> {
    Ok(sqlx::query_scalar("pragma schema_version").fetch_one(connection).await?)
}
