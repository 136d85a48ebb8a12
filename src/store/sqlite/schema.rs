//! The SQL of the app's tables: their columns, rules and indexes.

use std::cmp::Reverse;
use std::sync::Arc;

use rust_decimal::Decimal;

use crate::model::field::{Bounds, Field, FieldKind, Numbering, OnDelete};
use crate::model::storage::Storage;
use crate::model::table::Table;
use crate::model::value::{Value, list_text};
use crate::store::sqlite::classes;
use crate::store::sqlite::literals::{literal, quoted_option};

/// Returns the statement that creates a table under this name.
pub(super) fn create_table(name: &str, table: &Table) -> String {
    let columns: Vec<_> = table.fields.iter().map(column).collect();
    format!("create table \"{name}\" (\n  {}\n)", columns.join(",\n  "))
}

fn column(field: &Field) -> String {
    let name = format!("\"{}\"", field.name);
    if field.kind == FieldKind::Id {
        // Without `autoincrement`, the id of a deleted record would be used again.
        return format!("{name} integer primary key autoincrement");
    }
    if let FieldKind::Autonumber(numbering) = &field.kind {
        return format!("{name} integer generated always as ({}) virtual", number(numbering));
    }
    let affinity = classes::column_type(field.kind.storage());
    let mut column = format!("{name} {affinity}");
    if field.required || is_clock(&field.kind) {
        column.push_str(" not null");
    }
    if let Some(default) = default(field) {
        column.push_str(&format!(" default {default}"));
    }
    if field.unique {
        column.push_str(" unique");
    }
    for (rule, check) in checks(field, &name) {
        // SQLite reports the name of a failed constraint, so users of other programs read it as the message.
        let rule = format!("{} {rule}", field.name).replace('"', "'");
        column.push_str(&format!(" constraint \"{rule}\" check ({name} is null or {check})"));
    }
    if let FieldKind::Relationship(table, on_delete) = &field.kind {
        column.push_str(&format!(" references \"{table}\" (\"id\"){}", on_delete_rule(*on_delete)));
    }
    column
}

fn on_delete_rule(on_delete: OnDelete) -> &'static str {
    match on_delete {
        // Unlike `restrict`, this is checked when the statement ends, so that a record may refer to itself.
        OnDelete::Restrict => " on delete no action",
        OnDelete::Cascade => " on delete cascade",
        OnDelete::SetNull => " on delete set null",
    }
}

/// Returns the statements that create an index on each relationship field. Without it, removing a related
/// record would scan the whole table.
pub(super) fn indexes(table: &Table) -> impl Iterator<Item = String> {
    table.links().map(|(at, ..)| {
        let name = &table.name;
        let field = &table.field(at).name;
        format!(
            "create index if not exists \"_pagetide_{name}_{field}_index\" on \"{name}\" (\"{field}\")"
        )
    })
}

/// Returns the SQL expression of an autonumber. It is computed from the id, which is never used twice, so it
/// is right for records of other programs, too.
pub(super) fn number(numbering: &Numbering) -> String {
    format!("\"id\" + {}", numbering.start - 1)
}

/// Whether a field is a time that the database sets when a row is inserted.
pub(super) fn is_clock(kind: &FieldKind) -> bool {
    matches!(kind, FieldKind::CreatedAt | FieldKind::UpdatedAt)
}

/// Returns the default of a field, as SQL. `None` if it has none.
pub(super) fn default(field: &Field) -> Option<String> {
    if is_clock(&field.kind) {
        return Some("(strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))".to_owned());
    }
    match &field.default {
        Value::Null => None,
        Value::Boolean(value) => Some(i64::from(*value).to_string()),
        Value::Integer(value) => Some(value.to_string()),
        Value::Link(link) => Some(link.id.to_string()),
        Value::Decimal(value) => Some(value.to_string()),
        Value::Text(value) | Value::Json(value) => Some(literal(value)),
        Value::List(chosen) => Some(literal(&list_text(chosen))),
        Value::Person(person) => Some(literal(person.id.as_str())),
    }
}

