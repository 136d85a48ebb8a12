//! Converts the values of a column to another type of field, in SQL, and finds those that do not fit.
//!
//! A value fits if it has the same meaning afterwards: the same number, day, truth value or text, even if it
//! is written in another way. Zeros at the end of a fraction, midnight after a date, the zone of an instant,
//! and an option alone or as a list of one make no difference. Zeros before a number do, and digits that a
//! float cannot hold.

use std::sync::Arc;

use crate::model::field::{Field, FieldKind, minor_units};
use crate::model::storage::Storage;
use crate::store::sqlite::classes;
use crate::store::sqlite::literals::{chosen, literal};
use crate::store::sqlite::schema::checks;

/// Returns the SQL expression that converts a column to the type of a field; null if a value does not fit.
/// `is_same` is true if the column has this type already.
pub(super) fn converted(field: &Field, column: &str, is_same: bool) -> String {
    let storage = field.kind.storage();
    let is_number = matches!(storage, Storage::Decimal(_));
    let stored = match is_number && is_same {
        // Numbers of the same type stay as they are, even if another program has written more digits.
        true => format!("(case when typeof({column}) in ('integer', 'real') then {column} end)"),
        false => match &field.kind {
            FieldKind::SingleSelect(options) | FieldKind::Status(options) => {
                is_among(options, column)
            }
            _ => classes::converted(storage, column),
        },
    };
    let mut fits: Vec<_> = checks(field, &stored).into_iter().map(|(_, check)| check).collect();
    if !is_same {
        fits.extend(canonical_text(&field.kind, &stored));
    }
    if let FieldKind::Currency(code, _) = &field.kind
        && !is_same
    {
        let read = format!("cast(printf('%.15g', {stored}) as real)");
        fits.push(format!("round({read}, {}) = {read}", minor_units(code)));
    }
    format!("case when {} then {stored} end", fits.join(" and "))
}

/// Returns the SQL expression of the part that fits, for values that do not fit as a whole: of the chosen
/// options of a multi-select, those that are still declared. `None` for other types of fields.
pub(super) fn remainder(field: &Field, column: &str) -> Option<String> {
    let FieldKind::MultiSelect(options) = &field.kind else { return None };
    Some(chosen_of(options, &classes::converted(Storage::List, column)))
}

fn chosen_of(options: &[Arc<str>], list: &str) -> String {
    format!("case when {list} is not null then {} end", chosen(options, &format!("json({list})")))
}

/// Returns the condition for the form of a text (e-mail address, URL, telephone number) that
/// `fields/text.rs` checks and the rules of the table do not, as near as SQL comes. `None` for other types.
fn canonical_text(kind: &FieldKind, x: &str) -> Option<String> {
    let control = "char(1) || '-' || char(32) || char(127) || '-' || char(159)";
    let no_blank = format!("{x} not glob '*[' || {control} || ']*'");
    match kind {
        FieldKind::Email => {
            let (user, domain) = (
                format!("substr({x}, 1, instr({x}, '@') - 1)"),
                format!("substr({x}, instr({x}, '@') + 1)"),
            );
            Some(format!(
                "{no_blank} and {x} not like '%@%@%' and length({user}) <= 64 and length({domain}) <= 255
                 and {user} not glob '*[^a-zA-Z0-9.!#$%&''*+/=?^_`{{|}}~-]*'
                 and ({domain} glob '[[]*]' or '.' || {domain} || '.' not glob '*[-.].*'
                   and '.' || {domain} not like '%.-%'
                   and {domain} not glob '*[' || char(33) || '-' || char(44) || '/:-@' || char(91) || '-`{{-~]*')"
            ))
        }
        FieldKind::Url => Some(no_blank),
        FieldKind::PhoneNumber => {
            let signs = ["+", "-", "(", ")", "/", ".", " "];
            let digits = signs
                .iter()
                .fold(x.to_owned(), |text, sign| format!("replace({text}, '{sign}', '')"));
            Some(format!("{digits} not glob '*[^0-9]*' and length({digits}) between 3 and 20"))
        }
        _ => None,
    }
}

