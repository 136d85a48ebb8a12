//! The part of a record's admin page that is not YAML: its history and the button that deletes it.

use std::sync::Arc;

use poem::web::{Data, Path};
use poem::{Response, Result, handler};

use crate::http::admin::admin_or_nothing;
use crate::http::caller::Caller;
use crate::http::error::HttpError;
use crate::http::html::{nonce, refusal, see_other};
use crate::model::access::View;
use crate::model::change::Change;
use crate::model::field::FieldAt;
use crate::model::ids::RecordId;
use crate::model::permissions::Operation;
use crate::model::record::Record;
use crate::model::value::{UserRef, Value};
use crate::records::{ExpectedState, History, RecordView, RecordsError};
use crate::render::{ChangeRow, RecordPast};
use crate::runtime::Runtime;

/// Renders the history of a record, with a button to delete it if the caller may.
pub(super) async fn history(
    runtime: &Runtime,
    caller: &Caller,
    table: &str,
    id: &str,
) -> Result<String, HttpError> {
    let (view, record) = named(runtime, caller, table, id)?;
    let history = runtime.records.history(view.clone(), record).await?;
    let shown = runtime.records.get(view, record).await.ok();
    let is_there = shown.is_some();
    let may_delete = shown.is_some_and(|RecordView { view, record }| {
        view.allows(Operation::Delete) && view.rules().delete.matches(&record)
    });
    let changes = history.changes.iter().map(|change| change_row(&history, change)).collect();
    let delete = may_delete.then(|| format!("/api/admin/tables/{table}/records/{id}/delete"));
    let past = RecordPast { changes, hours: runtime.records.kept().hours, is_there, delete };
    Ok(runtime.pages.admin_history(&past)?)
}

/// Reads the table, as the caller sees it, and the id of the record from a path. The record may not exist.
///
/// # Errors
/// [`RecordsError::NotFound`] if the table is unknown or closed to the caller, or the id is none.
fn named(
    runtime: &Runtime,
    caller: &Caller,
    table: &str,
    id: &str,
) -> Result<(View, RecordId), HttpError> {
    let missing = |_| RecordsError::NotFound;
    let view = runtime.records.view(caller.visitor(), &table.parse().map_err(missing)?)?;
    Ok((view, id.parse().map_err(missing)?))
}

/// Returns a change for display: its event, time and author, and each changed field with its old and new
/// value.
fn change_row(history: &History, change: &Change) -> ChangeRow {
    let value = |record: &Option<Record>, at: FieldAt| {
        record.as_ref().map_or(Value::Null, |record| record[at].clone())
    };
    let turn = |at: FieldAt| {
        let name = history.view.table.field(at).name.as_str().to_owned();
        (name, value(&change.old, at), value(&change.new, at))
    };
    ChangeRow {
        event: match (&change.old, &change.new) {
            (None, _) => "insert",
            (Some(_), Some(_)) => "update",
            (Some(_), None) => "delete",
        },
        at: change.at.to_string(),
        by: change.by.as_ref().map(who),
        turns: history.changed(change).into_iter().map(turn).collect(),
    }
}

/// The name of a user, or the id if the account no longer exists.
fn who(person: &UserRef) -> String {
    person.name.as_deref().unwrap_or_else(|| person.id.as_str()).to_owned()
}

/// `POST /api/admin/tables/:table/records/:id/delete` deletes a record by the rules of the API, and redirects
/// to the table.
#[handler]
pub(in crate::http) async fn remove(
    Path((table, id)): Path<(String, String)>,
    caller: Caller,
    runtime: Data<&Arc<Runtime>>,
) -> Result<Response> {
    admin_or_nothing(&caller)?;
    let removed = match named(&runtime, &caller, &table, &id) {
        Ok((view, id)) => {
            let removed = runtime.records.delete(view, id, ExpectedState::Any).await;
            removed.map_err(HttpError::from)
        }
        Err(error) => Err(error),
    };
    match removed {
        Ok(_) => Ok(see_other(&format!("/admin/tables/{table}"))),
        Err(error) => Ok(refusal(&runtime, &caller, &nonce(), &error)),
    }
}
