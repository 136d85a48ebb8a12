//! Tests that a reader who applies the lines of the log has the records that a query returns, whatever other
//! triggers do.

use std::collections::BTreeMap;

use sqlx::{Connection, Executor};

use super::*;
use crate::model::field::{Bounds, FieldKind};
use crate::model::table::tests::table_of;
use crate::store::Losses;
use crate::store::sqlite::{migrate, options};

/// Numbers that are the same for the same seed (Knuth's MMIX generator, its upper bits).
struct Chance(u64);

impl Chance {
    fn roll(&mut self, below: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.roll(from.len() as u64) as usize]
    }
}

/// Triggers that other programs may have created. The table `things` has a text `f0`, a number `f1` and a
/// unique `f2`.
const OWNERS: [&str; 13] = [
    "after insert on things begin update things set f0 = upper(f0) where id = new.id; end",
    "after update on things begin update things set f0 = upper(f0) where id = new.id; end",
    "after update of f1 on things when new.f1 > 6 begin
       update things set f1 = 6 where id = new.id; end",
    "after insert on things when new.f1 = 3 begin delete from things where id = new.id; end",
    "after update on things when new.f1 = 4 begin delete from things where id = new.id; end",
    "after delete on things when old.f1 = 5 begin
       insert into things (id, f0, f1) values (old.id, 'back', 2); end",
    "after update on things begin update things set f1 = length(f0) where id = new.id; end",
    "after update on things begin update things set f1 = (f1 + 1) % 8 where id = 1; end",
    "after insert on things begin insert into others (f0) values (new.f0); end",
    "after insert on others begin update things set f1 = (f1 + 1) % 8 where id = 2; end",
    "after delete on things begin delete from things where id = old.id + 1; end",
    "after update of f0 on things begin insert or replace into others (id, f2) values (1, new.f0); end",
    "before insert on things begin update things set f0 = 'seen' where f2 = new.f2; end",
];

/// Seeds with which this test once found a fault.
const FOUND: [u64; 1] = [5_458_466_535_580_099_187];

/// Filters that a client may use; `{}` stands for a column.
const FILTERS: [&str; 6] =
    ["1", "{f1} = 2", "{f1} > 3", "{f0} = 'A'", "{f0} = 'a'", "{f2} is not null and {f1} <> 6"];

fn filter(template: &str, column: impl Fn(&str) -> String) -> String {
    ["f0", "f1", "f2"]
        .iter()
        .fold(template.to_owned(), |sql, name| sql.replace(&format!("{{{name}}}"), &column(name)))
}

fn statement(chance: &mut Chance) -> String {
    let (id, other) = (1 + chance.roll(6), 1 + chance.roll(6));
    let text = chance.pick(&["'a'", "'b'", "'A'", "null"]);
    let number = chance.roll(9);
    let code = chance.pick(&["'x'", "'y'", "'z'", "null"]);
    let table = chance.pick(&["things", "things", "things", "others"]);
    match chance.roll(13) {
        0 | 1 => {
            format!("insert or ignore into {table} (f0, f1, f2) values ({text}, {number}, {code})")
        }
        2 => format!(
            "insert or replace into {table} (id, f0, f1, f2) values ({id}, {text}, {number}, {code})"
        ),
        3 => format!(
            "replace into {table} (f0, f1, f2) values ({text}, {number}, {code}), ({text}, 1, 'x')"
        ),
        4 => format!(
            "insert into {table} (f0, f1, f2) values ({text}, {number}, {code})
             on conflict (f2) do update set f1 = excluded.f1, f0 = 'upserted'"
        ),
        5 => format!("update or replace {table} set f2 = {code} where id in ({id}, {other})"),
        6 => format!("update or replace {table} set f2 = {code}, f1 = {number}"),
        7 => format!("update or replace {table} set id = {id} where id = {other}"),
        8 => format!("update or ignore {table} set id = id + 1, f0 = {text} where f1 = {number}"),
        9 => format!("delete from {table} where id = {id} or f1 = {number}"),
        10 => format!("update {table} set f1 = {number} where id <> {id}"),
        _ => format!("update {table} set f0 = {text}, f1 = {number} where id = {id}"),
    }
}

