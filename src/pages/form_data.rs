//! The values that a form sent, checked against the fields of the form.

use std::collections::HashMap;

use serde_json::{Map, Value as Json};

use crate::fields;
use crate::fields::entry;
use crate::model::components::form::{Form, Purpose};
use crate::model::field::FieldAt;
use crate::model::input::{Input, Inputs};
use crate::model::record::{FieldSet, Record};
use crate::model::table::Table;
use crate::records::{FieldFault, RecordsError};
use crate::render::Draft;

/// The values that a form sent.
#[derive(Debug)]
pub(super) struct FormData<'a> {
    form: &'a Form,
    table: &'a Table,
    /// The fields of the form that are not hidden and that the sender may set.
    asked: Vec<FieldAt>,
    /// The texts that were sent, by field.
    entries: HashMap<FieldAt, Vec<String>>,
    /// The texts that the controls showed when the form was opened (`_base`), by the names of the fields.
    base: Map<String, Json>,
    /// The fields in which the sender keeps the value that another user has set (`_keep.<field>=theirs`).
    theirs: Vec<FieldAt>,
    /// The id of the record to change, as it was sent (`_record`). `None` for a new record.
    pub(super) record: Option<String>,
}

impl<'a> FormData<'a> {
    /// Reads the names and values that a form sends. `open` are the fields that its sender may set.
    ///
    /// # Errors
    /// [`RecordsError::UnknownFields`] for names that the form does not have, [`RecordsError::Malformed`] if
    /// `_base` is not a JSON object.
    pub(super) fn read(
        form: &'a Form,
        table: &'a Table,
        open: &FieldSet,
        pairs: &[(String, String)],
    ) -> Result<Self, RecordsError> {
        let asked = form.fields.iter().filter(|field| !field.hidden).map(|field| field.field);
        let asked: Vec<_> = asked.filter(|at| open.contains(*at)).collect();
        let mut sent = Self {
            form,
            table,
            asked,
            entries: HashMap::new(),
            base: Map::new(),
            theirs: Vec::new(),
            record: None,
        };
        let mut unknown = Vec::new();
        for (name, text) in pairs {
            if !sent.take(name, text)? {
                unknown.push(fault(name, "is unknown"));
            }
        }
        if unknown.is_empty() { Ok(sent) } else { Err(RecordsError::UnknownFields(unknown)) }
    }

    /// Stores one name with its text. Returns whether the form has this name.
    fn take(&mut self, name: &str, text: &str) -> Result<bool, RecordsError> {
        let changes = self.form.purpose == Purpose::Update;
        match name {
            "_component" | "_key" | "_shape" => {}
            "_table" if changes => {}
            "_record" if changes => self.record = Some(text.to_owned()),
            "_base" => self.base = read_base(text)?,
            _ => {
                let keep = name.strip_prefix("_keep.").filter(|_| changes);
                let at = self.table.at(keep.unwrap_or(name)).filter(|at| self.asked.contains(at));
                let Some(at) = at else { return Ok(false) };
                match keep {
                    Some(_) if text == "theirs" => self.theirs.push(at),
                    Some(_) => {}
                    None => self.entries.entry(at).or_default().push(text.to_owned()),
                }
            }
        }
        Ok(true)
    }

    /// Returns the values to write: those that were sent for a new record, or those that were changed of an
    /// existing one, and in both cases the values of hidden fields.
    ///
    /// # Errors
    /// [`RecordsError::Unfit`] with every value that does not fit its field.
    pub(super) fn values(&self) -> Result<Inputs, RecordsError> {
        let mut values = Inputs::new();
        let unticked = self.unticked().map(|at| self.table.field(at).name.as_str());
        let mut faults: Vec<_> = unticked.map(|name| fault(name, "must be ticked")).collect();
        for at in self.written() {
            let field = self.table.field(at);
            let input = entry::input(field, self.entered(at));
            match input.and_then(|input| fields::read(field, &input).map(|_| input)) {
                Ok(input) => drop(values.insert(field.name.to_string(), input)),
                Err(misfit) => {
                    faults.push(fault(field.name.as_str(), misfit.message));
                }
            }
        }
        for field in self.form.fields.iter().filter(|field| field.hidden) {
            let name = self.table.field(field.field).name.to_string();
            values.insert(name, Input::from(&field.default));
        }
        if faults.is_empty() { Ok(values) } else { Err(RecordsError::Unfit(faults)) }
    }

    /// Returns the fields that the sender has changed and that another user has meanwhile changed to another
    /// value. `now` is the record as it is now.
    pub(super) fn overtaken(&self, now: &Record) -> Vec<FieldAt> {
        let is_overtaken = |at: &FieldAt| {
            let now = entry::shown(&now[*at]);
            self.base_of(*at).is_some_and(|base| base != now) && !self.holds(*at, &now)
        };
        self.changed().filter(is_overtaken).collect()
    }

