//! Selects records: filters, orders and pages as SQL. Every condition is true or false, never null, so that
//! it means the same as [`Filter::matches`].

use sea_query::{Alias, BinOper, Expr, ExprTrait, Func, NullOrdering, Order, Query as Sql};
use sea_query::{SelectStatement, SqliteQueryBuilder, Value as SqlValue, Values};
use sea_query_sqlx::SqlxBinder;
use serde_json::Value as Json;
use sqlx::{AssertSqlSafe, SqliteConnection};

use crate::model::decimal;
use crate::model::field::{FieldAt, FieldKind};
use crate::model::filter::{Filter, Test};
use crate::model::ids::RecordId;
use crate::model::query::{After, Direction, Sort, Window};
use crate::model::record::Record;
use crate::model::storage::Storage;
use crate::model::table::Table;
use crate::model::value::{Value, list_text};
use crate::store::StoreError;
use crate::store::people::UserNames;
use crate::store::sqlite::readers::ask;
use crate::store::sqlite::schema::is_clock;
use crate::store::sqlite::{SqliteEngine, meaning, row};

impl SqliteEngine {
    /// Returns one record. `None` if it does not exist.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn get(&self, table: &Table, id: RecordId) -> Result<Option<Record>, StoreError> {
        ask!(self.readers, connection => record_by_id(connection, table, id, &self.people).await)
    }
}

/// Reads one record on a connection that may be inside a transaction. `None` if it does not exist.
pub(super) async fn record_by_id(
    connection: &mut SqliteConnection,
    table: &Table,
    id: RecordId,
    people: &UserNames,
) -> Result<Option<Record>, StoreError> {
    let mut select = columns(table);
    select.and_where(column(table, FieldAt::ID).eq(id.get()));
    let (sql, values) = select.build_sqlx(SqliteQueryBuilder);
    let found = sqlx::query_with(AssertSqlSafe(sql), values).fetch_optional(connection).await?;
    Ok(found.map(|row| row::record(table, &row, people)))
}

/// Returns the statement that selects the records which pass a filter, in the order of a window and from its
/// start. The window's limit and offset are added by [`limited`].
pub(super) fn window(table: &Table, filter: &Filter, wanted: &Window) -> SelectStatement {
    let mut select = columns(table);
    select.and_where(condition(table, filter));
    if let Some(after) = &wanted.after {
        select.and_where(comes_after(table, &wanted.sort, after));
    }
    // No two records have the same `id`, so terms after it decide nothing. Without them, SQLite can use an
    // index for the order.
    let terms = wanted.sort.iter().position(|sort| sort.field == FieldAt::ID);
    let terms = terms.map_or(wanted.sort.len(), |last| last + 1);
    for sort in &wanted.sort[..terms] {
        order(&mut select, table, *sort);
    }
    if wanted.sort.get(terms.wrapping_sub(1)).is_none_or(|sort| sort.field != FieldAt::ID) {
        select.order_by_expr(column(table, FieldAt::ID), Order::Asc);
    }
    select
}

/// Returns the text and the bound values of a statement that skips `offset` rows and returns `limit` at most.
///
/// The limit is written into the text: its value influences SQLite's query plan, so if it were bound, SQLite
/// would compile the statement anew for each value. The offset does not, and is bound.
pub(super) fn limited(select: &SelectStatement, limit: u64, offset: u64) -> (String, Values) {
    let (mut sql, Values(mut values)) = select.build(SqliteQueryBuilder);
    sql.push_str(&format!(" LIMIT {}", Ord::min(limit, i64::MAX.unsigned_abs())));
    if offset > 0 {
        sql.push_str(" OFFSET ?");
        values.push(Ord::min(offset, i64::MAX.unsigned_abs()).into());
    }
    (sql, Values(values))
}

/// Returns the statement that counts the records which pass a filter.
pub(super) fn count(table: &Table, filter: &Filter) -> SelectStatement {
    let mut select = Sql::select();
    select.expr(Func::count(Expr::cust("*"))).from(Alias::new(table.name.as_str()));
    select.and_where(condition(table, filter));
    select
}

pub(super) fn columns(table: &Table) -> SelectStatement {
    let mut select = Sql::select();
    select.exprs(table.all().map(|(at, _)| column(table, at)));
    select.from(Alias::new(table.name.as_str()));
    select
}

