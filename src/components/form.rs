//! `form`: adds a record to a table or changes one. As an author writes it, and its checks.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use validator::Validate;

use crate::components::data_source::{self, RawDataSource};
use crate::components::field_ref::{Named, NamedItem as AboutField};
use crate::components::literal::Literal;
use crate::components::{CheckContext, ComponentSpec, href};
use crate::fields::control::Control;
use crate::fields::editor::editor;
use crate::model::action::OnSuccess;
use crate::model::components::component::ComponentKind;
use crate::model::components::form::{Form, FormField, Purpose};
use crate::model::data_source::{DataSource, HrefPart};
use crate::model::field::{FieldAt, FieldKind};
use crate::model::filter::Filter;
use crate::model::permissions::Operation;
use crate::model::problem::Place;
use crate::model::query::Sort;
use crate::model::refresh::Refresh;
use crate::model::table::Table;
use crate::model::value::Value;
use crate::model::viewer::Viewer;

/// The message after a form was saved, where the author gives no `toast`.
const DEFAULT_TOAST: &str = "Saved";

/// A form that adds a record to a table (`table`) or changes a record (`dataSource`). If the filter of
/// `dataSource` uses `$params` and no record passes it, the page answers 404 Not Found.
#[derive(Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct RawForm {
    /// The heading above the form. By default, there is none.
    title: Option<String>,
    /// The table that the form adds a record to, as in `orders`. Give either `table` or `dataSource`.
    table: Option<String>,
    /// The record that the form changes: the first one that passes the filter, in the order of `sort`, as in
    /// `{table: orders, filter: [{field: id, operator: eq, value: $params.id}]}`. It takes no `refreshMode`
    /// but `static`.
    #[validate(nested)]
    data_source: Option<RawDataSource>,
    /// The fields of the form from top to bottom: names of fields, or
    /// `{field, label, help, placeholder, default, hidden, mustBeTrue}`; every field that the viewer may set
    /// if you do not say.
    #[validate(
        length(
            min = 1,
            message = "must name at least one field\nwithout `fields` the form asks for all of them"
        ),
        nested
    )]
    fields: Option<Vec<Named<RawFormField>>>,
    /// The text on the button; `Add` for a new record, `Save` for a change if you do not say.
    #[validate(length(min = 1, message = "must not be empty"))]
    submit_label: Option<String>,
    /// The message and the page that follow a save, as in `{toast: Thank you, navigate: /orders/{id}}`. By
    /// default, people stay on the page and read `Saved`.
    #[validate(nested)]
    on_success: Option<RawOnSuccess>,
}

/// The message and the page that follow a successful form or action.
#[derive(Default, Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "OnSuccess", deny_unknown_fields)]
pub(super) struct RawOnSuccess {
    /// The page that opens: a path of this app, with fields of the record in braces, as in `/orders/{id}`;
    /// the same page as before if you do not say.
    navigate: Option<String>,
    /// The message that people read; `Saved` or `Deleted` if you do not say.
    #[validate(length(min = 1, message = "must not be empty"))]
    toast: Option<String>,
}

/// A field of a form and its settings, as in `{field: customer, help: The person who pays}`.
#[derive(Default, Deserialize, Serialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "FormField", deny_unknown_fields)]
struct RawFormField {
    /// The field that the control sets, as in `customer`.
    #[validate(required)]
    field: Option<String>,
    /// The label of the control; the field's own label if you do not say.
    label: Option<String>,
    /// A sentence below the control that says what to enter, and why. By default, there is none.
    help: Option<String>,
    /// An example in the empty control, as in `Ada Lovelace`, for fields that people type into.
    placeholder: Option<String>,
    /// The value that the control has at first in a form for new records, or that a hidden field is set to;
    /// the field's own default if you do not say.
    default: Option<Json>,
    /// `true` shows no control: the form sets the field to `default`, which a hidden field must have;
    /// `false` if you do not say.
    hidden: Option<bool>,
    /// For checkboxes: `true` refuses the form while the box is not ticked, as for `I agree`; `false` if you
    /// do not say.
    must_be_true: Option<bool>,
}

