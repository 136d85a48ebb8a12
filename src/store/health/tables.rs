//! Whether the tables are still those of which everything is told, with all that was declared and all of
//! our triggers.

use sqlx::{Connection, Row, SqliteConnection};

use super::LastLook;
use crate::model::value::Value;
use crate::store::triggers::TriggerState;
use crate::store::write::SystemStatement;
use crate::store::{Store, StoreError, log, marks, triggers};

/// The tables as far as the log depends on them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TableParts {
    version: i64,
    /// Our triggers: the table, the text, and the row of each, which is another when it was dropped and
    /// made again.
    triggers: Vec<(String, String, i64)>,
}

impl Store {
    /// Compares the tables with what was there at the last look, and mends what can be.
    pub(super) async fn look_at_tables(&self, last: &mut LastLook) -> Result<(), StoreError> {
        let connection = self.connection(last).await?;
        let epoch = log::known_epoch(connection).await?;
        if epoch.as_deref() != Some(self.log.epoch.now().as_str()) {
            // Another server on this database may have begun a new one.
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
            // Only where there is something to mend: meanwhile no other program can write.
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
            let present = triggers::present(&mut transaction, table).await?;
            if made.is_some_and(|made| made != present && present.len() == made.len()) {
                return Err(StoreError::Unfit(format!(
                    "another version of this program or of the app has taken over the table `{}`; \
                     start this server again",
                    table.name
                )));
            }
            let state = triggers::bring(&mut transaction, table).await?;
            is_missing |= state == TriggerState::Missing;
            if state == TriggerState::Missing {
                tracing::warn!(
                    "the table `{}` was made anew by another program, or its triggers dropped: they \
                     are there again, and whoever listens reads again",
                    table.name
                );
            }
        }
        // Before anybody can change it again.
        let schema = self.parts(&mut transaction).await?;
        let mark = marks::parts(&mut transaction).await?;
        transaction.commit().await?;
        let is_other =
            last.schema.as_ref().is_some_and(|before| before.triggers != schema.triggers);
        last.schema = Some(schema);
        // At the next start, anything else has happened while nobody looked.
        let values = vec![Value::text(mark)];
        self.execute(SystemStatement { sql: marks::KEEP_PARTS, values }).await?;
        if is_missing || is_other {
            self.begin_history(last).await?;
        }
        Ok(())
    }

    /// Whether what happens to each table is told: it is there, with all of its triggers.
    async fn are_told(&self, connection: &mut SqliteConnection) -> Result<bool, StoreError> {
        for table in self.tables.iter() {
            if triggers::state(connection, table).await? != TriggerState::Whole {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// What is declared and not there; nothing if all is.
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
                    "the table `{name}` is gone; put it back, or start the server again to have an \
                     empty one made"
                )));
            };
            let table = self.tables.iter().find(|table| table.name.as_str() == name);
            let fields = table.into_iter().flat_map(|table| &table.fields);
            let lost = fields
                .map(|field| field.name.as_str())
                .find(|field| !found.split(',').any(|column| column == *field));
            if let Some(field) = lost {
                return Ok(Some(format!(
                    "the table `{name}` has no column `{field}` any more; put it back, or start the \
                     server again"
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
            (row.get(0), triggers::plain(&row.get::<String, _>(1)), row.get::<i64, _>(2))
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
