//! Who may do what to a table's records.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value as Json;
use validator::Validate;

use crate::components::filter::{self, RawFilter};
use crate::components::grant::RawGrant;
use crate::fields::filter::FilterContext;
use crate::model::field::FieldAt;
use crate::model::filter::Filter;
use crate::model::ids::Role;
use crate::model::operand::Operand;
use crate::model::permissions::{FieldRule, Grant, Permissions, RowRules};
use crate::model::problem::{Place, Problems};
use crate::model::table::Table;
use crate::spec::field::report_no_field;

/// Who may do what to a table's records.
#[derive(Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Permissions", deny_unknown_fields)]
pub(super) struct RawPermissions {
    /// Who may see records; `authenticated` if you do not say.
    read: Option<RawGrant>,
    /// Who may add records, also such as may not see any; `[admin]` if you do not say, or nobody where
    /// admins may not see records.
    create: Option<RawGrant>,
    /// Who may change records; `[admin]` if you do not say.
    update: Option<RawGrant>,
    /// Who may remove records; `[admin]` if you do not say.
    delete: Option<RawGrant>,
    /// Fields with narrower rules of their own.
    #[validate(nested)]
    fields: Option<Vec<RawFieldRule>>,
    /// To which records it may be done, by those who may do it to some at all.
    #[validate(nested)]
    rows: Option<RawRowRules>,
}

/// Which records of a table may be seen, added, changed and removed. All, where you do not say.
#[derive(Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "RowRules", deny_unknown_fields)]
struct RawRowRules {
    /// What a record must pass to be seen, as in
    /// `[{field: owner, operator: eq, value: $currentUser.id}]`.
    #[schemars(with = "Option<RawFilter>")]
    read: Option<Json>,
    /// What a record must pass to be added.
    #[schemars(with = "Option<RawFilter>")]
    create: Option<Json>,
    /// What a record must pass to be changed, as it was and as it becomes.
    #[schemars(with = "Option<RawFilter>")]
    update: Option<Json>,
    /// What a record must pass to be removed.
    #[schemars(with = "Option<RawFilter>")]
    delete: Option<Json>,
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
    let create = grant(raw.create, "create", of_those(without.create, &read));
    let update = grant(raw.update, "update", without.update);
    let delete = grant(raw.delete, "delete", without.delete);
    let rules = raw.fields.unwrap_or_default();
    let fields = check_rules(rules, table, lost, roles, &place.key("fields"), problems);
    let rows = raw.rows.map(|rows| check_rows(rows, table, lost, &place.key("rows"), problems));
    let rows = rows.unwrap_or_default();
    Permissions { read, create, update, delete, fields, rows }
}

/// Whom one grant means of those whom the other does. Without a word of the author, nobody adds to
/// what they may not see.
fn of_those(grant: Grant, others: &Grant) -> Grant {
    match (grant, others) {
        (Grant::Roles(roles), Grant::Roles(others)) => {
            Grant::Roles(roles.into_iter().filter(|role| others.contains(role)).collect())
        }
        (grant, _) => grant,
    }
}

fn check_rows(
    raw: RawRowRules,
    table: &Table,
    lost: &[String],
    place: &Place,
    problems: &mut Problems,
) -> RowRules<Operand> {
    let mut rule = |json: Option<Json>, key| match json {
        Some(json) => check_row(&json, table, lost, &place.key(key), problems),
        None => Filter::all(),
    };
    RowRules {
        read: rule(raw.read, "read"),
        create: rule(raw.create, "create"),
        update: rule(raw.update, "update"),
        delete: rule(raw.delete, "delete"),
    }
}

fn check_row(
    json: &Json,
    table: &Table,
    lost: &[String],
    place: &Place,
    problems: &mut Problems,
) -> Filter<Operand> {
    let mut unknown = Vec::new();
    let at = (FilterContext::Rule, place);
    let filter = filter::check(table, json, at, problems, &mut unknown);
    for (name, place) in unknown {
        if !lost.contains(&name) {
            report_no_field(table, &name, place, problems);
        }
    }
    filter
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
