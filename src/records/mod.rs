//! The rules of data: what a viewer may list, read, add, change and remove.
//!
//! Pages, the API and subscriptions all ask here, so a rule holds everywhere or nowhere. A caller resolves the
//! viewer's permissions once, as a [`View`], and hands it to each call with typed ids and values: text and JSON of
//! requests are read at the edge (`http`, `pages`, `queries`).

use std::sync::Arc;

use crate::feed::Versions;
use crate::limits::{Limit, Shares};
use crate::model::access::View;
use crate::model::app::App;
use crate::model::field::FieldAt;
use crate::model::ids::{Position, RecordId, SealedPosition, TableName};
use crate::model::input::Inputs;
use crate::model::permissions::Operation;
use crate::model::query::{Answer, Query, Snapshot};
use crate::model::record::Record;
use crate::model::related::Related;
use crate::model::value::Value;
use crate::model::viewer::Viewer;
use crate::store::{
    Intent, LogRetention, Outcomes, ReadScope, RelatedLoader, Store, StoreError, Write, WriteOp,
    WriteOutcome,
};

pub mod envelope;

mod choices;
mod csv;
mod cursor;
mod error;
mod expected;
mod export;
mod history;
mod import;
mod list;
mod many;
mod sent;
mod totals;

pub use error::{FieldFault, RecordsError, WriteObstacle};
pub use expected::ExpectedState;
pub use history::History;
pub use import::{Import, ImportReport, LineFault, MAX_IMPORT_BYTES, MAX_IMPORT_MIB};
pub use list::{DEFAULT_LIMIT, ListCursor, Listed, MAX_LIMIT, RecordList};
pub use many::{MAX_RECORDS, Many, RecordInput, check_batch_size};

use sent::Faults;
use totals::Totals;

/// The records of one app, under its rules.
#[derive(Clone)]
pub struct Records {
    app: Arc<App>,
    store: Store,
    /// The exports in progress, by requester.
    exports: Shares,
    /// The imports in progress, by requester.
    imports: Shares,
    totals: Totals,
}

/// A record, with the view of its table that says which of its fields may be shown.
#[derive(Clone, Debug)]
pub struct RecordView {
    /// The table as the viewer sees it.
    pub view: View,
    /// The record with all its fields.
    pub record: Record,
}

/// A conflict: the record was changed by another writer after the state that this write expected.
#[derive(Clone, Debug)]
pub struct Stale {
    /// The record as it is now.
    pub shown: RecordView,
    /// The fields that the refused write would have set, and which now have another value.
    pub overwritten: Vec<FieldAt>,
}

impl Records {
    /// The rules of this app over this database.
    pub fn new(app: Arc<App>, store: Store, versions: Versions) -> Self {
        let limits = store.limits().clone();
        let totals = Totals::new(versions);
        let shares = |all, each| Shares::new(limits.clone(), all, each);
        let exports = shares(Limit::Exports, Limit::ExportsPerRequester);
        let imports = shares(Limit::Imports, Limit::ImportsPerRequester);
        Self { app, store, exports, imports, totals }
    }

    /// The table as the viewer sees it.
    ///
    /// # Errors
    /// [`RecordsError::NotFound`] if there is no such table, or the viewer may not read it: the answer is the same.
    pub fn view(&self, viewer: &Viewer, table: &TableName) -> Result<View, RecordsError> {
        self.app.view(table, viewer).ok_or(RecordsError::NotFound)
    }

    /// The table as the viewer sees it when adding a record. A viewer who may add but not read sees no record.
    ///
    /// # Errors
    /// [`RecordsError::NotFound`] if there is no such table, or the viewer may neither read it nor add to it: the
    /// answer is the same.
    pub fn view_to_add(&self, viewer: &Viewer, table: &TableName) -> Result<View, RecordsError> {
        self.app.view_to_add(table, viewer).ok_or(RecordsError::NotFound)
    }