/// Returns the rules of a field that SQL can express: for each the message, and the condition on the column
/// `name`.
pub(super) fn checks(field: &Field, name: &str) -> Vec<(String, String)> {
    let mut checks = vec![check_of_type(&field.kind, name)];
    if field.required && field.kind.storage() == Storage::Text {
        let rule = format!("trim({name}, ' ' || char(9, 10, 11, 12, 13)) <> ''");
        checks.push(("must have a value".to_owned(), rule));
    }
    match &field.kind {
        FieldKind::SingleSelect(options) | FieldKind::Status(options) => {
            let list: Vec<_> = options.iter().map(|option| literal(option)).collect();
            let rule = format!("must be one of {}", options.join(", "));
            checks.push((rule, format!("{name} in ({})", list.join(", "))));
        }
        FieldKind::Rating(max) => {
            checks
                .push((format!("must be from 0 to {max}"), format!("{name} between 0 and {max}")));
        }
        FieldKind::Integer(bounds) => checks.extend(bound_checks(bounds, name)),
        FieldKind::Decimal(bounds)
        | FieldKind::Currency(_, bounds)
        | FieldKind::Percentage(bounds) => checks.extend(bound_checks::<Decimal>(bounds, name)),
        FieldKind::SingleLineText | FieldKind::PhoneNumber => checks.push((
            "must be a single line".to_owned(),
            format!("instr({name}, char(10)) = 0 and instr({name}, char(13)) = 0"),
        )),
        FieldKind::Email => {
            checks.push(("must be an e-mail address".to_owned(), format!("{name} like '_%@_%'")));
        }
        FieldKind::Url => checks.push((
            "must be an http, https or mailto address".to_owned(),
            format!(
                "({name} like 'http://_%' or {name} like 'https://_%' or {name} like 'mailto:_%')"
            ),
        )),
        FieldKind::MultiSelect(options) => {
            let rule = format!("must be a JSON array of {}", options.join(", "));
            checks.push((rule, chosen_check(options, name)));
        }
        FieldKind::Json => {
            let rule =
                format!("case when json_valid({name}) then json_type({name}) <> 'null' else 0 end");
            checks.push(("must be JSON, and not null".to_owned(), rule));
        }
        _ => {}
    }
    checks
}

/// Returns the rule of a field's type: its message and its condition. The messages for currencies and special
/// texts differ although their conditions do not, so that a change between such types is noticed.
fn check_of_type(kind: &FieldKind, name: &str) -> (String, String) {
    let (words, rule) = classes::rule(kind.storage(), name);
    let words = match kind {
        FieldKind::Currency(code, _) => format!("must be an amount of {code}"),
        FieldKind::Email => "must be the text of an e-mail address".to_owned(),
        FieldKind::Url => "must be the text of an address".to_owned(),
        FieldKind::PhoneNumber => "must be the text of a telephone number".to_owned(),
        _ => words.to_owned(),
    };
    (words, rule)
}

/// Returns the condition that a column holds a JSON array of options: when these are cut out, the longest
/// first, only brackets and commas are left. No option can be found across two others: see
/// `fields/multi_select.rs`.
fn chosen_check(options: &[Arc<str>], name: &str) -> String {
    let mut options: Vec<_> = options.iter().map(|option| quoted_option(option)).collect();
    options.sort_by_key(|option| Reverse(option.len()));
    let cut = |rest: String, option: &String| format!("replace({rest}, {option}, '')");
    let rest = options.iter().fold(format!("json({name})"), cut);
    format!(
        "case when json_valid({name}) and json_type({name}) = 'array' \
         then replace({rest}, ',', '') = '[]' else 0 end"
    )
}

fn bound_checks<T: std::fmt::Display>(bounds: &Bounds<T>, name: &str) -> Vec<(String, String)> {
    let min = bounds
        .min
        .iter()
        .map(|min| (format!("must be at least {min}"), format!("{name} >= {min}")));
    let max =
        bounds.max.iter().map(|max| (format!("must be at most {max}"), format!("{name} <= {max}")));
    min.chain(max).collect()
}
