//! The pages for admins that are not about tables, and what their forms send. Nobody else learns that
//! they are there.

use std::sync::Arc;

use poem::http::StatusCode;
use poem::web::{Data, Path};
use poem::{Body, Request, Response, Result, handler};
use serde::Deserialize;

use crate::auth::{self, AuthError, NewPerson};
use crate::http::accounts::refused;
use crate::http::body;
use crate::http::caller::Caller;
use crate::http::error::HttpError;
use crate::http::own_account::days;
use crate::http::pages::{nonce, page, see_other, to_sign_in};
use crate::model::access::{Operation, User, Viewer};
use crate::model::change::Change;
use crate::model::ids::{Role, TableName, UserId};
use crate::model::record::Record;
use crate::model::table::FieldAt;
use crate::model::value::{Person, Value};
use crate::records::{History, Import, RecordsError};
use crate::render::{
    AdminPage, ChangeRow, ConnectionRow, Figures, PersonRow, RecordPast, Said, SentFile,
    SessionRow, TokenRow,
};
use crate::runtime::Runtime;
use crate::store::{Intent, KEPT};

/// Where files are read into tables, before the name of the table.
const IMPORT: &str = "/admin/import/";

/// The most bytes that a form with a file may have: what is no letter is sent as three.
const MAX_IMPORT: usize = 8 * 1024 * 1024;

/// What such a page is asked for with.
#[derive(Default, Deserialize)]
#[serde(default)]
struct PageQuery {
    done: String,
    /// How many records a file has added.
    added: Option<usize>,
    /// How many it has changed.
    changed: Option<usize>,
}

