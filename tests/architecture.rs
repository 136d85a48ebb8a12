//! Holds the code to ARCHITECTURE.md: imports, crates in their place, headers, and its own length.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

const PAGE: &str = include_str!("../ARCHITECTURE.md");

/// The rows below the line that begins with `head`, as cells without backticks.
fn table(head: &str) -> Vec<Vec<String>> {
    let cells = |line: &str| {
        let cells = line.trim_matches('|').split('|');
        cells.map(|cell| cell.trim().trim_matches('`').to_owned()).collect()
    };
    let rows = PAGE.lines().skip_while(|line| !line.starts_with(head)).skip(2);
    let rows: Vec<_> = rows.take_while(|line| line.starts_with('|')).map(cells).collect();
    assert!(!rows.is_empty(), "ARCHITECTURE.md has no table `{head}`");
    rows
}

/// Each module with what it may import.
fn modules() -> BTreeMap<String, BTreeSet<String>> {
    let names = |cell: &str| {
        let names = cell.split(',').map(|name| name.trim().to_owned());
        names.filter(|name| !name.is_empty()).collect()
    };
    table("| module |").iter().map(|row| (row[0].clone(), names(&row[2]))).collect()
}

/// Every Rust file below a folder with its text.
fn rust_files(folder: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path, text));
            }
        }
    }
    found
}

/// The module a file of `src` belongs to; nothing for `main.rs` and `lib.rs`.
fn module(path: &Path) -> Option<String> {
    let inside = path.strip_prefix(Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).unwrap();
    let mut parts = inside.components();
    let first = parts.next()?.as_os_str().to_str()?.to_owned();
    parts.next().map(|_| first)
}

/// The code of a file: no comments, which may name whatever they like.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(|line| line.split("//").next().unwrap_or_default())
}

/// The names that follow `before` in a line: `crate::` gives the modules it imports.
fn names_after<'a>(line: &'a str, before: &'a str) -> impl Iterator<Item = &'a str> {
    line.split(before)
        .skip(1)
        .filter_map(|rest| rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next())
}

/// Whether a line uses a crate: its name begins a path.
fn uses(line: &str, name: &str) -> bool {
    line.match_indices(&format!("{name}::")).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        before.is_none_or(|c| !c.is_ascii_alphanumeric() && c != '_' && c != ':')
    })
}

#[test]
fn every_module_is_in_the_table_and_every_row_is_a_module() {
    let in_table: BTreeSet<_> = modules().into_keys().collect();
    let in_src: BTreeSet<_> =
        rust_files("src").iter().filter_map(|(path, _)| module(path)).collect();
    assert_eq!(in_table, in_src);
}

#[test]
fn a_module_may_import_only_what_stands_above_it() {
    let mut above = BTreeSet::new();
    for row in table("| module |") {
        for import in &modules()[&row[0]] {
            assert!(above.contains(import), "`{}` may import `{import}`, which is below", row[0]);
        }
        above.insert(row[0].clone());
    }
}

