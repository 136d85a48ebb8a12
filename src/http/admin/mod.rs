//! The admin pages that YAML cannot express: people, sessions, API tokens, connections, imports; and the
//! routes of their forms.
//!
//! Pages of tables are YAML: see `spec/admin.rs`. To people who are no admins, all of it does not exist
//! (404).

use poem::http::StatusCode;
use poem::{Request, Response, Result};
use serde::Deserialize;

use crate::http::accounts::refused;
use crate::http::caller::Caller;
use crate::http::error::HttpError;
use crate::http::html::{nonce, page, see_other, to_sign_in};
use crate::model::viewer::{User, Viewer};
use crate::render::{AdminNotice, AdminPage, ConnectionRow, Figures, SentFile, SessionRow};
use crate::runtime::Runtime;

pub(super) mod import;
pub(super) mod people;
pub(super) mod record;
pub(super) mod tokens;

/// The query parameters of an admin page.
#[derive(Default, Deserialize)]
#[serde(default)]
struct AdminPageQuery {
    /// The action that has just succeeded: `added`, `changed` or `revoked`.
    done: String,
    /// The number of records that an import has added.
    added: Option<usize>,
    /// The number of records that an import has changed.
    changed: Option<usize>,
}

impl AdminPageQuery {
    /// The report of an import after its redirect. `None` if the request does not follow an import.
    fn imported(&self) -> Option<SentFile> {
        let done = Some(self.added.zip(self.changed)?);
        Some(SentFile { done, ..SentFile::default() })
    }
}

/// Returns the built-in admin page at a path where the author has no page. `None` if there is none, or the
/// caller is no admin. A guest is sent to sign in, since they may turn out to be an admin.
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
    let query: AdminPageQuery = request.params().unwrap_or_default();
    let shown = match query.imported().filter(|_| import::table_at(path).is_some()) {
        Some(sent) => import::page(runtime, caller.visitor(), path, Some(sent)),
        None => at(runtime, admin, path).await?,
    };
    let Some(shown) = shown else { return Ok(None) };
    let said = AdminNotice { notice: notice(&query.done), problem: None };
    let html = runtime.pages.admin(caller.visitor(), path, &shown, said, nonce)?;
    Ok(Some(page(StatusCode::OK, nonce, html)))
}

/// Whether a built-in admin page may be at a path. A guest learns no more: an import page may still be
/// missing.
fn is_one(path: &str) -> bool {
    matches!(path, "/admin/users" | "/admin/sessions" | "/admin/tokens" | "/admin/connections")
        || import::table_at(path).is_some()
}

/// Returns the HTML below the components of an admin page of YAML: figures on `/admin`, the history on the
/// page of a record. `None` for other pages, and if the caller is no admin.
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
        (Some(table), Some(id)) => record::history(runtime, caller, table, id).await.map(Some),
        _ if page == "/admin" => figures(runtime).await.map(Some),
        _ => Ok(None),
    }
}

/// Renders the figures of `/admin`: accounts that are not disabled, sessions, live connections.
async fn figures(runtime: &Runtime) -> Result<String, HttpError> {
    let people = runtime.auth.people().await?;
    let figures = Figures {
        people: people.iter().filter(|person| !person.is_disabled).count(),
        sessions: runtime.auth.sessions(None).await?.len(),
        connections: runtime.hub.connections().len(),
    };
    Ok(runtime.pages.admin_figures(figures)?)
}

/// Redirects to an admin page after a success; [`notice`] gives the text for `done`.
fn done(path: &str, done: &str) -> Response {
    see_other(&format!("{path}?done={done}"))
}

/// Returns an admin page again, with the text and the status of an error.
async fn not_done(
    runtime: &Runtime,
    caller: &Caller,
    admin: &User,
    path: &str,
    error: HttpError,
) -> Result<Response> {
    let Some(shown) = at(runtime, admin, path).await? else { return Err(error.into()) };
    let nonce = nonce();
    let problem = error.to_string();
    let said = AdminNotice { notice: None, problem: Some(&problem) };
    let html = runtime.pages.admin(caller.visitor(), path, &shown, said, &nonce);
    Ok(refused(&error, &nonce, html.map_err(HttpError::from)?))
}

/// Reads the content of the built-in admin page at a path. `None` if there is none.
async fn at(runtime: &Runtime, admin: &User, path: &str) -> Result<Option<AdminPage>, HttpError> {
    Ok(Some(match path {
        "/admin/users" => people::page(runtime, admin).await?,
        "/admin/sessions" => sessions(runtime).await?,
        "/admin/tokens" => tokens::page(runtime, None).await?,
        "/admin/connections" => connections(runtime),
        _ => return Ok(import::page(runtime, &Viewer::User(admin.clone()), path, None)),
    }))
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

fn connections(runtime: &Runtime) -> AdminPage {
    let open = runtime.hub.connections().into_iter().map(|connection| ConnectionRow {
        viewer: connection.viewer,
        address: connection.address.to_string(),
        since: connection.since,
        tables: connection.tables,
    });
    AdminPage::Connections(open.collect())
}

/// The account of the caller, if it is an admin with a session. `None` for an API token, also that of an
/// admin.
fn admin(caller: &Caller) -> Option<&User> {
    caller.person().ok().filter(|user| user.role.as_str() == "admin")
}

/// The same, for routes.
///
/// # Errors
/// [`HttpError::NoSuchRoute`], a 404, if the caller is no admin.
fn admin_or_nothing(caller: &Caller) -> Result<&User, HttpError> {
    admin(caller).ok_or(HttpError::NoSuchRoute)
}

fn notice(done: &str) -> Option<&'static str> {
    Some(match done {
        "added" => "They may sign in now.",
        "changed" => "It is done, and holds at once.",
        "revoked" => "The token is revoked.",
        _ => return None,
    })
}
