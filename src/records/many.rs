//! Batches: writes of many records in one transaction. All of them are written, or none.

use std::collections::HashSet;

use crate::fields;
use crate::model::access::View;
use crate::model::field::FieldAt;
use crate::model::ids::RecordId;
use crate::model::input::Inputs;
use crate::model::permissions::Operation;
use crate::model::record::Record;
use crate::model::value::Value;
use crate::records::sent::{self, Faults};
use crate::records::{ExpectedState, FieldFault, Records, RecordsError, WriteObstacle, may};
use crate::store::{FieldValues, Intent, StoreError, Upsert, WriteOp, WriteOutcome};

/// The most records of a batch.
pub const MAX_RECORDS: usize = 1_000;

/// The values that were sent for one record of a batch.
#[derive(Clone, Debug)]
pub struct RecordInput {
    /// The id of the record.
    pub id: RecordId,
    /// The values that were sent for its fields.
    pub fields: Inputs,
    /// The state in which the record must be for the write.
    pub expected: ExpectedState,
}

/// The result of a batch: its records, in the order in which they were sent.
#[derive(Clone, Debug)]
pub struct Many {
    /// The table as the viewer sees it.
    pub view: View,
    /// The records as they are now; those of a removal as they were before it.
    pub records: Vec<Record>,
    /// For each record, whether the batch added it. An upsert may have updated it instead.
    pub made: Vec<bool>,
}

/// The actions of a batch. `lacking` holds for each the faults to report if it finds no record to change and has
/// not all values that a new one must have. It may be shorter than `actions`, and then the others have none.
pub(super) struct WritePlan {
    pub(super) actions: Vec<WriteOp>,
    pub(super) lacking: Vec<Vec<FieldFault>>,
}

impl Records {
    /// Adds up to [`MAX_RECORDS`] records.
    ///
    /// # Errors
    /// If the viewer may not add records, or values of any record are missing or do not fit.
    pub async fn create_many(&self, view: View, records: &[Inputs]) -> Result<Many, RecordsError> {
        may(&view, Operation::Create)?;
        check_batch_size(records.len())?;
        let mut faults = Faults::default();
        let insert = |(index, fields)| {
            let values = faults.values(&view, fields, Some(index));
            let is_sent = |at: FieldAt| fields.contains_key(view.table.field(at).name.as_str());
            faults.require_all(&view, is_sent, Some(index));
            WriteOp::Insert(sent::made_by(&view, values))
        };
        let actions = records.iter().enumerate().map(insert).collect();
        faults.none()?;
        self.write_many(view, actions).await
    }

    /// Changes up to [`MAX_RECORDS`] records, each in its expected state.
    ///
    /// # Errors
    /// If the viewer may not change any of them, values of any do not fit, or any is not in its expected state.
    pub async fn update_many(
        &self,
        view: View,
        records: Vec<RecordInput>,
    ) -> Result<Many, RecordsError> {
        may(&view, Operation::Update)?;
        check_batch_size(records.len())?;
        let mut faults = Faults::default();
        let mut actions = Vec::with_capacity(records.len());
        for (index, RecordInput { id, fields, expected }) in records.into_iter().enumerate() {
            let values = faults.values(&view, &fields, Some(index));
            if fields.is_empty() {
                faults.unfit(|| {
                    FieldFault::new("fields", "names no field to change").of(Some(index))
                });
            }
            let values = sent::changed_by(&view, values);
            actions.push(WriteOp::Update(id, values, expected.values()));
        }
        faults.none()?;
        self.write_many(view, actions).await
    }

    /// Sets one field of each of these records to a value.
    ///
    /// # Errors
    /// If the viewer may not set the field, or one of the ids names no record that they may read.
    pub async fn set_many(
        &self,
        view: View,
        ids: &[RecordId],
        field: FieldAt,
        value: &Value,
    ) -> Result<Many, RecordsError> {
        check_batch_size(ids.len())?;
        let actions = ids.iter().map(|id| sent::set(&view, *id, field, value.clone()));
        let actions = actions.collect::<Result<_, _>>()?;
        self.write_many(view, actions).await
    }

