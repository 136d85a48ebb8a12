//! The admin page `/admin/users` and its forms: accounts, their roles, and whether they may sign in.

use std::sync::Arc;

use poem::web::{Data, Path};
use poem::{Body, Response, Result, handler};
use serde::Deserialize;

use crate::auth::{AuthError, NewPerson};
use crate::http::admin::{admin_or_nothing, done, not_done};
use crate::http::caller::Caller;
use crate::http::error::HttpError;
use crate::http::json;
use crate::model::ids::{Role, UserId};
use crate::model::viewer::User;
use crate::render::{AdminPage, PersonRow};
use crate::runtime::Runtime;

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

/// The actions on an account.
#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
enum ChangeAction {
    Role,
    SignOut,
    Disable,
    Enable,
}

/// `POST /api/admin/people` makes an account.
#[handler]
pub(in crate::http) async fn add(
    body: Body,
    caller: Caller,
    runtime: Data<&Arc<Runtime>>,
) -> Result<Response> {
    let admin = admin_or_nothing(&caller)?;
    let PersonForm { name, email, password, role } = json::form(body).await?;
    let role = role_of(&runtime, &role)?;
    let person = NewPerson { name, email, password };
    let added = runtime.auth.add(person, &role).await.map_err(HttpError::from);
    match added {
        Ok(()) => Ok(done("/admin/users", "added")),
        Err(error) => not_done(&runtime, &caller, admin, "/admin/users", error).await,
    }
}

/// `POST /api/admin/people/:id` changes the role of an account, ends its sessions, disables or enables it.
#[handler]
pub(in crate::http) async fn change(
    Path(id): Path<String>,
    body: Body,
    caller: Caller,
    runtime: Data<&Arc<Runtime>>,
) -> Result<Response> {
    let admin = admin_or_nothing(&caller)?;
    let ChangeForm { action, role } = json::form(body).await?;
    let changed = act(&runtime, admin, &UserId::new(id), action, role).await;
    match changed {
        Ok(()) => Ok(done("/admin/users", "changed")),
        Err(error) => not_done(&runtime, &caller, admin, "/admin/users", error).await,
    }
}

/// Carries out an action on the account `id`.
///
/// # Errors
/// [`AuthError::OwnAccount`] if it is the admin's own, [`HttpError::Malformed`] if there is no such role.
async fn act(
    runtime: &Runtime,
    admin: &User,
    id: &UserId,
    action: ChangeAction,
    role: Option<String>,
) -> Result<(), HttpError> {
    // Otherwise the last admin could leave the app without one.
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

/// Reads the content of `/admin/users`: all accounts, and the roles that they may have.
pub(super) async fn page(runtime: &Runtime, admin: &User) -> Result<AdminPage, HttpError> {
    let people = runtime.auth.people().await?.into_iter().map(|person| PersonRow {
        is_self: person.user.id == admin.id,
        user: person.user,
        is_disabled: person.is_disabled,
        created_at: person.created_at,
        sessions: person.sessions,
    });
    Ok(AdminPage::People { people: people.collect(), roles: runtime.app.all_roles() })
}

fn role_of(runtime: &Runtime, name: &str) -> Result<Role, HttpError> {
    let found = runtime.app.all_roles().into_iter().find(|role| role.as_str() == name);
    found.ok_or_else(|| HttpError::Malformed("there is no such role".to_owned()))
}
