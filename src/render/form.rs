//! Renders a form: its fields with their values and faults.

use std::collections::HashMap;

use minijinja::{Value, context};
use serde_json::{Map, Value as Json};

use crate::fields::control::Control;
use crate::fields::editor::{FieldEditor, control_that_holds, editor};
use crate::fields::entry;
use crate::model::components::form::{Form, FormField, Purpose};
use crate::model::field::FieldAt;
use crate::model::record::Record;
use crate::render::component_html::{ComponentHtml, ComponentWriter};
use crate::render::{ComponentData, RenderError, picker};

/// The values that were sent by a form and could not be saved.
#[derive(Clone, Debug, Default)]
pub struct Draft {
    /// The texts that were entered, by field. Fields that were left alone are absent.
    pub entries: HashMap<FieldAt, Vec<String>>,
    /// The faults of single fields.
    pub faults: HashMap<FieldAt, String>,
    /// The fault of the whole form.
    pub message: Option<String>,
    /// The fields to which another person has given another value in the meantime.
    pub overtaken: Vec<FieldAt>,
}

impl ComponentHtml for Form {
    fn html(&self, writer: &ComponentWriter<'_>) -> Result<String, RenderError> {
        let Some((data, rows)) = writer.rows() else { return Ok(String::new()) };
        match context(self, data, rows.records.first()) {
            Some(inside) => {
                let meaning = data.shape.as_str();
                writer.fill("record_form.html", context! { meaning, ..inside })
            }
            // A form without a record to change shows nothing.
            None => Ok(String::new()),
        }
    }

    fn stylesheets(&self) -> Vec<&'static str> {
        vec!["form.css"]
    }
}

/// Returns what the template of a form needs in addition to what all components have. `None` if the form
/// changes a record and there is none.
fn context(form: &Form, data: &ComponentData, record: Option<&Record>) -> Option<Value> {
    if form.purpose == Purpose::Update && record.is_none() {
        return None;
    }
    let seen = || form.fields.iter().filter(|field| !field.hidden);
    let seen = seen().filter(|field| data.editable.contains(field.field));
    let writer = FormWriter { data, record, first_faulty: first_faulty(form, data) };
    let fields: Vec<_> = seen.filter_map(|field| writer.field(field)).collect();
    let draft = data.draft.as_ref();
    Some(context! {
        title => form.title.as_deref(),
        submit_label => form.submit_label.as_ref(),
        record => record.map(|record| record.id().to_string()),
        table => data.table.name.as_str(),
        base => base(form, data, record),
        message => draft.and_then(|draft| draft.message.as_deref()),
        overtaken => draft.is_some_and(|draft| !draft.overtaken.is_empty()),
        fields,
    })
}

/// Returns the values that the controls show, of a record or of a new one, as JSON (`_base`). When the
/// form is sent, the server compares with them to find what was changed.
fn base(form: &Form, data: &ComponentData, record: Option<&Record>) -> String {
    let seen = form.fields.iter().filter(|field| !field.hidden);
    let seen = seen.filter(|field| data.editable.contains(field.field));
    let entry = |field: &FormField| {
        let held = record.map_or(&field.default, |record| &record[field.field]);
        (data.table.field(field.field).name.to_string(), entry::kept(held))
    };
    Json::Object(seen.map(entry).collect::<Map<_, _>>()).to_string()
}

/// Returns the first field with a fault, which gets the focus. `None` if there is no fault.
fn first_faulty(form: &Form, data: &ComponentData) -> Option<FieldAt> {
    let draft = data.draft.as_ref()?;
    let is_faulty = |at: &FieldAt| draft.faults.contains_key(at) || draft.overtaken.contains(at);
    form.fields.iter().map(|field| field.field).find(is_faulty)
}

struct FormWriter<'a> {
    data: &'a ComponentData,
    record: Option<&'a Record>,
    first_faulty: Option<FieldAt>,
}

impl FormWriter<'_> {
    fn field(&self, field: &FormField) -> Option<Value> {
        let at = field.field;
        let draft = self.data.draft.as_ref();
        let declared = self.data.table.field(at);
        let FieldEditor { field: name, required, control, options, zone, .. } = editor(declared)?;
        let held = self.record.map_or(&field.default, |record| &record[at]);
        let entered = draft.and_then(|draft| draft.entries.get(&at)).cloned();
        let is_entered = entered.is_some();
        let entered = entered.unwrap_or_else(|| entry::shown(held));
        let text = entered.first().map_or("", String::as_str);
        let (holder, value) = control_that_holds(declared, control, text);
        let fault = draft.and_then(|draft| draft.faults.get(&at));
        let is_chosen = |option: &str| entered.iter().any(|text| text == option);
        let option = |option: &str| context! { value => option, chosen => is_chosen(option) };
        let picker =
            self.data.choices.get(&at).map(|choices| picker::context(choices, text, Some(held)));
        let is_overtaken = draft.is_some_and(|draft| draft.overtaken.contains(&at));
        Some(context! {
            name,
            label => field.label.as_ref(),
            help => field.help.as_deref(),
            placeholder => field.placeholder.as_deref(),
            required => match control {
                Control::Checkbox => field.must_be_true,
                _ => required,
            },
            control => name_of(holder),
            kind => holder.input_type().filter(|_| holder != Control::Checkbox),
            step => holder.step(),
            max => holder.max(),
            zone,
            options => options.iter().map(|text| option(text)).collect::<Vec<_>>(),
            picker,
            is_chosen => options.iter().any(|option| entered.iter().any(|text| **text == **option)),
            value,
            ticked => entered.iter().any(|text| text == "true" || text == "on"),
            fault => fault.map(String::as_str).map(sentence),
            theirs => is_overtaken.then(|| self.data.cell(at, held)),
            is_entered,
            first => self.first_faulty == Some(at),
        })
    }
}

fn name_of(control: Control) -> Option<String> {
    serde_json::to_value(control).ok()?.as_str().map(str::to_owned)
}

/// Returns the sentence for a fault below its field. It leaves out `got …`, since the control shows the
/// value.
fn sentence(fault: &str) -> String {
    let fault = fault.rsplit_once(", got ").map_or(fault, |(fault, _)| fault);
    let mut letters = fault.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(letters).chain(std::iter::once('.')).collect()
}