    /// Removes up to [`MAX_RECORDS`] records, in any state, and returns them as they were.
    ///
    /// # Errors
    /// If the viewer may not remove any of them, an id is named twice, or there is no such record.
    pub async fn delete_many(&self, view: View, ids: &[RecordId]) -> Result<Many, RecordsError> {
        may(&view, Operation::Delete)?;
        check_batch_size(ids.len())?;
        let mut faults = Faults::default();
        let mut seen = HashSet::new();
        for (index, id) in ids.iter().enumerate().filter(|(_, id)| !seen.insert(**id)) {
            let message = format!("names record {id} once more");
            faults.unfit(|| FieldFault::new("id", message).of(Some(index)));
        }
        faults.none()?;
        let actions = ids.iter().map(|id| WriteOp::Delete(*id, None));
        self.write_many(view, actions.collect()).await
    }

    /// Upserts records by a unique field, the merge key: each changes the record with the same value in that
    /// field. If there is none, a new record is added; by `id` none is, since only the database assigns ids.
    ///
    /// # Errors
    /// If the viewer may not both add and change records, the field is not unique, or values of any do not fit.
    pub async fn upsert_many(
        &self,
        view: View,
        on: FieldAt,
        records: &[Inputs],
    ) -> Result<Many, RecordsError> {
        may(&view, Operation::Create)?;
        may(&view, Operation::Update)?;
        check_batch_size(records.len())?;
        check_unique(&view, on)?;
        let merge_on = view.table.field(on).name.as_str();
        let mut faults = Faults::default();
        let (mut actions, mut lacking) = (Vec::new(), Vec::new());
        for (index, fields) in records.iter().enumerate() {
            let mut fields = fields.clone();
            // The id finds the record and cannot be set, so it is taken out before the values are read.
            let key =
                if on == FieldAt::ID { fields.remove("id") } else { fields.get(merge_on).cloned() };
            let values = faults.values(&view, &fields, Some(index));
            let is_sent = |at: FieldAt| fields.contains_key(view.table.field(at).name.as_str());
            let is_known_by_id = on == FieldAt::ID;
            let lacks = sent::lacking(&view, |at| is_known_by_id || is_sent(at), Some(index));
            lacking.push(lacks);
            let key = key.filter(|key| !key.is_null());
            let key = key.map(|key| fields::read(view.table.field(on), &key));
            match key {
                Some(Ok(_)) if fields.is_empty() => {
                    let message = "names no field to change";
                    faults.unfit(|| FieldFault::new("fields", message).of(Some(index)));
                }
                Some(Ok(key)) => {
                    let new = lacking[index].is_empty().then(|| values.clone());
                    actions.push(upsert(&view, on, key, values, new));
                }
                // `faults.values` has already reported the key as a value of its field, but it never sees an id.
                Some(Err(misfit)) if on == FieldAt::ID => {
                    faults.unfit(|| FieldFault::new("id", misfit.message).of(Some(index)));
                }
                Some(Err(_)) => {}
                None => {
                    let message = "must have a value: records are merged by it";
                    faults.unfit(|| FieldFault::new(merge_on, message).of(Some(index)));
                }
            }
        }
        faults.none()?;
        self.write_plan(view, WritePlan { actions, lacking }, Intent::Keep).await
    }

    async fn write_many(&self, view: View, actions: Vec<WriteOp>) -> Result<Many, RecordsError> {
        self.write_plan(view, WritePlan { actions, lacking: Vec::new() }, Intent::Keep).await
    }

    pub(super) async fn write_plan(
        &self,
        view: View,
        plan: WritePlan,
        intent: Intent,
    ) -> Result<Many, RecordsError> {
        let WritePlan { actions, mut lacking } = plan;
        let outcomes = self.write(&view, actions, intent).await?;
        lacking.resize(outcomes.len(), Vec::new());
        let (mut records, mut made) = (Vec::new(), Vec::new());
        let mut failed = Failed::default();
        for (index, (outcome, lacking)) in outcomes.into_iter().zip(lacking).enumerate() {
            match outcome {
                Ok(WriteOutcome::Made(record)) => {
                    records.push(record);
                    made.push(true);
                }
                Ok(WriteOutcome::Done(record)) => {
                    records.push(record);
                    made.push(false);
                }
                // An upsert that found no record would have added one, but lacks required values. Reporting
                // these helps more than `names no record`.
                Ok(WriteOutcome::Missing) if !lacking.is_empty() => {
                    failed.note(WriteObstacle::Unfit, lacking);
                }
                other => failed.outcome(index, other)?,
            }
        }
        failed.none()?;
        Ok(Many { view, records, made })
    }
}

