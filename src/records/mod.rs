//! The rules of data: what a viewer may list, read, add, change and remove.
//!
//! Pages, the API and subscriptions all ask here, so a rule holds everywhere or nowhere.

use std::sync::Arc;

use serde_json::{Map, Value as Json};

use crate::fields;
use crate::fields::filter::{FilterFault, Stand};
use crate::model::access::{Operation, View, Viewer};
use crate::model::address::Values;
use crate::model::app::App;
use crate::model::filter::Filter;
use crate::model::ids::{RecordId, TableName, UserId};
use crate::model::query::{Direction, Query, Snapshot, Sort};
use crate::model::record::{FieldSet, Record};
use crate::model::table::{FieldAt, FieldKind, Table};
use crate::model::value::{Person, Value};
use crate::store::{Action, Store, StoreError, Write, Written};

mod error;

pub use error::{FieldFault, RecordsError};

/// How many fields a list may be sorted by.
const MAX_SORTS: usize = 8;

/// The records of one app, under its rules.
#[derive(Clone)]
pub struct Records {
    app: Arc<App>,
    store: Store,
}

/// A record with what of it may be shown.
#[derive(Clone, Debug)]
pub struct Shown {
    /// The table as the viewer sees it.
    pub view: View,
    /// The record.
    pub record: Record,
}

/// A write that somebody else was faster than.
#[derive(Clone, Debug)]
pub struct Stale {
    /// The record as it now stands.
    pub shown: Shown,
    /// The fields that the write would have set to something else.
    pub overwritten: Vec<FieldAt>,
}

impl Records {
    /// The rules of this app over this database.
    pub fn new(app: Arc<App>, store: Store) -> Self {
        Self { app, store }
    }

    /// The table as the viewer sees it.
    ///
    /// # Errors
    /// When it does not exist or they may not read it: the answer is the same.
    pub fn view(&self, viewer: &Viewer, table: &str) -> Result<View, RecordsError> {
        let name = table.parse::<TableName>().ok();
        let table = name.and_then(|name| self.app.table(&name));
        table.and_then(|table| table.view(viewer)).ok_or(RecordsError::NotFound)
    }

    /// Answers queries from one snapshot. Whoever calls has checked who may ask them.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn snapshot(&self, queries: &[&Query]) -> Result<Snapshot, RecordsError> {
        Ok(self.store.snapshot(queries).await?)
    }

    /// One record.
    ///
    /// # Errors
    /// When there is none that the viewer may see.
    pub async fn get(&self, viewer: &Viewer, table: &str, id: &str) -> Result<Shown, RecordsError> {
        let view = self.view(viewer, table)?;
        let id = record_id(id)?;
        let record = self.store.get(&view.table, id).await?;
        let record = record.filter(|record| view.rows.matches(record));
        Ok(Shown { record: record.ok_or(RecordsError::NotFound)?, view })
    }

    /// Adds a record.
    ///
    /// # Errors
    /// When the viewer may not, or values do not fit.
    pub async fn create(
        &self,
        viewer: &Viewer,
        table: &str,
        fields: &Map<String, Json>,
    ) -> Result<Shown, RecordsError> {
        let view = self.view(viewer, table)?;
        let user = may(viewer, &view, Operation::Create)?;
        let mut values = self.values(viewer, &view, fields)?;
        require_all(&view.table, &values)?;
        stamp(
            &view.table,
            &mut values,
            user.as_ref(),
            &[FieldKind::CreatedBy, FieldKind::UpdatedBy],
        );
        let written = self.write(&view, Action::Insert(values), user).await?;
        shown(view, written)
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
        fields: &Map<String, Json>,
        updated_at: Option<&str>,
    ) -> Result<Shown, RecordsError> {
        let view = self.view(viewer, table)?;
        let id = record_id(id)?;
        let user = may(viewer, &view, Operation::Update)?;
        let expected = updated_at.map(|text| token(&view.table, text)).transpose()?;
        let mut values = self.values(viewer, &view, fields)?;
        if values.is_empty() {
            return Err(RecordsError::Malformed("`fields` names no field to change".to_owned()));
        }
        let sent = values.clone();
        stamp(&view.table, &mut values, user.as_ref(), &[FieldKind::UpdatedBy]);
        match self.write(&view, Action::Update(id, values, expected), user).await? {
            Written::Stale(record) => {
                let differs = |(at, value): (FieldAt, Value)| (record[at] != value).then_some(at);
                let overwritten = sent.into_iter().filter_map(differs).collect();
                let shown = Shown { view, record };
                Err(RecordsError::Conflict(Box::new(Stale { shown, overwritten })))
            }
            written => shown(view, written),
        }
    }

    /// Removes a record and returns what it was.
    ///
    /// # Errors
    /// When the viewer may not, or there is none.
    pub async fn delete(
        &self,
        viewer: &Viewer,
        table: &str,
        id: &str,
    ) -> Result<Shown, RecordsError> {
        let view = self.view(viewer, table)?;
        let id = record_id(id)?;
        let user = may(viewer, &view, Operation::Delete)?;
        let written = self.write(&view, Action::Delete(id), user).await?;
        shown(view, written)
    }

    async fn write(
        &self,
        view: &View,
        action: Action,
        by: Option<UserId>,
    ) -> Result<Written, RecordsError> {
        let (table, rows) = (view.table.clone(), view.rows.clone());
        Ok(self.store.write(Write { table, rows, action, by }).await?)
    }

    /// The values of a body, or every fault in it.
    fn values(
        &self,
        viewer: &Viewer,
        view: &View,
        fields: &Map<String, Json>,
    ) -> Result<Vec<(FieldAt, Value)>, RecordsError> {
        let mut values = Vec::with_capacity(fields.len());
        let mut faults = Vec::new();
        let mut unknown = Vec::new();
        for (name, json) in fields {
            let at = view.table.at(name).filter(|at| view.fields.contains(*at));
            let Some(at) = at else {
                unknown.push(name.clone());
                continue;
            };
            let field = view.table.field(at);
            if field.kind.is_system() {
                faults.push(FieldFault::new(name, "is set by the system"));
            } else if !view.table.may_set(viewer, at) {
                return Err(RecordsError::Forbidden);
            } else {
                match fields::parse(field, json) {
                    Ok(value) => values.push((at, value)),
                    Err(misfit) => faults.push(FieldFault::new(name, misfit.message)),
                }
            }
        }
        if !unknown.is_empty() {
            return Err(RecordsError::UnknownFields(unknown));
        }
        if faults.is_empty() { Ok(values) } else { Err(RecordsError::Unfit(faults)) }
    }
}

