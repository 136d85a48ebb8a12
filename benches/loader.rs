//! How long it takes to load an app, beside the bare parser on the same bytes; and what apps cost that
//! were made to do harm.
//!
//! `cargo bench --bench loader` prints what docs/benchmarks.md holds.

use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use pagetide::spec;

use quantiles::quantiles;

#[path = "quantiles/mod.rs"]
mod quantiles;

/// Says in its environment that the process is to load one app and tell what it cost.
const APP: &str = "PAGETIDE_BENCH_APP";
const ROUNDS: usize = 100;

fn main() {
    if let Some(app) = std::env::var_os(APP) {
        return load_once(Path::new(&app));
    }
    let folder = std::env::temp_dir().join(format!("pagetide-loader-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder for the apps");
    for lines in [300, 3_000, 30_000] {
        let file = folder.join("app.yaml");
        let text = app(lines);
        fs::write(&file, &text).expect("the app is written");
        let loaded = spec::load(&file).expect("it is read");
        assert!(loaded.app.is_some(), "{}", loaded.report);
        let rounds = if lines > 10_000 { ROUNDS / 10 } else { ROUNDS };
        let whole = median(rounds, || drop(black_box(spec::load(&file))));
        let bare = median(rounds, || {
            let mut events = granit_parser::Parser::new_from_str(black_box(&text));
            assert!(events.all(|event| event.is_ok()), "it is YAML");
        });
        println!(
            "{} lines, {} KB: {:.2} ms, the parser alone {:.2} ms",
            text.lines().count(),
            text.len() / 1_000,
            whole,
            bare,
        );
    }
    for (name, text) in [
        ("ten megabytes", app(400_000)),
        ("a billion laughs", laughs()),
        ("a thousand deep", format!("name: {}1{}", "[".repeat(1_000), "]".repeat(1_000))),
        (
            "a thousand deep in blocks",
            (0..1_000).map(|deep| format!("{}a:\n", " ".repeat(deep))).collect(),
        ),
        ("2 MB of brackets", format!("name: {}", "[".repeat(1_999_000))),
        ("2 MB of unknown keys", (0..150_000).map(|key| format!("key-{key}: 1\n")).collect()),
        ("2 MB of faulty pages", format!("name: x\npages:\n{}", "  - {}\n".repeat(200_000))),
        ("2 MB of one key", "a: 1\n".repeat(400_000)),
    ] {
        let file = folder.join("app.yaml");
        fs::write(&file, text).expect("the app is written");
        let program = std::env::current_exe().expect("this program has a path");
        let told = Command::new(program).env(APP, &file).output().expect("it starts again");
        print!("{name}: {}", String::from_utf8_lossy(&told.stdout));
    }
    fs::remove_dir_all(&folder).expect("the folder is ours");
}

/// Loads an app and says how long it took, the most memory it needed, and what was said first.
fn load_once(app: &Path) {
    let began = Instant::now();
    let loaded = spec::load(app).expect("it is read");
    let report = loaded.report.to_string();
    let took = began.elapsed();
    let status = fs::read_to_string("/proc/self/status").expect("this is Linux");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("it is told");
    let peak: u64 = peak.trim().trim_end_matches(" kB").parse().expect("it is a number");
    println!(
        "{:.0} ms, {} MB, {} errors, {}",
        took.as_secs_f64() * 1e3,
        peak / 1_024,
        loaded.report.errors(),
        report.lines().next().unwrap_or("no problems"),
    );
}

/// The median of many times, in milliseconds.
fn median(rounds: usize, mut work: impl FnMut()) -> f64 {
    let mut time = |_| {
        let began = Instant::now();
        work();
        began.elapsed().as_secs_f64() * 1e3
    };
    quantiles((0..rounds).map(&mut time).collect()).0
}

/// An app of about so many lines, as people write them: a table and its page come in some 60.
fn app(lines: usize) -> String {
    let (mut tables, mut pages) = ("tables:\n".to_owned(), "pages:\n".to_owned());
    for nth in 0..lines / 60 {
        tables.push_str(&TABLE.replace("NTH", &nth.to_string()));
        pages.push_str(&PAGE.replace("NTH", &nth.to_string()));
    }
    format!("name: bench\n{tables}{pages}")
}

const TABLE: &str = "
  - name: orders-NTH
    fields:
      - name: customer
        type: single-line-text
        required: true
      - { name: city, type: single-line-text }
      - { name: status, type: status, options: [pending, processing, shipped], default: pending }
      - { name: total, type: currency, currency: EUR, min: 0 }
      - { name: dueOn, type: date, label: Due }
      - { name: createdAt, type: created-at }
      - { name: updatedAt, type: updated-at }
    permissions:
      read: all
      create: [member, admin]
      update: [member, admin]
      fields:
        - { field: city, read: [admin] }
      rows:
        read: [{ field: status, operator: neq, value: shipped }]
";
const PAGE: &str = "
  - name: Orders NTH
    path: /orders-NTH
    meta:
      description: The orders of desk NTH.
    presence: true
    components:
      - type: text
        variant: title
        content: Orders of desk NTH
      - type: container
        layout: grid
        children:
          - type: kpi
            label: Orders
            value: { aggregate: count }
            dataSource: { table: orders-NTH, refreshMode: realtime }
          - type: chart
            kind: bar
            title: By status
            x: { field: status }
            dataSource: { table: orders-NTH }
      - type: dataTable
        title: Open orders
        columns:
          - customer
          - { field: status, label: State, editable: true }
          - field: total
          - dueOn
        pageSize: 50
        dataSource:
          table: orders-NTH
          filter:
            - field: status
              operator: in
              value: [pending, processing]
          sort:
            - { field: createdAt, direction: desc }
          refreshMode: realtime
";

/// Ten aliases of ten aliases, and so on.
fn laughs() -> String {
    let level = |nth: usize| {
        let again = vec![format!("*a{}", nth - 1); 10].join(", ");
        format!("a{nth}: &a{nth} [{again}]\n")
    };
    let levels: String = (1..10).map(level).collect();
    format!("a0: &a0 lol\n{levels}name: *a9\n")
}