#[test]
fn imports_are_those_of_the_table() {
    let allowed = modules();
    let mut faults = Vec::new();
    for (path, text) in rust_files("src") {
        let Some(module) = module(&path) else { continue };
        for line in code(&text) {
            for import in names_after(line, "crate::") {
                if import != module && !allowed[&module].contains(import) {
                    faults.push(format!("{}: `{module}` imports `{import}`", path.display()));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn each_crate_stays_in_its_module() {
    let mut faults = Vec::new();
    let rows = table("| crates |").into_iter();
    let homes: Vec<_> = rows
        .flat_map(|row| {
            let crates = row[0].split(',').map(|name| name.trim().trim_matches('`').to_owned());
            crates.map(|name| (name, row[1].clone())).collect::<Vec<_>>()
        })
        .collect();
    for (name, home) in &homes {
        let mut at_home = false;
        for (path, text) in rust_files("src") {
            let used = code(&text).any(|line| uses(line, name));
            let here = module(&path).is_some_and(|module| module == *home);
            at_home |= used && here;
            if used && !here {
                faults
                    .push(format!("{}: uses `{name}`, which belongs to `{home}`", path.display()));
            }
        }
        if !at_home {
            faults.push(format!("`{home}` does not use `{name}`"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn what_is_of_one_database_system_stays_in_its_folder() {
    let own = ["SqliteConnection", "SqliteRow", "SqliteQueryBuilder", "sqlite_master", "pragma"];
    let mut faults = Vec::new();
    for (path, text) in rust_files("src/store") {
        if path.components().any(|part| part.as_os_str() == "sqlite") {
            continue;
        }
        for name in own.iter().filter(|name| code(&text).any(|line| line.contains(**name))) {
            faults.push(format!("{}: `{name}` is SQLite's alone", path.display()));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_file_opens_with_its_duty() {
    for folder in ["src", "tests", "benches"] {
        for (path, text) in rust_files(folder) {
            assert!(text.starts_with("//! "), "{} has no header", path.display());
        }
    }
}

/// Two types called `Known` are two puzzles for whoever reads.
#[test]
fn a_type_name_is_defined_once() {
    let mut places: BTreeMap<String, BTreeSet<PathBuf>> = BTreeMap::new();
    for (path, text) in rust_files("src") {
        // Types of tests are seen by nobody else.
        let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
        let is_test = path.file_stem().is_some_and(|stem| stem == "tests");
        for line in code(text).filter(|_| !is_test) {
            let words: Vec<_> = line.split_whitespace().collect();
            let kind = words
                .iter()
                .position(|word| matches!(*word, "struct" | "enum" | "union" | "trait" | "type"));
            // An associated type belongs to its trait; what is defined stands at the beginning of a line.
            let Some(kind) = kind.filter(|_| !line.starts_with(' ')) else { continue };
            let name = words[kind + 1].split(|c: char| !c.is_alphanumeric() && c != '_').next();
            places.entry(name.unwrap().to_owned()).or_default().insert(path.clone());
        }
    }
    let twice: Vec<_> = places.iter().filter(|(_, paths)| paths.len() > 1).collect();
    assert!(places.len() > 500 && twice.is_empty(), "{twice:#?}");
}

/// The paths that a `use` names, each whole: `a::{b, c::d}` gives `a::b` and `a::c::d`.
fn paths(tree: &str) -> Vec<String> {
    let Some((before, list)) = tree.split_once('{') else { return vec![tree.trim().to_owned()] };
    let (mut parts, mut depth) = (vec![String::new()], 0);
    for letter in list.chars() {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => parts.push(String::new()),
            _ => {}
        }
        if depth >= 0 && !(letter == ',' && depth == 0) {
            parts.last_mut().unwrap().push(letter);
        }
    }
    parts.iter().flat_map(|part| paths(&format!("{}{}", before.trim(), part.trim()))).collect()
}

/// The files of `src` that a file imports from: for each path the file that its longest beginning leads to.
fn imported(path: &Path, text: &str, files: &BTreeSet<PathBuf>) -> BTreeSet<PathBuf> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let module = path.with_extension("");
    let module = if module.ends_with("mod") { module.parent().unwrap() } else { &module };
    let code: Vec<_> = code(text.split("#[cfg(test)]").next().unwrap()).collect();
    let code = code.join(" ");
    let named =
        code.split("use ").skip(1).filter_map(|rest| rest.split(';').next()).flat_map(paths);
    let file = |path: String| {
        let (first, rest) = path.split_once("::")?;
        let base = match first {
            "crate" => &src,
            "super" => module.parent()?,
            _ => return None,
        };
        let parts: Vec<_> = rest.split("::").collect();
        (1..=parts.len()).rev().find_map(|length| {
            let base = parts[..length].iter().fold(base.to_owned(), |base, part| base.join(part));
            let found = [base.with_extension("rs"), base.join("mod.rs")];
            found.into_iter().find(|file| files.contains(file))
        })
    };
    // A file may use what the module says that it is part of.
    let is_above = |file: &PathBuf| {
        let above = file.with_extension("");
        let above = if above.ends_with("mod") { above.parent().unwrap() } else { &above };
        path.starts_with(above)
    };
    named.filter_map(file).filter(|file| file != path && !is_above(file)).collect()
}

#[test]
fn no_files_import_each_other_in_a_ring() {
    assert_eq!(paths("crate::{a, b::{c, d::E}, f}").len(), 4);
    let sources = rust_files("src");
    let files: BTreeSet<_> = sources.iter().map(|(path, _)| path.clone()).collect();
    let imports: BTreeMap<_, _> =
        sources.iter().map(|(path, text)| (path, imported(path, text, &files))).collect();
    assert!(imports.values().map(BTreeSet::len).sum::<usize>() > 1_000);
    // Files that import nothing of those that are left cannot be in a ring.
    let mut left = files.clone();
    loop {
        let before = left.len();
        let free: Vec<_> =
            left.iter().filter(|path| imports[path].is_disjoint(&left)).cloned().collect();
        left.retain(|path| !free.contains(path));
        if left.len() == before {
            break;
        }
    }
    assert!(left.is_empty(), "in rings, or importing from one: {left:#?}");
}

#[test]
fn the_page_can_be_read_in_one_sitting() {
    assert!(PAGE.lines().count() <= 150);
}