/// What a viewer may ask of a table. Whatever they ask, they get no record that they may not read.
impl View {
    /// A filter from its JSON form or from `field:operator:value`, among the records they may read.
    ///
    /// # Errors
    /// When it is malformed, or looks at a field the viewer may not read.
    pub fn filter(&self, text: &str) -> Result<Filter, RecordsError> {
        self.filter_json(&self.filter_text(text)?)
    }

    /// The JSON that a filter in a query string stands for.
    ///
    /// # Errors
    /// When it is malformed.
    pub fn filter_text(&self, text: &str) -> Result<Json, RecordsError> {
        let text = text.trim();
        if text.is_empty() {
            Ok(Json::Array(Vec::new()))
        } else if text.starts_with(['[', '{']) {
            serde_json::from_str(text)
                .map_err(|error| RecordsError::Malformed(format!("filter is not JSON: {error}")))
        } else {
            self.short_filter(text)
        }
    }

    /// A filter from JSON, among the records they may read.
    ///
    /// # Errors
    /// When it is malformed, or looks at a field the viewer may not read.
    pub fn filter_json(&self, json: &Json) -> Result<Filter, RecordsError> {
        let asked = fields::filter::read(
            &self.table,
            &|at| self.fields.contains(at),
            Stand::Elsewhere,
            json,
        );
        let asked = asked.map_err(RecordsError::BadFilter)?;
        Ok(self.rows.clone().and(asked.fill(&self.viewer, &Values::default())))
    }

    /// `total:desc,customer:asc`
    ///
    /// # Errors
    /// When it is malformed, or names a field the viewer may not read.
    pub fn sort(&self, text: &str) -> Result<Vec<Sort>, RecordsError> {
        let terms: Vec<_> = text.split(',').collect();
        if terms.len() > MAX_SORTS {
            let message = format!("sort may name at most {MAX_SORTS} fields");
            return Err(RecordsError::Malformed(message));
        }
        let read = |term: &str| {
            let (name, direction) = term.trim().split_once(':').unwrap_or((term.trim(), "asc"));
            let direction = match direction {
                "asc" => Direction::Asc,
                "desc" => Direction::Desc,
                other => {
                    let message = format!("sort direction must be asc or desc, got `{other}`");
                    return Err(RecordsError::Malformed(message));
                }
            };
            Ok(Sort { field: self.field(name)?, direction })
        };
        terms.into_iter().map(read).collect()
    }