impl AboutField for RawFormField {
    fn name(&mut self) -> &mut Option<String> {
        &mut self.field
    }
}

impl ComponentSpec for RawForm {
    fn check(mut self, around: &mut dyn CheckContext) -> Option<ComponentKind> {
        let (table, data_source) = (self.table.take(), self.data_source.take());
        let about = check_about(table, data_source, around)?;
        let fields = match self.fields {
            Some(fields) => check_fields(fields, &about, around),
            None => about.all_fields(around),
        };
        check_needed(&fields, &about, around);
        let on_success = self.on_success.unwrap_or_default();
        let on_success = check_success(on_success, DEFAULT_TOAST, &about.table, around);
        check_led(&on_success, &about.table, around);
        let submit_label = self.submit_label.as_deref().unwrap_or(match about.purpose {
            Purpose::Create => "Add",
            Purpose::Update => "Save",
        });
        let submit_label = submit_label.into();
        let title = self.title.map(Into::into);
        let FormSubject { purpose, data_source, sort, .. } = about;
        Some(Form { title, purpose, data_source, sort, fields, submit_label, on_success }.into())
    }
}

/// The record that a form adds or changes.
struct FormSubject {
    purpose: Purpose,
    table: Arc<Table>,
    data_source: DataSource,
    sort: Vec<Sort>,
}

impl FormSubject {
    /// Returns whether at least one viewer of the page may set the field by this form.
    fn may_set(&self, at: FieldAt, around: &dyn CheckContext) -> bool {
        let table = &self.table;
        let may = |viewer: &Viewer| match self.purpose {
            Purpose::Create => table.view_to_add(viewer).is_some_and(|view| view.may_give(at)),
            Purpose::Update => table.view(viewer).is_some_and(|view| view.may_set(at)),
        };
        around.audience().iter().any(may)
    }

    /// Returns each field that at least one viewer of the page may set, with the defaults.
    fn all_fields(&self, around: &dyn CheckContext) -> Vec<FormField> {
        let set = self.table.all().filter(|(at, _)| self.may_set(*at, around));
        set.map(|(field, declared)| FormField {
            field,
            label: declared.label.clone(),
            help: None,
            placeholder: None,
            default: declared.default.clone(),
            hidden: false,
            must_be_true: false,
        })
        .collect()
    }
}

/// Returns the record that the form is for. `None` if neither or both of `table` and `dataSource` are given, or
/// the one given is faulty (that is reported).
fn check_about(
    table: Option<String>,
    data_source: Option<RawDataSource>,
    around: &mut dyn CheckContext,
) -> Option<FormSubject> {
    let place = around.place();
    let about = match (table, data_source) {
        (None, Some(raw)) => {
            let at = place.key("dataSource");
            let (data_source, table, sort) = data_source::check(raw, &at, around)?;
            // A refresh would replace the controls while somebody types. A conflict is found on saving instead.
            if data_source.refresh != Refresh::Static {
                let message = "a form is not refreshed, or what is typed would be lost";
                let problem = around.problems().report(at.key("refreshMode"), message).at_key();
                problem.help("remove it; whoever saves is told what others have changed meanwhile");
            }
            FormSubject { purpose: Purpose::Update, table, data_source, sort }
        }
        (Some(name), None) => {
            let table = around.table(&name, place.key("table"))?;
            let name = table.name.clone();
            let filter = Filter::none();
            let refresh = Refresh::Static;
            let data_source = DataSource { table: name, filter, refresh };
            FormSubject { purpose: Purpose::Create, table, data_source, sort: Vec::new() }
        }
        (Some(_), Some(_)) => {
            let message = "a form adds a record or changes one, not both";
            let problem = around.problems().report(place.key("table"), message).at_key();
            problem.help("remove `table` to change the record of `dataSource`, or remove that");
            return None;
        }
        (None, None) => {
            // A value of the wrong type was reported and removed, so it only looks missing here.
            let is_known = |key: &str| around.problems().concern(&place.key(key));
            if !["table", "dataSource"].into_iter().any(is_known) {
                let problem = around.problems().report(place, "`table` is missing");
                problem.help("add `table` to add a record, or `dataSource` to change one");
            }
            return None;
        }
    };
    check_audience(&about, around);
    Some(about)
}

