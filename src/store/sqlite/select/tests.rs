//! A filter and an order mean the same in SQL and in memory.

use std::sync::Arc;

use sqlx::{Connection, Executor};

use super::*;
use crate::model::field::{Bounds, OnDelete};
use crate::model::ids::UserId;
use crate::model::query::{Ask, GroupBy, Grouping, Measure, Query, TimeBucket};
use crate::model::table::tests::table_of;
use crate::model::value::UserRef;
use crate::store::Store;
use crate::store::sqlite::options;
use crate::store::{Losses, Upsert, Write, WriteOp};

const TAGS: [&str; 5] = ["b", "a b", "B", ", ,b", "é'"];

/// A table with a field of each storage class, named `f0`, `f1` and so on.
fn table() -> Table {
    let kinds = [
        FieldKind::SingleLineText,
        FieldKind::Integer(Bounds::default()),
        FieldKind::Decimal(Bounds::default()),
        FieldKind::Checkbox,
        FieldKind::Date,
        FieldKind::CreatedBy,
        FieldKind::MultiSelect(TAGS.map(Into::into).to_vec()),
        FieldKind::Json,
        FieldKind::Relationship("things".parse().unwrap(), OnDelete::SetNull),
    ];
    table_of(kinds)
}

/// For each field, values that are known to cause faults. The last one of each is in no row.
fn samples() -> Vec<Vec<Value>> {
    let decimal = |text: &str| Value::Decimal(text.parse().unwrap());
    let json = |text: &str| Value::Json(text.into());
    let list = |chosen: &[&str]| Value::list(&TAGS.map(Into::into), |tag| chosen.contains(&tag));
    let person = |id: &str| Value::Person(UserRef { id: UserId::new(id), name: None });
    let texts = ["", "a", "A", "ab", "Ab%", "b_", "é", "É", "z", "10", "9", "\u{10ffff}", "_"];
    vec![
        texts.into_iter().map(Value::text).collect(),
        [0, -1, 5, i64::MAX, i64::MIN, 7].map(Value::Integer).to_vec(),
        ["0", "-0.1", "0.1", "12.5", "123456789012.345", "99", "3"].map(decimal).to_vec(),
        vec![Value::Boolean(true), Value::Boolean(false)],
        ["2026-04-05", "2025-12-31", "2026-04-06"].map(Value::text).to_vec(),
        ["u1", "u2", "u3"].map(person).to_vec(),
        vec![list(&["b"]), list(&["b", "a b"]), list(&["B", ", ,b"]), list(&["é'"]), list(&TAGS)],
        ["[1, 2]", r#"{"a":"B"}"#, "0", r#""b""#, "{}"].map(json).to_vec(),
        [1, 2, 3, 999].map(|id| Value::Link(RecordId::from(id).into())).to_vec(),
    ]
}

fn tests_of(values: &[Value]) -> Vec<Test> {
    let mut tests = vec![Test::IsEmpty, Test::IsNotEmpty, Test::In(vec![]), Test::NotIn(vec![])];
    tests.extend([Test::In(values[..2].to_vec()), Test::NotIn(values[..2].to_vec())]);
    for value in values {
        use Test::{Eq, Gt, Gte, Lt, Lte, Neq};
        tests.extend([Eq, Neq, Gt, Gte, Lt, Lte].map(|test| test(value.clone())));
        if let Value::Text(_) = value {
            use Test::{Contains, EndsWith, StartsWith};
            tests.extend([Contains, StartsWith, EndsWith].map(|test| test(value.clone())));
        }
    }
    tests
}

async fn filled(folder: &std::path::Path) -> (Store, Arc<Table>, Vec<Record>) {
    let table = Arc::new(table());
    let url = folder.join("data.db").display().to_string();
    let (store, _) =
        Store::open(&url, std::slice::from_ref(&table), Losses::Refused).await.unwrap();
    let samples = samples();
    for row in 0..samples[0].len() {
        let fields = table.all().skip(1).zip(&samples);
        // The last sample of each field is left out, and some rows have no value.
        let values = fields.filter_map(|((at, _), values)| {
            let kept = &values[..values.len() - 1];
            ((row + at.index()) % 5 != 0).then(|| (at, kept[row % kept.len()].clone()))
        });
        let action = WriteOp::Insert(values.collect());
        let written = store.write(Write::of(&table, action)).await.unwrap();
        assert!(written.iter().all(Result::is_ok));
    }
    let query = Query {
        table: table.name.clone(),
        filter: Filter::all(),
        ask: Ask::Rows(Window::first(1_000, vec![])),
    };
    let all = rows(&store, &query).await;
    (store, table, all)
}

async fn rows(store: &Store, query: &Query) -> Vec<Record> {
    let answer = store.snapshot(&[query], &[]).await.unwrap().answers.remove(0);
    answer.rows().unwrap().records
}

/// Checks that a query which goes on after any record returns the records that follow it.
async fn check_places(store: &Store, query: &Query, window: Window, all: &[Record]) {
    for (index, record) in all.iter().enumerate() {
        let values = window.sort.iter().map(|sort| record[sort.field].clone()).collect();
        let after = Some(After { values, id: record.id() });
        let ask = Ask::Rows(Window { after, limit: 2, ..window.clone() });
        let query = Query { ask, ..query.clone() };
        let rest = &all[index + 1..];
        assert_eq!(rows(store, &query).await, rest[..rest.len().min(2)], "{query:?}");
    }
}

#[tokio::test]
async fn sql_and_memory_agree_on_every_filter_and_order() {
    let folder = tempfile::tempdir().unwrap();
    let (store, table, all) = filled(folder.path()).await;
    for ((field, _), values) in table.all().skip(1).zip(samples()) {
        for test in tests_of(&values) {
            let test = Filter::Test(field, test);
            for filter in [test.clone(), Filter::Not(Box::new(test))] {
                for direction in [Direction::Asc, Direction::Desc] {
                    let sort = vec![Sort { field, direction }];
                    let mut expected: Vec<_> =
                        all.iter().filter(|record| filter.matches(record)).cloned().collect();
                    expected.sort_by_key(|record| crate::model::sort_key::sort_key(record, &sort));
                    let table = table.name.clone();
                    let window = Window::first(500, sort);
                    let ask = Ask::Rows(window.clone());
                    let query = Query { table, filter: filter.clone(), ask };
                    assert_eq!(rows(&store, &query).await, expected, "{query:?}");
                    check_places(&store, &query, window, &expected).await;
                }
            }
        }
    }
}

/// All queries about a field: with each filter, order, figure and grouping.
fn asks(table: &Table, field: FieldAt, values: &[Value]) -> Vec<Query> {
    let query = |filter, ask| Query { table: table.name.clone(), filter, ask };
    let window = |sort, after| Ask::Rows(Window { sort, limit: 5, offset: 0, after });
    let tests = tests_of(values)
        .into_iter()
        .filter(|test| !matches!(test, Test::In(list) | Test::NotIn(list) if list.is_empty()));
    let figure = |test| query(Filter::Test(field, test), Ask::Figure(Measure::Count));
    let mut asks: Vec<_> = tests.map(figure).collect();
    for measure in [Measure::Min, Measure::Max, Measure::Sum, Measure::Average] {
        asks.push(query(Filter::all(), Ask::Figure(measure(field))));
    }
    for by in [GroupBy::Value(field), GroupBy::Time(field, TimeBucket::Week)] {
        let grouping = Grouping { by, measure: Measure::Count, limit: 3 };
        asks.push(query(Filter::all(), Ask::Groups(grouping)));
    }
    asks.push(query(Filter::all(), window(vec![], None)));
    for direction in [Direction::Asc, Direction::Desc] {
        let after = After { values: vec![values[0].clone()], id: RecordId::from(1) };
        let sort = vec![Sort { field, direction }];
        asks.push(query(Filter::all(), window(sort, Some(after))));
    }
    asks
}

#[tokio::test]
async fn no_statement_takes_a_column_that_is_not_there_for_a_text() {
    let folder = tempfile::tempdir().unwrap();
    let (store, table, _) = filled(folder.path()).await;
    let database = folder.path().join("data.db");
    let mut other = SqliteConnection::connect_with(&options(&database)).await.unwrap();
    let name = &table.name;
    let unfit = |told: Option<StoreError>, what: &dyn std::fmt::Debug| {
        assert!(matches!(told, Some(StoreError::Unfit(_))), "{what:?}: {told:?}");
    };
    let mut samples = samples();
    samples.insert(0, vec![Value::Integer(1), Value::Integer(2)]);
    for ((at, field), values) in table.all().zip(samples) {
        let rename = |from: &str, to: &str| {
            AssertSqlSafe(format!("alter table \"{name}\" rename column \"{from}\" to \"{to}\""))
        };
        let column = field.name.as_str();
        other.execute(rename(column, "elsewhere")).await.unwrap();
        for query in asks(&table, at, &values) {
            unfit(store.snapshot(&[&query], &[]).await.err(), &query);
        }
        unfit(store.get(&table, RecordId::from(1)).await.err(), field);
        let set = vec![(at, values[0].clone())];
        let id = RecordId::from(1);
        let merge =
            Upsert { on: at, key: values[0].clone(), known: set.clone(), new: Some(set.clone()) };
        for action in [
            WriteOp::Insert(set.clone()),
            WriteOp::Insert(vec![]),
            WriteOp::Update(id, set, None),
            WriteOp::Delete(id, None),
            WriteOp::Upsert(Box::new(merge)),
        ] {
            unfit(store.write(Write::of(&table, action.clone())).await.err(), &action);
        }
        other.execute(rename("elsewhere", column)).await.unwrap();
    }
    assert!(store.get(&table, RecordId::from(1)).await.unwrap().is_some());
}