/// Returns the condition that a record has one of these ids. Its text is the same for lists of any length,
/// so that the statement stays prepared.
pub(super) fn among(table: &Table, ids: &[RecordId]) -> Expr {
    let list = Json::from_iter(ids.iter().map(|id| id.get())).to_string();
    let id = meaning::column(table.name.as_str(), "id");
    Expr::cust_with_values(format!("{id} in (select value from json_each(?))"), [list])
}

fn order(select: &mut SelectStatement, table: &Table, sort: Sort) {
    let order = match sort.direction {
        Direction::Asc => Order::Asc,
        Direction::Desc => Order::Desc,
    };
    let field = table.field(sort.field);
    if field.kind == FieldKind::Id || is_clock(&field.kind) {
        // These columns are never null, so a plain term allows SQLite to use an index.
        select.order_by_expr(column(table, sort.field), order);
        return;
    }
    let value = value(table, sort.field);
    // Missing values come last whatever the direction.
    let last = NullOrdering::Last;
    if is_text(table, sort.field) {
        let folded = Expr::cust_with_exprs("? COLLATE NOCASE", [value.clone()]);
        select.order_by_expr_with_nulls(folded, order.clone(), last);
        select.order_by_expr(value, order);
    } else {
        select.order_by_expr_with_nulls(value, order, last);
    }
}

/// Returns the condition that a record comes after a place in an order.
fn comes_after(table: &Table, sort: &[Sort], after: &After) -> Expr {
    let last = column(table, FieldAt::ID).gt(after.id.get());
    // Built from the last field to the first: a record comes after the place if it does so by this field, or
    // is equal in it and comes after by the fields that follow.
    sort.iter().zip(&after.values).rev().fold(last, |rest, (sort, value)| {
        let field = self::value(table, sort.field);
        if value.is_null() {
            return field.is_null().and(rest);
        }
        let further = comes_after_by(table, *sort, &field, value);
        let same = equals(&field, value);
        let further = if sort.field == FieldAt::ID { further } else { further.or(field.is_null()) };
        further.or(same.and(rest))
    })
}

/// Returns the condition that a field comes after a value in an order.
fn comes_after_by(table: &Table, sort: Sort, field: &Expr, value: &Value) -> Expr {
    let sign = match sort.direction {
        Direction::Asc => ">",
        Direction::Desc => "<",
    };
    if is_text(table, sort.field) {
        text_order(field, sign, value)
    } else {
        field.clone().binary(BinOper::Custom(sign), bound_for(sign, value))
    }
}

/// A column, qualified by the name of its table: see [`meaning::column`].
pub(super) fn column(table: &Table, at: FieldAt) -> Expr {
    let name = Alias::new(table.field(at).name.as_str());
    Expr::col((Alias::new(table.name.as_str()), name))
}

/// The value of a field as an expression, for sorting and comparing: see [`meaning::value`].
fn value(table: &Table, at: FieldAt) -> Expr {
    Expr::cust(meaning::value(table.name.as_str(), table.field(at)))
}

/// Whether a field is sorted as text.
fn is_text(table: &Table, at: FieldAt) -> bool {
    let storage = table.field(at).kind.storage();
    storage.is_text() || matches!(storage, Storage::List | Storage::Json)
}

/// Returns a filter as an SQL condition.
pub(super) fn condition(table: &Table, filter: &Filter) -> Expr {
    let join = |parts: &[Filter], empty: bool, oper: BinOper| {
        let parts = parts.iter().map(|part| condition(table, part));
        parts.reduce(|left, right| left.binary(oper, right)).unwrap_or_else(|| truth(empty))
    };
    match filter {
        Filter::And(parts) => join(parts, true, BinOper::And),
        Filter::Or(parts) => join(parts, false, BinOper::Or),
        Filter::Not(part) => condition(table, part).not(),
        Filter::Test(at, test) => test_condition(table, *at, test),
    }
}

fn truth(yes: bool) -> Expr {
    Expr::cust(if yes { "1" } else { "0" })
}

