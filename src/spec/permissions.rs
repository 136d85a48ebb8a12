//! Who may read, create, update and delete the records of a table.

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

/// Who may read, create, update and delete the records of a table.
#[derive(Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Permissions", deny_unknown_fields)]
pub(super) struct RawPermissions {
    /// Who may read records; `authenticated` if you do not say.
    read: Option<RawGrant>,
    /// Who may add records; `[admin]` if you do not say. The default is no role if admins may not read
    /// records. People who may not read records can be allowed to add them.
    create: Option<RawGrant>,
    /// Who may change records; `[admin]` if you do not say.
    update: Option<RawGrant>,
    /// Who may delete records; `[admin]` if you do not say.
    delete: Option<RawGrant>,
    /// Narrower rules for single fields.
    #[validate(nested)]
    fields: Option<Vec<RawFieldRule>>,
    /// Filters that limit these permissions to some records.
    #[validate(nested)]
    rows: Option<RawRowRules>,
}

/// Filters that say which records may be read, added, changed and deleted. Without a filter, all records
/// may be.
#[derive(Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "RowRules", deny_unknown_fields)]
struct RawRowRules {
    /// The filter that a record must match to be read, as in `[{field: owner, operator: eq, value:
    /// $currentUser.id}]`.
    #[schemars(with = "Option<RawFilter>")]
    read: Option<Json>,
    /// The filter that a record must match to be added.
    #[schemars(with = "Option<RawFilter>")]
    create: Option<Json>,
    /// The filter that a record must match to be changed, both before the change and after it.
    #[schemars(with = "Option<RawFilter>")]
    update: Option<Json>,
    /// The filter that a record must match to be deleted.
    #[schemars(with = "Option<RawFilter>")]
    delete: Option<Json>,
}

/// A narrower rule for one field.
#[derive(Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "FieldRule", deny_unknown_fields)]
struct RawFieldRule {
    /// The name of the field.
    #[validate(required)]
    field: Option<String>,
    /// Who may read the field. By default, all who may read the record.
    read: Option<RawGrant>,
    /// Who may set the field. By default, all who may write the record.
    write: Option<RawGrant>,
}

/// What permissions are about.
#[derive(Clone, Copy)]
pub(super) struct RuleSubject<'a> {
    pub(super) table: &'a Table,
    /// The names of the fields that have problems of their own, so that they are not reported as unknown.
    pub(super) lost: &'a [String],
    /// The roles of the app.
    pub(super) roles: &'a [Role],
}

/// Checks the permissions of a table.
pub(super) fn check(
    raw: RawPermissions,
    subject: RuleSubject<'_>,
    place: &Place,
    problems: &mut Problems,
) -> Permissions {
    let without = Permissions::default();
    let mut grant = |given: Option<RawGrant>, key, without| match given {
        Some(given) => given.check(subject.roles, &place.key(key), problems),
        None => without,
    };
    let read = grant(raw.read, "read", without.read);
    let create = grant(raw.create, "create", of_those(without.create, &read));
    let update = grant(raw.update, "update", without.update);
    let delete = grant(raw.delete, "delete", without.delete);
    let rules = raw.fields.unwrap_or_default();
    let fields = check_rules(rules, subject, &place.key("fields"), problems);
    let rows = raw.rows.map(|rows| check_rows(rows, subject, &place.key("rows"), problems));
    let rows = rows.unwrap_or_default();
    Permissions { read, create, update, delete, fields, rows }
}

/// Returns the roles that are in both grants. By default, only people who may read a table may add to it.
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
    subject: RuleSubject<'_>,
    place: &Place,
    problems: &mut Problems,
) -> RowRules<Operand> {
    let mut rule = |json: Option<Json>, key| match json {
        Some(json) => check_row(&json, subject, &place.key(key), problems),
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
    RuleSubject { table, lost, .. }: RuleSubject<'_>,
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
    RuleSubject { table, lost, roles }: RuleSubject<'_>,
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
