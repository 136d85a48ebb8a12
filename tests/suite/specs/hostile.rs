//! Specs that mean harm: each is refused in a few words, or loads.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use pagetide::spec;
use tempfile::TempDir;

use super::specs;

const PAGE: &str = "name: About\npath: /about\n";
const REFERRING: &str = "name: shop\npages:\n  - $ref: ./page.yaml\n";
const SEEDED: &str = "name: shop\ntables:\n  - name: orders\n    fields: \
    [{name: customer, type: long-text}]\n    seed: ./orders.csv\n";

/// A folder that holds these files.
fn folder(files: &[(&str, &[u8])]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    folder
}

/// All that is said of an app, a line per finding, or why there is nothing to say.
fn said(folder: &Path) -> String {
    let loaded = match spec::load(folder) {
        Ok(loaded) => loaded,
        Err(error) => return error.to_string().replace(&folder.display().to_string(), "app"),
    };
    let one = |at: &spec::Finding| format!("{}:{}:{} {}", at.file, at.line, at.column, at.message);
    let lines: Vec<_> = loaded.report.findings.iter().map(one).collect();
    // Printing must come to an end as well.
    assert!(loaded.report.to_string().len() < 1_000_000, "the report has no bound");
    assert_eq!(loaded.app.is_some(), loaded.report.errors() == 0);
    if lines.is_empty() { "nothing".to_owned() } else { lines.join("\n") }
}

#[track_caller]
fn check(app: impl AsRef<[u8]>, told: &str) {
    assert_eq!(said(folder(&[("app.yaml", app.as_ref())]).path()), told);
}

/// Checks what is said of a page in a file of its own.
#[track_caller]
fn check_page(page: impl AsRef<[u8]>, told: &str) {
    let files = [("app.yaml", REFERRING.as_bytes()), ("page.yaml", page.as_ref())];
    assert_eq!(said(folder(&files).path()), told);
}

/// Checks what is said of a table's seed.
#[track_caller]
fn check_seed(seed: impl AsRef<[u8]>, told: &str) {
    let files = [("app.yaml", SEEDED.as_bytes()), ("orders.csv", seed.as_ref())];
    assert_eq!(said(folder(&files).path()), told);
}

#[test]
fn a_file_of_ten_megabytes_is_refused_unread() {
    let huge = "# Nothing but comments.\n".repeat(420_000);
    check(&huge, "app.yaml:1:1 `app.yaml` is larger than 2 MB, the most a file may have");
    check_page(&huge, "app.yaml:3:11 `page.yaml` is larger than 2 MB, the most a file may have");
    let told = "app.yaml:5:11 `orders.csv` is larger than 20 MB, the most a file may have";
    check_seed(huge.repeat(2), told);
}

#[test]
fn aliases_that_explode_are_refused() {
    let mut laughs = "name: shop\na0: &a0 [ha, ha, ha, ha, ha, ha, ha, ha, ha, ha]\n".to_owned();
    for level in 1..30 {
        let above = format!("*a{}", level - 1);
        laughs += &format!("a{level}: &a{level} [{}]\n", [above.as_str(); 10].join(", "));
    }
    check(laughs, "app.yaml:5:45 aliases may repeat 10000 values in one file");
    check("a: &a [*a]", "app.yaml:1:8 this alias stands inside the value it repeats");
}

#[test]
fn files_that_explode_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    for level in 0..30 {
        let name = if level == 0 { "app.yaml".to_owned() } else { format!("{level}.yaml") };
        let next = level + 1;
        let text: String =
            (0..10).map(|key| format!("a{key}: {{ $ref: ./{next}.yaml }}\n")).collect();
        fs::write(folder.path().join(name), text).unwrap();
    }
    fs::write(folder.path().join("30.yaml"), PAGE).unwrap();
    let said = said(folder.path());
    assert!(said.contains("an app may have 200000 values in all"), "{said}");
}

#[test]
fn nesting_without_end_is_refused() {
    for nesting in ["[", "- ", "{a: ", "? "] {
        let folder = folder(&[("app.yaml", nesting.repeat(1_000).as_bytes())]);
        let said = said(folder.path());
        assert!(said.ends_with(" values may nest 64 deep"), "{nesting}: {said}");
    }
    let deep = format!("{PAGE}components: {}{}", "[".repeat(63), "]".repeat(63));
    check_page(deep, "app.yaml:3:11 values may nest 64 deep, with this file they nest deeper");
}

#[test]
fn bytes_that_are_not_text_are_refused() {
    let told = "this file is not UTF-8 text from here on";
    check(b"name: shop\npages: \xff\xfe\n", &format!("app.yaml:2:8 {told}"));
    check(b"\xef\xbb\xbfname: D\xe9\n", &format!("app.yaml:1:8 {told}"));
    check_page(b"name: \xc3\x28\n", &format!("page.yaml:1:7 {told}"));
    check_seed(b"customer\nAda\n\xff\n", &format!("orders.csv:3:1 {told}"));
    check(b"name: sh\0op\n", "app.yaml:1:9 YAML cannot hold the character U+0000");
    check(b"\0\0\0\0", "app.yaml:1:1 YAML cannot hold the character U+0000");
    check_seed(b"customer\nA\0da\n", "orders.csv:2:1 customer must not hold the character U+0000");
}

