//! The actions of buttons, of rows and of selected rows, as an author writes them, and their checks.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use validator::Validate;

use crate::components::literal::Literal;
use crate::components::{CheckContext, href};
use crate::model::action::{Action, ActionKind, RowAction};
use crate::model::field::FieldAt;
use crate::model::permissions::Operation;
use crate::model::problem::Place;
use crate::model::table::Table;

/// An action on a record, as in `{type: set, field: status, value: done}`.
#[derive(Deserialize, Serialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Action", deny_unknown_fields)]
pub(super) struct RawAction {
    /// The kind of action: `delete` removes the record, `set` sets one of its fields.
    #[validate(required)]
    r#type: Option<RawDeed>,
    /// The text on the button, for bulk actions. An action that deletes has `Delete` by default. The action
    /// of a `button` takes none, since the button has a label itself.
    #[validate(length(min = 1, message = "must not be empty"))]
    label: Option<String>,
    /// The field that `set` changes, as in `status`.
    field: Option<String>,
    /// The value that `set` writes into the field, the same for every record and viewer, as in `done`.
    value: Option<Json>,
    /// The question that people must confirm before the action runs, as in `Cancel this order?`. By default,
    /// only an action that deletes asks, with a question of its own.
    #[validate(length(min = 1, message = "must not be empty"))]
    confirm: Option<String>,
}

/// The kinds of action.
#[derive(Clone, Copy, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
enum RawDeed {
    /// The action removes the record.
    Delete,
    /// The action sets one field of the record to a value.
    Set,
}

/// A button or link in each row: an action on the record of the row, or a link to another page.
#[derive(Deserialize, Serialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "RowAction", deny_unknown_fields)]
pub(super) struct RawRowAction {
    /// The kind of action: `delete` removes the record, `set` sets one of its fields, `link` opens another
    /// page.
    #[validate(required)]
    r#type: Option<RawRowDeed>,
    /// The text on the button or link. An action that deletes has `Delete` by default.
    #[validate(length(min = 1, message = "must not be empty"))]
    label: Option<String>,
    /// The field that `set` changes, as in `status`.
    field: Option<String>,
    /// The value that `set` writes into the field, the same for every record and viewer, as in `done`.
    value: Option<Json>,
    /// The question that people must confirm before the action runs, as in `Cancel this order?`. By default,
    /// only an action that deletes asks, with a question of its own.
    #[validate(length(min = 1, message = "must not be empty"))]
    confirm: Option<String>,
    /// The page that a `link` opens: a path of this app, with fields of the record in braces, as in
    /// `/orders/{id}`.
    href: Option<String>,
}

/// The kinds of action in a row.
#[derive(Clone, Copy, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
enum RawRowDeed {
    /// The action removes the record of the row.
    Delete,
    /// The action sets one field of the record to a value.
    Set,
    /// The link opens another page.
    Link,
}