/// The faults of the records of a batch that were not written.
#[derive(Default)]
struct Failed {
    faults: Vec<FieldFault>,
    /// The reason why the first of them was not written.
    obstacle: Option<WriteObstacle>,
}

impl Failed {
    fn note(&mut self, obstacle: WriteObstacle, faults: impl IntoIterator<Item = FieldFault>) {
        self.obstacle.get_or_insert(obstacle);
        self.faults.extend(faults);
    }

    fn outcome(
        &mut self,
        index: usize,
        outcome: Result<WriteOutcome, StoreError>,
    ) -> Result<(), RecordsError> {
        let (obstacle, field, message) = match outcome {
            Ok(WriteOutcome::Made(_) | WriteOutcome::Done(_)) => return Ok(()),
            Ok(WriteOutcome::Missing) => {
                (WriteObstacle::Missing, "id", "names no record".to_owned())
            }
            Ok(WriteOutcome::Barred) => {
                (WriteObstacle::Barred, "id", RecordsError::Barred.to_string())
            }
            Ok(WriteOutcome::Stale(_)) => {
                let message = "somebody else changed this record first".to_owned();
                (WriteObstacle::Stale, "updatedAt", message)
            }
            Err(StoreError::NotUnique(field)) => {
                let message = "another record already has this value".to_owned();
                let fault = FieldFault::new(field.as_str(), message).of(Some(index));
                self.note(WriteObstacle::NotUnique, [fault]);
                return Ok(());
            }
            Err(StoreError::NoRelated { field, .. }) => {
                let fault = FieldFault::no_related(&field).of(Some(index));
                self.note(WriteObstacle::Unfit, [fault]);
                return Ok(());
            }
            Err(error @ StoreError::Referred) => (WriteObstacle::Referred, "id", error.to_string()),
            Err(error @ (StoreError::Refused(_) | StoreError::TooDeep)) => {
                (WriteObstacle::Refused, "", error.to_string())
            }
            Err(StoreError::BreaksRule(rule)) => {
                self.note(WriteObstacle::Unfit, [FieldFault::from_rule(&rule).of(Some(index))]);
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        self.note(obstacle, [FieldFault::new(field, message).of(Some(index))]);
        Ok(())
    }

    fn none(self) -> Result<(), RecordsError> {
        match self.obstacle {
            None => Ok(()),
            Some(WriteObstacle::Unfit) => Err(RecordsError::Unfit(self.faults)),
            Some(obstacle) => Err(RecordsError::Batch(obstacle, self.faults)),
        }
    }
}

/// The write that sets `known` in the record whose unique field `on` has the value `key`. If there is none,
/// it adds a record with the values `new`, or nothing if these are `None`.
pub(super) fn upsert(
    view: &View,
    on: FieldAt,
    key: Value,
    known: FieldValues,
    new: Option<FieldValues>,
) -> WriteOp {
    // Only the database assigns ids, so an upsert by id never adds a record.
    let new = new.filter(|_| on != FieldAt::ID).map(|new| sent::made_by(view, new));
    WriteOp::Upsert(Box::new(Upsert { on, key, known: sent::changed_by(view, known), new }))
}

/// Fails with [`RecordsError::Malformed`] if records cannot be merged by this field, since it is not unique.
pub(super) fn check_unique(view: &View, at: FieldAt) -> Result<(), RecordsError> {
    let field = view.table.field(at);
    if at == FieldAt::ID || field.unique {
        return Ok(());
    }
    let message = format!("mergeOn must be a unique field, and `{}` is not", field.name);
    Err(RecordsError::Malformed(message))
}

/// Checks the size of a batch.
///
/// # Errors
/// [`RecordsError::Malformed`] if it has no records, or more than [`MAX_RECORDS`].
pub fn check_batch_size(records: usize) -> Result<(), RecordsError> {
    if (1..=MAX_RECORDS).contains(&records) {
        return Ok(());
    }
    let message = format!("a batch has from 1 to {MAX_RECORDS} records, got {records}");
    Err(RecordsError::Malformed(message))
}