    /// Returns the draft to show again: the changed entries, and the faults in `error`. `now` is the record
    /// as it is now.
    pub(super) fn draft(&self, error: &RecordsError, now: Option<&Record>) -> Draft {
        let mut draft = Draft::default();
        for at in self.changed() {
            draft.entries.insert(at, self.entered(at).to_vec());
        }
        draft.overtaken = now.map(|now| self.overtaken(now)).unwrap_or_default();
        let faults = match error {
            RecordsError::Unfit(faults) | RecordsError::NotToSet(faults) => faults.clone(),
            RecordsError::NotUnique(name) => {
                let message = "is that of another record already; it must differ";
                vec![fault(name.as_str(), message)]
            }
            RecordsError::Conflict(_) if !draft.overtaken.is_empty() => Vec::new(),
            other => {
                draft.message = Some(other.to_string());
                Vec::new()
            }
        };
        for FieldFault { field, message, .. } in faults {
            match self.table.at(&field).filter(|at| self.asked.contains(at)) {
                Some(at) => drop(draft.faults.insert(at, message)),
                None => draft.message = Some(format!("{field} {message}")),
            }
        }
        draft
    }

    /// Returns the texts that the sender has changed, by the names of the fields. A field is left out if the
    /// form sent no text for it and the text that it showed is not known.
    pub(super) fn typed(&self) -> impl Iterator<Item = (&str, String)> {
        let is_known = |at: &FieldAt| self.base_of(*at).is_some() || !self.entered(*at).is_empty();
        self.changed().filter(is_known).map(|at| {
            let text = self.entered(at).join(", ");
            (self.table.field(at).name.as_str(), text)
        })
    }

    /// Returns whether a control of this name showed this text when the form was opened. The form may have lost
    /// the field since.
    pub(super) fn showed(&self, name: &str, text: &str) -> bool {
        match self.base.get(name) {
            None => false,
            Some(Json::Null) => text.is_empty(),
            Some(Json::Array(chosen)) => chosen.iter().any(|one| one == text),
            Some(one) => one == text,
        }
    }

    /// Returns the fields to write: those that were sent for a new record, or those that the sender has
    /// changed.
    fn written(&self) -> Vec<FieldAt> {
        match self.form.purpose {
            Purpose::Create => self.asked.iter().copied().filter(|at| self.is_sent(*at)).collect(),
            Purpose::Update => self.changed().collect(),
        }
    }

    /// Returns the fields that the sender has changed since the form was opened, except those in which they
    /// keep the value of another user.
    fn changed(&self) -> impl Iterator<Item = FieldAt> {
        let is_changed = |at: &FieldAt| {
            let is_same = self.base_of(*at).is_some_and(|base| self.holds(*at, &base));
            !is_same && !self.theirs.contains(at)
        };
        self.asked.iter().copied().filter(move |at| self.is_sent(*at) && is_changed(at))
    }

    /// Returns whether the form had a control for the field. A checkbox that is not ticked sends nothing (HTML
    /// standard, 4.10.22.4), so such a field counts if `_base` names it or there is no `_base`.
    fn is_sent(&self, at: FieldAt) -> bool {
        let field = self.table.field(at);
        let may_be = self.base.is_empty() || self.base.contains_key(field.name.as_str());
        self.entries.contains_key(&at) || (may_be && entry::is_silent(field))
    }

    /// Returns the texts that were sent for a field.
    fn entered(&self, at: FieldAt) -> &[String] {
        self.entries.get(&at).map_or(&[], Vec::as_slice)
    }

    /// Returns whether the texts that were sent for a field are those of an untouched control that shows
    /// `texts`.
    fn holds(&self, at: FieldAt, texts: &[String]) -> bool {
        entry::is_untouched(self.table.field(at), self.entered(at), texts)
    }

    /// Returns the texts that the control of a field showed when the form was opened. `None` if they are not
    /// known. If a form for a new record sends no `_base`, its controls showed the declared defaults.
    fn base_of(&self, at: FieldAt) -> Option<Vec<String>> {
        let field = self.table.field(at);
        let said = self.base.get(field.name.as_str()).map(|kept| entry::texts(field, kept));
        let is_silent = self.base.is_empty() && self.form.purpose == Purpose::Create;
        let declared = self.form.field(at).filter(|_| is_silent);
        said.or_else(|| declared.map(|field| entry::shown(&field.default)))
    }

    /// Returns the checkboxes that must be ticked, and are not.
    fn unticked(&self) -> impl Iterator<Item = FieldAt> {
        let must = |at: &FieldAt| self.form.field(*at).is_some_and(|field| field.must_be_true);
        let is_ticked = |at: &FieldAt| {
            let input = entry::input(self.table.field(*at), self.entered(*at));
            input.is_ok_and(|input| input.text() == "true")
        };
        self.asked.iter().copied().filter(move |at| must(at) && !is_ticked(at))
    }
}

/// Returns a fault of a field.
fn fault(field: &str, message: impl Into<String>) -> FieldFault {
    FieldFault { record: None, field: field.to_owned(), message: message.into() }
}

/// Reads `_base`: the shown texts by field, each null, a text or a list of texts.
///
/// # Errors
/// [`RecordsError::Malformed`] if it is not a JSON object.
fn read_base(text: &str) -> Result<Map<String, Json>, RecordsError> {
    serde_json::from_str(text)
        .map_err(|error| RecordsError::Malformed(format!("_base is not a JSON object: {error}")))
}
