//! Changes of the tables on a database with rows: what fits is kept, what does not is told first.

use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::server::Server;

const FIELDS: &str = "      - { name: title, type: single-line-text, required: true }
      - { name: size, type: integer }
      - { name: note, type: long-text }
      - { name: state, type: status, options: [open, done], default: open }
      - { name: updatedAt, type: updated-at }";

fn app(fields: &str) -> String {
    format!(
        "name: m\ntables:\n  - name: tasks\n    permissions: {{ read: all }}\n    fields:\n{fields}\n"
    )
}

/// A database that an earlier version of the app has made and filled.
struct Before(TempDir);

impl Before {
    fn new() -> Self {
        let before = Self(tempfile::tempdir().unwrap());
        before.write(&app(FIELDS));
        assert!(before.migrate(&[]).status.success());
        before.sql(
            "insert into tasks (id, title, size, note, state) values
               (1, '12', 5, 'first', 'open'), (2, 'b', null, null, 'done'), (9, '2026-04-05', 0, 'x', 'done');
             delete from tasks where id = 9;
             create index by_size on tasks (size)",
        );
        before
    }

    /// The same without what others have put on the table.
    fn bare() -> Self {
        let before = Self::new();
        before.sql("drop index by_size");
        before
    }

    fn folder(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, yaml: &str) {
        std::fs::write(self.folder().join("app.yaml"), yaml).unwrap();
    }

    fn migrate(&self, args: &[&str]) -> Output {
        let mut pagetide = Command::new(env!("CARGO_BIN_EXE_pagetide"));
        pagetide.arg("migrate").args(args).args(["--database", "data.db"]);
        pagetide.current_dir(self.folder()).output().unwrap()
    }

    /// Migrates to tables with these fields; says what was printed.
    #[track_caller]
    fn becomes(&self, yaml: &str, args: &[&str]) -> String {
        self.write(yaml);
        let output = self.migrate(args);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Is refused, and leaves everything as it was; says what was printed.
    #[track_caller]
    fn is_refused(&self, yaml: &str, args: &[&str]) -> String {
        let before = self.dump();
        self.write(yaml);
        let output = self.migrate(args);
        assert_eq!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stdout));
        assert!(self.dump() == before, "it was changed");
        String::from_utf8(output.stderr).unwrap()
    }

    /// Everything there is, in no order.
    fn dump(&self) -> Vec<String> {
        let dump = self.sql(".dump");
        let mut lines: Vec<_> = dump.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    }

    fn sql(&self, statement: &str) -> String {
        let database = self.folder().join("data.db");
        let output = Command::new("sqlite3").arg(database).arg(statement).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }
}

#[test]
fn a_database_as_declared_is_left_alone() {
    let before = Before::new();
    // What another program has put on the table is noted.
    assert_eq!(before.becomes(&app(FIELDS), &[]), "the tables are as declared\n");
    let dump = before.dump();
    assert_eq!(before.becomes(&app(FIELDS), &[]), "the tables are as declared\n");
    assert!(before.dump() == dump, "it was changed");
}

#[test]
fn new_fields_and_tables_come_and_rows_stay() {
    let before = Before::new();
    let more = "
      - { name: rank, type: integer, default: 7 }
      - { name: createdAt, type: created-at }
  - name: notes
    fields: [{ name: words, type: long-text }]";
    let told = before.becomes(&app(&format!("{FIELDS}{more}")), &[]);
    assert_eq!(told, "table notes is new\ntasks.rank is new\ntasks.createdAt is new\n");
    assert_eq!(
        before.sql("select id, title, size, note, state, rank from tasks"),
        "1|12|5|first|open|7\n2|b|||done|7"
    );
    assert_eq!(before.sql("select count(*) from tasks where createdAt like '20%Z'"), "2");
    // Ids are never given out twice, and what others put on the table is still there.
    before.sql("insert into tasks (title) values ('new')");
    assert_eq!(before.sql("select max(id) from tasks"), "10");
    assert_eq!(before.sql("select count(*) from sqlite_master where name = 'by_size'"), "1");
    assert_eq!(before.sql("select count(*) from _pagetide_changes where key = 10"), "1");
}

