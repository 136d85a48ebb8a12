//! What has to be read to know what records lead to.

use std::collections::HashMap;
use std::hash::Hash;

use sea_query::{Alias, Expr, ExprTrait, Query as Sql, SqliteQueryBuilder};
use sea_query_sqlx::{SqlxBinder, SqlxValues};
use sqlx::AssertSqlSafe;

use crate::model::change::Change;
use crate::model::field::FieldAt;
use crate::model::ids::{RecordId, TableName};
use crate::model::query::Answer;
use crate::model::record::Record;
use crate::model::related::Related;
use crate::model::table::Table;
use crate::model::value::Value;
use crate::store::readers::ask;
use crate::store::select::{among, column, columns, limited};
use crate::store::{Store, StoreError, row};

/// Of how many records it is found out whether others refer to them; of the rest it is taken for
/// certain.
const MAX_REFERRERS: usize = 100;

/// A record that now goes by something else, as a field of some table leads to it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LabelChange {
    /// The table of the field.
    pub table: TableName,
    /// The field that refers to the record.
    pub field: FieldAt,
    /// The record that it may lead to.
    pub record: RecordId,
}

impl LabelChange {
    /// The record of a change, if it has another label now for the records of `table` that refer to it by this
    /// field; nothing if it has not.
    pub fn of(related: &Related, change: &Change, table: &Table) -> Option<Self> {
        let Change { old, new, .. } = change;
        let is_other = change.table == related.table.name
            && related.apply_labels(old.as_ref()) != related.apply_labels(new.as_ref());
        is_other.then(|| Self {
            table: table.name.clone(),
            field: related.field,
            record: change.record_id,
        })
    }
}

/// What has to be read to know what records lead to.
#[derive(Clone, Debug, Default)]
pub struct RelatedLoader {
    /// Records by which others are labelled: nothing where there is none.
    records: HashMap<TableName, HashMap<RecordId, Option<Record>>>,
    /// Whether any record leads to these; until that is known, it is taken for certain.
    renamed: HashMap<LabelChange, bool>,
}

impl RelatedLoader {
    /// Notes that a record is to be read.
    pub fn request(&mut self, related: &Related, value: &Value) {
        if let Value::Link(link) = value
            && related.display.is_some()
        {
            self.records.entry(related.table.name.clone()).or_default().insert(link.id, None);
        }
    }

    /// Notes every record that an answer leads to.
    pub fn want_all(&mut self, related: &[Related], answer: &mut Answer) {
        for_each(related, answer, |related, value| self.request(related, value));
    }

    /// Notes that it is to be found out whether any record leads to this one.
    pub fn want_referrers(&mut self, renamed: LabelChange) {
        self.renamed.insert(renamed, true);
    }

    /// The records of which that is to be found out.
    pub fn renamed(&self) -> impl Iterator<Item = &LabelChange> {
        self.renamed.keys()
    }

    /// Takes in that no record leads to this one.
    pub fn has_no_referrers(&mut self, renamed: LabelChange) {
        self.renamed.insert(renamed, false);
    }

    /// Whether some record may lead to this one.
    pub fn may_have_referrers(&self, renamed: &LabelChange) -> bool {
        self.renamed.get(renamed).is_none_or(|some| *some)
    }

    /// What is to be read, by table.
    pub fn wanted(&self) -> impl Iterator<Item = (&TableName, Vec<RecordId>)> {
        self.records.iter().map(|(table, records)| (table, records.keys().copied().collect()))
    }

    /// Takes in records that were read.
    pub fn read(&mut self, table: &TableName, records: Vec<Record>) {
        let known = self.records.entry(table.clone()).or_default();
        known.extend(records.into_iter().map(|record| (record.id(), Some(record))));
    }

    /// Whether everything that a record leads to was asked for.
    pub fn cover(&self, related: &[Related], record: &Record) -> bool {
        related.iter().all(|related| match &record[related.field] {
            Value::Link(link) if related.display.is_some() => self
                .records
                .get(&related.table.name)
                .is_some_and(|known| known.contains_key(&link.id)),
            _ => true,
        })
    }

    /// Gives a record's links what they go by.
    pub fn label(&self, related: &[Related], record: &mut Record) {
        for related in related {
            self.label_value(related, &mut record.values[related.field.index()]);
        }
    }

    /// Gives all links of an answer what they go by.
    pub fn label_all(&self, related: &[Related], answer: &mut Answer) {
        for_each(related, answer, |related, value| self.label_value(related, value));
    }

    fn label_value(&self, related: &Related, value: &mut Value) {
        if let Value::Link(link) = value {
            let record =
                self.records.get(&related.table.name).and_then(|known| known.get(&link.id));
            link.label = related.apply_labels(record.and_then(Option::as_ref));
        }
    }
}

/// Every value of an answer that is of a field which refers to records.
fn for_each(related: &[Related], answer: &mut Answer, mut then: impl FnMut(&Related, &mut Value)) {
    for related in related {
        match answer {
            Answer::Rows(rows) => {
                let records = rows.records.iter_mut();
                records.for_each(|record| then(related, &mut record.values[related.field.index()]));
            }
            // Keys of other fields are no links.
            Answer::Groups(groups) => {
                groups.groups.iter_mut().for_each(|group| then(related, &mut group.key));
            }
            Answer::Figure(_) => {}
        }
    }
}

impl Store {
    /// Reads what has to be known of what records lead to.
    ///
    /// # Errors
    /// When the database does not answer.
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
