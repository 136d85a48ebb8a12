//! Computes figures (counts, sums, means, extremes) over records and over groups of them.
//!
//! SQLite returns parts of a figure, which are put together here: a sum of integers could overflow in
//! SQLite, and a sum of floats would have rounding errors.

use rust_decimal::Decimal;
use rust_decimal::prelude::FromPrimitive;
use sea_query::{Alias, Expr, ExprTrait, Order, Query as Sql, SelectStatement};
use serde_json::Value as Json;

use crate::model::decimal;
use crate::model::field::{FieldAt, FieldKind, minor_units};
use crate::model::filter::Filter;
use crate::model::query::{Group, GroupBy, Grouping, Groups, Measure, TimeBucket};
use crate::model::storage::Storage;
use crate::model::table::Table;
use crate::model::value::Value;
use crate::store::people::UserNames;
use crate::store::sqlite::select::condition;
use crate::store::sqlite::{meaning, row};

/// How many digits after the point a mean of integers has.
const DIGITS_OF_A_MEAN: u32 = 1;

/// Returns the statement that selects the parts of a figure over the records that pass a filter, as one JSON
/// array.
pub(super) fn figure(table: &Table, filter: &Filter, measure: Measure) -> SelectStatement {
    let mut select = from(table, filter);
    select.expr(Expr::cust(format!("json_array({})", parts(table, measure).join(", "))));
    select
}

/// Returns the statement that selects the groups of the records which pass a filter, one in each row: the
/// key, then the parts of the group's figure.
pub(super) fn groups(table: &Table, filter: &Filter, grouping: Grouping) -> SelectStatement {
    let key = key(table, grouping.by);
    let mut select = from(table, filter);
    select.expr_as(Expr::cust(key.clone()), Alias::new("part0"));
    for (nth, part) in parts(table, grouping.measure).into_iter().enumerate() {
        select.expr_as(Expr::cust(part), Alias::new(format!("part{}", nth + 1)));
    }
    select.add_group_by([Expr::cust(key.clone())]);
    match grouping.by {
        GroupBy::Value(_) => {
            // Groups without a figure come last.
            let size = partial_size(table, grouping.measure);
            select.order_by_expr(Expr::cust(format!("{size} is null")), Order::Asc);
            select.order_by_expr(Expr::cust(size), Order::Desc);
            select.order_by_expr(Expr::cust(key), Order::Asc);
        }
        GroupBy::Time(..) => {
            select.and_where(Expr::cust(key.clone()).is_not_null());
            select.order_by_expr(Expr::cust(key), Order::Desc);
        }
    }
    select
}

/// The columns of the statement that [`groups`] returns, separated by commas.
pub(super) fn columns(table: &Table, grouping: Grouping) -> String {
    let count = parts(table, grouping.measure).len();
    (0..=count).map(|nth| format!("part{nth}")).collect::<Vec<_>>().join(", ")
}

/// Reads the figure from the result of [`figure`].
pub(super) fn read_figure(
    table: &Table,
    measure: Measure,
    text: &str,
    people: &UserNames,
) -> Value {
    let parts: Vec<Json> = serde_json::from_str(text).unwrap_or_default();
    compose(table, measure, &parts, people)
}

/// Reads the groups from the result of [`groups`], a JSON array in each of `lines`, and the figure over all
/// records from `all`.
pub(super) fn read_groups(
    table: &Table,
    grouping: Grouping,
    (lines, all): (&str, &str),
    people: &UserNames,
) -> Groups {
    let lines = lines.lines().filter_map(|line| serde_json::from_str::<Vec<Json>>(line).ok());
    let kind = match grouping.by {
        GroupBy::Value(at) => &table.field(at).kind,
        GroupBy::Time(..) => &FieldKind::Date,
    };
    let group = |cells: Vec<Json>| {
        let (key, parts) = cells.split_first()?;
        let key = row::json(kind, Some(key), people);
        Some(Group { key, figure: compose(table, grouping.measure, parts, people) })
    };
    let mut groups: Vec<_> = lines.filter_map(group).collect();
    let limit = usize::try_from(grouping.limit).unwrap_or(usize::MAX);
    let more = groups.len() > limit;
    groups.truncate(limit);
    Groups { groups, more, all: read_figure(table, grouping.measure, all, people) }
}