impl PageQuery {
    /// What is told of a file that was read in before.
    fn imported(&self) -> Option<SentFile> {
        let done = Some(self.added.zip(self.changed)?);
        let (text, merge_on, tried, faults) = Default::default();
        Some(SentFile { text, merge_on, tried, done, faults })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PersonForm {
    name: String,
    email: String,
    password: String,
    role: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChangeForm {
    action: ChangeAction,
    role: Option<String>,
}

/// What can be done to somebody's account.
#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
enum ChangeAction {
    Role,
    SignOut,
    Disable,
    Enable,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct TokenForm {
    email: String,
    name: String,
    expires_in_days: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct ImportForm {
    csv: String,
    merge_on: String,
    dry_run: bool,
}

/// `/admin/…` where the author has no page; nothing for those who are no admins. Guests may be, once
/// they have signed in.
pub(super) async fn built_in(
    runtime: &Runtime,
    caller: &Caller,
    path: &str,
    request: &Request,
    nonce: &str,
) -> Result<Option<Response>, HttpError> {
    if caller.visitor() == &Viewer::Guest {
        return Ok(is_one(path).then(|| to_sign_in(path)));
    }
    let Some(admin) = admin(caller) else { return Ok(None) };
    let query: PageQuery = request.params().unwrap_or_default();
    let shown = match query.imported().filter(|_| table_of_import(path).is_some()) {
        Some(sent) => import_page(runtime, caller.visitor(), path, Some(sent)),
        None => at(runtime, admin, path).await?,
    };
    let Some(shown) = shown else { return Ok(None) };
    let said = Said { notice: notice(&query.done), problem: None };
    let html = runtime.pages.admin(caller.visitor(), path, &shown, said, nonce)?;
    Ok(Some(page(StatusCode::OK, nonce, html)))
}

/// Whether there is such a page, for those who must sign in to see it.
fn is_one(path: &str) -> bool {
    matches!(path, "/admin/users" | "/admin/sessions" | "/admin/tokens" | "/admin/connections")
        || table_of_import(path).is_some()
}

/// What stands below the components of the page at this path: figures on the first one, and what
/// happened to it on that of a record.
pub(super) async fn below(
    runtime: &Runtime,
    caller: &Caller,
    url: &str,
) -> Result<Option<String>, HttpError> {
    if !url.starts_with("/admin") || admin(caller).is_none() {
        return Ok(None);
    }
    let Some(address) = runtime.app.at(url) else { return Ok(None) };
    if !runtime.app.is_for_admins(&address.page.path) {
        return Ok(None);
    }
    let page = &*address.page.path;
    let table = page.strip_prefix("/admin/tables/").and_then(|rest| rest.strip_suffix("/:id"));
    match (table, address.values.param("id")) {
        (Some(table), Some(id)) => history(runtime, caller, table, id).await.map(Some),
        _ if page == "/admin" => figures(runtime).await.map(Some),
        _ => Ok(None),
    }
}

async fn figures(runtime: &Runtime) -> Result<String, HttpError> {
    let people = runtime.auth.people().await?;
    let figures = Figures {
        people: people.iter().filter(|person| !person.is_disabled).count(),
        sessions: runtime.auth.sessions(None).await?.len(),
        connections: runtime.hub.connections().len(),
    };
    Ok(runtime.pages.admin_figures(figures)?)
}

/// What happened to a record, and the way to delete it.
async fn history(
    runtime: &Runtime,
    caller: &Caller,
    table: &str,
    id: &str,
) -> Result<String, HttpError> {
    let viewer = caller.visitor();
    let history = runtime.records.history(viewer, table, id).await?;
    let is_there = runtime.records.get(viewer, table, id).await.is_ok();
    let may_delete = is_there && history.view.table.allows(viewer, Operation::Delete);
    let changes = history.changes.iter().map(|change| change_row(&history, change)).collect();
    let delete = may_delete.then(|| format!("/api/admin/tables/{table}/records/{id}/delete"));
    let past = RecordPast { changes, hours: KEPT.hours, is_there, delete };
    Ok(runtime.pages.admin_history(&past)?)
}

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

/// What somebody is called; an account that is gone has left its id.
fn who(person: &Person) -> String {
    person.name.as_deref().unwrap_or_else(|| person.id.as_str()).to_owned()
}

/// `POST /api/admin/people`: makes an account.
#[handler]
pub(super) async fn add_person(
    body: Body,
    caller: Caller,
    runtime: Data<&Arc<Runtime>>,
) -> Result<Response> {
    let admin = admin_or_nothing(&caller)?;
    let PersonForm { name, email, password, role } = body::form(body).await?;
    let role = role_of(&runtime, &role)?;
    let person = NewPerson { name, email, password };
    let added = runtime.auth.add(person, &role).await.map_err(HttpError::from);
    answered(&runtime, &caller, admin, "/admin/users", "added", added).await
}

/// `POST /api/admin/people/:id`: changes one.
#[handler]
pub(super) async fn change_person(
    Path(id): Path<String>,
    body: Body,
    caller: Caller,
    runtime: Data<&Arc<Runtime>>,
) -> Result<Response> {
    let admin = admin_or_nothing(&caller)?;
    let ChangeForm { action, role } = body::form(body).await?;
    let changed = change(&runtime, admin, &UserId::new(id), action, role).await;
    answered(&runtime, &caller, admin, "/admin/users", "changed", changed).await
}

/// `POST /api/admin/tokens`: makes a token for somebody.
#[handler]
pub(super) async fn make_token(
    body: Body,
    caller: Caller,
    runtime: Data<&Arc<Runtime>>,
) -> Result<Response> {
    let admin = admin_or_nothing(&caller)?;
    let TokenForm { email, name, expires_in_days } = body::form(body).await?;
    let days = days(&expires_in_days)?;
    let made = async {
        let owner = runtime.auth.person(&email).await?;
        runtime.auth.make_token(&owner.id, &name, days).await
    };
    let fresh = match made.await {
        Ok(fresh) => fresh,
        Err(error) => {
            let refused = Err(HttpError::from(error));
            return answered(&runtime, &caller, admin, "/admin/tokens", "", refused).await;
        }
    };
    let (nonce, shown) = (nonce(), tokens(&runtime, Some(fresh.secret)).await?);
    let viewer = caller.visitor();
    let html = runtime.pages.admin(viewer, "/admin/tokens", &shown, Said::default(), &nonce);
    Ok(page(StatusCode::CREATED, &nonce, html.map_err(HttpError::from)?))
}

/// `POST /api/admin/tokens/:id/revoke`: ends a token.
#[handler]
pub(super) async fn revoke_token(
    Path(id): Path<String>,
    caller: Caller,
    runtime: Data<&Arc<Runtime>>,
) -> Result<Response> {
    let admin = admin_or_nothing(&caller)?;
    let ended = runtime.auth.revoke(&id, None).await.map_err(HttpError::from);
    answered(&runtime, &caller, admin, "/admin/tokens", "revoked", ended).await
}

/// `POST /api/admin/tables/:table/import`: reads a file into a table, by the same rules as the API.
#[handler]
pub(super) async fn import(
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
    let shown = import_page(&runtime, viewer, &path, Some(sent)).ok_or(HttpError::NoSuchRoute)?;
    let nonce = nonce();
    let html = runtime.pages.admin(viewer, &path, &shown, Said::default(), &nonce);
    Ok(page(status, &nonce, html.map_err(HttpError::from)?))
}

/// `POST /api/admin/tables/:table/records/:id/delete`, by the same rules as the API.
#[handler]
pub(super) async fn delete_record(
    Path((table, id)): Path<(String, String)>,
    caller: Caller,
    runtime: Data<&Arc<Runtime>>,
) -> Result<Response> {
    admin_or_nothing(&caller)?;
    runtime.records.delete(caller.visitor(), &table, &id).await.map_err(HttpError::from)?;
    Ok(see_other(&format!("/admin/tables/{table}")))
}

async fn change(
    runtime: &Runtime,
    admin: &User,
    id: &UserId,
    action: ChangeAction,
    role: Option<String>,
) -> Result<(), HttpError> {
    // Or an app could be left without anybody who may do this.
    if *id == admin.id {
        return Err(AuthError::OwnAccount.into());
    }
    let auth = &runtime.auth;
    match action {
        ChangeAction::Role => {
            auth.set_role(id, &role_of(runtime, &role.unwrap_or_default())?).await?;
        }
        ChangeAction::SignOut => auth.sign_out_everywhere(id).await?,
        ChangeAction::Disable => auth.disable(id).await?,
        ChangeAction::Enable => auth.enable(id).await?,
    }
    Ok(())
}

/// The page once more: led there if it is done, or with what was wrong.
async fn answered(
    runtime: &Runtime,
    caller: &Caller,
    admin: &User,
    path: &str,
    done: &str,
    result: Result<(), HttpError>,
) -> Result<Response> {
    let Err(error) = result else { return Ok(see_other(&format!("{path}?done={done}"))) };
    let Some(shown) = at(runtime, admin, path).await? else { return Err(error.into()) };
    let (nonce, problem) = (nonce(), error.to_string());
    let said = Said { notice: None, problem: Some(&problem) };
    let html = runtime.pages.admin(caller.visitor(), path, &shown, said, &nonce);
    Ok(refused(&error, &nonce, html.map_err(HttpError::from)?))
}

/// What the page at this path shows.
async fn at(runtime: &Runtime, admin: &User, path: &str) -> Result<Option<AdminPage>, HttpError> {
    Ok(Some(match path {
        "/admin/users" => people(runtime, admin).await?,
        "/admin/sessions" => sessions(runtime).await?,
        "/admin/tokens" => tokens(runtime, None).await?,
        "/admin/connections" => connections(runtime),
        _ => return Ok(import_page(runtime, &Viewer::User(admin.clone()), path, None)),
    }))
}

async fn people(runtime: &Runtime, admin: &User) -> Result<AdminPage, HttpError> {
    let people = runtime.auth.people().await?.into_iter().map(|person| PersonRow {
        is_self: person.user.id == admin.id,
        user: person.user,
        is_disabled: person.is_disabled,
        created_at: person.created_at,
        sessions: person.sessions,
    });
    Ok(AdminPage::People { people: people.collect(), roles: runtime.app.all_roles() })
}

async fn sessions(runtime: &Runtime) -> Result<AdminPage, HttpError> {
    let sessions = runtime.auth.sessions(None).await?.into_iter().map(|session| SessionRow {
        user: session.user,
        begun_at: session.begun_at,
        expires_at: session.expires_at,
        agent: session.agent,
    });
    Ok(AdminPage::Sessions(sessions.collect()))
}

async fn tokens(runtime: &Runtime, fresh: Option<String>) -> Result<AdminPage, HttpError> {
    let now = auth::now();
    let tokens = runtime.auth.tokens(None).await?.into_iter().map(|token| TokenRow {
        has_ended: token.expires_at.is_some_and(|at| at <= now),
        id: token.id,
        name: token.name,
        user: token.user,
        expires_at: token.expires_at,
        last_used_at: token.last_used_at,
    });
    let people = runtime.auth.people().await?;
    let owners = people.iter().map(|person| person.user.email.to_string());
    Ok(AdminPage::Tokens { tokens: tokens.collect(), owners: owners.collect(), fresh })
}

fn connections(runtime: &Runtime) -> AdminPage {
    let open = runtime.hub.connections().into_iter().map(|connection| ConnectionRow {
        viewer: connection.viewer,
        address: connection.address.to_string(),
        since: connection.since,
        tables: connection.tables,
    });
    AdminPage::Connections(open.collect())
}

/// The table that a file is read into at this path.
fn table_of_import(path: &str) -> Option<TableName> {
    path.strip_prefix(IMPORT)?.parse().ok()
}

fn import_page(
    runtime: &Runtime,
    viewer: &Viewer,
    path: &str,
    sent: Option<SentFile>,
) -> Option<AdminPage> {
    let table = runtime.app.table(&table_of_import(path)?)?;
    let view = table.view(viewer).filter(|_| table.allows(viewer, Operation::Create))?;
    let unique = table.all().filter(|(at, field)| field.unique && view.fields.contains(*at));
    let unique = unique.map(|(_, field)| field.name.as_str().to_owned()).collect();
    Some(AdminPage::Import { table: table.name.clone(), unique, sent })
}

/// Whoever asks, if they are an admin who has signed in.
fn admin(caller: &Caller) -> Option<&User> {
    caller.person().ok().filter(|user| user.role.as_str() == "admin")
}

fn admin_or_nothing(caller: &Caller) -> Result<&User, HttpError> {
    admin(caller).ok_or(HttpError::NoSuchRoute)
}

fn role_of(runtime: &Runtime, name: &str) -> Result<Role, HttpError> {
    let found = runtime.app.all_roles().into_iter().find(|role| role.as_str() == name);
    found.ok_or_else(|| HttpError::Malformed("there is no such role".to_owned()))
}

fn notice(done: &str) -> Option<&'static str> {
    Some(match done {
        "added" => "They may sign in now.",
        "changed" => "It is done, and holds at once.",
        "revoked" => "The token is revoked.",
        _ => return None,
    })
}
