//! Checks fields: their name, type, options and default.

use std::mem::discriminant;
use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde_json::{Number, Value as Json};
use validator::Validate;

use crate::components::literal::Literal;
use crate::fields::{self, Options};
use crate::model::field::{Field, FieldKind, OnDelete};
use crate::model::ids::{FieldName, TableName};
use crate::model::problem::{Place, Problems};
use crate::model::storage::Storage;
use crate::model::table::Table;
use crate::model::value::Value;
use crate::spec::unit::Unit;

/// One field of a table.
#[derive(Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Field", deny_unknown_fields)]
pub(super) struct RawField {
    /// The name of the field in JSON and in the database, as in `createdAt`. 1 to 63 letters, digits and
    /// `_`, a letter first.
    #[validate(required)]
    #[schemars(with = "Option<String>", regex(pattern = r"^[A-Za-z][A-Za-z0-9_]{0,62}$"))]
    name: Option<FieldName>,
    /// The type of the field, as in `single-line-text`.
    #[validate(required)]
    #[schemars(schema_with = "type_schema")]
    r#type: Option<String>,
    /// The text that people read above the column. By default, it is made from the name.
    label: Option<String>,
    /// Whether a record must have a value here; `false` if you do not say.
    required: Option<bool>,
    /// Whether no two records may have the same value; `false` if you do not say.
    unique: Option<bool>,
    /// The value of a new record that gives none.
    default: Option<Json>,
    /// For `single-select`, `status` and `multi-select`: the values to choose from.
    options: Option<Vec<Arc<str>>>,
    /// For `currency`: the ISO 4217 code of the currency; `EUR` if you do not say.
    currency: Option<Arc<str>>,
    /// For numbers: the smallest value allowed.
    #[schemars(with = "Option<f64>")]
    min: Option<Number>,
    /// For numbers: the greatest value allowed. For `rating`: how many stars, 5 if you do not say.
    #[schemars(with = "Option<f64>")]
    max: Option<Number>,
    /// For `autonumber`: the number of the first record, 1 if you do not say. The numbers follow the ids
    /// of the records.
    #[schemars(with = "Option<u64>")]
    start: Option<Number>,
    /// For `autonumber`: the text before the number, as in `ORD-`.
    prefix: Option<Arc<str>>,
    /// For `relationship`: the table whose records the field refers to, as in `customers`.
    #[schemars(with = "Option<String>", regex(pattern = r"^[a-z][a-z0-9_-]{0,62}$"))]
    table: Option<TableName>,
    /// For `relationship`: what happens to this record when the record it refers to is deleted;
    /// `restrict` if you do not say.
    on_delete: Option<OnDelete>,
    /// The earlier name of the field: its values are kept under the new name.
    #[schemars(with = "Option<String>", regex(pattern = r"^[A-Za-z][A-Za-z0-9_]{0,62}$"))]
    renamed_from: Option<FieldName>,
}

/// The keys that belong to some types only.
const OPTION_KEYS: [&str; 8] =
    ["options", "currency", "min", "max", "start", "prefix", "table", "onDelete"];
/// The keys that a field whose value the system sets does not have.
const VALUE_KEYS: [&str; 3] = ["required", "unique", "default"];

fn type_schema(_: &mut SchemaGenerator) -> Schema {
    let types = fields::type_words().map(|(name, words)| {
        serde_json::json!({ "type": "string", "const": name, "description": words })
    });
    json_schema!({ "description": "What a field may hold.", "oneOf": types.collect::<Vec<_>>() })
}

