//! The admin page `/admin/import/:table` and its form, which imports a CSV file or pasted CSV into a table.

use std::sync::Arc;

use poem::http::StatusCode;
use poem::web::{Data, Path};
use poem::{Body, Request, Response, Result, handler};

use crate::http::admin::{admin_or_nothing, not_done};
use crate::http::caller::Caller;
use crate::http::error::HttpError;
use crate::http::html::{self, nonce, see_other};
use crate::http::json;
use crate::model::ids::TableName;
use crate::model::permissions::Operation;
use crate::model::viewer::Viewer;
use crate::records::{Import, MAX_IMPORT_BYTES, MAX_IMPORT_MIB, RecordsError};
use crate::render::{AdminNotice, AdminPage, SentFile};
use crate::runtime::Runtime;
use crate::store::Intent;

/// The path of the import pages, up to the name of the table.
const IMPORT: &str = "/admin/import/";

/// The most bytes of the form beside its file.
const BESIDE: usize = 64 * 1024;

/// The fault if both a file and another text are sent: which one is meant cannot be known.
const BOTH: &str = "A file was chosen and a text is here too: clear the text to import the file, or \
                    import the text as it stands.";

/// The import form as it was sent.
#[derive(Default)]
struct ImportForm {
    /// The bytes to import: of the file, or else of the text control.
    file: Vec<u8>,
    /// The text of the control, if a file was sent too and is another. Empty otherwise.
    pasted: Vec<u8>,
    /// The unique field by which records are matched (upsert). Empty if records are only added.
    merge_on: String,
    /// Whether to check the file and write nothing.
    dry_run: bool,
}

/// `POST /api/admin/tables/:table/import` imports a file into a table, by the rules of the API.
#[handler]
pub(in crate::http) async fn send(
    Path(table): Path<String>,
    request: &Request,
    body: Body,
    caller: Caller,
    runtime: Data<&Arc<Runtime>>,
) -> Result<Response> {
    let admin = admin_or_nothing(&caller)?;
    let read = match ImportForm::read(request, body).await {
        Ok(form) => read_in(&runtime, caller.visitor(), &table, form).await,
        Err(error) => Err(error),
    };
    match read {
        Ok(response) => Ok(response),
        Err(error) => not_done(&runtime, &caller, admin, &format!("{IMPORT}{table}"), error).await,
    }
}

impl ImportForm {
    /// Reads the form: as `multipart/form-data` with a file, or urlencoded with the text of a control.
    ///
    /// # Errors
    /// [`HttpError::FileTooLarge`] if the file is too long, [`HttpError::Malformed`] for an unknown control.
    async fn read(request: &Request, body: Body) -> Result<Self, HttpError> {
        let has_parts =
            request.content_type().is_some_and(|kind| kind.starts_with("multipart/form-data"));
        let sent = if has_parts {
            json::parts(request, body, MAX_IMPORT_BYTES + BESIDE).await
        } else {
            // In an urlencoded form, a byte may be sent as three (`%2C`).
            let pairs = json::pairs_of(request, body, 3 * MAX_IMPORT_BYTES + BESIDE).await;
            pairs.map(|pairs| {
                pairs.into_iter().map(|(name, text)| (name, text.into_bytes())).collect()
            })
        };
        let sent = sent.map_err(|error| match error {
            HttpError::TooLarge(_) => HttpError::FileTooLarge(MAX_IMPORT_MIB),
            error => error,
        })?;
        let mut form = Self::default();
        for (name, bytes) in sent {
            match name.as_str() {
                "file" => form.file = bytes,
                "csv" => form.pasted = bytes,
                "mergeOn" => form.merge_on = String::from_utf8_lossy(&bytes).into_owned(),
                "dryRun" => form.dry_run = bytes == b"true",
                _ => return Err(HttpError::Malformed(format!("the form has no field `{name}`"))),
            }
        }
        if form.file.is_empty() || form.file == form.pasted {
            form.file = std::mem::take(&mut form.pasted);
        }
        if form.file.len() > MAX_IMPORT_BYTES {
            return Err(HttpError::FileTooLarge(MAX_IMPORT_MIB));
        }
        Ok(form)
    }
}

/// Imports the file of a form. Returns a redirect after a success, or the page again with the faults or the
/// result of a dry run.
async fn read_in(
    runtime: &Runtime,
    viewer: &Viewer,
    table: &str,
    form: ImportForm,
) -> Result<Response, HttpError> {
    let ImportForm { file, pasted, merge_on, dry_run } = form;
    if !pasted.is_empty() {
        let text = String::from_utf8(pasted).unwrap_or_default();
        let faults = vec![(0, BOTH.to_owned())];
        let sent = SentFile { text, merge_on, tried: dry_run, done: None, faults };
        return page_again(runtime, viewer, table, sent, StatusCode::UNPROCESSABLE_ENTITY);
    }
    let intent = if dry_run { Intent::Try } else { Intent::Keep };
    let name = table.parse().map_err(|_| RecordsError::NotFound)?;
    let view = runtime.records.view(viewer, &name)?;
    let on = Some(merge_on.as_str()).filter(|field| !field.is_empty());
    let on = on.map(|field| view.field(field)).transpose()?;
    let import = Import { merge_on: on, intent };
    let report = runtime.records.import(view, file.clone().into(), import).await;
    let (status, done, faults) = match report {
        Ok(report) if report.faults.is_empty() => {
            (StatusCode::OK, Some((report.created, report.updated)), Vec::new())
        }
        Ok(report) => (StatusCode::UNPROCESSABLE_ENTITY, None, report.faults),
        Err(RecordsError::BadLines(faults)) => (StatusCode::UNPROCESSABLE_ENTITY, None, faults),
        Err(RecordsError::RefusedLines(faults)) => (StatusCode::CONFLICT, None, faults),
        Err(error) => return Err(error.into()),
    };
    let faults = faults.into_iter().map(|fault| match fault.field.as_str() {
        "" => (fault.line, fault.message),
        field => (fault.line, format!("{field} {}", fault.message)),
    });
    if let Some((added, changed)) = done.filter(|_| !dry_run) {
        // A redirect, so that reloading the page does not import the file again.
        return Ok(see_other(&format!("{IMPORT}{table}?added={added}&changed={changed}")));
    }
    // A file that is not UTF-8 is not put into the text control: with replaced bytes it would be another
    // file.
    let text = String::from_utf8(file).unwrap_or_default();
    let sent = SentFile { text, merge_on, tried: dry_run, done, faults: faults.collect() };
    page_again(runtime, viewer, table, sent, status)
}

/// Returns the import page again, with the file that was sent and its outcome.
fn page_again(
    runtime: &Runtime,
    viewer: &Viewer,
    table: &str,
    sent: SentFile,
    status: StatusCode,
) -> Result<Response, HttpError> {
    let path = format!("{IMPORT}{table}");
    let shown = self::page(runtime, viewer, &path, Some(sent)).ok_or(HttpError::NoSuchRoute)?;
    let nonce = nonce();
    let html = runtime.pages.admin(viewer, &path, &shown, AdminNotice::default(), &nonce)?;
    Ok(html::page(status, &nonce, html))
}

/// The name of the table in the path of an import page. `None` if it is another path.
pub(super) fn table_at(path: &str) -> Option<TableName> {
    path.strip_prefix(IMPORT)?.parse().ok()
}

/// Returns the content of an import page. `sent` is the file of the request before, with its outcome. `None`
/// if there is no such table, or the viewer may not add records to it.
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
    let table = table.name.clone();
    Some(AdminPage::Import { table, most: MAX_IMPORT_MIB, unique, sent })
}