#[test]
fn a_file_without_a_value_is_empty() {
    for nothing in ["", "\n\n", "# Only a comment.\n# And another.\n", "---\n", "\u{feff}", "\r\n"]
    {
        check(nothing, "app.yaml:1:1 this file is empty");
        check_page(nothing, "app.yaml:3:11 the file `./page.yaml` is empty");
    }
    check_seed("", "app.yaml:5:11 the file `./orders.csv` is empty");
}

#[test]
fn line_ends_and_byte_order_marks_of_other_systems_are_read() {
    let windows = "\u{feff}name: shop\r\npages:\r\n  - name: About\r\n    path: about\r\n";
    check(windows, "app.yaml:4:11 a path begins with /");
    check(windows.replace("path: about", "path: /about"), "nothing");
    let classic = windows.replace("\r\n", "\r");
    check(classic, "app.yaml:4:11 a path begins with /");
    check_page(format!("\u{feff}{PAGE}").replace('\n', "\r\n"), "nothing");
    check_seed("\u{feff}customer\r\nAda\r\n", "nothing");
    check("name: shop\rpages: []\r", "nothing");
    // UTF-16, as some editors save it.
    check(b"\xff\xfen\0a\0m\0e\0", "app.yaml:1:1 this file is not UTF-8 text from here on");
}

#[test]
fn what_is_no_file_is_refused_and_never_waited_for() {
    let folder = folder(&[]);
    fs::create_dir(folder.path().join("app.yaml")).unwrap();
    assert_eq!(said(folder.path()), "app.yaml:1:1 `app.yaml` is not a file");
    for (app, name) in [(REFERRING, "page.yaml"), (SEEDED, "orders.csv")] {
        let folder = self::folder(&[("app.yaml", app.as_bytes())]);
        let pipe = folder.path().join(name);
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let said = said(folder.path());
        assert!(said.contains(&format!("{name}` is not a file")), "{said}");
    }
}

#[test]
fn links_do_not_lead_out_of_the_folder() {
    let outside = folder(&[("page.yaml", PAGE.as_bytes()), ("orders.csv", b"customer\nAda\n")]);
    for (app, name) in [(REFERRING, "page.yaml"), (SEEDED, "orders.csv")] {
        let folder = folder(&[("app.yaml", app.as_bytes())]);
        symlink(outside.path().join(name), folder.path().join(name)).unwrap();
        let said = said(folder.path());
        assert!(said.ends_with(&format!("`./{name}` is outside the app's folder")), "{said}");
    }
}

#[test]
fn a_link_within_the_folder_is_followed() {
    let folder = folder(&[("app.yaml", REFERRING.as_bytes()), ("about.yaml", PAGE.as_bytes())]);
    symlink("about.yaml", folder.path().join("page.yaml")).unwrap();
    assert_eq!(said(folder.path()), "nothing");
    symlink("round.yaml", folder.path().join("round.yaml")).unwrap();
    fs::write(folder.path().join("app.yaml"), REFERRING.replace("./page", "./round")).unwrap();
    let said = said(folder.path());
    assert!(said.starts_with("app.yaml:3:11 `./round.yaml` could not be read: "), "{said}");
}

#[test]
fn a_hundred_thousand_faults_make_a_short_report() {
    let unknown: String = (0..100_000).map(|key| format!("a{key}: 1\n")).collect();
    check_counted(&format!("name: shop\n{unknown}"), "100000 errors");
    let one_line: String = (0..100_000).map(|key| format!("a{key}: 1, ")).collect();
    check_counted(&format!("{{ name: shop, {one_line} }}"), "100000 errors");
    check_counted(&format!("name: shop\npages:\n{}", "  - 5\n".repeat(100_000)), "100000 errors");
    check_counted(&format!("name: shop\npages: [{}]", "5,".repeat(100_000)), "100000 errors");
    check_counted(&format!("name: shop\n{}", "name: again\n".repeat(100_000)), "100000 errors");
}

#[track_caller]
fn check_counted(app: &str, summary: &str) {
    let folder = folder(&[("app.yaml", app.as_bytes())]);
    let report = spec::load(folder.path()).unwrap().report;
    assert_eq!(report.summary(), summary);
    assert!(report.to_string().len() < 200_000);
    let held: usize = report.findings.iter().map(|finding| finding.excerpt.len()).sum();
    assert!(held < 200_000);
}

#[test]
fn a_huge_line_of_a_seed_is_read_or_refused_in_few_words() {
    let long = "x".repeat(5_000_000);
    check_seed(
        format!("customer\n{long}\n"),
        "orders.csv:2:1 customer must be at most 100000 bytes of text",
    );
    let ragged = format!("customer\n{}\n", "a,".repeat(2_000_000));
    check_seed(ragged, "orders.csv:2:1 this line has 2000001 columns, the first line has 1");
    for header in [long, "a,".repeat(2_000_000)] {
        let files = [("app.yaml", SEEDED.as_bytes()), ("orders.csv", header.as_bytes())];
        let said = said(folder(&files).path());
        assert!(
            said.starts_with("orders.csv:1:1 `orders` has no field") && said.len() < 10_000,
            "{said}"
        );
    }
    check_seed("customer\n\"never closed", "nothing");
}

