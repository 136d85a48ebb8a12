//! The rules of data: what a viewer may list, read, add, change and remove.
//!
//! Pages, the API and subscriptions all ask here, so a rule holds everywhere or nowhere.

use std::sync::Arc;

use crate::feed::Versions;
use crate::limits::{Limit, Shares};
use crate::model::access::View;
use crate::model::app::App;
use crate::model::components::component::Component;
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
mod etag;
mod export;
mod history;
mod import;
mod list;
mod many;
mod opening;
mod query_params;
mod sent;
mod table_query;
mod totals;

pub use error::{FieldFault, RecordsError, WriteObstacle};
pub use etag::{Tags, tag};
pub use history::History;
pub use import::{Import, ImportReport, LineFault, MAX_IMPORT_BYTES, MAX_IMPORT_MIB};
pub use list::{Asked, DEFAULT_LIMIT, Listed, MAX_LIMIT, RecordList};
pub use many::{MAX_RECORDS, Many, RecordInput};
pub use opening::Opening;
pub use query_params::{MAX_SEARCH, MAX_SORTS};
pub use table_query::ComponentQuery;

use sent::Faults;
use totals::Totals;

/// The records of one app, under its rules.
#[derive(Clone)]
pub struct Records {
    app: Arc<App>,
    store: Store,
    /// Who is being sent a file.
    exports: Shares,
    /// Whose files are being read and written.
    imports: Shares,
    totals: Totals,
}

/// A record with what of it may be shown.
#[derive(Clone, Debug)]
pub struct RecordView {
    /// The table as the viewer sees it.
    pub view: View,
    /// The record with all its fields.
    pub record: Record,
}

/// A write that somebody else was faster than.
#[derive(Clone, Debug)]
pub struct Stale {
    /// The record as it now stands.
    pub shown: RecordView,
    /// The fields that the write would have set to something else.
    pub overwritten: Vec<FieldAt>,
}

impl Records {
    /// The rules of this app over this database.
    pub fn new(app: Arc<App>, store: Store, versions: Versions) -> Self {
        let (limits, totals) = (store.limits().clone(), Totals::new(versions));
        let shares = |all, each| Shares::new(limits.clone(), all, each);
        let exports = shares(Limit::Exports, Limit::ExportsPerRequester);
        let imports = shares(Limit::Imports, Limit::ImportsPerRequester);
        Self { app, store, exports, imports, totals }
    }

    /// The table as the viewer sees it.
    ///
    /// # Errors
    /// When it does not exist or they may not read it: the answer is the same.
    pub fn view(&self, viewer: &Viewer, table: &str) -> Result<View, RecordsError> {
        let name = table.parse::<TableName>().ok();
        name.and_then(|name| self.app.view(&name, viewer)).ok_or(RecordsError::NotFound)
    }

    /// The table as the viewer sees it who adds a record to it.
    ///
    /// # Errors
    /// When it does not exist, or they may neither read it nor add to it: the answer is the same.
    pub fn view_to_add(&self, viewer: &Viewer, table: &str) -> Result<View, RecordsError> {
        let name = table.parse::<TableName>().ok();
        name.and_then(|name| self.app.view_to_add(&name, viewer)).ok_or(RecordsError::NotFound)
    }

    /// The table of a component as the viewer sees it who uses it.
    ///
    /// # Errors
    /// When the component has none, or they may not know of it.
    pub fn view_for(&self, viewer: &Viewer, component: &Component) -> Result<View, RecordsError> {
        let source = component.data_source().ok_or(RecordsError::NotFound)?;
        let table = source.table.as_str();
        if component.adds_records() {
            self.view_to_add(viewer, table)
        } else {
            self.view(viewer, table)
        }
    }