fn test_condition(table: &Table, at: FieldAt, test: &Test) -> Expr {
    // For equality, the column itself is compared, since it may have an index. That is safe: a cell that is
    // no value of the field equals no value that can be asked for.
    let column = match table.field(at).kind.storage() {
        Storage::List => value(table, at),
        _ => column(table, at),
    };
    let is_value = || Expr::cust(meaning::is_value(table.name.as_str(), table.field(at)));
    let ordered = |sign: &'static str, other: &Value| {
        let test = if is_text(table, at) {
            text_order(&column, sign, other)
        } else {
            column.clone().binary(BinOper::Custom(sign), bound_for(sign, other))
        };
        test.and(is_value())
    };
    let folded = |sql: &'static str, parts: &[&Value]| {
        let parts = parts.iter().map(|part| bound(part));
        let test = Expr::cust_with_exprs(sql, std::iter::once(column.clone()).chain(parts));
        is_value().and(test)
    };
    match test {
        Test::Eq(other) => equals(&column, other),
        Test::Neq(other) => equals(&column, other).not(),
        Test::Gt(other) => ordered(">", other),
        Test::Gte(other) => ordered(">=", other),
        Test::Lt(other) => ordered("<", other),
        Test::Lte(other) => ordered("<=", other),
        Test::Contains(Value::Text(option)) if table.field(at).kind.storage() == Storage::List => {
            let option = Value::text(format!("\"{option}\""));
            let column = self::column(table, at);
            is_value().and(Expr::cust_with_exprs("instr(?, ?) > 0", [column, bound(&option)]))
        }
        Test::Contains(part) => folded("instr(lower(?), lower(?)) > 0", &[part]),
        Test::StartsWith(part) => {
            folded("substr(lower(?), 1, length(?)) = lower(?)", &[part, part])
        }
        Test::EndsWith(part) if *part == Value::text("") => is_value(),
        Test::EndsWith(part) => folded("substr(lower(?), -length(?)) = lower(?)", &[part, part]),
        Test::In(list) => any_of(&column, list),
        Test::NotIn(list) => any_of(&column, list).not(),
        Test::IsEmpty => is_empty(table, at),
        Test::IsNotEmpty => is_empty(table, at).not(),
    }
}

fn is_empty(table: &Table, at: FieldAt) -> Expr {
    let value = value(table, at);
    if is_text(table, at) { value.clone().is_null().or(value.eq("")) } else { value.is_null() }
}

/// Returns the condition that a column equals a value. For a decimal, the column may be any float that reads
/// as that decimal.
fn equals(column: &Expr, value: &Value) -> Expr {
    match value {
        Value::Decimal(number) => {
            let (least, greatest) = decimal::floats_of(*number);
            let within = column.clone().gte(least).and(column.clone().lte(greatest));
            column.clone().is_not_null().and(within)
        }
        _ => column.clone().binary(BinOper::Is, bound(value)),
    }
}

/// Returns the condition that a text comes before or after another. ASCII letters are first compared without
/// case, then code points: the order that `model::compare` defines.
fn text_order(value: &Expr, sign: &'static str, other: &Value) -> Expr {
    let strict =
        if sign.starts_with('>') { "? COLLATE NOCASE > ?" } else { "? COLLATE NOCASE < ?" };
    let first = Expr::cust_with_exprs(strict, [value.clone(), bound(other)]);
    let same = Expr::cust_with_exprs("? COLLATE NOCASE = ?", [value.clone(), bound(other)]);
    first.or(same.and(value.clone().binary(BinOper::Custom(sign), bound(other))))
}

fn any_of(column: &Expr, list: &[Value]) -> Expr {
    match list {
        [] => truth(false),
        [Value::Decimal(_)] => equals(column, &list[0]),
        // In halves, since SQLite limits the depth of an expression.
        [Value::Decimal(_), ..] => {
            let (left, right) = list.split_at(list.len() / 2);
            any_of(column, left).or(any_of(column, right))
        }
        _ => column.clone().is_not_null().and(column.clone().is_in(list.iter().map(bound))),
    }
}

/// Returns the value that a column is compared with by this sign. For a decimal, that is the greatest or the
/// least of the floats that read as it.
fn bound_for(sign: &str, value: &Value) -> Expr {
    match value {
        Value::Decimal(number) => {
            let (least, greatest) = decimal::floats_of(*number);
            Expr::val(if matches!(sign, ">" | "<=") { greatest } else { least })
        }
        _ => bound(value),
    }
}

fn bound(value: &Value) -> Expr {
    Expr::val(sql_value(value))
}

/// Returns a value as it is bound. Decimals are bound as text, so that no digit is lost: the column's
/// affinity converts them to numbers.
pub(super) fn sql_value(value: &Value) -> SqlValue {
    match value {
        Value::Null => SqlValue::String(None),
        Value::Boolean(value) => i64::from(*value).into(),
        Value::Integer(value) => (*value).into(),
        Value::Decimal(value) => value.to_string().into(),
        Value::Text(value) | Value::Json(value) => value.as_ref().into(),
        Value::List(chosen) => list_text(chosen).into(),
        Value::Link(link) => link.id.get().into(),
        Value::Person(person) => person.id.as_str().into(),
    }
}

#[cfg(test)]
mod tests;
