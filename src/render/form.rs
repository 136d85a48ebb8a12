//! The fields of a form, with what is entered in them and what is wrong with it.

use std::collections::BTreeMap;

use minijinja::{Value, context};

use crate::fields;
use crate::fields::control::{Control, Editor, editor};
use crate::fields::entry;
use crate::model::form::{Form, FormField, Purpose};
use crate::model::record::Record;
use crate::model::table::FieldAt;
use crate::model::value::Value as Plain;
use crate::render::{ComponentData, picker};

/// What the template of a form needs beside what all components have; nothing if there is no record
/// to change.
pub(super) fn inside(form: &Form, data: &ComponentData, record: Option<&Record>) -> Option<Value> {
    if form.purpose == Purpose::Update && record.is_none() {
        return None;
    }
    let seen = || form.fields.iter().filter(|field| !field.hidden);
    let seen = seen().filter(|field| data.editable.contains(field.field));
    let writer = Writer { data, record, first_faulty: first_faulty(form, data) };
    let fields: Vec<_> = seen.filter_map(|field| writer.field(field)).collect();
    let draft = data.draft.as_ref();
    Some(context! {
        title => form.title.as_deref(),
        submit_label => form.submit_label.as_ref(),
        record => record.map(|record| record.id().to_string()),
        base => record.map(|record| base(form, data, record)),
        message => draft.and_then(|draft| draft.message.as_deref()),
        overtaken => draft.is_some_and(|draft| !draft.overtaken.is_empty()),
        fields,
    })
}

/// What a record holds in the fields of a form, as JSON: what is sent is held against it.
fn base(form: &Form, data: &ComponentData, record: &Record) -> String {
    let seen = form.fields.iter().filter(|field| !field.hidden).map(|field| field.field);
    let seen = seen.filter(|at| data.editable.contains(*at));
    let entry = |at: FieldAt| {
        let value = match &record[at] {
            // What it goes by is nothing that is sent.
            Plain::Link(link) => Plain::text(link.id.to_string()),
            value => value.clone(),
        };
        (data.table.field(at).name.as_str(), value)
    };
    serde_json::to_string(&seen.map(entry).collect::<BTreeMap<_, _>>()).unwrap_or_default()
}

/// The field to begin with, where something is wrong.
fn first_faulty(form: &Form, data: &ComponentData) -> Option<FieldAt> {
    let draft = data.draft.as_ref()?;
    let is_faulty = |at: &FieldAt| draft.faults.contains_key(at) || draft.overtaken.contains(at);
    form.fields.iter().map(|field| field.field).find(is_faulty)
}

struct Writer<'a> {
    data: &'a ComponentData,
    record: Option<&'a Record>,
    first_faulty: Option<FieldAt>,
}

impl Writer<'_> {
    fn field(&self, field: &FormField) -> Option<Value> {
        let (at, draft) = (field.field, self.data.draft.as_ref());
        let Editor { field: name, required, control, options, min, max, .. } =
            editor(self.data.table.field(at))?;
        let held = self.record.map_or(&field.default, |record| &record[at]);
        let entered = draft.and_then(|draft| draft.entries.get(&at)).cloned();
        let entered = entered.unwrap_or_else(|| entry::shown(held));
        let value = shown(control, entered.first().map_or("", String::as_str));
        let fault = draft.and_then(|draft| draft.faults.get(&at));
        let is_chosen = |option: &str| entered.iter().any(|text| text == option);
        let option = |option: &str| context! { value => option, chosen => is_chosen(option) };
        let picker = self.data.choices.get(&at).map(|choices| {
            let chosen = entered.first().map_or("", String::as_str);
            picker::inside(choices, chosen, Some(held))
        });
        let is_overtaken = draft.is_some_and(|draft| draft.overtaken.contains(&at));
        Some(context! {
            name,
            label => field.label.as_ref(),
            help => field.help.as_deref(),
            placeholder => field.placeholder.as_deref(),
            required => required && control != Control::Checkbox,
            control => name_of(control),
            kind => kind(control),
            step => (control == Control::Decimal).then_some("any"),
            min,
            max,
            options => options.iter().map(|text| option(text)).collect::<Vec<_>>(),
            picker,
            is_chosen => options.iter().any(|option| entered.iter().any(|text| **text == **option)),
            value,
            ticked => entered.iter().any(|text| text == "true" || text == "on"),
            fault => fault.map(String::as_str).map(sentence),
            theirs => is_overtaken.then(|| self.cell(at, held)),
            first => self.first_faulty == Some(at),
        })
    }

    fn cell(&self, at: FieldAt, value: &Plain) -> Value {
        let mut html = String::new();
        fields::write_cell(self.data.table.field(at), value, &mut html);
        Value::from_safe_string(html)
    }
}

fn name_of(control: Control) -> Option<String> {
    serde_json::to_value(control).ok()?.as_str().map(str::to_owned)
}

/// The type of the input for a kind of control; the others are elements of their own.
fn kind(control: Control) -> Option<&'static str> {
    Some(match control {
        Control::Text => "text",
        Control::Email => "email",
        Control::Url => "url",
        Control::Tel => "tel",
        Control::Integer | Control::Decimal => "number",
        Control::Date => "date",
        Control::Datetime => "datetime-local",
        Control::LongText
        | Control::Checkbox
        | Control::Select
        | Control::MultiSelect
        | Control::Json
        | Control::Relationship => return None,
    })
}

/// A value as its input takes it: browsers have no offset in theirs.
fn shown(control: Control, text: &str) -> String {
    match text.strip_suffix('Z').filter(|_| control == Control::Datetime) {
        Some(instant) => instant.trim_end_matches(".000").trim_end_matches(":00").to_owned(),
        None => text.to_owned(),
    }
}

/// A fault as people read it below a field. What they entered they see above it.
fn sentence(fault: &str) -> String {
    let fault = fault.rsplit_once(", got ").map_or(fault, |(fault, _)| fault);
    let mut letters = fault.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(letters).chain(std::iter::once('.')).collect()
}