fn from(table: &Table, filter: &Filter) -> SelectStatement {
    let mut select = Sql::select();
    select.from(Alias::new(table.name.as_str())).and_where(condition(table, filter));
    select
}

/// The SQL expression of a field's value. A cell that is no value of its field, from another program, is
/// null.
fn readable_value(table: &Table, at: FieldAt) -> String {
    meaning::value(table.name.as_str(), table.field(at))
}

/// The SQL expression of a group's key: the value, or the first day of the period of time.
fn key(table: &Table, by: GroupBy) -> String {
    let (at, step) = match by {
        GroupBy::Value(at) if table.field(at).kind.storage() == Storage::Text => {
            return format!("nullif({}, '')", readable_value(table, at));
        }
        GroupBy::Value(at) => return readable_value(table, at),
        GroupBy::Time(at, step) => (at, step),
    };
    let day = format!("substr({}, 1, 10)", readable_value(table, at));
    match step {
        TimeBucket::Day => format!("date({day})"),
        // Forward to the Sunday that ends the week, then back to its Monday.
        TimeBucket::Week => format!("date({day}, 'weekday 0', '-6 days')"),
        TimeBucket::Month => format!("date({day}, 'start of month')"),
        TimeBucket::Year => format!("date({day}, 'start of year')"),
    }
}

/// The SQL expressions of the parts from which [`compose`] computes a figure.
fn parts(table: &Table, measure: Measure) -> Vec<String> {
    let at = match measure {
        Measure::Count => return vec!["count(*)".to_owned()],
        Measure::Min(at) => return vec![format!("min({})", readable_value(table, at))],
        Measure::Max(at) => return vec![format!("max({})", readable_value(table, at))],
        Measure::Sum(at) | Measure::Average(at) => at,
    };
    let column = readable_value(table, at);
    if table.field(at).kind.storage() == Storage::Integer {
        // The upper and the lower 32 bits are summed apart, since a sum of whole numbers may need more than
        // 64.
        vec![
            format!("count({column})"),
            format!("sum({column} >> 32)"),
            format!("sum({column} & 4294967295)"),
        ]
    } else {
        // Positive and negative numbers are summed apart: floats lose their small digits when great numbers
        // of both signs cancel out.
        vec![
            format!("count({column})"),
            format!("total(max({column}, 0))"),
            format!("total(min({column}, 0))"),
        ]
    }
}

/// The SQL expression by which groups are ordered. It need not be exact.
fn partial_size(table: &Table, measure: Measure) -> String {
    match measure {
        Measure::Count => "count(*)".to_owned(),
        Measure::Sum(at) => format!("total({})", readable_value(table, at)),
        Measure::Average(at) => format!("avg({})", readable_value(table, at)),
        Measure::Min(at) => format!("min({})", readable_value(table, at)),
        Measure::Max(at) => format!("max({})", readable_value(table, at)),
    }
}

fn compose(table: &Table, measure: Measure, parts: &[Json], people: &UserNames) -> Value {
    let Some(at) = measure.field() else {
        return parts.first().and_then(Json::as_i64).map_or(Value::Null, Value::Integer);
    };
    let field = table.field(at);
    let kind = &field.kind;
    if let Measure::Min(_) | Measure::Max(_) = measure {
        return row::json(kind, parts.first(), people);
    }
    let count = parts.first().and_then(Json::as_i64).unwrap_or_default();
    if count == 0 {
        return measure.of_nothing(Some(field));
    }
    let sum =
        if kind.storage() == Storage::Integer { whole_sum(parts) } else { fractional_sum(parts) };
    match (sum, measure) {
        (None, _) => Value::Null,
        (Some(sum), Measure::Average(_)) => mean(sum, count, kind),
        (Some(sum), _) => of_kind(sum, kind),
    }
}