/// Checks one field against those before it. `None` if a problem was reported.
pub(super) fn check(unit: &Unit, earlier: &[Field], problems: &mut Problems) -> Option<Field> {
    let before = problems.count();
    let raw: RawField = unit.read(problems)?;
    check_name(raw.name.as_ref(), unit, earlier, problems);
    let kind = check_kind(&raw, unit, problems);
    if let Some(kind) = &kind {
        check_system(kind, unit, earlier, problems);
        check_link(kind, &raw, unit, problems);
        check_unique(kind, raw.unique, unit, problems);
    }
    let name = raw.name?;
    let kind = kind?;
    let label = raw.label.map_or_else(|| label(name.as_str()), Into::into);
    let required = raw.required.unwrap_or(false);
    let unique = raw.unique.unwrap_or(false);
    let renamed_from = raw.renamed_from.filter(|old| *old != name);
    let default = Value::Null;
    let mut field = Field { name, label, kind, required, unique, default, renamed_from };
    if let Some(json) = raw.default.filter(|_| !field.kind.is_system()) {
        let place = unit.place.key("default");
        let written = unit.key("default").and_then(|given| given.node.written());
        let literal = Literal { json: &json, written, subject: "default", place };
        field.default = literal.check(&field, problems).unwrap_or(Value::Null);
    }
    (problems.count() == before).then_some(field)
}

fn check_name(name: Option<&FieldName>, unit: &Unit, earlier: &[Field], problems: &mut Problems) {
    let Some(name) = name else { return };
    // SQLite takes `total` and `Total` for one column.
    let same = earlier.iter().find(|field| field.name.as_str().eq_ignore_ascii_case(name.as_str()));
    let place = unit.place.key("name");
    match same {
        Some(field) if field.kind == FieldKind::Id => {
            let problem = problems.report(place, "every table has the field `id` already");
            problem.help("remove this field, or give it another name");
        }
        Some(field) if field.name == *name => {
            problems.report(place, format!("there is a field `{name}` already"));
        }
        Some(field) => {
            let problem =
                problems.report(place, format!("there is a field `{}` already", field.name));
            problem.help("names that differ only in capitals are one name to the database");
        }
        None => {}
    }
}

fn check_kind(raw: &RawField, unit: &Unit, problems: &mut Problems) -> Option<FieldKind> {
    let type_name = raw.r#type.as_deref()?;
    let options = Options {
        options: raw.options.clone(),
        currency: raw.currency.clone(),
        min: raw.min.clone(),
        max: raw.max.clone(),
        start: raw.start.clone(),
        prefix: raw.prefix.clone(),
        table: raw.table.clone(),
        on_delete: raw.on_delete,
    };
    let Some(kind) = fields::kind(type_name, &options) else {
        let problem = problems
            .report(unit.place.key("type"), format!("there is no field type `{type_name}`"));
        problem.suggest(type_name, fields::type_names());
        return None;
    };
    check_option_keys(type_name, unit, problems);
    match kind {
        Ok(kind) => Some(kind),
        Err(misfit) => {
            let key = misfit.option.unwrap_or("type");
            report_option(key, type_name, &misfit.message, unit, problems);
            None
        }
    }
}

/// Reports an option that its type does not take, at its key.
fn check_option_keys(type_name: &str, unit: &Unit, problems: &mut Problems) {
    let taken = fields::option_names(type_name);
    for key in OPTION_KEYS.into_iter().filter(|key| !taken.contains(key)) {
        if unit.key(key).is_some() {
            let message = format!("a field of type {type_name} has no `{key}`");
            let problem = problems.report(unit.place.key(key), message);
            problem.at_key().help(match taken {
                [] => "remove it".to_owned(),
                taken => format!("it takes {}", taken.join(", ")),
            });
        }
    }
}

fn report_option(key: &str, type_name: &str, message: &str, unit: &Unit, problems: &mut Problems) {
    if let Some(given) = unit.key(key) {
        // A value that did not fit its type was reported and removed, and looks as if it were missing.
        if !problems.concern(&given.place) {
            problems.report(given.place, format!("{key} {message}"));
        }
    } else {
        let message = format!("a field of type {type_name} needs `{key}`");
        let example = match key {
            "table" => "as in `table: customers`",
            _ => "as in `options: [new, done]`",
        };
        problems.report(unit.place.clone(), message).help(example);
    }
}

/// Checks a field whose value the system sets: a table has one of each type, and it takes no values.
fn check_system(kind: &FieldKind, unit: &Unit, earlier: &[Field], problems: &mut Problems) {
    if !kind.is_system() {
        return;
    }
    let type_name = unit.node.get("type").and_then(|node| node.text()).unwrap_or_default();
    let is_same = |field: &&Field| discriminant(&field.kind) == discriminant(kind);
    if let Some(same) = earlier.iter().find(is_same) {
        let message = format!(
            "a table can have only one {type_name} field, and `{}` is one already",
            same.name
        );
        problems.report(unit.place.key("type"), message);
    }
    for key in VALUE_KEYS {
        if unit.key(key).is_some() {
            let message = format!("a field of type {type_name} has no `{key}`");
            let problem = problems.report(unit.place.key(key), message);
            problem.at_key().help("remove it; the value is always set by the database");
        }
    }
}