/// Reports a form that no viewer of the page may use.
fn check_audience(about: &FormSubject, around: &mut dyn CheckContext) {
    let (operation, words, key, rule) = match about.purpose {
        Purpose::Create => (Operation::Create, "add to", "table", "create"),
        Purpose::Update => (Operation::Update, "change", "dataSource", "update"),
    };
    let table = &about.table;
    // The form shows the record before it changes it, so its user must be able to read it.
    let needed = match about.purpose {
        Purpose::Create => vec![operation],
        Purpose::Update => vec![Operation::Read, operation],
    };
    let may = |viewer: &_| needed.iter().all(|operation| table.allows(viewer, *operation));
    if !around.audience().iter().any(may) {
        let message = format!("nobody who may open this page may {words} `{}`", table.name);
        let place = around.place().key(key);
        let problem = around.problems().report(place, message);
        problem.help(format!("see `permissions.{rule}` of `{}`", table.name));
    }
}

fn check_fields(
    raw: Vec<Named<RawFormField>>,
    about: &FormSubject,
    around: &mut dyn CheckContext,
) -> Vec<FormField> {
    let mut fields: Vec<FormField> = Vec::with_capacity(raw.len());
    for (index, field) in raw.into_iter().enumerate() {
        let at = around.place().key("fields").item(index);
        let (place, full) = field.whole(&at);
        let Some(name) = &full.field else { continue };
        let Some(field) = around.field(&about.table, name, place.clone()) else { continue };
        if fields.iter().any(|earlier| earlier.field == field) {
            around.problems().report(place, format!("`{name}` is in the form already"));
        } else if check_settable(field, &place, about, around) {
            fields.push(check_field(full, field, &at, about, around));
        }
    }
    fields
}

/// Returns whether the form can set the field. Reports at `place` a field that the system sets, or that no
/// viewer of the page may set.
fn check_settable(
    at: FieldAt,
    place: &Place,
    about: &FormSubject,
    around: &mut dyn CheckContext,
) -> bool {
    let table = &about.table;
    let name = &about.table.field(at).name;
    if table.field(at).kind.is_system() {
        let message = format!("`{name}` is set by the system, so a form cannot set it");
        around.problems().report(place.clone(), message).help("remove it");
        return false;
    }
    // `check_audience` has reported a table that no viewer may write to. Its fields would repeat that.
    let may_any = table.all().any(|(at, _)| about.may_set(at, around));
    if may_any && !about.may_set(at, around) {
        let message = format!("nobody who may open this page may set `{name}`");
        let problem = around.problems().report(place.clone(), message);
        problem.help(format!("remove it, or see `permissions.fields` of `{}`", table.name));
        return false;
    }
    true
}

/// Checks the settings of one field. A setting without effect is reported, and the field is still returned.
fn check_field(
    raw: RawFormField,
    field: FieldAt,
    at: &Place,
    about: &FormSubject,
    around: &mut dyn CheckContext,
) -> FormField {
    let declared = about.table.field(field);
    let hidden = raw.hidden.unwrap_or(false);
    let default = match &raw.default {
        Some(json) => check_default(json, field, at, about, around),
        None if hidden => {
            let problem = around.problems().report(at.clone(), "a hidden field needs a `default`");
            problem.help("add `default`: what the form sets it to");
            Value::Null
        }
        None => declared.default.clone(),
    };
    // A form that changes a record shows the record's values, so a default could be used only by a hidden field.
    if raw.default.is_some() && !hidden && about.purpose == Purpose::Update {
        let message = "default has no effect where a record is changed: the field has its value";
        let problem = around.problems().report(at.key("default"), message).at_key();
        problem.help("remove it, or add `hidden: true` to set the field to this");
    }
    if raw.placeholder.is_some() && (hidden || !has_room(field, about)) {
        let message =
            format!("placeholder has no effect on `{}`: nothing is typed there", declared.name);
        around.problems().report(at.key("placeholder"), message).at_key().help("use `help`");
    }
    let must_be_true = raw.must_be_true.unwrap_or(false);
    if must_be_true && (hidden || declared.kind != FieldKind::Checkbox) {
        let why = if hidden { "nobody sees it" } else { "it is not a checkbox" };
        let message = format!("mustBeTrue has no effect on `{}`: {why}", declared.name);
        around.problems().report(at.key("mustBeTrue"), message).at_key().help("remove it");
    }
    FormField {
        field,
        label: raw.label.map_or_else(|| declared.label.clone(), Into::into),
        help: raw.help.map(Into::into),
        placeholder: raw.placeholder.map(Into::into),
        default,
        hidden,
        must_be_true,
    }
}