async fn all(connection: &mut SqliteConnection, sql: String) -> Vec<(i64, String)> {
    let rows = sqlx::query_as(AssertSqlSafe(sql)).fetch_all(connection).await;
    rows.unwrap()
}

/// Applies the lines after a position to the records that a client with a filter holds.
async fn hear(
    connection: &mut SqliteConnection,
    (table, template): (&str, &str),
    after: i64,
    held: &mut BTreeMap<i64, String>,
) {
    let json = |of: &'static str| move |name: &str| format!("json_extract({of}, '$.{name}')");
    let (before, now) = (filter(template, json("old")), filter(template, json("new")));
    let sql = format!(
        "select key, coalesce(old is not null and ({before}), 0) || coalesce(new is not null and ({now}), 0)
           || coalesce(new, '')
         from _pagetide_changes where seq > {after} and table_name = '{table}' order by seq"
    );
    for (key, told) in all(connection, sql).await {
        match told.split_at(2) {
            ("01" | "11", row) => drop(held.insert(key, row.to_owned())),
            ("10", _) => drop(held.remove(&key)),
            _ => {}
        }
    }
}

async fn run(seed: u64) {
    let mut chance = Chance(seed);
    let folder = tempfile::tempdir().unwrap();
    let has_token = chance.roll(2) == 1;
    let mut things = table_of(
        [
            FieldKind::SingleLineText,
            FieldKind::Integer(Bounds::default()),
            FieldKind::SingleLineText,
        ]
        .into_iter()
        .chain(has_token.then_some(FieldKind::UpdatedAt)),
    );
    things.fields[3].unique = true;
    let others = Table { name: "others".parse().unwrap(), ..things.clone() };
    let options = options(&folder.path().join("data.db"));
    let recursive = chance.pick(&["on", "off"]);
    let options = options.pragma("recursive_triggers", recursive).pragma("synchronous", "off");
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    let tables = [things.into(), others.into()];
    migrate::apply(&mut connection, &tables, Losses::Refused).await.unwrap();
    let mut owners = Vec::new();
    for nth in 0..1 + chance.roll(4) {
        let owner = chance.pick(&OWNERS);
        owners.push(owner);
        connection
            .execute(AssertSqlSafe(format!("create trigger owner{nth} {owner}")))
            .await
            .unwrap();
    }
    // Our triggers are then the newest.
    if chance.roll(2) == 1 {
        for table in &tables {
            for sql in drop_statements(table.name.as_str()) {
                connection.execute(AssertSqlSafe(sql)).await.unwrap();
            }
            install(&mut connection, table).await.unwrap();
        }
    }
    let mut listeners: Vec<_> = ["things", "others"]
        .iter()
        .flat_map(|table| FILTERS.map(|filter| ((*table, filter), BTreeMap::new())))
        .collect();
    for step in 0..40 {
        let last = "select 1, coalesce(max(seq), 0) || '' from _pagetide_changes".to_owned();
        let last: i64 = all(&mut connection, last).await[0].1.parse().unwrap();
        let statement = statement(&mut chance);
        // Some statements are refused, since triggers run into each other; these change nothing.
        let _ = connection.execute(AssertSqlSafe(statement.clone())).await;
        for ((table, template), held) in &mut listeners {
            hear(&mut connection, (table, template), last, held).await;
            let row = row_json(&tables[usize::from(*table == "others")]);
            let condition = filter(template, str::to_owned);
            let sql = format!("select id, {row} from \"{table}\" where {condition}");
            let truth: BTreeMap<_, _> = all(&mut connection, sql).await.into_iter().collect();
            assert_eq!(
                *held, truth,
                "seed {seed}, step {step}, {table} where {template}, recursive_triggers {recursive}, \
                 after {statement}, beside {owners:#?}"
            );
        }
    }
    connection.close().await.unwrap();
}

#[tokio::test]
async fn whatever_other_triggers_do_whoever_applies_the_log_holds_what_is_there() {
    let seed = std::env::var("TRIGGERS_SEED").ok().and_then(|seed| seed.parse().ok());
    // The seeds are fixed: a fault found with random ones could not be found again.
    let seeds: Vec<_> = seed.map_or_else(|| (0..24).chain(FOUND).collect(), |seed| vec![seed]);
    for seed in seeds {
        run(seed).await;
    }
}
