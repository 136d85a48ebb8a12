//! Files that admins read into tables.

use std::sync::Arc;

use poem::http::StatusCode;
use poem::web::{Data, Path};
use poem::{Body, Response, Result, handler};
use serde::Deserialize;

use crate::http::admin::admin_or_nothing;
use crate::http::body;
use crate::http::caller::Caller;
use crate::http::error::HttpError;
use crate::http::pages::{self, nonce, see_other};
use crate::model::access::{Operation, Viewer};
use crate::model::ids::TableName;
use crate::records::{Import, RecordsError};
use crate::render::{AdminPage, Said, SentFile};
use crate::runtime::Runtime;
use crate::store::Intent;

/// Where files are read into tables, before the name of the table.
const IMPORT: &str = "/admin/import/";

/// The most bytes that a form with a file may have: what is no letter is sent as three.
const MAX_IMPORT: usize = 8 * 1024 * 1024;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct ImportForm {
    csv: String,
    merge_on: String,
    dry_run: bool,
}

/// `POST /api/admin/tables/:table/import`: reads a file into a table, by the same rules as the API.
#[handler]
pub(in crate::http) async fn send(
    Path(table): Path<String>,
    body: Body,
    caller: Caller,
    runtime: Data<&Arc<Runtime>>,
) -> Result<Response> {
    admin_or_nothing(&caller)?;
    let ImportForm { csv, merge_on, dry_run } = body::form_of(body, MAX_IMPORT).await?;
    let intent = if dry_run { Intent::Try } else { Intent::Keep };
    let on = Some(merge_on.as_str()).filter(|field| !field.is_empty());
    let viewer = caller.visitor();
    let import = Import { merge_on: on, intent };
    let report = runtime.records.import(viewer, &table, csv.as_bytes(), import).await;
    let (status, done, faults) = match report {
        Ok(report) if report.faults.is_empty() => {
            (StatusCode::OK, Some((report.created, report.updated)), Vec::new())
        }
        Ok(report) => (StatusCode::UNPROCESSABLE_ENTITY, None, report.faults),
        Err(RecordsError::BadLines(faults)) => (StatusCode::UNPROCESSABLE_ENTITY, None, faults),
        Err(RecordsError::RefusedLines(faults)) => (StatusCode::CONFLICT, None, faults),
        Err(error) => return Err(HttpError::from(error).into()),
    };
    let faults = faults.into_iter().map(|fault| match fault.field.as_str() {
        "" => (fault.line, fault.message),
        field => (fault.line, format!("{field} {}", fault.message)),
    });
    let path = format!("{IMPORT}{table}");
    if let Some((added, changed)) = done.filter(|_| !dry_run) {
        // So that whoever reads the page again does not import again.
        return Ok(see_other(&format!("{path}?added={added}&changed={changed}")));
    }
    let sent = SentFile { text: csv, merge_on, tried: dry_run, done, faults: faults.collect() };
    let shown = self::page(&runtime, viewer, &path, Some(sent)).ok_or(HttpError::NoSuchRoute)?;
    let nonce = nonce();
    let html = runtime.pages.admin(viewer, &path, &shown, Said::default(), &nonce);
    Ok(pages::page(status, &nonce, html.map_err(HttpError::from)?))
}

/// The table that a file is read into at this path.
pub(super) fn table_at(path: &str) -> Option<TableName> {
    path.strip_prefix(IMPORT)?.parse().ok()
}

/// The page by which a file is read into a table, if there is one for this viewer.
pub(super) fn page(
    runtime: &Runtime,
    viewer: &Viewer,
    path: &str,
    sent: Option<SentFile>,
) -> Option<AdminPage> {
    let table = runtime.app.table(&table_at(path)?)?;
    let view = table.view(viewer).filter(|_| table.allows(viewer, Operation::Create))?;
    let unique = table.all().filter(|(at, field)| field.unique && view.fields.contains(*at));
    let unique = unique.map(|(_, field)| field.name.as_str().to_owned()).collect();
    Some(AdminPage::Import { table: table.name.clone(), unique, sent })
}
