//! The account page, `/account`, and the routes by which people manage their own password, sessions and API
//! tokens.
//!
//! Each route answers a form with a page or a redirect, and a program with JSON or 204.

use std::sync::Arc;

use poem::http::StatusCode;
use poem::web::{Data, Path};
use poem::{Body, Request, Response, Result, handler};
use serde::{Deserialize, Serialize};

use crate::auth::{self, Auth, FreshToken};
use crate::http::accounts::{gone_on, refused};
use crate::http::caller::Caller;
use crate::http::error::HttpError;
use crate::http::html::{nonce, page, see_other};
use crate::http::{answer, json};
use crate::model::viewer::{User, Viewer};
use crate::render::{OwnAccount, OwnSession, OwnToken};
use crate::runtime::Runtime;
use crate::store::ApiToken;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct ChangePasswordBody {
    current_password: String,
    new_password: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct NewTokenBody {
    name: String,
    /// The days until the token ends. Absent: it does not end.
    #[serde(default)]
    expires_in_days: Option<u32>,
}

/// The same as a form sends it: an empty control is an empty text.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct NewTokenForm {
    name: String,
    #[serde(default)]
    expires_in_days: String,
}

/// A token that was just made, with its secret.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FreshTokenBody<'a> {
    id: &'a str,
    name: &'a str,
    token: &'a str,
    /// Unix seconds. `None` if it does not end.
    expires_at: Option<i64>,
}

#[derive(Serialize)]
struct TokensBody<'a> {
    tokens: Vec<TokenBody<'a>>,
}

/// A token in a list, without its secret. Times are in Unix seconds.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TokenBody<'a> {
    id: &'a str,
    name: &'a str,
    created_at: i64,
    expires_at: Option<i64>,
    last_used_at: Option<i64>,
}

/// The query parameters of `/account`.
#[derive(Default, Deserialize)]
#[serde(default)]
struct ProfileQuery {
    done: String,
}

/// `POST /api/auth/change-password {currentPassword, newPassword}` changes the password of the caller. All
/// their sessions end, and the caller gets a new one.
#[handler]
pub(super) async fn change_password(
    request: &Request,
    body: Body,
    caller: Caller,
    runtime: Data<&Arc<Runtime>>,
) -> Result<Response> {
    let user = caller.person()?;
    let is_form = json::is_form(request);
    let ChangePasswordBody { current_password, new_password } = match is_form {
        true => json::form(body).await?,
        false => json::json(body).await?,
    };
    let auth = &runtime.auth;
    let session = auth.change_password(user, current_password, new_password, &caller.visit).await;
    match session.map_err(HttpError::from) {
        Ok(session) if is_form => Ok(gone_on(&caller, "/account?done=password", session)),
        Ok(session) => {
            let mut response: Response = StatusCode::NO_CONTENT.into();
            caller.remember(&mut response, session.token);
            Ok(response)
        }
        Err(error) if is_form => {
            let problem = error.to_string();
            let shown =
                ProfileNotices { password_problem: Some(&problem), ..ProfileNotices::default() };
            Ok(shown.refusal(&runtime, &caller, &error).await?)
        }
        Err(error) => Err(error.into()),
    }
}

/// `POST /api/auth/sign-out-everywhere` ends every session of the caller, this one too.
#[handler]
pub(super) async fn sign_out_everywhere(
    request: &Request,
    caller: Caller,
    runtime: Data<&Arc<Runtime>>,
) -> Result<Response> {
    let user = caller.person()?;
    runtime.auth.sign_out_everywhere(&user.id).await.map_err(HttpError::from)?;
    let is_form = json::is_form(request);
    let mut response = if is_form { see_other("/sign-in") } else { StatusCode::NO_CONTENT.into() };
    caller.forget(&mut response);
    Ok(response)
}

/// `GET /api/auth/tokens` lists the caller's API tokens, without their secrets.
#[handler]
pub(super) async fn list_tokens(caller: Caller, runtime: Data<&Arc<Runtime>>) -> Result<Response> {
    let user = caller.person()?;
    let tokens = runtime.auth.tokens(Some(&user.id)).await.map_err(HttpError::from)?;
    let tokens = tokens.iter().map(token_body).collect();
    Ok(answer::json(StatusCode::OK, &TokensBody { tokens }))
}

/// `POST /api/auth/tokens {name, expiresInDays?}` makes an API token. Its secret is in this answer only: the
/// database holds a hash of it.
#[handler]
pub(super) async fn make_token(
    request: &Request,
    body: Body,
    caller: Caller,
    runtime: Data<&Arc<Runtime>>,
) -> Result<Response> {
    let user = caller.person()?;
    let is_form = json::is_form(request);
    let NewTokenBody { name, expires_in_days } = match is_form {
        true => filled_in(json::form(body).await?)?,
        false => json::json(body).await?,
    };
    let made = runtime.auth.make_token(&user.id, &name, expires_in_days).await;
    match made.map_err(HttpError::from) {
        Ok(fresh) if is_form => {
            let shown = ProfileNotices { fresh: Some(&fresh), ..ProfileNotices::default() };
            let nonce = nonce();
            let html = shown.html(&runtime, &caller, &nonce).await?;
            Ok(page(StatusCode::CREATED, &nonce, html))
        }
        Ok(FreshToken { secret, id, expires_at }) => {
            let (name, token) = (name.trim(), secret.as_str());
            let told = FreshTokenBody { id: &id, name, token, expires_at };
            Ok(answer::json(StatusCode::CREATED, &told))
        }
        Err(error) if is_form => {
            let problem = error.to_string();
            let shown =
                ProfileNotices { token_problem: Some(&problem), ..ProfileNotices::default() };
            Ok(shown.refusal(&runtime, &caller, &error).await?)
        }
        Err(error) => Err(error.into()),
    }
}

