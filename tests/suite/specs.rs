//! Specs as authors write them: what is accepted, and every word of what is not.
//!
//! `tests/specs/invalid/<case>/` holds an app and `problems.txt`, all that `check` prints about it.
//! Run with `UPDATE_EXPECTED=1` to write what is printed now, then read the difference.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use jsonschema::Validator;
use pagetide::spec::{self, AppPart, Loaded};
use serde_json::Value as Json;

mod hostile;
mod unseen;

/// The cases whose fault an editor shows too, since the JSON Schema forbids it.
const CAUGHT_BY_SCHEMA: &[&str] = &[
    "a-fault-in-a-table-is-told-once",
    "access-unknown-word",
    "access-without-require",
    "action-unknown-type",
    "app-is-a-list",
    "autonumber-start-is-text",
    "autonumber-starts-below-zero",
    "button-label-empty",
    "bulk-action-is-a-link",
    "bulk-action-without-type",
    "bulk-actions-not-a-list",
    "button-unknown-variant",
    "chart-kind-misspelt",
    "chart-limit-too-large",
    "chart-without-x",
    "children-where-none-belong",
    "column-align-misspelt",
    "column-format-unknown",
    "column-width-without-unit",
    "column-with-unknown-key",
    "columns-empty",
    "component-id-with-a-space",
    "component-is-a-word",
    "component-type-misspelt",
    "component-without-type",
    "components-not-a-list",
    "curly-quotes-round-a-word",
    "database-url-empty",
    "details-of-no-field",
    "details-with-a-title",
    "divider-label-is-a-number",
    "divider-with-empty-label",
    "editable-is-a-word",
    "excerpt-with-wide-letters",
    "field-name-with-a-hyphen",
    "field-type-from-elsewhere",
    "field-type-missing",
    "field-type-misspelt",
    "fields-missing",
    "file-empty",
    "filter-condition-without-field",
    "filter-field-is-a-list",
    "filter-is-a-word",
    "form-fields-empty",
    "form-submit-label-empty",
    "form-unknown-key-in-a-field",
    "form-unknown-key-on-success",
    "gallery-card-with-a-key-of-a-list",
    "gallery-without-card",
    "html-content-is-a-mapping",
    "image-too-wide",
    "image-without-alt",
    "image-without-src",
    "kpi-with-unknown-aggregate",
    "kpi-without-label",
    "list-without-item",
    "live-origin-with-a-path",
    "markdown-file-is-a-list",
    "name-missing",
    "name-too-long",
    "name-without-value",
    "null-in-a-list",
    "page-size-too-large",
    "page-sizes-too-large",
    "page-without-path",
    "path-without-slash",
    "permission-role-without-list",
    "permission-unknown-operation",
    "permission-unknown-word",
    "permission-word-misspelt",
    "poll-interval-as-text",
    "poll-interval-too-short",
    "presence-not-boolean",
    "presence-yes-is-text",
    "relationship-on-delete-misspelt",
    "ref-beside-other-keys",
    "ref-not-a-path",
    "renamed-from-no-name",
    "role-with-a-space",
    "row-rule-of-unknown-operation",
    "search-in-no-field",
    "search-is-a-word",
    "select-option-is-a-number",
    "select-options-not-a-list",
    "several-faults-at-once",
    "sign-up-not-boolean",
    "table-name-with-capitals",
    "table-without-fields",
    "tables-is-a-mapping",
    "text-content-is-a-number",
    "text-is-a-value-in-braces",
    "text-with-a-comma-in-braces",
    "text-without-content",
    "theme-colour-not-hex",
    "theme-colour-that-leaves-its-place",
    "theme-density-unknown",
    "theme-key-unknown",
    "unknown-auth-strategy",
    "unknown-key-at-the-top",
    "unknown-key-beside-an-empty-value",
    "unknown-key-in-a-component",
    "unknown-key-in-a-field",
    "unknown-key-in-filter",
    "unknown-key-in-props",
    "unknown-operator",
    "unknown-refresh-mode",
    "unknown-sort-direction",
    "unknown-text-variant",
    "unseen-character-in-a-key",
    "unseen-character-in-a-name",
    "unseen-character-in-a-word",
    "unseen-mark-of-direction-in-a-key",
    "unseen-space-as-indentation",
    "unseen-space-in-braces",
    "visible-word-misspelt",
    "yaml-merge-key",
];

