//! The history of a record: `…/records/:id/history`.

use std::collections::BTreeMap;
use std::sync::Arc;

use poem::http::StatusCode;
use poem::web::{Data, Path};
use poem::{Response, Result, handler};
use serde::Serialize;

use crate::http::answer;
use crate::http::caller::Caller;
use crate::http::error::HttpError;
use crate::http::records::record_id;
use crate::model::change::Change;
use crate::model::value::{UserRef, Value};
use crate::records::History;
use crate::runtime::Runtime;
use crate::store::LogRetention;

#[derive(Serialize)]
struct HistoryBody<'a> {
    /// The changes, the newest first.
    history: Vec<ChangeBody<'a>>,
    /// The bounds within which the log keeps changes, so that a client can say that older ones are missing.
    kept: LogRetention,
}

#[derive(Serialize)]
struct ChangeBody<'a> {
    /// `insert`, `update` or `delete`.
    event: &'static str,
    at: &'a str,
    /// The account that made the change. Null if another program made it.
    by: Option<&'a UserRef>,
    /// The changed fields that the caller may read, by name.
    changes: BTreeMap<&'a str, Turn<'a>>,
}

/// The values of a field before and after a change. `None` before an insert and after a delete.
#[derive(Serialize)]
struct Turn<'a> {
    old: Option<&'a Value>,
    new: Option<&'a Value>,
}

/// `GET /api/tables/:table/records/:id/history` lists the changes of a record that the log still has, at most
/// 500, the newest first. For admins only.
#[handler]
pub(in crate::http) async fn of_record(
    Path((table, id)): Path<(String, String)>,
    caller: Caller,
    runtime: Data<&Arc<Runtime>>,
) -> Result<Response> {
    let view = caller.view(&runtime, &table)?;
    let past = runtime.records.history(view, record_id(&id)?).await.map_err(HttpError::from)?;
    let told = past.changes.iter().map(|change| change_body(&past, change)).collect();
    Ok(answer::json(StatusCode::OK, &HistoryBody { history: told, kept: runtime.records.kept() }))
}

fn change_body<'a>(history: &'a History, change: &'a Change) -> ChangeBody<'a> {
    let event = match (&change.old, &change.new) {
        (None, _) => "insert",
        (Some(_), Some(_)) => "update",
        (Some(_), None) => "delete",
    };
    let turn = |at| {
        let (old, new) = (change.old.as_ref(), change.new.as_ref());
        let turn = Turn { old: old.map(|record| &record[at]), new: new.map(|record| &record[at]) };
        (history.view.table.field(at).name.as_str(), turn)
    };
    let changes = history.changed(change).into_iter().map(turn).collect();
    ChangeBody { event, at: &change.at, by: change.by.as_ref(), changes }
}