/// Returns whether people type text into the field's control, so that a placeholder can be seen.
fn has_room(field: FieldAt, about: &FormSubject) -> bool {
    let control = editor(about.table.field(field)).map(|editor| editor.control);
    use Control::{Decimal, Email, Integer, LongText, Tel, Text, Url};
    matches!(control, Some(Text | LongText | Email | Url | Tel | Integer | Decimal))
}

/// Checks a `default` and returns it as a value of the field. Null after a fault, which is reported.
fn check_default(
    json: &Json,
    field: FieldAt,
    at: &Place,
    about: &FormSubject,
    around: &mut dyn CheckContext,
) -> Value {
    let declared = about.table.field(field);
    let subject = format!("default of `{}`", declared.name);
    let place = at.key("default");
    let literal = Literal { json, written: around.written(&place), subject: &subject, place };
    literal.check(declared, around.problems()).unwrap_or(Value::Null)
}

/// Reports a form for new records that leaves out a required field without a default: none could be saved.
fn check_needed(fields: &[FormField], about: &FormSubject, around: &mut dyn CheckContext) {
    let place = around.place().key("fields");
    if about.purpose == Purpose::Update || around.problems().concern(&place) {
        return;
    }
    let table = &about.table;
    let left_out = table.needed().find(|at| fields.iter().all(|field| field.field != *at));
    // A form without `fields` has every field that a viewer may set. It leaves out only those that permissions
    // exclude, which is no fault of the form.
    let is_listed = !fields.is_empty() && left_out.is_some_and(|at| about.may_set(at, around));
    if let Some(at) = left_out.filter(|_| is_listed) {
        let name = &table.field(at).name;
        let message = format!(
            "the form leaves out `{name}`, which every record of `{}` must have",
            table.name
        );
        around.problems().report(place, message).at_key().help(format!("add `{name}`"));
    }
}

/// Reports a `navigate` with fields of the record if no viewer of the page may read the table.
fn check_led(on_success: &OnSuccess, table: &Table, around: &mut dyn CheckContext) {
    let mut parts = on_success.navigate.iter().flatten();
    let names_it = parts.any(|part| matches!(part, HrefPart::Field(_)));
    let may_read = |viewer: &_| table.allows(viewer, Operation::Read);
    if names_it && !around.audience().iter().any(may_read) {
        let message = format!(
            "nobody who may open this page may read `{}`, so nobody can be led to a record of it",
            table.name
        );
        let place = around.place().key("onSuccess").key("navigate");
        let problem = around.problems().report(place, message);
        problem.help("lead to a path without braces, as in `/thanks`");
    }
}

/// Checks `onSuccess` of a form or action on records of this table. A faulty path is reported and left out.
pub(super) fn check_success(
    raw: RawOnSuccess,
    default_toast: &str,
    table: &Table,
    around: &mut dyn CheckContext,
) -> OnSuccess {
    let place = around.place().key("onSuccess");
    let mut check = |path: String| href::check(&path, table, &place.key("navigate"), around);
    let navigate = raw.navigate.and_then(&mut check);
    let toast = raw.toast.as_deref().unwrap_or(default_toast).into();
    OnSuccess { navigate, toast }
}