fn specs(kind: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/specs").join(kind);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
    let mut cases: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    cases
}

fn name(case: &Path) -> &str {
    case.file_name().unwrap().to_str().unwrap()
}

fn load(app: &Path) -> Loaded {
    spec::load(app).unwrap_or_else(|error| panic!("{}: {error}", app.display()))
}

/// What `check` prints, without colours.
pub fn told(loaded: &Loaded) -> String {
    format!("{}{}\n", loaded.report, loaded.report.summary())
}

/// Stops with all failures at once: whoever changes a word sees every case it changes.
#[track_caller]
fn assert_none(failures: &[String]) {
    assert!(failures.is_empty(), "{} failed\n\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn what_is_wrong_is_told_word_for_word() {
    let update = std::env::var_os("UPDATE_EXPECTED").is_some();
    let mut failures = Vec::new();
    for case in specs("invalid") {
        let (told, file) = (told(&load(&case)), case.join("problems.txt"));
        if update {
            fs::write(&file, &told).unwrap();
        }
        match fs::read_to_string(&file) {
            Ok(expected) if expected == told => {}
            Ok(expected) => {
                failures.push(format!("{}:\n{}", name(&case), difference(&expected, &told)));
            }
            Err(error) => failures.push(format!("{}: problems.txt: {error}", name(&case))),
        }
    }
    assert_none(&failures);
}

/// Both texts by line, `-` before what was expected only and `+` before what was told only.
pub fn difference(expected: &str, told: &str) -> String {
    let (left, right): (Vec<_>, Vec<_>) = (expected.lines().collect(), told.lines().collect());
    let same = |(left, right): &(&&str, &&str)| left == right;
    let head = left.iter().zip(&right).take_while(same).count();
    let rest = left.len().min(right.len()) - head;
    let tail = left.iter().rev().zip(right.iter().rev()).take(rest).take_while(same).count();
    let marked = |mark: char, lines: &[&str]| -> String {
        lines.iter().map(|line| format!("{mark} {line}\n")).collect()
    };
    let middle_left = &left[head..left.len() - tail];
    let middle_right = &right[head..right.len() - tail];
    let (start, end) = (marked(' ', &left[..head]), marked(' ', &left[left.len() - tail..]));
    format!("{start}{}{}{end}", marked('-', middle_left), marked('+', middle_right))
}

#[test]
fn only_warnings_let_an_app_load() {
    for case in specs("invalid") {
        let loaded = load(&case);
        let is_warning = name(&case).starts_with("warning-");
        assert_eq!(loaded.app.is_some(), is_warning, "{}", name(&case));
        assert_eq!(loaded.report.errors() == 0, is_warning, "{}", name(&case));
    }
}

#[test]
fn valid_specs_load_without_a_word() {
    for app in specs("valid") {
        let loaded = load(&app);
        assert_eq!(told(&loaded), "no problems\n", "{}", name(&app));
        assert!(loaded.app.is_some(), "{}", name(&app));
    }
}

#[test]
fn valid_specs_and_every_example_pass_the_schema() {
    let schema = schema();
    let mut failures = Vec::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let examples =
        ["example-app", "docs/reference/examples", "tests/apps/events", "tests/apps/workshop"]
            .map(|folder| root.join(folder));
    for app in specs("valid").into_iter().chain(examples) {
        let file = app.join("app.yaml");
        for (what, json) in [("as written", json(&file).unwrap()), ("whole", whole(&file))] {
            for error in schema.iter_errors(&json) {
                let place = error.instance_path().to_string();
                failures.push(format!("{}, {what}: {place}: {}", name(&app), error.masked()));
            }
        }
    }
    assert_none(&failures);
}

/// What an editor says of a file that `$ref` leads to, by the schema that the file names.
#[test]
fn files_of_their_own_pass_the_schema_of_what_they_are() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (folder, part) in [
        ("example-app/pages", AppPart::Page),
        ("example-app/tables", AppPart::Table),
        ("docs/reference/examples/fields", AppPart::Field),
        ("docs/reference/examples/components", AppPart::Component),
    ] {
        let validator = jsonschema::validator_for(&spec::part_schema(part)).unwrap();
        for entry in fs::read_dir(root.join(folder)).unwrap() {
            let file = entry.unwrap().path();
            let value = json(&file).unwrap();
            let faults: Vec<_> = validator.iter_errors(&value).map(|e| e.to_string()).collect();
            assert!(faults.is_empty(), "{}: {faults:?}", file.display());
            assert!(!validator.is_valid(&serde_json::json!({ "componets": [] })));
            let modeline = fs::read_to_string(&file).unwrap();
            if let Some(rest) = modeline.strip_prefix("# yaml-language-server: $schema=") {
                let named = file.parent().unwrap().join(rest.lines().next().unwrap());
                let named: Json = serde_json::from_slice(&fs::read(named).unwrap()).unwrap();
                assert_eq!(named, spec::part_schema(part));
            } else {
                assert!(!folder.starts_with("example-app"), "{} names no schema", file.display());
            }
        }
    }
}