#[test]
fn a_new_option_and_a_wider_type_cost_nothing() {
    let before = Before::new();
    let wider = FIELDS
        .replace("[open, done]", "[open, waiting, done]")
        .replace("name: size, type: integer", "name: size, type: decimal")
        .replace("name: note, type: long-text", "name: note, type: single-line-text");
    assert_eq!(
        before.becomes(&app(&wider), &[]),
        "tasks.note must be a single line\n\
         tasks.size is `numeric`, it was `integer`\n\
         tasks.size must be a number (before: must be a whole number)\n\
         tasks.state must be one of open, waiting, done (before: must be one of open, done)\n"
    );
    before.sql("update tasks set state = 'waiting', size = 2.5 where id = 1");
    assert_eq!(before.sql("select state, size, note from tasks"), "waiting|2.5|first\ndone||");
}

#[test]
fn a_dropped_field_is_refused_until_its_loss_is_allowed() {
    let before = Before::new();
    let without = app(&FIELDS.replace("      - { name: note, type: long-text }\n", ""));
    let told = before.is_refused(&without, &[]);
    assert!(told.contains("tasks.note: 1 value, since the field is no longer declared"), "{told}");
    assert!(told.contains("--allow-destructive"), "{told}");
    let told = before.becomes(&without, &["--allow-destructive"]);
    assert!(told.contains("lost: tasks.note: 1 value"), "{told}");
    assert_eq!(before.sql("select * from tasks where id = 2").split('|').count(), 5);
}

#[test]
fn a_narrower_type_is_refused_where_a_value_does_not_fit() {
    let before = Before::new();
    let narrower =
        app(&FIELDS.replace("name: title, type: single-line-text", "name: title, type: integer"));
    let told = before.is_refused(&narrower, &["--allow-destructive"]);
    assert!(told.contains("tasks.title: 1 record would have no value"), "{told}");
    let narrower = narrower.replace("required: true", "required: false");
    let told = before.is_refused(&narrower, &[]);
    assert!(
        told.contains("tasks.title: 1 value that no longer fit, as in 'b' of record 2"),
        "{told}"
    );
    before.becomes(&narrower, &["--allow-destructive"]);
    assert_eq!(before.sql("select title, typeof(title) from tasks"), "12|integer\n|null");
    let fewer = app(&FIELDS.replace("[open, done]", "[open]"))
        .replace("single-line-text", "integer")
        .replace("required: true", "required: false");
    let told = before.is_refused(&fewer, &[]);
    assert!(
        told.contains("tasks.state: 1 value that no longer fit, as in 'done' of record 2"),
        "{told}"
    );
}

#[test]
fn what_fits_its_new_type_is_converted() {
    let before = Before::new();
    before.sql("delete from tasks where id = 2; update tasks set note = '2026-04-05T00:00:00.000Z', size = 1");
    let other = FIELDS
        .replace("name: title, type: single-line-text", "name: title, type: decimal")
        .replace("name: note, type: long-text", "name: note, type: date")
        .replace("name: size, type: integer", "name: size, type: checkbox");
    before.becomes(&app(&other), &[]);
    assert_eq!(before.sql("select title, size, note from tasks"), "12|1|2026-04-05");
    let again = other
        .replace("name: title, type: decimal", "name: title, type: single-line-text")
        .replace("name: note, type: date", "name: note, type: datetime");
    before.becomes(&app(&again), &[]);
    assert_eq!(before.sql("select title, note from tasks"), "12|2026-04-05T00:00:00.000Z");
}

#[test]
fn a_rename_keeps_values_and_records() {
    let before = Before::new();
    let renamed = app(&FIELDS.replace(
        "{ name: note, type: long-text }",
        "{ name: remark, type: long-text, renamedFrom: note }",
    ))
    .replace("name: tasks\n", "name: jobs\n    renamedFrom: tasks\n");
    let told = before.becomes(&renamed, &[]);
    assert_eq!(told, "table tasks is now jobs\njobs.remark was note\n");
    assert_eq!(before.sql("select id, remark from jobs"), "1|first\n2|");
    // What was renamed may say so for ever.
    assert_eq!(before.becomes(&renamed, &[]), "the tables are as declared\n");
}