    /// Answers queries from one snapshot. Whoever calls has checked who may ask them.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn snapshot(&self, queries: &[&Query]) -> Result<Snapshot, RecordsError> {
        let known = self.totals.known(queries).await;
        let snapshot = self.store.snapshot(queries, &known.totals).await?;
        if self.totals.settle(&known, &snapshot).await {
            return Ok(snapshot);
        }
        Ok(self.store.snapshot(queries, &[]).await?)
    }

    /// How much of what happened is kept.
    pub fn kept(&self) -> LogRetention {
        self.store.kept()
    }

    /// The position from which somebody goes on who has read this in the snapshot of a position.
    pub async fn position(
        &self,
        snapshot: &Position,
        view: &View,
        related: &[Related],
    ) -> SealedPosition {
        let View { table, rows, fields, .. } = view;
        self.store.log().hand_out(snapshot, ReadScope { table, rows, fields, related }).await
    }

    /// Gives answers what their links go by, for the viewer whose these are.
    ///
    /// # Errors
    /// When the database does not answer.
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

    /// Gives records what their links in these fields go by.
    async fn label(&self, related: &[Related], records: &mut [Record]) -> Result<(), StoreError> {
        let mut leads = RelatedLoader::default();
        for record in records.iter() {
            related.iter().for_each(|related| leads.request(related, &record[related.field]));
        }
        self.store.load(&mut leads).await?;
        records.iter_mut().for_each(|record| leads.label(related, record));
        Ok(())
    }

    /// One record.
    ///
    /// # Errors
    /// When there is none that the viewer may see.
    pub async fn get(
        &self,
        viewer: &Viewer,
        table: &str,
        id: &str,
    ) -> Result<RecordView, RecordsError> {
        let view = self.view(viewer, table)?;
        let id = record_id(id)?;
        let record = self.store.get(&view.table, id).await?;
        let record = record.filter(|record| view.rows.matches(record));
        Ok(RecordView { record: record.ok_or(RecordsError::NotFound)?, view })
    }

    /// One record, with what its relationships of these names go by.
    ///
    /// # Errors
    /// When there is none that the viewer may see, or a name is none of a relationship that they read.
    pub async fn get_expanded(
        &self,
        viewer: &Viewer,
        table: &str,
        id: &str,
        names: &str,
    ) -> Result<RecordView, RecordsError> {
        let mut shown = self.get(viewer, table, id).await?;
        let related = shown.view.expand(names)?;
        self.label(&related, std::slice::from_mut(&mut shown.record)).await?;
        Ok(shown)
    }

    /// Adds a record.
    ///
    /// # Errors
    /// When the viewer may not, or values do not fit.
    pub async fn create(
        &self,
        viewer: &Viewer,
        table: &str,
        fields: &Inputs,
    ) -> Result<RecordView, RecordsError> {
        let view = self.view_to_add(viewer, table)?;
        may(&view, Operation::Create)?;
        let mut faults = Faults::default();
        let values = faults.values(&view, fields, None);
        let is_sent = |at: FieldAt| fields.contains_key(view.table.field(at).name.as_str());
        faults.require_all(&view, is_sent, None);
        faults.none()?;
        let action = WriteOp::Insert(sent::made_by(&view, values));
        self.write_one(view, action, &[]).await
    }

    /// Changes some fields of a record; only if it still has the given `updatedAt`, if one is given.
    ///
    /// # Errors
    /// When the viewer may not, values do not fit, or somebody was faster.
    pub async fn update(
        &self,
        viewer: &Viewer,
        table: &str,
        id: &str,
        fields: &Inputs,
        updated_at: Option<&str>,
    ) -> Result<RecordView, RecordsError> {
        let view = self.view(viewer, table)?;
        let token = updated_at.map(|text| sent::token(&view.table, text)).transpose()?;
        self.change(view, id, fields, token.map(|token| vec![token])).await
    }

    /// Changes some fields of a record; only if it is in one of the states that the tags name.
    ///
    /// # Errors
    /// When the viewer may not, values do not fit, or it is in another state.
    pub async fn update_tagged(
        &self,
        viewer: &Viewer,
        table: &str,
        id: &str,
        fields: &Inputs,
        tags: &Tags,
    ) -> Result<RecordView, RecordsError> {
        let view = self.view(viewer, table)?;
        let expected = tags.tokens(&view);
        self.change(view, id, fields, expected).await.map_err(RecordsError::into_precondition)
    }

    async fn change(
        &self,
        view: View,
        id: &str,
        fields: &Inputs,
        expected: Option<Vec<Value>>,
    ) -> Result<RecordView, RecordsError> {
        let id = record_id(id)?;
        may(&view, Operation::Update)?;
        let mut faults = Faults::default();
        let values = faults.values(&view, fields, None);
        faults.none()?;
        if values.is_empty() {
            return Err(RecordsError::Malformed("`fields` names no field to change".to_owned()));
        }
        let sent = values.clone();
        let action = WriteOp::Update(id, sent::changed_by(&view, values), expected);
        self.write_one(view, action, &sent).await
    }

    /// Removes a record and returns what it was; with the `updatedAt` that the viewer last saw, only
    /// if it is still the same.
    ///
    /// # Errors
    /// When the viewer may not, there is none, or somebody was faster.
    pub async fn delete(
        &self,
        viewer: &Viewer,
        table: &str,
        id: &str,
        updated_at: Option<&str>,
    ) -> Result<RecordView, RecordsError> {
        let view = self.view(viewer, table)?;
        let token = updated_at.map(|text| sent::token(&view.table, text)).transpose()?;
        self.remove(view, id, token.map(|token| vec![token])).await
    }

    /// Removes a record that is in one of the states that the tags name, and returns what it was.
    ///
    /// # Errors
    /// When the viewer may not, there is none, or it is in another state.
    pub async fn delete_tagged(
        &self,
        viewer: &Viewer,
        table: &str,
        id: &str,
        tags: &Tags,
    ) -> Result<RecordView, RecordsError> {
        let view = self.view(viewer, table)?;
        let expected = tags.tokens(&view);
        self.remove(view, id, expected).await.map_err(RecordsError::into_precondition)
    }

    async fn remove(
        &self,
        view: View,
        id: &str,
        expected: Option<Vec<Value>>,
    ) -> Result<RecordView, RecordsError> {
        let id = record_id(id)?;
        may(&view, Operation::Delete)?;
        self.write_one(view, WriteOp::Delete(id, expected), &[]).await
    }

    /// Writes one record. `sent` are the values that a faster writer may have overwritten.
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
        let (table, rules, by) = (view.table.clone(), view.rules(), sent::author(&view.viewer));
        let related = view.related.clone();
        Ok(self.store.write(Write { table, rules, actions, related, by, intent }).await?)
    }
}

fn record_id(text: &str) -> Result<RecordId, RecordsError> {
    text.parse().map_err(|_| RecordsError::NotFound)
}

/// Refuses what the viewer may do to no record at all.
fn may(view: &View, operation: Operation) -> Result<(), RecordsError> {
    match &view.viewer {
        _ if view.allows(operation) => Ok(()),
        Viewer::Guest => Err(RecordsError::Unauthenticated),
        Viewer::User(_) => Err(RecordsError::Forbidden),
    }
}
