//! Who may do what to a table's records.

use schemars::JsonSchema;
use serde::Deserialize;
use validator::Validate;

use crate::model::access::{FieldRule, Permissions};
use crate::model::ids::Role;
use crate::model::problem::{Place, Problems};
use crate::model::table::{FieldAt, Table};
use crate::spec::grant::RawGrant;
use crate::spec::table::report_no_field;

/// Who may do what to a table's records.
#[derive(Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Permissions", deny_unknown_fields)]
pub(super) struct RawPermissions {
    /// Who may see records; `authenticated` if you do not say.
    read: Option<RawGrant>,
    /// Who may add records; `[admin]` if you do not say.
    create: Option<RawGrant>,
    /// Who may change records; `[admin]` if you do not say.
    update: Option<RawGrant>,
    /// Who may remove records; `[admin]` if you do not say.
    delete: Option<RawGrant>,
    /// Fields with narrower rules of their own.
    #[validate(nested)]
    fields: Option<Vec<RawFieldRule>>,
}

/// A narrower rule for one field.
#[derive(Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "FieldRule", deny_unknown_fields)]
struct RawFieldRule {
    /// The field the rule is about.
    #[validate(required)]
    field: Option<String>,
    /// Who may see it; all who may see the record if you do not say.
    read: Option<RawGrant>,
    /// Who may set it; all who may write the record if you do not say.
    write: Option<RawGrant>,
}

/// Checks the permissions of a table whose fields named `lost` have problems of their own.
pub(super) fn check(
    raw: RawPermissions,
    table: &Table,
    lost: &[String],
    roles: &[Role],
    place: &Place,
    problems: &mut Problems,
) -> Permissions {
    let without = Permissions::default();
    let mut grant = |given: Option<RawGrant>, key, without| match given {
        Some(given) => given.check(roles, &place.key(key), problems),
        None => without,
    };
    let read = grant(raw.read, "read", without.read);
    let create = grant(raw.create, "create", without.create);
    let update = grant(raw.update, "update", without.update);
    let delete = grant(raw.delete, "delete", without.delete);
    let place = place.key("fields");
    let rules = raw.fields.unwrap_or_default();
    let fields = check_rules(rules, table, lost, roles, &place, problems);
    Permissions { read, create, update, delete, fields }
}

fn check_rules(
    rules: Vec<RawFieldRule>,
    table: &Table,
    lost: &[String],
    roles: &[Role],
    place: &Place,
    problems: &mut Problems,
) -> Vec<FieldRule> {
    let mut fields: Vec<FieldRule> = Vec::new();
    for (index, rule) in rules.into_iter().enumerate() {
        let place = place.item(index);
        let Some(name) = rule.field.filter(|name| !lost.contains(name)) else { continue };
        let Some(field) = check_field(&name, table, &fields, &place.key("field"), problems) else {
            continue;
        };
        let mut grant = |given: Option<RawGrant>, key| {
            given.map(|given| given.check(roles, &place.key(key), problems))
        };
        fields.push(FieldRule {
            field,
            read: grant(rule.read, "read"),
            write: grant(rule.write, "write"),
        });
    }
    fields
}

fn check_field(
    name: &str,
    table: &Table,
    earlier: &[FieldRule],
    place: &Place,
    problems: &mut Problems,
) -> Option<FieldAt> {
    let Some(at) = table.at(name) else {
        report_no_field(table, name, place.clone(), problems);
        return None;
    };
    if at == FieldAt::ID {
        problems.report(place.clone(), "the `id` has no rules of its own");
        return None;
    }
    if earlier.iter().any(|rule| rule.field == at) {
        let problem = problems.report(place.clone(), format!("`{name}` has a rule already"));
        problem.help("put both into one rule");
        return None;
    }
    Some(at)
}