/// Checks a relationship: it has no default, since the records are not known yet, and `setNull` cannot
/// empty a required field.
fn check_link(kind: &FieldKind, raw: &RawField, unit: &Unit, problems: &mut Problems) {
    let FieldKind::Relationship(_, on_delete) = kind else { return };
    if unit.key("default").is_some() {
        let message = "a field of type relationship has no `default`";
        problems.report(unit.place.key("default"), message).at_key().help("remove it");
    }
    if *on_delete == OnDelete::SetNull && raw.required == Some(true) {
        let message = "onDelete cannot be setNull where the field is required";
        let problem = problems.report(unit.place.key("onDelete"), message);
        problem.help("use restrict or cascade, or remove `required`");
    }
}

/// Refuses `unique` for lists and JSON: equal values can be written in many ways, so the database cannot
/// compare them.
fn check_unique(kind: &FieldKind, unique: Option<bool>, unit: &Unit, problems: &mut Problems) {
    if unique == Some(true) && matches!(kind.storage(), Storage::List | Storage::Json) {
        let type_name = unit.node.get("type").and_then(|node| node.text()).unwrap_or_default();
        let message = format!("a field of type {type_name} cannot be unique");
        problems.report(unit.place.key("unique"), message).at_key().help("remove it");
    }
}

/// Returns the label for a name: `createdAt` becomes "Created at", `customerID` becomes "Customer ID".
pub(super) fn label(name: &str) -> Arc<str> {
    let mut label = String::with_capacity(name.len() + 4);
    for (index, word) in words_of(name).enumerate() {
        if index > 0 {
            label.push(' ');
        }
        let is_acronym = word.len() > 1 && word.chars().take(2).all(|c| c.is_ascii_uppercase());
        let mut letters = word.chars();
        match letters.next() {
            Some(first) if index == 0 => label.push(first.to_ascii_uppercase()),
            Some(first) if is_acronym => label.push(first),
            first => label.extend(first.map(|first| first.to_ascii_lowercase())),
        }
        label.push_str(letters.as_str());
    }
    label.into()
}

/// Returns the words of a name. A word ends at an underscore, and before a capital that does not follow
/// another capital or that begins a word after an acronym.
fn words_of(name: &str) -> impl Iterator<Item = &str> {
    let begins = |part: &str, at: usize| {
        let bytes = part.as_bytes();
        let after = bytes.get(at + 1).is_some_and(u8::is_ascii_lowercase);
        // The plural of an acronym ends a name: `imageURLs`.
        let ends = at + 2 == bytes.len();
        bytes[at].is_ascii_uppercase() && (!bytes[at - 1].is_ascii_uppercase() || after && !ends)
    };
    name.split('_').filter(|part| !part.is_empty()).flat_map(move |part| {
        let starts = (1..part.len()).filter(move |at| begins(part, *at));
        let starts: Vec<_> = std::iter::once(0).chain(starts).chain([part.len()]).collect();
        (1..starts.len()).map(move |at| &part[starts[at - 1]..starts[at]])
    })
}

/// Reports a name that no field of the table has.
pub(super) fn report_no_field(table: &Table, name: &str, place: Place, problems: &mut Problems) {
    let message = format!("`{}` has no field `{name}`", table.name);
    let known = table.fields.iter().map(|field| field.name.as_str());
    problems.report(place, message).suggest(name, known);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_made_from_names() {
        let check = |name, told: &str| assert_eq!(label(name).as_ref(), told);
        check("customer", "Customer");
        check("createdAt", "Created at");
        check("order_total", "Order total");
        check("customerID", "Customer ID");
        check("imageURLs", "Image URLs");
        check("URLOfShop", "URL of shop");
        check("line2", "Line2");
        check("a", "A");
    }
}
