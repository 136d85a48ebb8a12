//! What has to be read to know what records lead to.

use sea_query::{Alias, Expr, ExprTrait, Query as Sql, SqliteQueryBuilder};
use sea_query_sqlx::SqlxBinder;
use sqlx::AssertSqlSafe;

use crate::model::related::{Leads, Renamed};
use crate::model::table::FieldAt;
use crate::store::select::{column, columns};
use crate::store::{Store, StoreError, row};

/// How many records are read by their ids in one statement.
const MAX_AT_ONCE: usize = 500;
/// Of how many records it is found out whether others refer to them; of the rest it is taken for
/// certain.
const MAX_REFERRERS: usize = 100;

impl Store {
    /// Reads what has to be known of what records lead to.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn lead(&self, leads: &mut Leads) -> Result<(), StoreError> {
        let renamed: Vec<_> = leads.renamed().take(MAX_REFERRERS).cloned().collect();
        for renamed in renamed {
            if !self.has_referrers(&renamed).await? {
                leads.has_no_referrers(renamed);
            }
        }
        let wanted: Vec<_> = leads.wanted().map(|(name, ids)| (name.clone(), ids)).collect();
        for (name, ids) in wanted {
            let table = self.table(&name)?;
            for ids in ids.chunks(MAX_AT_ONCE) {
                let mut select = columns(table);
                let ids = ids.iter().map(|id| id.get());
                select.and_where(column(table, FieldAt::ID).is_in(ids));
                let (sql, values) = select.build_sqlx(SqliteQueryBuilder);
                let rows = sqlx::query_with(AssertSqlSafe(sql), values);
                let rows = rows.fetch_all(&self.readers).await?;
                let records = rows.iter().map(|row| row::record(table, row, &self.people));
                leads.read(&name, records.collect());
            }
        }
        Ok(())
    }

    async fn has_referrers(&self, renamed: &Renamed) -> Result<bool, StoreError> {
        let table = self.table(&renamed.table)?;
        let mut select = Sql::select();
        select.expr(Expr::val(1)).from(Alias::new(table.name.as_str())).limit(1);
        select.and_where(column(table, renamed.field).eq(renamed.record.get()));
        let (sql, values) = select.build_sqlx(SqliteQueryBuilder);
        let found = sqlx::query_with(AssertSqlSafe(sql), values);
        Ok(found.fetch_optional(&self.readers).await?.is_some())
    }
}
