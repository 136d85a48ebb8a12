//! Reads the values that a request sends for a record, and reports all faults at once.

use crate::fields;
use crate::model::access::View;
use crate::model::field::{FieldAt, FieldKind};
use crate::model::ids::{RecordId, UserId};
use crate::model::input::Inputs;
use crate::model::permissions::Operation;
use crate::model::value::{UserRef, Value};
use crate::model::viewer::Viewer;
use crate::records::{FieldFault, RecordsError, may};
use crate::store::{FieldValues, WriteOp};

/// The most faults that are listed; of the others, only their number is reported.
pub(super) const FAULTS_TOLD: usize = 100;

/// The faults of the values that a request sends, of all its records.
#[derive(Default)]
pub(super) struct Faults {
    faults: Vec<FieldFault>,
    /// The number of faults in `faults` and of those beyond [`FAULTS_TOLD`].
    count: usize,
    /// How many of them name a field that does not exist, or that this viewer may not know of.
    unknown: usize,
    /// The faults of fields that the viewer may know of, but not set.
    barred: Vec<FieldFault>,
}

impl Faults {
    /// Fails with all faults, if there are any. If the viewer may not set a field, only such fields are reported.
    pub(super) fn none(mut self) -> Result<(), RecordsError> {
        if !self.barred.is_empty() {
            return Err(RecordsError::NotToSet(self.barred));
        }
        if self.count == 0 {
            return Ok(());
        }
        let untold = self.count - self.faults.len();
        if untold > 0 {
            let message = format!("there are {untold} more faults");
            self.faults.push(FieldFault::new("", message));
        }
        Err(if self.unknown == self.count {
            RecordsError::UnknownFields(self.faults)
        } else {
            RecordsError::Unfit(self.faults)
        })
    }

    pub(super) fn unknown(&mut self, fault: impl FnOnce() -> FieldFault) {
        self.unknown += 1;
        self.note(fault);
    }

    pub(super) fn unfit(&mut self, fault: impl FnOnce() -> FieldFault) {
        self.note(fault);
    }

    fn note(&mut self, fault: impl FnOnce() -> FieldFault) {
        self.count += 1;
        if self.faults.len() < FAULTS_TOLD {
            self.faults.push(fault());
        }
    }

    /// Returns the values of one record that fit their fields, and notes the faults of the others. `record` is the
    /// index of the record in its batch; `None` if the request is about one record.
    pub(super) fn values(
        &mut self,
        view: &View,
        sent: &Inputs,
        record: Option<usize>,
    ) -> FieldValues {
        let mut values = Vec::with_capacity(sent.len());
        for (name, input) in sent {
            let fault = |message: &str| FieldFault::new(name, message).of(record);
            let at = view.table.at(name).filter(|at| view.known.contains(*at));
            let Some(at) = at else {
                self.unknown(|| fault("is unknown"));
                continue;
            };
            let field = view.table.field(at);
            if field.kind.is_system() {
                self.unfit(|| fault("is set by the system"));
            } else if !view.table.may_set(&view.viewer, at) {
                if self.barred.len() < FAULTS_TOLD {
                    self.barred.push(fault("is not yours to set"));
                }
            } else {
                match fields::read(field, input) {
                    Ok(value) => values.push((at, value)),
                    Err(misfit) => self.unfit(|| fault(&misfit.message)),
                }
            }
        }
        values
    }

    /// Notes the fields that a new record must have and for which no value was sent.
    pub(super) fn require_all(
        &mut self,
        view: &View,
        is_sent: impl Fn(FieldAt) -> bool,
        record: Option<usize>,
    ) {
        for fault in lacking(view, is_sent, record) {
            self.note(|| fault);
        }
    }
}

/// Returns a fault for each field that a new record must have and for which no value was sent.
pub(super) fn lacking(
    view: &View,
    is_sent: impl Fn(FieldAt) -> bool,
    record: Option<usize>,
) -> Vec<FieldFault> {
    let lacks = view.table.needed().filter(|at| !is_sent(*at));
    let name = |at| view.table.field(at).name.as_str();
    lacks.map(|at| FieldFault::new(name(at), "must have a value").of(record)).collect()
}

/// The write that sets one field of a record.
pub(super) fn set(
    view: &View,
    id: RecordId,
    field: FieldAt,
    value: Value,
) -> Result<WriteOp, RecordsError> {
    may(view, Operation::Update)?;
    if !view.may_set(field) {
        let name = view.table.field(field).name.as_str();
        return Err(RecordsError::NotToSet(vec![FieldFault::new(name, "is not yours to set")]));
    }
    Ok(WriteOp::Update(id, changed_by(view, vec![(field, value)]), None))
}

/// The values of a new record, with the viewer as the value of its `created-by` and `updated-by` fields.
pub(super) fn made_by(view: &View, mut values: FieldValues) -> FieldValues {
    stamp(view, &mut values, &[FieldKind::CreatedBy, FieldKind::UpdatedBy]);
    values
}

/// The values to set in a record, with the viewer as the value of its `updated-by` fields.
pub(super) fn changed_by(view: &View, mut values: FieldValues) -> FieldValues {
    stamp(view, &mut values, &[FieldKind::UpdatedBy]);
    values
}

/// Sets the fields of these kinds to the viewer; to null if a guest writes.
fn stamp(view: &View, values: &mut FieldValues, kinds: &[FieldKind]) {
    let person = |id: UserId| Value::Person(UserRef { id, name: None });
    let person = author(&view.viewer).map_or(Value::Null, person);
    for (at, field) in view.table.all() {
        if kinds.contains(&field.kind) {
            values.push((at, person.clone()));
        }
    }
}

/// Returns the id of the user who writes. `None` for a guest.
pub(super) fn author(viewer: &Viewer) -> Option<UserId> {
    match viewer {
        Viewer::User(user) => Some(user.id.clone()),
        Viewer::Guest => None,
    }
}