#[test]
fn a_dropped_table_is_refused_while_it_has_records() {
    let before = Before::new();
    let none = "name: m\ntables:\n  - name: others\n    fields: [{ name: x, type: date }]\n";
    let told = before.is_refused(none, &[]);
    assert!(told.contains("tasks: 2 records, since the table is no longer declared"), "{told}");
    before.sql("delete from tasks");
    assert_eq!(before.becomes(none, &[]), "table others is new\ntable tasks is gone\n");
}

#[test]
fn rules_that_rows_break_are_told_and_nothing_helps() {
    let before = Before::new();
    before.sql("update tasks set title = 'same'");
    let unique = app(&FIELDS.replace("required: true", "unique: true"));
    let told = before.is_refused(&unique, &["--allow-destructive"]);
    assert!(told.contains("tasks.title: 2 records share a value, but it must be unique"), "{told}");
    assert!(!told.contains("--allow-destructive"), "{told}");
    let required =
        app(&FIELDS
            .replace("name: size, type: integer", "name: size, type: integer, required: true"));
    let told = before.is_refused(&required, &[]);
    assert!(told.contains("tasks.size: 1 record would have no value"), "{told}");
    let defaulted =
        required.replace("integer, required: true", "integer, required: true, default: 3");
    before.becomes(&defaulted, &[]);
    assert_eq!(before.sql("select size from tasks order by id"), "5\n3");
}

#[test]
fn a_dry_run_prints_the_sql_and_changes_nothing() {
    let before = Before::new();
    let dump = before.dump();
    let more = app(&format!("{FIELDS}\n      - {{ name: rank, type: integer }}"));
    let printed = before.becomes(&more, &["--dry-run"]);
    let why = "-- tasks.rank is new\n-- SQLite cannot change a column in place";
    assert!(printed.starts_with(why), "{printed}");
    assert!(before.dump() == dump, "it was changed");
    // The statements are what would be run.
    let statements: Vec<_> = printed.lines().filter(|line| !line.starts_with("--")).collect();
    before.sql(&statements.join("\n"));
    assert_eq!(before.sql("select title, rank from tasks"), "12|\nb|");
}

#[test]
fn a_table_that_another_program_made_is_taken_over() {
    let folder = tempfile::tempdir().unwrap();
    let before = Before(folder);
    before.sql("create table tasks (title, size, extra); insert into tasks values ('a', '5', null), ('b', 7, null)");
    let fields = "      - { name: title, type: single-line-text, required: true }\n      - { name: size, type: integer }";
    before.becomes(&app(fields), &[]);
    assert_eq!(before.sql("select id, title, size from tasks"), "1|a|5\n2|b|7");
}

#[tokio::test]
async fn whoever_listens_across_a_migration_reads_again() {
    let before = app(FIELDS);
    let pages = "pages: [{ name: P, path: /, access: all, components: [] }]\n";
    let mut server = Server::start(&format!("{before}{pages}")).await;
    server.sql("insert into tasks (title) values ('a')");
    let guest = server.guest().await;
    let (_, list) = guest.get("/api/tables/tasks/records").await;
    let since = list["position"].as_str().unwrap();
    let after = app(&format!("{FIELDS}\n      - {{ name: rank, type: integer }}"));
    server.restart_as(&format!("{after}{pages}")).await;
    let mut socket =
        guest.open(&format!("/api/tables/tasks/subscribe?since={since}")).await.unwrap();
    assert_eq!(socket.next().await["type"], "subscribed");
    assert_eq!(socket.next().await["type"], "resync");
    server.sql("update tasks set rank = 1");
    assert_eq!(socket.next().await["record"]["fields"]["rank"], 1);
}

