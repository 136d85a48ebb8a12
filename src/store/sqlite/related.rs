//! Reads the related records that label the links of records.

use sea_query::{Alias, Expr, ExprTrait, Query as Sql, SqliteQueryBuilder};
use sea_query_sqlx::{SqlxBinder, SqlxValues};
use sqlx::AssertSqlSafe;

use crate::store::StoreError;
use crate::store::related::{LabelChange, RelatedLoader};
use crate::store::sqlite::readers::ask;
use crate::store::sqlite::select::{among, column, columns, limited};
use crate::store::sqlite::{SqliteEngine, row};

/// For how many records with a changed label the store looks whether others refer to them. For the rest,
/// that is assumed.
const MAX_REFERRERS: usize = 100;

impl SqliteEngine {
    /// Reads all that a loader has requested: the related records, and whether the records of label changes
    /// are referred to.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn load(&self, leads: &mut RelatedLoader) -> Result<(), StoreError> {
        let renamed: Vec<_> = leads.renamed().take(MAX_REFERRERS).cloned().collect();
        for renamed in renamed {
            if !self.has_referrers(&renamed).await? {
                leads.has_no_referrers(renamed);
            }
        }
        let wanted: Vec<_> = leads.wanted().map(|(name, ids)| (name.clone(), ids)).collect();
        for (name, ids) in wanted {
            let table = self.table(&name)?;
            let mut select = columns(table);
            select.and_where(among(table, &ids));
            let (sql, values) = select.build_sqlx(SqliteQueryBuilder);
            let rows = ask!(self.readers, connection => {
                let rows = sqlx::query_with(AssertSqlSafe(sql.clone()), values.clone());
                rows.fetch_all(connection).await.map_err(StoreError::from)
            })?;
            let records = rows.iter().map(|row| row::record(table, row, &self.people));
            leads.read(&name, records.collect());
        }
        Ok(())
    }

    async fn has_referrers(&self, renamed: &LabelChange) -> Result<bool, StoreError> {
        let table = self.table(&renamed.table)?;
        let mut select = Sql::select();
        select.expr(Expr::cust("1")).from(Alias::new(table.name.as_str()));
        select.and_where(column(table, renamed.field).eq(renamed.record.get()));
        let (sql, values) = limited(&select, 1, 0);
        let found = ask!(self.readers, connection => {
            let found = sqlx::query_with(AssertSqlSafe(sql.clone()), SqlxValues(values.clone()));
            found.fetch_optional(connection).await.map_err(StoreError::from)
        });
        Ok(found?.is_some())
    }
}
