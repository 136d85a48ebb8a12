//! SQL expressions for the values of fields, with the same meaning as the values that
//! [`row`](crate::store::sqlite::row) reads.
//!
//! A program can switch off the rules of a table and write anything into a column, and floats have more
//! digits than decimals. So a cell that is no value of its field is null in these expressions, as it is
//! missing in a record, and decimals are rounded to 15 digits. Sorts, cursors, groups and figures use these
//! expressions.

use crate::model::field::{Field, FieldKind};
use crate::model::storage::Storage;
use crate::store::sqlite::classes;
use crate::store::sqlite::unrounded::is_short;

/// Returns the name of a column with its table before it. SQLite reads a quoted name alone as a text if
/// there is no such column; if another program had renamed the column, every row would seem to hold that
/// text.
pub(super) fn column(table: &str, name: &str) -> String {
    format!("\"{table}\".\"{name}\"")
}

/// Returns the SQL expression of a field's value; null if the cell is no value of the field.
pub(super) fn value(table: &str, field: &Field) -> String {
    let x = column(table, field.name.as_str());
    if field.kind == FieldKind::Id {
        return x;
    }
    classes::value(field.kind.storage(), table, field.kind.options(), &x)
}

/// Returns the condition that a column holds a value of its field, so that [`value`] is not null.
pub(super) fn is_value(table: &str, field: &Field) -> String {
    let x = column(table, field.name.as_str());
    classes::is_value(field.kind.storage(), &x)
}

