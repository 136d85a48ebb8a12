//! Fixed statements on our own tables: accounts, sessions, tokens. One text serves every engine; parameters
//! are written `$1`, `$2` and so on.

use std::borrow::Cow;

use crate::model::value::Value;
use crate::store::{Store, StoreError, on};

/// A fixed statement on our own tables, with the values of its parameters in their order: texts, integers and
/// null.
#[derive(Clone, Debug)]
pub(super) struct OwnStatement {
    pub(super) sql: Cow<'static, str>,
    pub(super) values: Vec<Value>,
}

impl OwnStatement {
    pub(super) fn new(sql: impl Into<Cow<'static, str>>, values: Vec<Value>) -> Self {
        Self { sql: sql.into(), values }
    }
}

/// A row that such a statement returns: texts, integers and null, by the place of their column.
#[derive(Clone, Debug)]
pub(super) struct OwnRow(pub(super) Vec<Value>);

impl OwnRow {
    /// The text in a column. `None` if the column is null or holds no text.
    pub(super) fn text(&self, column: usize) -> Option<&str> {
        match self.0.get(column) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// The text in a column that is never null.
    pub(super) fn always_text(&self, column: usize) -> &str {
        self.text(column).unwrap_or_default()
    }

    /// The integer in a column. `None` if the column is null or holds no integer.
    pub(super) fn integer(&self, column: usize) -> Option<i64> {
        match self.0.get(column) {
            Some(Value::Integer(number)) => Some(*number),
            _ => None,
        }
    }

    /// The integer in a column that is never null.
    pub(super) fn always_integer(&self, column: usize) -> i64 {
        self.integer(column).unwrap_or_default()
    }
}

impl Store {
    /// Executes a statement that writes, and returns how many rows it changed.
    pub(super) async fn execute(&self, statement: OwnStatement) -> Result<u64, StoreError> {
        on!(self, engine => engine.execute(statement).await)
    }

    /// Executes a statement that reads, and returns its rows.
    pub(super) async fn own_rows(
        &self,
        statement: OwnStatement,
    ) -> Result<Vec<OwnRow>, StoreError> {
        on!(self, engine => engine.own_rows(statement).await)
    }
}