fn whole_sum(parts: &[Json]) -> Option<Decimal> {
    let half = |nth: usize| parts.get(nth).and_then(Json::as_i64).map(i128::from);
    let sum = (half(1)? << 32) + half(2)?;
    Decimal::try_from_i128_with_scale(sum, 0).ok()
}

/// The sum of decimals, rounded to remove the errors of adding floats. `None` if it is no decimal.
fn fractional_sum(parts: &[Json]) -> Option<Decimal> {
    let side = |nth: usize| decimal::of_float(parts.get(nth)?.as_f64()?);
    Some(side(1)?.checked_add(side(2)?)?.normalize())
}

/// The mean of values of a kind, rounded: to one digit more than the sum has, or for money to the digits of
/// the sum or the currency.
fn mean(sum: Decimal, count: i64, kind: &FieldKind) -> Value {
    let Some(mean) = Decimal::from_i64(count).and_then(|count| sum.checked_div(count)) else {
        return Value::Null;
    };
    let digits = match kind {
        FieldKind::Currency(code, _) => Ord::max(sum.scale(), minor_units(code)),
        FieldKind::Integer(_) | FieldKind::Rating(_) => DIGITS_OF_A_MEAN,
        _ => Ord::max(sum.scale() + 1, 2),
    };
    of_kind(mean.round_dp(digits), kind)
}