#[test]
fn the_schema_catches_what_a_schema_can() {
    let schema = schema();
    let mut caught = BTreeSet::new();
    let cases = specs("invalid");
    for case in &cases {
        // What serde_yaml cannot read an editor refuses before it looks at any schema.
        if json(&case.join("app.yaml")).is_some_and(|json| !schema.is_valid(&json)) {
            caught.insert(name(case));
        }
    }
    let expected: BTreeSet<_> = CAUGHT_BY_SCHEMA.iter().copied().collect();
    let missed: Vec<_> = expected.difference(&caught).collect();
    let unlisted: Vec<_> = caught.difference(&expected).collect();
    assert!(missed.is_empty(), "the schema lets these pass: {missed:?}");
    assert!(unlisted.is_empty(), "the schema refuses these too, so list them: {unlisted:#?}");
}

#[test]
fn published_schemas_are_what_the_program_generates() {
    check_published("app", &spec::app_schema());
    check_published("page", &spec::part_schema(AppPart::Page));
    check_published("table", &spec::part_schema(AppPart::Table));
    check_published("messages", &pagetide::live::messages_schema());
}

#[track_caller]
fn check_published(kind: &str, generated: &Json) {
    let file = format!("schemas/{kind}.schema.json");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(&file);
    let generated = format!("{}\n", serde_json::to_string_pretty(generated).unwrap());
    if std::env::var_os("UPDATE_EXPECTED").is_some() {
        fs::write(&path, &generated).unwrap();
    }
    let published = fs::read_to_string(&path).unwrap();
    let difference = || difference(&published, &generated);
    assert!(published == generated, "{file} is stale:\n{}", difference());
}

fn schema() -> Validator {
    jsonschema::validator_for(&spec::app_schema()).unwrap()
}

/// A YAML file as JSON; nothing if it is not YAML.
fn json(file: &Path) -> Option<Json> {
    serde_yaml::from_slice(&fs::read(file).unwrap()).ok()
}

/// A YAML file as JSON, with all it refers to in place.
fn whole(file: &Path) -> Json {
    let mut value = json(file).unwrap_or_else(|| panic!("{} is not YAML", file.display()));
    insert_files(&mut value, file.parent().unwrap());
    value
}

fn insert_files(value: &mut Json, folder: &Path) {
    if let Some(link) = value.get("$ref").and_then(Json::as_str) {
        *value = whole(&folder.join(link));
        return;
    }
    match value {
        Json::Array(items) => items.iter_mut().for_each(|item| insert_files(item, folder)),
        Json::Object(map) => map.values_mut().for_each(|value| insert_files(value, folder)),
        _ => {}
    }
}