/// `DELETE /api/auth/tokens/:id` revokes one of the caller's API tokens. Forms cannot send `DELETE`, so they
/// use `POST /api/auth/tokens/:id/revoke`.
#[handler]
pub(super) async fn revoke_token(
    request: &Request,
    Path(id): Path<String>,
    caller: Caller,
    runtime: Data<&Arc<Runtime>>,
) -> Result<Response> {
    let user = caller.person()?;
    runtime.auth.revoke(&id, Some(&user.id)).await.map_err(HttpError::from)?;
    let is_form = json::is_form(request);
    Ok(if is_form { see_other("/account?done=token") } else { StatusCode::NO_CONTENT.into() })
}

/// Returns the page `/account` for a person who has signed in.
pub(super) async fn show(
    runtime: &Runtime,
    caller: &Caller,
    request: &Request,
    nonce: &str,
) -> Result<Response, HttpError> {
    let query: ProfileQuery = request.params().unwrap_or_default();
    let notice = match query.done.as_str() {
        "password" => Some("Your password is changed. Every other session has ended."),
        "token" => Some("The token is revoked."),
        _ => None,
    };
    let shown = ProfileNotices { notice, ..ProfileNotices::default() };
    Ok(page(StatusCode::OK, nonce, shown.html(runtime, caller, nonce).await?))
}

/// The messages on the account page about the action before.
#[derive(Default)]
struct ProfileNotices<'a> {
    /// The message of an action that succeeded.
    notice: Option<&'a str>,
    /// The reason why the password was not changed.
    password_problem: Option<&'a str>,
    /// The reason why no token was made.
    token_problem: Option<&'a str>,
    /// The token that was just made, whose secret is shown once.
    fresh: Option<&'a FreshToken>,
}

impl ProfileNotices<'_> {
    /// Returns the account page with these messages, and with the status of the error.
    async fn refusal(
        &self,
        runtime: &Runtime,
        caller: &Caller,
        error: &HttpError,
    ) -> Result<Response, HttpError> {
        let nonce = nonce();
        Ok(refused(error, &nonce, self.html(runtime, caller, &nonce).await?))
    }

    /// Renders the account page with these messages.
    async fn html(
        &self,
        runtime: &Runtime,
        caller: &Caller,
        nonce: &str,
    ) -> Result<String, HttpError> {
        let Some(Viewer::User(user)) = &caller.viewer else {
            return Err(HttpError::Unauthenticated);
        };
        let (sessions, tokens) = own(&runtime.auth, caller, user).await?;
        let account = OwnAccount {
            user,
            notice: self.notice,
            password_problem: self.password_problem,
            token_problem: self.token_problem,
            fresh_token: self.fresh.map(|fresh| fresh.secret.as_str()),
            sessions,
            tokens,
        };
        Ok(runtime.pages.account(caller.visitor(), &account, nonce)?)
    }
}

/// Reads the sessions and API tokens of a user, as the account page shows them.
async fn own(
    auth: &Auth,
    caller: &Caller,
    user: &User,
) -> Result<(Vec<OwnSession>, Vec<OwnToken>), HttpError> {
    let is_this = |hash: &str| caller.token.as_ref().is_some_and(|token| Auth::is_of(token, hash));
    let sessions = auth.sessions(Some(&user.id)).await?.into_iter().map(|session| OwnSession {
        is_this: is_this(&session.token_hash),
        begun_at: session.begun_at,
        agent: session.agent,
    });
    let now = auth::now();
    let tokens = auth.tokens(Some(&user.id)).await?.into_iter().map(|token| OwnToken {
        has_ended: token.expires_at.is_some_and(|at| at <= now),
        id: token.id,
        name: token.name,
        expires_at: token.expires_at,
        last_used_at: token.last_used_at,
    });
    Ok((sessions.collect(), tokens.collect()))
}

fn filled_in(form: NewTokenForm) -> Result<NewTokenBody, HttpError> {
    let expires_in_days = days(&form.expires_in_days)?;
    Ok(NewTokenBody { name: form.name, expires_in_days })
}

/// Reads a number of days from a form. `None` if the control is empty.
pub(super) fn days(text: &str) -> Result<Option<u32>, HttpError> {
    let wrong = |_| HttpError::Malformed("expiresInDays must be a whole number".to_owned());
    let text = text.trim();
    if text.is_empty() { Ok(None) } else { text.parse().map(Some).map_err(wrong) }
}

fn token_body(token: &ApiToken) -> TokenBody<'_> {
    TokenBody {
        id: &token.id,
        name: &token.name,
        created_at: token.created_at,
        expires_at: token.expires_at,
        last_used_at: token.last_used_at,
    }
}