#[test]
fn what_would_garble_a_terminal_is_not_printed() {
    let app = "name: shop\nevil: \"\u{202e}\u{85}\"\n? \"\\e[2J\\r\"\n: 1\n";
    let folder = folder(&[("app.yaml", app.as_bytes())]);
    let printed = spec::load(folder.path()).unwrap().report.to_string();
    let garbles = |c: char| c.is_control() && c != '\n' || c == '\u{202e}';
    assert!(!printed.contains(garbles), "{printed:?}");
    assert!(printed.contains("unknown key `\u{fffd}[2J\u{fffd}`"), "{printed}");
}

#[test]
fn long_words_are_cut_short() {
    let long = "x".repeat(500_000);
    let said_of = |app: String| said(folder(&[("app.yaml", app.as_bytes())]).path());
    for app in [
        format!("name: {long}"),
        format!("name: shop\n{long}: 1"),
        format!("name: shop\npages: [{{name: A, path: {long}}}]"),
        format!("name: shop\npages: [{{name: A, path: /a, components: [{{type: {long}}}]}}]"),
        format!("name: shop\ntables: [{{name: {long}, fields: [{{name: {long}, type: {long}}}]}}]"),
        format!("name: shop\npages: [{{$ref: {long}}}]"),
        format!("name: shop\n? {long}\n: 1\n? {long}\n: 1"),
    ] {
        let said = said_of(app);
        assert!(said.len() < 3_000, "{} bytes: {:.200}", said.len(), said);
    }
}

/// A small generator of numbers that come out the same on every run (xorshift64*).
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(number).unwrap() % limit
    }
}

/// `PAGETIDE_MUTATIONS` asks for more of them, for a longer look by hand.
#[test]
fn no_mutation_of_a_valid_spec_makes_it_panic() {
    let asked = std::env::var("PAGETIDE_MUTATIONS").ok().map(|count| count.parse().unwrap());
    let scratch = tempfile::tempdir().unwrap();
    let mut files = Vec::new();
    for app in specs("valid") {
        let copy = scratch.path().join(app.file_name().unwrap());
        copy_folder(&app, &copy, &copy, &mut files);
    }
    let mut dice = Dice(0x5eed);
    for round in 0..asked.unwrap_or(2_000) {
        let (app, file, sound) = &files[dice.below(files.len())];
        let mut bytes = sound.clone();
        for _ in 0..=dice.below(4) {
            mutate(&mut bytes, &mut dice);
        }
        fs::write(file, &bytes).unwrap();
        let printed = std::panic::catch_unwind(|| spec::load(app).unwrap().report.coloured());
        let told = || String::from_utf8_lossy(&bytes);
        assert!(printed.is_ok(), "round {round}, {}:\n{}", file.display(), told());
        fs::write(file, sound).unwrap();
    }
}

/// Copies an app and notes each of its files with what is in it.
fn copy_folder(from: &Path, to: &Path, app: &Path, files: &mut Vec<(PathBuf, PathBuf, Vec<u8>)>) {
    fs::create_dir(to).unwrap();
    let mut entries: Vec<_> = fs::read_dir(from).unwrap().map(|entry| entry.unwrap()).collect();
    entries.sort_by_key(fs::DirEntry::path);
    for entry in entries {
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            copy_folder(&from, &to, app, files);
        } else {
            fs::copy(&from, &to).unwrap();
            files.push((app.to_owned(), to, fs::read(from).unwrap()));
        }
    }
}

/// Changes, removes, repeats or inserts a few bytes, more often than not ones that YAML cares for.
fn mutate(bytes: &mut Vec<u8>, dice: &mut Dice) {
    const WORDS: [&[u8]; 24] = [
        b":",
        b": ",
        b"- ",
        b"\n",
        b"  ",
        b"\t",
        b"[",
        b"]",
        b"{",
        b"}",
        b"'",
        b"\"",
        b"&a ",
        b"*a",
        b"!",
        b"|",
        b"<<: ",
        b"null",
        b"-1",
        b"99999999999999999999",
        b"\xff",
        b"\0",
        b"\xf0\x9f\x8c\x8a",
        b"$ref: ",
    ];
    let at = dice.below(bytes.len() + 1);
    let end = (at + dice.below(20)).min(bytes.len());
    match dice.below(5) {
        0 => bytes.splice(at..end, []).for_each(drop),
        1 => {
            let piece = bytes[at..end].to_vec();
            let to = dice.below(bytes.len() + 1);
            bytes.splice(to..to, piece).for_each(drop);
        }
        2 if at < bytes.len() => bytes[at] = u8::try_from(dice.below(256)).unwrap(),
        _ => bytes.splice(at..at, WORDS[dice.below(WORDS.len())].iter().copied()).for_each(drop),
    }
}