    /// Answers queries from one snapshot. It checks no permissions: the filters of the queries must hold the row
    /// rules already.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn snapshot(&self, queries: &[&Query]) -> Result<Snapshot, RecordsError> {
        let known = self.totals.known(queries).await;
        let snapshot = self.store.snapshot(queries, &known.totals).await?;
        if self.totals.settle(&known, &snapshot).await {
            return Ok(snapshot);
        }
        Ok(self.store.snapshot(queries, &[]).await?)
    }

    /// How long the change log keeps changes.
    pub fn kept(&self) -> LogRetention {
        self.store.kept()
    }

    /// Returns the position from which a client may subscribe after it has read the table in this snapshot.
    /// `snapshot` is the position of the snapshot, `view` and `related` what the client can see.
    pub async fn position(
        &self,
        snapshot: &Position,
        view: &View,
        related: &[Related],
    ) -> SealedPosition {
        let View { table, rows, fields, .. } = view;
        self.store.log().hand_out(snapshot, ReadScope { table, rows, fields, related }).await
    }

    /// Fills in the labels of related records in each answer, for the relationships beside it. These hold what the
    /// viewer may read of the related tables.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn label_all(
        &self,
        answers: &mut [(Vec<Related>, &mut Answer)],
    ) -> Result<(), RecordsError> {
        let mut leads = RelatedLoader::default();
        for (related, answer) in answers.iter_mut() {
            leads.want_all(related, answer);
        }
        self.store.load(&mut leads).await?;
        for (related, answer) in answers {
            leads.label_all(related, answer);
        }
        Ok(())
    }

    /// Fills in the labels of the records that these relationships refer to.
    async fn label(&self, related: &[Related], records: &mut [Record]) -> Result<(), StoreError> {
        let mut leads = RelatedLoader::default();
        for record in records.iter() {
            related.iter().for_each(|related| leads.request(related, &record[related.field]));
        }
        self.store.load(&mut leads).await?;
        records.iter_mut().for_each(|record| leads.label(related, record));
        Ok(())
    }

    /// Returns one record.
    ///
    /// # Errors
    /// [`RecordsError::NotFound`] if there is none of this id that the viewer may see.
    pub async fn get(&self, view: View, id: RecordId) -> Result<RecordView, RecordsError> {
        let record = self.store.get(&view.table, id).await?;
        let record = record.filter(|record| view.rows.matches(record));
        Ok(RecordView { record: record.ok_or(RecordsError::NotFound)?, view })
    }

    /// Returns one record, with the labels of the records that these relationships refer to.
    ///
    /// # Errors
    /// [`RecordsError::NotFound`] if there is none of this id that the viewer may see.
    pub async fn get_expanded(
        &self,
        view: View,
        id: RecordId,
        expand: &[Related],
    ) -> Result<RecordView, RecordsError> {
        let mut shown = self.get(view, id).await?;
        self.label(expand, std::slice::from_mut(&mut shown.record)).await?;
        Ok(shown)
    }

    /// Adds a record with the values that were sent for its fields, and returns it as stored.
    ///
    /// # Errors
    /// If the viewer may not add it, values do not fit their fields, or a required value is missing.
    pub async fn create(&self, view: View, fields: &Inputs) -> Result<RecordView, RecordsError> {
        may(&view, Operation::Create)?;
        let mut faults = Faults::default();
        let values = faults.values(&view, fields, None);
        let is_sent = |at: FieldAt| fields.contains_key(view.table.field(at).name.as_str());
        faults.require_all(&view, is_sent, None);
        faults.none()?;
        let action = WriteOp::Insert(sent::made_by(&view, values));
        self.write_one(view, action, &[]).await
    }

    /// Sets the fields of a record for which values were sent, if the record is in the expected state.
    ///
    /// # Errors
    /// If the viewer may not change it, or values do not fit; [`RecordsError::Conflict`] if it is in another state.
    pub async fn update(
        &self,
        view: View,
        id: RecordId,
        fields: &Inputs,
        expected: ExpectedState,
    ) -> Result<RecordView, RecordsError> {
        may(&view, Operation::Update)?;
        let mut faults = Faults::default();
        let values = faults.values(&view, fields, None);
        faults.none()?;
        if values.is_empty() {
            return Err(RecordsError::Malformed("`fields` names no field to change".to_owned()));
        }
        let sent = values.clone();
        let action = WriteOp::Update(id, sent::changed_by(&view, values), expected.values());
        self.write_one(view, action, &sent).await
    }

    /// Sets one field of a record to a value, whatever state the record is in.
    ///
    /// # Errors
    /// If the viewer may not set the field; [`RecordsError::NotFound`] if there is no such record that they may read.
    pub async fn set(
        &self,
        view: View,
        id: RecordId,
        field: FieldAt,
        value: Value,
    ) -> Result<RecordView, RecordsError> {
        let action = sent::set(&view, id, field, value)?;
        self.write_one(view, action, &[]).await
    }

    /// Removes a record, if it is in the expected state, and returns it as it was.
    ///
    /// # Errors
    /// If the viewer may not remove it; [`RecordsError::NotFound`] if there is no such record that they may read;
    /// [`RecordsError::Conflict`] if it is in another state.
    pub async fn delete(
        &self,
        view: View,
        id: RecordId,
        expected: ExpectedState,
    ) -> Result<RecordView, RecordsError> {
        may(&view, Operation::Delete)?;
        self.write_one(view, WriteOp::Delete(id, expected.values()), &[]).await
    }

    /// Writes one record. `sent` are the values of the request: a conflict reports which of them the record does
    /// not have.
    async fn write_one(
        &self,
        view: View,
        action: WriteOp,
        sent: &[(FieldAt, Value)],
    ) -> Result<RecordView, RecordsError> {
        let outcome = self.write(&view, vec![action], Intent::Keep).await?.pop();
        match outcome.unwrap_or(Ok(WriteOutcome::Missing))? {
            WriteOutcome::Made(record) | WriteOutcome::Done(record) => {
                Ok(RecordView { view, record })
            }
            WriteOutcome::Missing => Err(RecordsError::NotFound),
            WriteOutcome::Barred => Err(RecordsError::Barred),
            WriteOutcome::Stale(record) => {
                let differs = sent.iter().filter(|(at, value)| record[*at] != *value);
                let overwritten = differs.map(|(at, _)| *at).collect();
                let shown = RecordView { view, record };
                Err(RecordsError::Conflict(Box::new(Stale { shown, overwritten })))
            }
        }
    }

    async fn write(
        &self,
        view: &View,
        actions: Vec<WriteOp>,
        intent: Intent,
    ) -> Result<Outcomes, RecordsError> {
        let table = view.table.clone();
        let rules = view.rules();
        let by = sent::author(&view.viewer);
        let related = view.related.clone();
        Ok(self.store.write(Write { table, rules, actions, related, by, intent }).await?)
    }
}

/// Refuses an operation that the viewer may do to no record of the table: a guest with
/// [`RecordsError::Unauthenticated`], a user with [`RecordsError::Forbidden`].
fn may(view: &View, operation: Operation) -> Result<(), RecordsError> {
    match &view.viewer {
        _ if view.allows(operation) => Ok(()),
        Viewer::Guest => Err(RecordsError::Unauthenticated),
        Viewer::User(_) => Err(RecordsError::Forbidden),
    }
}