/// Checks an action on records of this table and returns it. `None` if it is faulty (that is reported).
///
/// `label` is that of the button which holds the action; the action then takes none itself. An action of
/// a row or of selected rows is checked with `None` here and gives its own.
pub(super) fn check(
    raw: RawAction,
    label: Option<&str>,
    table: &Table,
    at: &Place,
    around: &mut dyn CheckContext,
) -> Option<Action> {
    if label.is_some() && raw.label.is_some() {
        let message = "label has no effect here: the button has its own";
        around.problems().report(at.key("label"), message).at_key().help("remove it");
    }
    let deed = match raw.r#type? {
        RawDeed::Delete => check_delete(&raw, table, at, around),
        RawDeed::Set => check_set(&raw, table, at, around),
    };
    // A set has no label by default: no word fits every field and value.
    let label = label.map(str::to_owned).or(raw.label);
    let label =
        label.or_else(|| (raw.r#type == Some(RawDeed::Delete)).then(|| "Delete".to_owned()));
    // A faulty `label` was reported and removed, so it only looks missing here.
    if label.is_none() && !around.problems().concern(&at.key("label")) {
        let problem = around.problems().report(at.clone(), "`label` is missing");
        problem.help("add `label`: the words to press");
    }
    Some(Action { deed: deed?, label: label?.into(), confirm: raw.confirm.map(Into::into) })
}

/// Checks an action or link of a row and returns it. `None` if it is faulty (that is reported).
pub(super) fn check_row(
    raw: RawRowAction,
    table: &Table,
    at: &Place,
    around: &mut dyn CheckContext,
) -> Option<RowAction> {
    let RawRowAction { r#type, label, field, value, confirm, href } = raw;
    let deed = match r#type? {
        RawRowDeed::Delete => RawDeed::Delete,
        RawRowDeed::Set => RawDeed::Set,
        RawRowDeed::Link => {
            for (key, is_given) in [
                ("field", field.is_some()),
                ("value", value.is_some()),
                ("confirm", confirm.is_some()),
            ] {
                without_effect(is_given, key, "link", at, around);
            }
            return check_link(label, href, table, at, around);
        }
    };
    // From here on, the action is the same as one of a button, and checked by the same rules.
    let word = if deed == RawDeed::Set { "set" } else { "delete" };
    without_effect(href.is_some(), "href", word, at, around);
    let action = RawAction { r#type: Some(deed), label, field, value, confirm };
    check(action, None, table, at, around).map(RowAction::Act)
}

/// Checks a link of a row. Reports a missing `label` or `href`.
fn check_link(
    label: Option<String>,
    href: Option<String>,
    table: &Table,
    at: &Place,
    around: &mut dyn CheckContext,
) -> Option<RowAction> {
    for (key, is_given) in [("label", label.is_some()), ("href", href.is_some())] {
        if !is_given && !around.problems().concern(&at.key(key)) {
            let problem = around.problems().report(at.clone(), format!("`{key}` is missing"));
            problem.help(format!("a link needs a `{key}`"));
        }
    }
    let href = href::check(&href?, table, &at.key("href"), around)?;
    Some(RowAction::Link { label: label?.into(), href })
}

/// Checks an action that deletes. Reports it if no viewer of the page may delete from the table.
fn check_delete(
    raw: &RawAction,
    table: &Table,
    at: &Place,
    around: &mut dyn CheckContext,
) -> Option<ActionKind> {
    without_effect(raw.field.is_some(), "field", "delete", at, around);
    without_effect(raw.value.is_some(), "value", "delete", at, around);
    // A viewer acts on records that they see, so the permission to read is needed too.
    let may = |viewer: &_| {
        table.allows(viewer, Operation::Read) && table.allows(viewer, Operation::Delete)
    };
    if !around.audience().iter().any(may) {
        let message = format!("nobody who may open this page may delete from `{}`", table.name);
        let problem = around.problems().report(at.key("type"), message);
        problem.help(format!("see `permissions.delete` of `{}`, or remove this", table.name));
        return None;
    }
    Some(ActionKind::Delete)
}

/// Checks an action that sets a field: its field, and the value as one of that field.
fn check_set(
    raw: &RawAction,
    table: &Table,
    at: &Place,
    around: &mut dyn CheckContext,
) -> Option<ActionKind> {
    for (key, is_given) in [("field", raw.field.is_some()), ("value", raw.value.is_some())] {
        if !is_given && !around.problems().concern(&at.key(key)) {
            let problem = around.problems().report(at.clone(), format!("`{key}` is missing"));
            problem.help(format!("`set` needs a `{key}`"));
        }
    }
    let name = raw.field.as_deref()?;
    let json = raw.value.as_ref();
    let field = around.field(table, name, at.key("field"))?;
    // The value of a field that cannot be set is not checked: the author has to choose another field first.
    let is_settable = check_settable(table, field, at.key("field"), around);
    let json = json.filter(|_| is_settable)?;
    let subject = format!("value of `{name}`");
    let place = at.key("value");
    let literal = Literal { json, written: around.written(&place), subject: &subject, place };
    let value = literal.check(table.field(field), around.problems())?;
    Some(ActionKind::Set(field, value))
}

/// Returns whether an action can set the field. Reports at `place` a field that the system sets, or that no
/// viewer of the page may read and change.
fn check_settable(
    table: &Table,
    field: FieldAt,
    place: Place,
    around: &mut dyn CheckContext,
) -> bool {
    let name = &table.field(field).name;
    if table.field(field).kind.is_system() {
        let message = format!("`{name}` is set by the system, so nobody can set it");
        around.problems().report(place, message).help("choose another field");
        return false;
    }
    // Viewers act on records that they see, so they need permission to read the record and the field, too.
    let may_set = |viewer: &_| {
        table.allows(viewer, Operation::Read)
            && table.allows(viewer, Operation::Update)
            && table.readable(viewer).contains(field)
            && table.may_set(viewer, field)
    };
    if !around.audience().iter().any(may_set) {
        let message = format!("nobody who may open this page may change `{name}`");
        let problem = around.problems().report(place, message);
        problem.help(format!("see `permissions.update` of `{}`, or remove this", table.name));
        return false;
    }
    true
}

/// Reports a key that is given although this kind of action does not use it.
fn without_effect(
    is_given: bool,
    key: &str,
    deed: &str,
    at: &Place,
    around: &mut dyn CheckContext,
) {
    if is_given {
        let message = format!("{key} has no effect on `{deed}`");
        around.problems().report(at.key(key), message).at_key().help("remove it");
    }
}