    /// `customer,total`: these fields and no others.
    ///
    /// # Errors
    /// When one is not a field the viewer may read.
    pub fn select<'a>(
        &self,
        names: impl IntoIterator<Item = &'a str>,
    ) -> Result<FieldSet, RecordsError> {
        let fields = names.into_iter().map(|name| self.field(name.trim()));
        Ok(FieldSet::new(fields.collect::<Result<Vec<_>, _>>()?))
    }

    fn field(&self, name: &str) -> Result<FieldAt, RecordsError> {
        let at = self.table.at(name).filter(|at| self.fields.contains(*at));
        at.ok_or_else(|| RecordsError::UnknownFields(vec![name.to_owned()]))
    }

    /// `field:operator:value` as JSON. Values of lists stand between commas.
    fn short_filter(&self, text: &str) -> Result<Json, RecordsError> {
        let mut parts = text.splitn(3, ':');
        let (Some(name), Some(operator)) = (parts.next(), parts.next()) else {
            let message = "filter must be JSON, or field:operator:value".to_owned();
            return Err(RecordsError::Malformed(message));
        };
        let field = self.table.field(self.field(name)?);
        let typed = |text: &str| match (&field.kind, text) {
            (FieldKind::Checkbox, "true") => Json::Bool(true),
            (FieldKind::Checkbox, "false") => Json::Bool(false),
            _ => match field.kind.storage() {
                crate::model::table::Storage::Integer => {
                    text.parse::<i64>().map_or_else(|_| Json::from(text), Json::from)
                }
                _ => Json::from(text),
            },
        };
        let mut condition = serde_json::json!({ "field": name, "operator": operator });
        if let Some(value) = parts.next() {
            condition["value"] = match operator {
                "in" | "notIn" => value.split(',').map(typed).collect(),
                _ => typed(value),
            };
        }
        Ok(Json::Array(vec![condition]))
    }
}

fn record_id(text: &str) -> Result<RecordId, RecordsError> {
    text.parse().map_err(|_| RecordsError::NotFound)
}

/// Who does it, if they may.
fn may(viewer: &Viewer, view: &View, operation: Operation) -> Result<Option<UserId>, RecordsError> {
    match viewer {
        _ if view.table.allows(viewer, operation) => Ok(match viewer {
            Viewer::User(user) => Some(user.id.clone()),
            Viewer::Guest => None,
        }),
        Viewer::Guest => Err(RecordsError::Unauthenticated),
        Viewer::User(_) => Err(RecordsError::Forbidden),
    }
}

fn require_all(table: &Table, values: &[(FieldAt, Value)]) -> Result<(), RecordsError> {
    let given = |at| values.iter().any(|(given, _)| *given == at);
    let missing = table.all().filter(|(at, field)| {
        field.required && !field.kind.is_system() && field.default.is_null() && !given(*at)
    });
    let faults: Vec<_> = missing
        .map(|(_, field)| FieldFault::new(field.name.as_str(), "must have a value"))
        .collect();
    if faults.is_empty() { Ok(()) } else { Err(RecordsError::Unfit(faults)) }
}

/// Sets who did it, in the fields of these kinds.
fn stamp(
    table: &Table,
    values: &mut Vec<(FieldAt, Value)>,
    user: Option<&UserId>,
    kinds: &[FieldKind],
) {
    let person =
        user.map_or(Value::Null, |id| Value::Person(Person { id: id.clone(), name: None }));
    for (at, field) in table.all() {
        if kinds.contains(&field.kind) {
            values.push((at, person.clone()));
        }
    }
}

/// The `updatedAt` that a client last saw.
fn token(table: &Table, text: &str) -> Result<Value, RecordsError> {
    let at = table.updated_at().ok_or_else(|| {
        let message = format!("table `{}` has no updated-at field to compare with", table.name);
        RecordsError::Malformed(message)
    })?;
    fields::parse(table.field(at), &Json::from(text))
        .map_err(|misfit| RecordsError::Malformed(format!("updatedAt {misfit}")))
}

fn shown(view: View, written: Written) -> Result<Shown, RecordsError> {
    match written {
        Written::Done(record) => Ok(Shown { view, record }),
        // Only an update can be stale, and it looks for that itself.
        Written::Stale(_) | Written::Missing => Err(RecordsError::NotFound),
    }
}

impl From<StoreError> for RecordsError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotUnique(field) => Self::NotUnique(field),
            StoreError::Refused(rule) => Self::Unfit(vec![FieldFault::from_rule(&rule)]),
            other => Self::Store(other),
        }
    }
}

/// All faults of a filter in one sentence.
fn told(faults: &[FilterFault]) -> String {
    faults.iter().map(|fault| fault.message.as_str()).collect::<Vec<_>>().join("; ")
}