/// Returns the SQL expression of a column for a JSON array or object. SQLite writes 15 digits of a float
/// into JSON, and its versions differ in how they round the last one. So a float with more digits is written
/// as text, from which the same float is read again. A BLOB becomes null, since JSON has no form for it.
pub(super) fn in_json(field: &Field, x: &str) -> String {
    match field.kind.storage() {
        Storage::Decimal(_) => format!(
            "case when {} then {x} when typeof({x}) = 'real' then printf('%!.17g', {x}) \
             when typeof({x}) <> 'blob' then {x} end",
            is_short(x)
        ),
        _ => format!("case typeof({x}) when 'blob' then null else {x} end"),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use sqlx::{AssertSqlSafe, Connection, SqliteConnection};

    use super::*;
    use crate::model::field::{Bounds, FieldAt, Numbering, OnDelete};
    use crate::model::filter::{Filter, Test};
    use crate::model::ids::{RecordId, UserId};
    use crate::model::operator::{Operands, Operator};
    use crate::model::query::{After, Ask, Direction, Query, Sort, Window};
    use crate::model::record::Record;
    use crate::model::sort_key::sort_key;
    use crate::model::table::Table;
    use crate::model::table::tests::table_of;
    use crate::model::value::{UserRef, Value};
    use crate::store::Losses;
    use crate::store::Store;

    /// Cells that another program can write when it switches off the rules, as SQL.
    const HOSTILE: &[&str] = &[
        "null",
        "0",
        "1",
        "2",
        "-1",
        "7",
        "2.5",
        "3.0",
        "1e15",
        "1e16 + 2",
        "9007199254740993",
        "9223372036854775807",
        "-9223372036854775808",
        "123456789012345678",
        "0.3",
        "0.1 + 0.2",
        "0.3 - 0.1 - 0.1 - 0.1",
        "1e-20",
        "-1e-20",
        "4e-29",
        "1e-13",
        "1.0000000000000004e-13",
        "1e28",
        "-1e28",
        "9.9e27",
        "1e300",
        "9e999",
        "-9e999",
        "1234567890123.456",
        "1234567890123.46",
        "123456789012344.5",
        "100000.0000049",
        "1e10 + 1e-6",
        "0.000001",
        "''",
        "' '",
        "'a'",
        "'A'",
        "'abc'",
        "'ABD'",
        "'é'",
        "'3'",
        "'03'",
        "'1e3'",
        "'-0'",
        "'0x10'",
        "'true'",
        "'2026-04-05'",
        "'2026-04-05T12:00:00.000Z'",
        "'2026-04-05t12:00:00.000z'",
        "'2026-02-30'",
        "'2026-4-5'",
        "'tomorrow'",
        "'Tomorrow'",
        "'u1'",
        "'U1'",
        "'u2'",
        "'[\"red\"]'",
        "'[\"blue\", \"red\"]'",
        "'\"red\"'",
        "'{\"red\": 1}'",
        "'[1,\"red\"]'",
        "'red'",
        "'[]'",
        "'{'",
        "'null'",
        "'{\"x\": 1.10}'",
        "x''",
        "x'31'",
        "x'616263'",
        "zeroblob(5)",
    ];

    fn kinds() -> Vec<FieldKind> {
        let options = || vec!["red".into(), "blue".into()];
        vec![
            FieldKind::SingleLineText,
            FieldKind::LongText,
            FieldKind::Integer(Bounds::default()),
            FieldKind::Rating(5),
            FieldKind::Decimal(Bounds::default()),
            FieldKind::Currency("EUR".into(), Bounds::default()),
            FieldKind::Checkbox,
            FieldKind::Date,
            FieldKind::Time,
            FieldKind::Datetime,
            FieldKind::SingleSelect(options()),
            FieldKind::MultiSelect(options()),
            FieldKind::Json,
            FieldKind::Autonumber(Numbering { start: i64::MAX - 20, prefix: "".into() }),
            FieldKind::Relationship("things".parse().unwrap(), OnDelete::SetNull),
            FieldKind::CreatedBy,
        ]
    }

    /// Values that a filter may ask for, by storage class.
    fn wanted(storage: Storage) -> Vec<Value> {
        let texts = |texts: &[&str]| texts.iter().map(|text| Value::text(*text)).collect();
        match storage {
            Storage::Text => texts(&["", "a", "ABC", "abd", "é", "3"]),
            Storage::Date => texts(&["2026-04-05", "2026-04-04"]),
            Storage::Time => texts(&["09:05", "14:30", "14:30:15"]),
            Storage::Datetime => texts(&["2026-04-05T12:00:00.000Z", "2026-04-05T11:00:00.000Z"]),
            Storage::Integer => {
                [0, 3, 7, i64::MAX, i64::MIN, 9_007_199_254_740_992].map(Value::Integer).to_vec()
            }
            Storage::Decimal(_) => {
                let decimal = |text: &&str| Value::Decimal(text.parse().unwrap());
                [
                    "0",
                    "0.3",
                    "3",
                    "-1",
                    "1234567890123.46",
                    "0.0000000000001",
                    "0.00000000000000000001",
                ]
                .iter()
                .map(decimal)
                .collect()
            }
            Storage::Boolean => [true, false].map(Value::Boolean).to_vec(),
            Storage::Person => ["u1", "u3"]
                .map(|id| Value::Person(UserRef { id: UserId::new(id), name: None }))
                .to_vec(),
            Storage::List => vec![Value::List(Arc::new(["red".into()]))],
            Storage::Link => [1, 7].map(|id| Value::Link(RecordId::from(id).into())).to_vec(),
            Storage::Json => Vec::new(),
        }
    }

    fn tests_of(storage: Storage) -> Vec<Test> {
        let values = wanted(storage);
        let suiting = Operator::ALL.iter().filter(|operator| operator.suits(storage));
        let tests = suiting.flat_map(|operator| {
            match operator.operands() {
                Operands::Part if storage == Storage::List => vec![vec![Value::text("red")]],
                Operands::Value | Operands::Part => {
                    values.iter().map(|value| vec![value.clone()]).collect()
                }
                Operands::List => vec![values.clone()],
                Operands::None => vec![Vec::new()],
            }
            .into_iter()
            .filter_map(|operands| Test::new(*operator, operands))
            .collect::<Vec<_>>()
        });
        tests.collect()
    }

    struct HostileTable {
        _folder: tempfile::TempDir,
        store: Store,
        table: Arc<Table>,
    }

    /// A table into which another program has written all [`HOSTILE`] cells, and the records that the change
    /// log holds of it.
    async fn filled() -> (HostileTable, Vec<Record>) {
        let table = table_of(kinds());
        let fields = table.fields.iter().skip(1).filter(|field| !field.kind.is_generated()).count();
        let row = |row| {
            let values = (0..fields).map(|nth| HOSTILE[(row + 5 * nth) % HOSTILE.len()]);
            values.collect::<Vec<_>>().join(", ")
        };
        let rows = (0..HOSTILE.len()).map(row).collect::<Vec<_>>();
        filled_with(table, &rows).await
    }

    async fn filled_with(table: Table, rows: &[String]) -> (HostileTable, Vec<Record>) {
        let (folder, table) = (tempfile::tempdir().unwrap(), Arc::new(table));
        let url = folder.path().join("data.db").display().to_string();
        let (store, _) =
            Store::open(&url, std::slice::from_ref(&table), Losses::Refused).await.unwrap();
        let start = store.log().position().await.unwrap();
        let mut outside = SqliteConnection::connect(&format!("sqlite:{url}")).await.unwrap();
        let loose = "pragma ignore_check_constraints = on; pragma foreign_keys = off";
        sqlx::raw_sql(loose).execute(&mut outside).await.unwrap();
        let fields = table.fields.iter().skip(1).filter(|field| !field.kind.is_generated());
        let names =
            fields.map(|field| format!("\"{}\"", field.name)).collect::<Vec<_>>().join(", ");
        for values in rows {
            let insert = format!("insert into things ({names}) values ({values})");
            sqlx::raw_sql(AssertSqlSafe(insert)).execute(&mut outside).await.unwrap();
        }
        outside.close().await.unwrap();
        let batch = store.log().after(&start).await.unwrap();
        let logged =
            batch.unwrap().changes.into_iter().map(|change| change.new.clone().unwrap()).collect();
        (HostileTable { _folder: folder, store, table }, logged)
    }

    impl HostileTable {
        async fn rows(&self, filter: &Filter, window: Window) -> Vec<Record> {
            let table = self.table.name.clone();
            let query = Query { table, filter: filter.clone(), ask: Ask::Rows(window) };
            let answer = self.store.snapshot(&[&query], &[]).await.unwrap().answers.remove(0);
            answer.rows().unwrap().records
        }
    }

    fn window(field: FieldAt, direction: Direction) -> Window {
        Window::first(500, vec![Sort { field, direction }])
    }

    /// Checks that lists, single reads and the change log all have the same records.
    async fn check_reads(filled: &HostileTable, logged: &[Record]) {
        let all = filled.rows(&Filter::all(), window(FieldAt::ID, Direction::Asc)).await;
        assert_eq!(all, logged);
        for record in &all {
            let read = filled.store.get(&filled.table, record.id()).await.unwrap();
            assert_eq!(read.as_ref(), Some(record));
        }
    }

    #[tokio::test]
    async fn whatever_a_program_has_written_is_one_value_everywhere() {
        let (filled, logged) = filled().await;
        assert_eq!(logged.len(), HOSTILE.len());
        check_reads(&filled, &logged).await;
    }

    #[tokio::test]
    async fn a_float_in_the_middle_of_two_decimals_means_one_of_them_everywhere() {
        let mut state = 88_172_645_463_325_252_u64;
        let row = |round: i32| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            format!("{}5e{}", 100_000_000_000_000 + state % 900_000_000_000_000, round % 27 - 15)
        };
        let rows: Vec<_> = (0..300).map(row).collect();
        let (filled, logged) =
            filled_with(table_of([FieldKind::Decimal(Bounds::default())]), &rows).await;
        check_reads(&filled, &logged).await;
        let field = FieldAt::nth(1);
        let window = window(field, Direction::Asc);
        let mut expected = logged.clone();
        expected.sort_by_key(|record| sort_key(record, &window.sort));
        assert_eq!(filled.rows(&Filter::all(), window.clone()).await, expected);
        for record in &logged {
            let same = Filter::Test(field, Test::Eq(record[field].clone()));
            let found = filled.rows(&same, window.clone()).await;
            assert!(found.contains(record), "{record:?}");
        }
    }

    #[tokio::test]
    async fn sql_and_memory_agree_on_what_passed_no_rule() {
        let (filled, all) = filled().await;
        for (field, declared) in filled.table.all().skip(1) {
            for direction in [Direction::Asc, Direction::Desc] {
                let window = window(field, direction);
                for test in tests_of(declared.kind.storage()) {
                    let filter = Filter::Test(field, test);
                    let mut expected: Vec<_> =
                        all.iter().filter(|record| filter.matches(record)).cloned().collect();
                    expected.sort_by_key(|record| sort_key(record, &window.sort));
                    let found = filled.rows(&filter, window.clone()).await;
                    let shown = |records: &[Record]| -> Vec<_> {
                        records.iter().map(|record| (record.id(), record[field].clone())).collect()
                    };
                    assert_eq!(shown(&found), shown(&expected), "{:?} {filter:?}", declared.kind);
                }
            }
        }
    }

    #[tokio::test]
    async fn page_by_page_every_record_comes_once() {
        let (filled, all) = filled().await;
        for (field, declared) in filled.table.all() {
            for direction in [Direction::Asc, Direction::Desc] {
                let whole = window(field, direction);
                let mut expected = all.clone();
                expected.sort_by_key(|record| sort_key(record, &whole.sort));
                let (mut walked, mut after) = (Vec::new(), None);
                loop {
                    let part = Window { limit: 3, after: after.take(), ..whole.clone() };
                    let part = filled.rows(&Filter::all(), part).await;
                    let Some(last) = part.last() else { break };
                    after = Some(After { values: vec![last[field].clone()], id: last.id() });
                    walked.extend(part);
                    assert!(walked.len() <= all.len(), "{:?}", declared.kind);
                }
                assert_eq!(walked, expected, "{:?} {direction:?}", declared.kind);
            }
        }
    }
}