#[test]
fn words_become_lists_and_a_list_keeps_only_its_options() {
    let before = Before::new();
    let tags = |options: &str| {
        app(&FIELDS
            .replace("type: long-text", &format!("type: multi-select, options: [{options}]")))
    };
    let told = before.becomes(&tags("first, second"), &[]);
    assert!(told.starts_with("tasks.note must be"), "{told}");
    assert_eq!(before.sql("select note from tasks where id = 1"), r#"["first"]"#);
    let told = before.is_refused(&tags("second, third"), &[]);
    assert!(told.contains("tasks.note: 1 value that no longer fit"), "{told}");
    before.becomes(&tags("second, third"), &["--allow-destructive"]);
    assert_eq!(before.sql("select count(*) from tasks where note is null"), "2");
    before.sql(r#"update tasks set note = '["third","second"]'"#);
    before.becomes(&tags("third, second, fourth"), &[]);
    assert_eq!(before.sql("select count(note) from tasks"), "2");
    before.becomes(&app(&FIELDS.replace("type: long-text", "type: json")), &[]);
    assert_eq!(before.sql("select note from tasks where id = 1"), r#"["third","second"]"#);
}

#[test]
fn a_filled_table_is_numbered_and_its_numbers_do_not_change_unasked() {
    let before = Before::new();
    let numbered = |start: i64| {
        app(&format!("{FIELDS}\n      - {{ name: number, type: autonumber, start: {start} }}"))
    };
    assert_eq!(before.becomes(&numbered(100), &[]), "tasks.number is new\n");
    before.sql("insert into tasks (title) values ('new')");
    assert_eq!(before.sql("select id, number from tasks"), "1|100\n2|101\n10|109");
    assert_eq!(before.becomes(&numbered(100), &[]), "the tables are as declared\n");
    let told = before.is_refused(&numbered(500), &[]);
    assert!(told.contains("tasks.number: 3 values that would be counted anew"), "{told}");
    // The number stays with whoever wants it as a plain one.
    before.becomes(&app(&format!("{FIELDS}\n      - {{ name: number, type: integer }}")), &[]);
    assert_eq!(before.sql("select number from tasks"), "100\n101\n109");
    before.sql("update tasks set number = 7 where id = 1");
    let told = before.is_refused(&numbered(100), &[]);
    assert!(
        told.contains("tasks.number: 1 value that would be counted anew, as in 7 of record 1"),
        "{told}"
    );
}

#[test]
fn blanks_where_a_value_is_now_required_are_told() {
    let before = Before::new();
    before
        .sql("update tasks set note = '  ' where id = 1; update tasks set note = 'x' where id = 2");
    let told = before.is_refused(
        &app(&FIELDS.replace("type: long-text", "type: long-text, required: true")),
        &[],
    );
    assert!(told.contains("tasks.note: 1 record would have no value"), "{told}");
}

#[test]
fn a_faulty_seed_is_only_an_error_where_its_table_is_not_there() {
    let before = Before(tempfile::tempdir().unwrap());
    let seeded = app(FIELDS).replace("    fields:", "    seed: ./tasks.csv\n    fields:");
    let seed = before.folder().join("tasks.csv");
    std::fs::write(&seed, "title,size\na,1\n").unwrap();
    assert_eq!(before.becomes(&seeded, &[]), "table tasks is new\n");
    for faulty in [Some("title,size\na,many\n"), Some("name\nx\n"), Some(""), None] {
        match faulty {
            Some(text) => std::fs::write(&seed, text).unwrap(),
            None => std::fs::remove_file(&seed).unwrap(),
        }
        let migrated = before.migrate(&[]);
        let told = String::from_utf8(migrated.stderr).unwrap();
        assert!(migrated.status.success() && told.starts_with("warning: "), "{told}");
        assert_eq!(String::from_utf8(migrated.stdout).unwrap(), "the tables are as declared\n");
        let mut check = Command::new(env!("CARGO_BIN_EXE_pagetide"));
        let checked = check.arg("check").current_dir(before.folder()).output().unwrap();
        assert_eq!(checked.status.code(), Some(1));
    }
    std::fs::remove_file(before.folder().join("data.db")).unwrap();
    let migrated = before.migrate(&[]);
    assert_eq!(migrated.status.code(), Some(1));
    let told = String::from_utf8(migrated.stderr).unwrap();
    assert!(told.starts_with("error: ") && told.contains("nothing is migrated"), "{told}");
}

#[test]
fn a_relationship_comes_and_changes_and_its_table_is_renamed() {
    let before = Before::new();
    let with = |name: &str, on_delete: &str, more: &str| {
        app(&format!(
            "{FIELDS}\n      - {{ name: customer, type: relationship, table: {name}, onDelete: {on_delete} }}
  - name: {name}\n    fields: [{{ name: name, type: single-line-text }}]{more}"
        ))
    };
    let told = before.becomes(&with("customers", "restrict", ""), &[]);
    assert_eq!(told, "table customers is new\ntasks.customer is new\n");
    before.sql(
        "insert into customers (name) values ('Ada'); update tasks set customer = 1 where id = 1",
    );
    before.becomes(&with("customers", "cascade", ""), &[]);
    before.becomes(&with("clients", "cascade", "\n    renamedFrom: customers"), &[]);
    assert_eq!(before.sql("select customer from tasks"), "1");
    let on = |statement: &str| before.sql(&format!("pragma foreign_keys = on; {statement}"));
    assert_eq!(
        on(
            "insert into tasks (title, customer) values ('z', 1); delete from clients; select count(*) from tasks"
        ),
        "1"
    );
    assert_eq!(
        before.becomes(&with("clients", "cascade", ""), &[]),
        "the tables are as declared\n"
    );
}

#[test]
fn a_number_that_is_no_id_of_a_related_record_is_told() {
    let before = Before::new();
    let linked = app(&format!(
        "{}\n  - name: sizes\n    fields: [{{ name: name, type: single-line-text }}]",
        FIELDS.replace("size, type: integer", "size, type: relationship, table: sizes")
    ));
    let told = before.is_refused(&linked, &[]);
    assert!(
        told.contains(
            "tasks.size: 1 value that no record of sizes has as its id, as in 5 of record 1"
        ),
        "{told}"
    );
    before.becomes(&linked, &["--allow-destructive"]);
    assert_eq!(before.sql("select count(size) from tasks"), "0");
}

#[test]
fn text_that_a_number_cannot_hold_is_told_before_it_is_one() {
    let before = Before::new();
    before.sql(
        "delete from tasks; insert into tasks (title, note) values
           ('12345678901234567890', 'a'), ('1234567890.1234567', 'b'), ('00123', 'c'), ('12.50', 'd')",
    );
    for kind in ["decimal", "currency", "percentage"] {
        let other = app(&FIELDS.replace(
            "title, type: single-line-text, required: true",
            &format!("title, type: {kind}"),
        ));
        let told = before.is_refused(&other, &[]);
        assert!(
            told.contains(
                "tasks.title: 3 values that no longer fit, as in '12345678901234567890' of record"
            ),
            "{told}"
        );
    }
    before.becomes(
        &app(&FIELDS.replace("single-line-text, required: true", "decimal")),
        &["--allow-destructive"],
    );
    assert_eq!(before.sql("select group_concat(title) from tasks"), "12.5");
}

#[test]
fn amounts_that_a_currency_does_not_have_are_told() {
    let before = Before::new();
    let sized =
        |kind: &str| app(&FIELDS.replace("size, type: integer", &format!("size, type: {kind}")));
    before.becomes(&sized("decimal"), &[]);
    before.sql(
        "update tasks set size = 1.005 where id = 1; update tasks set size = 12.5 where id = 2",
    );
    let told = before.is_refused(&sized("currency, currency: EUR"), &[]);
    assert!(
        told.contains("tasks.size: 1 value that no longer fit, as in 1.005 of record 1"),
        "{told}"
    );
    before.becomes(&sized("currency, currency: EUR"), &["--allow-destructive"]);
    assert_eq!(before.sql("select id, size from tasks"), "1|\n2|12.5");
    let told = before.is_refused(&sized("currency, currency: JPY"), &[]);
    assert!(
        told.contains("tasks.size: 1 value that no longer fit, as in 12.5 of record 2"),
        "{told}"
    );
    before
        .sql("update tasks set size = 1.005 where id = 1; update tasks set size = 12 where id = 2");
    // What another program has put there is in nobody's way while the field stays as it is.
    let more = sized("currency, currency: EUR") + "      - { name: rank, type: integer }\n";
    assert_eq!(before.becomes(&more, &[]), "tasks.rank is new\n");
    let told = before.becomes(&sized("decimal"), &["--allow-destructive"]);
    assert!(
        told.contains("tasks.size must be a number (before: must be an amount of EUR)"),
        "{told}"
    );
    assert_eq!(before.sql("select id, size from tasks"), "1|1.005\n2|12");
}

#[test]
fn only_the_option_that_is_gone_goes() {
    let before = Before::new();
    let tags = |options: &str| {
        app(&FIELDS
            .replace("type: long-text", &format!("type: multi-select, options: [{options}]")))
    };
    before.sql("update tasks set note = null");
    before.becomes(&tags("red, green, blue"), &[]);
    before.sql(
        r#"update tasks set note = '["red","green","blue"]' where id = 1;
           update tasks set note = '["blue"]' where id = 2"#,
    );
    let told = before.is_refused(&tags("green, red"), &[]);
    assert!(told.contains("tasks.note: 2 values that no longer fit"), "{told}");
    before.becomes(&tags("green, red"), &["--allow-destructive"]);
    assert_eq!(before.sql("select id, note from tasks"), "1|[\"green\",\"red\"]\n2|");
}

#[test]
fn a_relationship_to_another_table_keeps_nothing_unasked() {
    let before = Before::new();
    let with = |table: &str, renamed: &str| {
        app(&format!(
            "{FIELDS}\n      - {{ name: who, type: relationship, table: {table} }}
  - name: customers\n    fields: [{{ name: name, type: single-line-text }}]
  - name: suppliers\n    fields: [{{ name: name, type: single-line-text }}]{renamed}"
        ))
    };
    before.becomes(&with("customers", ""), &[]);
    before.sql(
        "insert into customers (name) values ('Ada'); insert into suppliers (name) values ('Tea & Co');
         update tasks set who = 1 where id = 1",
    );
    let told = before.is_refused(&with("suppliers", ""), &[]);
    assert!(
        told.contains("tasks.who: 1 value that named records of customers, as in 1 of record 1"),
        "{told}"
    );
    before.becomes(&with("suppliers", ""), &["--allow-destructive"]);
    assert_eq!(before.sql("select count(who) from tasks"), "0");
}

#[test]
fn what_is_no_table_for_records_is_told_in_plain_words() {
    for (made_by, what) in [
        ("create view tasks as select 1 as title", "a view"),
        ("create virtual table tasks using fts5(title)", "a virtual table"),
        ("create virtual table x using fts5(y); alter table x rename to tasks", "a virtual table"),
        ("create table tasks (title text primary key) without rowid", "a table without rowid"),
        ("create table x (y); create index tasks on x (y)", "an index"),
    ] {
        let before = Before(tempfile::tempdir().unwrap());
        before.sql(made_by);
        let told = before.is_refused(&app(FIELDS), &["--allow-destructive"]);
        assert!(told.contains(&format!("tasks: there is {what}")), "{told}");
        assert!(!told.contains("does not answer") && !told.contains("rowid: "), "{told}");
    }
}

#[test]
fn what_others_put_on_a_field_that_goes_is_told() {
    let before = Before::new();
    let without = app(&FIELDS.replace("      - { name: size, type: integer }\n", ""));
    let told = before.is_refused(&without, &["--allow-destructive"]);
    assert!(
        told.contains("tasks: its index by_size, which is not declared here, cannot stay"),
        "{told}"
    );
    before.sql("drop index by_size");
    before.becomes(&without, &["--allow-destructive"]);
}

const CLOSED: &str =
    "      - { name: id2, type: integer }\n      - { name: note, type: long-text }";

#[test]
fn a_new_field_under_an_old_name_begins_empty() {
    for (new, values) in [
        ("long-text", "secret|"),
        ("single-line-text, default: fresh", "secret|fresh"),
        ("integer", "secret|"),
        ("integer, default: 7", "secret|7"),
        ("json", "secret|"),
        ("created-by", "secret|"),
        ("'multi-select', options: [secret, b]", "secret|"),
    ] {
        let moved = "{ name: internalNote, type: long-text, renamedFrom: note }";
        let new = format!("{{ name: note, type: {new} }}");
        for fields in [[moved, &new], [&new, moved]] {
            let before = Before::bare();
            before.becomes(&app(CLOSED), &["--allow-destructive"]);
            before.sql("update tasks set note = 'secret'");
            let now = app(&format!("      - {}\n      - {}", fields[0], fields[1]));
            let told = before.becomes(&now, &["--allow-destructive"]);
            assert!(told.contains("tasks.internalNote was note"), "{told}");
            assert!(told.contains("tasks.note is new") && !told.contains("tasks.note:"), "{told}");
            assert_eq!(before.sql("select internalNote, note from tasks where id = 1"), values);
            // Neither is it done again, nor when the table is made anew for something else.
            assert_eq!(before.becomes(&now, &[]), "the tables are as declared\n");
            let more = format!("{now}      - {{ name: more, type: date }}\n");
            assert_eq!(before.becomes(&more, &[]), "tasks.more is new\n");
            assert_eq!(before.sql("select internalNote, note from tasks where id = 1"), values);
        }
    }
}

#[test]
fn a_new_field_under_an_old_name_must_have_a_value_if_it_says_so() {
    let before = Before::bare();
    let now = app(&FIELDS.replace(
        "{ name: note, type: long-text }",
        "{ name: old, type: long-text, renamedFrom: note }
      - { name: note, type: long-text, required: true }",
    ));
    let told = before.is_refused(&now, &["--allow-destructive"]);
    assert!(told.contains("tasks.note: 2 records would have no value"), "{told}");
}

#[test]
fn a_chain_of_names_moves_at_once_and_once() {
    let link = |order: [&str; 2]| app(&format!("      - {}\n      - {}", order[0], order[1]));
    let b = "{ name: b, type: long-text, renamedFrom: a }";
    let c = "{ name: c, type: long-text, renamedFrom: b }";
    for order in [[b, c], [c, b]] {
        let before = Before::bare();
        let first = link(["{ name: a, type: long-text }", "{ name: b, type: long-text }"]);
        before.becomes(&first, &["--allow-destructive"]);
        before.sql("update tasks set a = 'A', b = 'B'");
        before.becomes(&link(order), &[]);
        assert_eq!(before.sql("select b, c from tasks where id = 1"), "A|B");
        assert_eq!(before.becomes(&link(order), &[]), "the tables are as declared\n");
        let more = format!("{}      - {{ name: a, type: date }}\n", link(order));
        before.becomes(&more, &[]);
        assert_eq!(before.sql("select a, b, c from tasks where id = 1"), "|A|B");
    }
}

#[test]
fn what_may_have_been_renamed_before_is_not_guessed() {
    let before = Before::bare();
    let first = "      - { name: a, type: long-text }\n      - { name: b, type: long-text }";
    before.becomes(&app(first), &["--allow-destructive"]);
    before.sql("update tasks set a = 'A', b = 'B'");
    let now = first.replace("name: b, type: long-text", "name: b, type: long-text, renamedFrom: a");
    let now = app(&format!("{now}\n      - {{ name: c, type: long-text, renamedFrom: b }}"));
    let told = before.is_refused(&now, &["--allow-destructive"]);
    assert!(told.contains("tasks.b: 2 records with both `a` and `b`"), "{told}");
    assert!(told.contains("remove `renamedFrom: a`"), "{told}");
}

#[test]
fn tables_change_names_at_once() {
    let table = |name: &str, old: &str| {
        let old = if old.is_empty() { old.to_owned() } else { format!("renamedFrom: {old}, ") };
        format!("  - {{ name: {name}, {old}fields: [{{ name: x, type: integer }}] }}\n")
    };
    let refers = |to: &str| {
        format!("  - {{ name: refs, fields: [{{ name: to, type: relationship, table: {to} }}] }}\n")
    };
    let all = |tables: &[String]| format!("name: m\ntables:\n{}", tables.concat());
    let new = || {
        let before = Before::bare();
        before.becomes(
            &all(&[table("a", ""), table("b", ""), refers("b")]),
            &["--allow-destructive"],
        );
        before.sql("insert into a (x) values (1); insert into b (x) values (2); insert into refs (\"to\") values (1)");
        before
    };
    for (one, two) in [(("b", "a"), ("c", "b")), (("c", "b"), ("b", "a"))] {
        let before = new();
        let now = all(&[table(one.0, one.1), table(two.0, two.1), refers("c")]);
        before.becomes(&now, &[]);
        assert_eq!(before.sql("select x from b; select x from c; select * from refs"), "1\n2\n1|1");
        assert_eq!(before.becomes(&now, &[]), "the tables are as declared\n");
    }
    // The old name is another table's now, whichever comes first; what referred to it does not follow.
    for tables in [[table("b", ""), table("c", "b")], [table("c", "b"), table("b", "")]] {
        let before = new();
        let with = |refs| all(&[&tables[..], &[table("a", ""), refs]].concat());
        let told = before.is_refused(&with(refers("b")), &[]);
        assert!(told.contains("refs.to: 1 value that named records of c"), "{told}");
        before.becomes(&with(refers("c")), &[]);
        assert_eq!(before.sql("select count(*) from b; select x from c"), "0\n2");
    }
}

#[test]
fn instants_and_lists_of_one_become_what_they_say() {
    let before = Before::bare();
    let first = "      - { name: at, type: single-line-text }
      - { name: tags, type: multi-select, options: [red, blue] }";
    before.becomes(&app(first), &["--allow-destructive"]);
    before.sql(
        "delete from tasks; insert into tasks (at, tags) values ('2026-04-05T12:00:00Z', '[\"red\"]'),
           ('2026-04-05T12:00:00+02:00', null), ('2026-04-05T00:30:00.5-01:30', '[\"blue\"]')",
    );
    let now =
        first.replace("single-line-text", "datetime").replace("multi-select", "single-select");
    before.becomes(&app(&now), &[]);
    assert_eq!(
        before.sql("select at, tags from tasks order by id"),
        "2026-04-05T12:00:00.000Z|red\n2026-04-05T10:00:00.000Z|\n2026-04-05T02:00:00.500Z|blue"
    );
}

#[test]
fn texts_that_a_form_refuses_are_told_before_they_have_it() {
    for (kind, fits, other) in [
        (
            "phone-number",
            &["+41 (44) 268/12.12", "112"][..],
            &["hello", "12", "1e5", "123456789012345678901"][..],
        ),
        (
            "email",
            &["a@b.c", "o'k+x@ex-a.mple", "a@bücher.de"],
            &["a b@c", "a@b c", "a@b@c", "a@-b", "a@b..c", "a@b_c", "a@b,c", "(a)@b"],
        ),
        ("url", &["http://a/b", "HTTPS://ü?x=[1]"], &["http://a b", "http://a\tb"]),
    ] {
        let before = Before::bare();
        before
            .becomes(&app("      - { name: x, type: single-line-text }"), &["--allow-destructive"]);
        before.sql("delete from tasks");
        for text in fits.iter().chain(other) {
            before.sql(&format!("insert into tasks (x) values ('{}')", text.replace('\'', "''")));
        }
        let now = app(&format!("      - {{ name: x, type: {kind} }}"));
        let told = before.is_refused(&now, &[]);
        assert!(
            told.contains(&format!("tasks.x: {} values that no longer fit", other.len())),
            "{told}"
        );
        before.becomes(&now, &["--allow-destructive"]);
        let left = before.sql("select x from tasks where x is not null order by id");
        assert_eq!(left.lines().collect::<Vec<_>>(), fits);
        // What another program put there since stays when the table is made anew.
        if kind == "phone-number" {
            before.sql("insert into tasks (x) values ('n/a')");
            before.becomes(&now.replace("phone-number", "phone-number, default: '112'"), &[]);
        }
    }
}