/// Returns a number as a value of this kind of field, or as a decimal if it is none.
fn of_kind(number: Decimal, kind: &FieldKind) -> Value {
    let number = number.normalize();
    match kind.storage() {
        Storage::Integer if number.scale() == 0 => {
            i64::try_from(number).map_or(Value::Decimal(number), Value::Integer)
        }
        Storage::Decimal(scale) => row::decimal(number, scale),
        _ => Value::Decimal(number),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::field::Bounds;
    use crate::model::ids::UserId;
    use crate::model::query::{Answer, Ask, Query};
    use crate::model::table::tests::table_of;
    use crate::model::value::UserRef;
    use crate::store::Store;
    use crate::store::{Losses, Write, WriteOp};

    struct TypedTable {
        store: Store,
        table: Arc<Table>,
        _folder: tempfile::TempDir,
    }

    /// Opens a store with a table of these kinds of fields and these rows.
    async fn filled(kinds: Vec<FieldKind>, rows: Vec<Vec<Value>>) -> TypedTable {
        let (table, folder) = (Arc::new(table_of(kinds)), tempfile::tempdir().unwrap());
        let url = folder.path().join("data.db").display().to_string();
        let tables = std::slice::from_ref(&table);
        let (store, _) = Store::open(&url, tables, Losses::Refused).await.unwrap();
        for row in rows {
            let fields = table.all().skip(1).zip(row);
            let values = fields.filter(|(_, value)| !value.is_null());
            let action = WriteOp::Insert(values.map(|((at, _), value)| (at, value)).collect());
            let written = store.write(Write::of(&table, action)).await.unwrap();
            assert!(written.iter().all(Result::is_ok));
        }
        TypedTable { store, table, _folder: folder }
    }

    impl TypedTable {
        async fn ask(&self, filter: Filter, ask: Ask) -> Answer {
            let query = Query { table: self.table.name.clone(), filter, ask };
            self.store.snapshot(&[&query], &[]).await.unwrap().answers.remove(0)
        }

        fn at(&self, name: &str) -> FieldAt {
            self.table.at(name).unwrap()
        }

        async fn figure(&self, measure: Measure, expected: Value) {
            let told = self.ask(Filter::all(), Ask::Figure(measure)).await;
            assert_eq!(told, Answer::Figure(expected), "{measure:?}");
        }

        /// Asks for groups. Returns them as `key figure`, whether there are more, and the figure over all
        /// records.
        async fn groups(&self, by: GroupBy, measure: Measure, limit: u32) -> (String, bool, Value) {
            let ask = Ask::Groups(Grouping { by, measure, limit });
            let Answer::Groups(Groups { groups, more, all }) = self.ask(Filter::all(), ask).await
            else {
                panic!("groups were asked for");
            };
            let text = |value: &Value| serde_json::to_string(value).unwrap();
            let lines =
                groups.iter().map(|group| format!("{} {}", text(&group.key), text(&group.figure)));
            (lines.collect::<Vec<_>>().join(", ").replace('"', ""), more, all)
        }
    }

    fn decimal(text: &str) -> Value {
        Value::Decimal(text.parse().unwrap())
    }

    fn decimals(texts: &[&str]) -> Vec<Vec<Value>> {
        let cell = |text: &&str| vec![if text.is_empty() { Value::Null } else { decimal(text) }];
        texts.iter().map(cell).collect()
    }

    fn plain() -> FieldKind {
        FieldKind::Decimal(Bounds::default())
    }

    #[tokio::test]
    async fn a_sum_of_decimals_has_no_noise_of_floats() {
        use Measure::{Average, Count, Max, Min, Sum};
        for (values, sum, average) in [
            (vec!["0.1", "0.2", ""], "0.3", "0.15"),
            (vec!["1000000000000.1", "-1000000000000", "0.2"], "0.3", "0.1"),
            (vec!["0.0000001", "0.0000002"], "0.0000003", "0.00000015"),
            (vec!["10.50", "9.50"], "20", "10"),
            (vec!["1", "1", "2"], "4", "1.33"),
            (vec!["-0.3", "0.1", "0.2"], "0", "0"),
        ] {
            let filled = filled(vec![plain()], decimals(&values)).await;
            let at = filled.at("f0");
            filled.figure(Sum(at), decimal(sum)).await;
            filled.figure(Average(at), decimal(average)).await;
            filled.figure(Count, Value::Integer(i64::try_from(values.len()).unwrap())).await;
        }
        let filled = filled(vec![plain()], decimals(&["2", "-10.5", "9"])).await;
        filled.figure(Min(filled.at("f0")), decimal("-10.5")).await;
        filled.figure(Max(filled.at("f0")), decimal("9")).await;
    }

    #[tokio::test]
    async fn money_keeps_its_cents_and_whole_numbers_every_digit() {
        let euro = FieldKind::Currency("EUR".into(), Bounds::default());
        let whole = FieldKind::Integer(Bounds::default());
        let rows = [("1.10", i64::MAX), ("2.20", i64::MAX), ("2.20", 7)];
        let rows = rows.map(|(money, number)| vec![decimal(money), Value::Integer(number)]);
        let filled = filled(vec![euro, whole], rows.to_vec()).await;
        let (money, number) = (filled.at("f0"), filled.at("f1"));
        filled.figure(Measure::Sum(money), decimal("5.50")).await;
        filled.figure(Measure::Average(money), decimal("1.83")).await;
        filled.figure(Measure::Sum(number), decimal("18446744073709551621")).await;
        filled.figure(Measure::Max(number), Value::Integer(i64::MAX)).await;
    }

    #[tokio::test]
    async fn of_nothing_there_is_no_figure_but_a_count_and_a_sum() {
        let kinds = vec![plain(), FieldKind::Integer(Bounds::default()), FieldKind::Date];
        let filled = filled(kinds, vec![]).await;
        filled.figure(Measure::Count, Value::Integer(0)).await;
        for name in ["f0", "f1"] {
            let at = filled.at(name);
            for measure in [Measure::Average, Measure::Min, Measure::Max] {
                filled.figure(measure(at), Value::Null).await;
            }
        }
        filled.figure(Measure::Sum(filled.at("f0")), decimal("0")).await;
        filled.figure(Measure::Sum(filled.at("f1")), Value::Integer(0)).await;
        filled.figure(Measure::Max(filled.at("f2")), Value::Null).await;
        let (lines, more, all) =
            filled.groups(GroupBy::Value(filled.at("f2")), Measure::Count, 5).await;
        assert_eq!((lines.as_str(), more, all), ("", false, Value::Integer(0)));
    }

    #[tokio::test]
    async fn a_figure_is_of_the_records_that_pass() {
        use crate::model::filter::Test;
        let filled = filled(vec![plain()], decimals(&["1", "2", "30", ""])).await;
        let at = filled.at("f0");
        for (test, count, sum) in [
            (Test::Lt(decimal("3")), 2, decimal("3")),
            (Test::IsEmpty, 1, decimal("0")),
            (Test::Neq(decimal("1")), 3, decimal("32")),
        ] {
            let filter = Filter::Test(at, test);
            let told = filled.ask(filter.clone(), Ask::Figure(Measure::Count)).await;
            assert_eq!(told, Answer::Figure(Value::Integer(count)));
            let told = filled.ask(filter, Ask::Figure(Measure::Sum(at))).await;
            assert_eq!(told, Answer::Figure(sum));
        }
    }

    #[tokio::test]
    async fn groups_are_the_greatest_first_and_say_if_there_are_more() {
        let text = |text: &str| if text == "-" { Value::Null } else { Value::text(text) };
        let rows = [("b", "5"), ("a", "1"), ("a", "2.5"), ("c\n\"", "9"), ("-", "1"), ("", "1")];
        let rows = rows.map(|(name, number)| vec![text(name), decimal(number)]);
        let filled = filled(vec![FieldKind::LongText, plain()], rows.to_vec()).await;
        let (by, number) = (GroupBy::Value(filled.at("f0")), filled.at("f1"));
        let (lines, more, all) = filled.groups(by, Measure::Count, 2).await;
        assert_eq!((lines.as_str(), more, all), ("null 2, a 2", true, Value::Integer(6)));
        let (lines, more, all) = filled.groups(by, Measure::Sum(number), 4).await;
        let expected = r"c\n\ 9, b 5, a 3.5, null 2";
        assert_eq!((lines.as_str(), more, all), (expected, false, decimal("19.5")));
        let (lines, ..) = filled.groups(by, Measure::Max(number), 1).await;
        assert_eq!(lines, r"c\n\ 9");
    }

    #[tokio::test]
    async fn time_is_grouped_by_its_calendar() {
        let days =
            ["2026-01-04", "2026-01-05", "2026-01-11", "2026-02-28", "2025-12-31", "2025-12-29"];
        let row = |day: &&str| vec![Value::text(*day), Value::text(format!("{day}T23:59:59.999Z"))];
        let mut rows: Vec<_> = days.iter().map(row).collect();
        rows.push(vec![Value::Null, Value::Null]);
        let filled = filled(vec![FieldKind::Date, FieldKind::Datetime], rows).await;
        for name in ["f0", "f1"] {
            for (step, limit, expected) in [
                (TimeBucket::Day, 2, "2026-02-28 1, 2026-01-11 1"),
                (TimeBucket::Week, 9, "2026-02-23 1, 2026-01-05 2, 2025-12-29 3"),
                (TimeBucket::Month, 9, "2026-02-01 1, 2026-01-01 3, 2025-12-01 2"),
                (TimeBucket::Year, 9, "2026-01-01 4, 2025-01-01 2"),
            ] {
                let by = GroupBy::Time(filled.at(name), step);
                let (lines, more, _) = filled.groups(by, Measure::Count, limit).await;
                assert_eq!((lines.as_str(), more), (expected, limit == 2), "{step:?}");
            }
        }
    }

    #[tokio::test]
    async fn people_and_ticks_are_groups_too() {
        let person = |id: &str| Value::Person(UserRef { id: UserId::new(id), name: None });
        let rows = [("u1", true), ("u1", true), ("u2", false)];
        let rows = rows.map(|(id, yes)| vec![person(id), Value::Boolean(yes)]);
        let filled = filled(vec![FieldKind::CreatedBy, FieldKind::Checkbox], rows.to_vec()).await;
        let by = |name| GroupBy::Value(filled.at(name));
        let (lines, ..) = filled.groups(by("f0"), Measure::Count, 9).await;
        assert_eq!(lines, "{id:u1,name:null} 2, {id:u2,name:null} 1");
        let (lines, ..) = filled.groups(by("f1"), Measure::Count, 9).await;
        assert_eq!(lines, "true 2, false 1");
    }
}