/// Returns the SQL expression that converts a cell to a single option. A JSON array of one text becomes that
/// text.
fn is_among(options: &[Arc<str>], x: &str) -> String {
    let text = classes::converted(Storage::Text, x);
    let options: Vec<_> = options.iter().map(|option| literal(option)).collect();
    let options = options.join(", ");
    format!(
        "(case when {x} in ({options}) or not json_valid({x}) then {text}
           when json_type({x}) = 'array' and json_array_length({x}) = 1
             and json_type({x}, '$[0]') = 'text' then json_extract({x}, '$[0]') else {text} end)"
    )
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use rust_decimal::Decimal;
    use sqlx::{AssertSqlSafe, SqliteConnection};

    use super::*;
    use crate::model::field::{Bounds, FieldAt, Numbering, OnDelete};
    use crate::model::filter::Filter;
    use crate::model::query::{Ask, Query, Window};
    use crate::model::record::Record;
    use crate::model::table::Table;
    use crate::model::table::tests::{table, table_of};
    use crate::model::value::{Value, list_text};
    use crate::store::Store;
    use crate::store::sqlite::connect;
    use crate::store::{Losses, StoreError};

    fn options(all: &[&str]) -> Vec<Arc<str>> {
        all.iter().map(|option| (*option).into()).collect()
    }

    /// All types of fields, each with cells that it may hold, as SQL.
    fn kinds() -> Vec<(FieldKind, Vec<&'static str>)> {
        let lines = vec![
            "'12345678901234567890'",
            "'1234567890.1234567'",
            "'00123'",
            "'123'",
            "'-0'",
            "'-7'",
            "'0.00'",
            "'1.50'",
            "'12.345'",
            "'.5'",
            "'5.'",
            "'+5'",
            "'1e5'",
            "' 5'",
            "'0.000000000000001'",
            "'100000000000000000000'",
            "'99999999999999999999999999999999'",
            "'0'",
            "'1'",
            "'3'",
            "'9'",
            "'yes'",
            "'TRUE'",
            "'red'",
            "'[\"red\"]'",
            "'[\"red\",\"gone\"]'",
            "'[\"gone\"]'",
            "''",
            "' '",
            "'null'",
            "'{\"a\":1}'",
            "'\"q\"'",
            "'a@b.c'",
            "'https://x.y'",
            "'2026-04-05'",
            "'2026-02-30'",
            "'2026-04-05T00:00:00.000Z'",
            "'2026-04-05T12:00:00.000Z'",
            "'2026-04-05T12:00:00Z'",
            "'2026-02-30T12:00:00Z'",
            "'2026-04-05T24:00:00Z'",
            "'2026-04-05T12:00:00.1234Z'",
            "'2026-04-05T12:00Z'",
            "'2026-04-05T12:00:00'",
            "'14:30'",
            "'14:30:00'",
            "'14:30:15'",
            "'9:30'",
            "'24:00'",
            "'14:60'",
        ];
        let texts = [&lines[..], &["'two' || char(10) || 'lines'"]].concat();
        let instants = vec!["'2026-04-05T00:00:00.000Z'", "'2026-04-05T12:00:00.123Z'"];
        let numbers = vec![
            "0",
            "1",
            "3",
            "12.5",
            "-1.005",
            "0.1",
            "0.1 + 0.2",
            "123456789012.345",
            "9.00719925474099",
            "1e20",
            "1.23456789012345e20",
            "0.00001234",
            "1e-10",
        ];
        let whole = vec!["0", "1", "3", "-7", "2026", "100000000000000000", "1234567890123456789"];
        let people = vec!["'u1'", "'00123'", "'7'"];
        let things = || "things".parse().unwrap();
        let others = || "others".parse().unwrap();
        vec![
            (FieldKind::SingleLineText, lines),
            (FieldKind::LongText, texts),
            (FieldKind::Email, vec!["'a@b.c'"]),
            (FieldKind::Url, vec!["'https://x.y'"]),
            (FieldKind::PhoneNumber, vec!["'+49 30'", "'00123'", "'112'"]),
            (FieldKind::Integer(Bounds::default()), whole.clone()),
            (FieldKind::Integer(Bounds { min: Some(1), max: Some(3) }), vec!["1", "3"]),
            (FieldKind::Decimal(Bounds::default()), numbers.clone()),
            (FieldKind::Currency("EUR".into(), Bounds::default()), numbers.clone()),
            (FieldKind::Currency("JPY".into(), Bounds::default()), vec!["0", "1200", "-3"]),
            (FieldKind::Percentage(Bounds::default()), numbers),
            (FieldKind::Rating(3), vec!["0", "1", "3"]),
            (FieldKind::Checkbox, vec!["0", "1"]),
            (FieldKind::Date, vec!["'2026-04-05'", "'0001-01-01'"]),
            (FieldKind::Time, vec!["'14:30'", "'09:05'", "'00:00'", "'23:59:59'"]),
            (FieldKind::Datetime, instants.clone()),
            (FieldKind::SingleSelect(options(&["red", "1", "yes"])), vec!["'red'", "'1'", "'yes'"]),
            (FieldKind::Status(options(&["red", "blue"])), vec!["'red'", "'blue'"]),
            (
                FieldKind::MultiSelect(options(&["red", "blue", "gone"])),
                vec!["'[\"red\"]'", "'[\"red\",\"gone\"]'", "'[\"gone\"]'"],
            ),
            (FieldKind::MultiSelect(options(&["red", "blue"])), vec!["'[\"red\",\"blue\"]'"]),
            (
                FieldKind::Json,
                vec![
                    "'{\"a\":1}'",
                    "'\"red\"'",
                    "'5'",
                    "'1.50'",
                    "'true'",
                    "'[1]'",
                    "'[\"red\",\"gone\"]'",
                ],
            ),
            (FieldKind::Relationship(things(), OnDelete::SetNull), vec!["1", "2"]),
            (FieldKind::Relationship(others(), OnDelete::SetNull), vec!["1"]),
            (FieldKind::CreatedAt, instants.clone()),
            (FieldKind::UpdatedAt, instants),
            (FieldKind::CreatedBy, people.clone()),
            (FieldKind::UpdatedBy, people),
            (FieldKind::Autonumber(Numbering { start: 1, prefix: "".into() }), vec!["null"]),
        ]
    }

    /// The meaning of a value in one form, in whatever form it is written. `None` for null.
    fn told(value: &Value) -> Option<String> {
        Some(match value {
            Value::Null => return None,
            Value::Boolean(value) => i64::from(*value).to_string(),
            Value::Integer(number) => number.to_string(),
            Value::Decimal(number) => number.normalize().to_string(),
            Value::Text(text) | Value::Json(text) => told_by_text(text),
            Value::List(chosen) => told_by_text(&list_text(chosen)),
            Value::Person(person) => told_by_text(person.id.as_str()),
            Value::Link(link) => link.id.to_string(),
        })
    }

    fn told_by_text(text: &str) -> String {
        if let Ok([one]) = serde_json::from_str::<[String; 1]>(text) {
            return told_by_text(&one);
        }
        if let Ok(inside) = serde_json::from_str::<String>(text) {
            return told_by_text(&inside);
        }
        let short = match text.contains('.') && !text.ends_with('.') {
            true => text.trim_end_matches('0').trim_end_matches('.'),
            false => text,
        };
        let number = text.parse::<Decimal>().map(|number| number.normalize().to_string());
        match (text.to_lowercase().as_str(), number) {
            ("yes" | "true", _) => "1".to_owned(),
            ("no" | "false", _) => "0".to_owned(),
            (_, Ok(number)) if number == short => number,
            _ if text == "14:30:00" => "14:30".to_owned(),
            _ if text == "2026-04-05T12:00:00Z" => "2026-04-05T12:00:00.000Z".to_owned(),
            _ => text.strip_suffix("T00:00:00.000Z").unwrap_or(text).to_owned(),
        }
    }

    fn tables(kinds: impl IntoIterator<Item = FieldKind>) -> [Arc<Table>; 2] {
        [Arc::new(table_of(kinds)), Arc::new(table("others", &["name"]))]
    }

    async fn open(url: &str, tables: &[Arc<Table>], losses: Losses) -> (Vec<Record>, Vec<String>) {
        let (store, migrated) = Store::open(url, tables, losses).await.unwrap();
        let window = Window::first(1_000, vec![]);
        let (table, filter) = (tables[0].name.clone(), Filter::all());
        let query = Query { table, filter, ask: Ask::Rows(window) };
        let answer = store.snapshot(&[&query], &[]).await.unwrap().answers.remove(0);
        store.close().await;
        (answer.rows().unwrap().records, migrated.changes)
    }

    async fn fill(connection: &mut SqliteConnection, table: &Table, values: &[&str]) {
        let filled = table.fields.iter().skip(1).filter(|field| !field.kind.is_generated());
        let names: Vec<_> = filled.map(|field| field.name.as_str()).collect();
        for value in values {
            let all = vec![*value; names.len()].join(", ");
            let sql = match names.is_empty() {
                true => "insert into things default values".to_owned(),
                false => format!("insert into things ({}) values ({all})", names.join(", ")),
            };
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *connection).await.unwrap();
        }
    }

    /// How many values of a field the migration reports as lost.
    fn counted(lost: &[String], field: &Field) -> usize {
        let start = format!("things.{}: ", field.name);
        let lines = lost.iter().map(|line| line.strip_prefix("lost: ").unwrap_or(line));
        let told = lines.filter_map(|line| line.strip_prefix(&start)?.split(' ').next());
        told.filter_map(|number| number.parse::<usize>().ok()).sum()
    }

    async fn check(folder: &Path, kind: &FieldKind, values: &[&str]) {
        let url = folder.join("data.db").display().to_string();
        let targets = kinds().into_iter().map(|(kind, _)| kind);
        let (before, after) = (tables(vec![kind.clone(); targets.len()]), tables(targets));
        open(&url, &before, Losses::Refused).await;
        let (mut connection, _) = connect(&url).await.unwrap();
        let other = sqlx::raw_sql("insert into others (name) values ('a')");
        other.execute(&mut connection).await.unwrap();
        fill(&mut connection, &before[0], values).await;
        drop(connection);
        let (old, _) = open(&url, &before, Losses::Refused).await;
        assert_eq!(old.len(), values.len());
        let refused = match Store::plan(&url, &after, Losses::Refused).await {
            Ok(_) => Vec::new(),
            Err(StoreError::WouldLose(lost)) => lost,
            Err(error) => panic!("{kind:?}: {error}"),
        };
        let (new, changes) = open(&url, &after, Losses::Allowed).await;
        let mut lost_of_all = 0;
        for (at, field) in after[0].all().skip(1) {
            let is_lost = |at: FieldAt, (old, new): &(&Record, &Record)| {
                told(&old[at]).is_some() && told(&old[at]) != told(&new[at])
            };
            let lost: Vec<_> = old
                .iter()
                .zip(&new)
                .filter(|both| is_lost(at, both))
                .map(|(old, new)| (&old[at], &new[at]))
                .collect();
            let expected = counted(&changes, field);
            assert_eq!(lost.len(), expected, "{kind:?} to {:?}: {lost:?} {changes:#?}", field.kind);
            lost_of_all += lost.len();
        }
        assert_eq!(refused.is_empty(), lost_of_all == 0, "{kind:?}: {refused:?}");
    }

    #[tokio::test]
    async fn a_value_reads_the_same_as_any_other_type_or_is_told_as_lost() {
        for (kind, values) in kinds() {
            let folder = tempfile::tempdir().unwrap();
            check(folder.path(), &kind, &values).await;
        }
    }
}
