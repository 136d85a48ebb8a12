//! Sign-in, sign-up, sign-out and set-up: the routes `/api/auth/…`, and the built-in pages with their forms.
//!
//! A program sends JSON and gets JSON; a form gets a redirect with a session cookie, or the form again with
//! the fault.

use std::sync::Arc;

use poem::http::{StatusCode, header};
use poem::web::Data;
use poem::{Body, IntoResponse, Request, Response, Result, handler};
use serde::{Deserialize, Serialize};

use crate::auth::{AuthError, NewPerson, StartedSession};
use crate::http::caller::Caller;
use crate::http::error::HttpError;
use crate::http::html::{nonce, page, refusal, see_other};
use crate::http::{answer, json};
use crate::live::CloseReason;
use crate::model::app::App;
use crate::model::viewer::{User, Viewer};
use crate::render::{BuiltInForm, FormLink};
use crate::runtime::Runtime;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SignInBody {
    email: String,
    password: String,
    /// The path to redirect to afterwards. Only for forms.
    next: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SignUpBody {
    name: String,
    email: String,
    password: String,
    /// The path to redirect to afterwards. Only for forms.
    next: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SetUpBody {
    /// The secret of the link that the program prints while there is no admin.
    token: String,
    name: String,
    email: String,
    password: String,
}

/// The query parameters of a built-in page.
#[derive(Default, Deserialize)]
#[serde(default)]
struct FormQuery {
    /// The path to redirect to after signing in or up.
    next: String,
    /// The secret of the link to `/setup`.
    token: String,
}

#[derive(Serialize)]
struct GuestBody {
    token: String,
}

#[derive(Serialize)]
struct SessionBody<'a> {
    user: Option<UserBody<'a>>,
}

#[derive(Serialize)]
struct UserBody<'a> {
    id: &'a str,
    email: &'a str,
    name: &'a str,
    role: &'a str,
}

/// `POST /api/auth/sign-in/email {email, password}` begins a session.
#[handler]
pub(super) async fn sign_in(
    request: &Request,
    body: Body,
    caller: Caller,
    runtime: Data<&Arc<Runtime>>,
) -> Result<Response> {
    if !json::is_form(request) {
        let SignInBody { email, password, next } = json::json(body).await?;
        for_forms(next.as_deref())?;
        let session = runtime.auth.sign_in(&email, password, &caller.visit).await;
        return Ok(signed_in(StatusCode::OK, &caller, session.map_err(HttpError::from)?));
    }
    let SignInBody { email, password, next } = json::form(body).await?;
    let next = next.unwrap_or_default();
    match runtime.auth.sign_in(&email, password, &caller.visit).await {
        Ok(session) => Ok(gone_on(&caller, &next, session)),
        Err(error) => {
            let form = BuiltInForm { email: &email, ..sign_in_form(&runtime.app, &next) };
            Ok(form_again(&runtime, &caller, form, &error.into()))
        }
    }
}

/// `POST /api/auth/sign-up/email {name, email, password}` makes an account and begins a session. 404 if the
/// app has no `signUp`.
#[handler]
pub(super) async fn sign_up(
    request: &Request,
    body: Body,
    caller: Caller,
    runtime: Data<&Arc<Runtime>>,
) -> Result<Response> {
    let Some(role) = &runtime.app.sign_up else { return Err(HttpError::NoSuchRoute.into()) };
    let is_form = json::is_form(request);
    let body: SignUpBody = match is_form {
        true => json::form(body).await?,
        false => json::json(body).await?,
    };
    let SignUpBody { name, email, password, next } = body;
    if !is_form {
        for_forms(next.as_deref())?;
    }
    let person = NewPerson { name: name.clone(), email: email.clone(), password };
    let session = runtime.auth.sign_up(person, role, &caller.visit).await;
    if !is_form {
        return Ok(signed_in(StatusCode::CREATED, &caller, session.map_err(HttpError::from)?));
    }
    let next = next.unwrap_or_default();
    match session {
        Ok(session) => Ok(gone_on(&caller, &next, session)),
        Err(error) => {
            let form = BuiltInForm { name: &name, email: &email, ..sign_up_form(&next) };
            Ok(form_again(&runtime, &caller, form, &error.into()))
        }
    }
}

/// Refuses `next` in JSON, since a program gets no redirect.
fn for_forms(next: Option<&str>) -> Result<(), HttpError> {
    let message = || "`next` is for forms; a program goes on by itself".to_owned();
    next.map_or(Ok(()), |_| Err(HttpError::Malformed(message())))
}

/// `POST /api/auth/sign-out` ends the session of the request, with its live connections. Without a session it
/// succeeds too; an API token is refused.
#[handler]
pub(super) async fn sign_out(
    request: &Request,
    caller: Caller,
    runtime: Data<&Arc<Runtime>>,
) -> Result<Response> {
    if caller.is_program() {
        return Err(HttpError::NoSession.into());
    }
    if let Some(token) = &caller.token {
        runtime.auth.sign_out(token).await.map_err(HttpError::from)?;
        runtime.hub.close(token, CloseReason::SessionEnded);
    }
    let is_form = json::is_form(request);
    let mut response = if is_form { see_other("/") } else { StatusCode::NO_CONTENT.into() };
    caller.forget(&mut response);
    Ok(response)
}

/// `GET /api/auth/session` returns the account of the caller; `user` is null for a guest.
#[handler]
pub(super) fn who_am_i(caller: Caller) -> Response {
    let user = match &caller.viewer {
        Some(Viewer::User(user)) => Some(user_body(user)),
        Some(Viewer::Guest) | None => None,
    };
    answer::json(StatusCode::OK, &SessionBody { user })
}

/// `GET /api/auth/guest` returns the token of a new guest session, for exported pages, which get no cookie
/// from here.
#[handler]
pub(super) fn guest(runtime: Data<&Arc<Runtime>>) -> Response {
    answer::json(StatusCode::OK, &GuestBody { token: runtime.auth.guest_token() })
}

/// `POST /api/auth/set-up` makes the first admin. It accepts only the form of `/setup`.
#[handler]
pub(super) async fn set_up(
    body: Body,
    caller: Caller,
    runtime: Data<&Arc<Runtime>>,
) -> Result<Response> {
    let SetUpBody { token, name, email, password } = json::form(body).await?;
    let admin = NewPerson { name: name.clone(), email: email.clone(), password };
    match runtime.auth.set_up(&token, admin, &caller.visit).await {
        Ok(session) => Ok(gone_on(&caller, "/", session)),
        Err(AuthError::SetupOver) => {
            let over = HttpError::from(AuthError::SetupOver);
            Ok(refusal(&runtime, &caller, &nonce(), &over))
        }
        Err(error) => {
            let form = BuiltInForm { name: &name, email: &email, ..set_up_form(&token) };
            Ok(form_again(&runtime, &caller, form, &error.into()))
        }
    }
}

/// Returns the built-in page `/sign-in`, `/sign-up` or `/setup`, which serves where the author has no such
/// page. `None` for any other path, without `signUp` in the app, or if the link of `/setup` is not valid.
pub(super) async fn built_in(
    runtime: &Runtime,
    caller: &Caller,
    path: &str,
    request: &Request,
    nonce: &str,
) -> Result<Option<Response>, HttpError> {
    let query: FormQuery = request.params().unwrap_or_default();
    let form = match path {
        "/sign-in" => sign_in_form(&runtime.app, &query.next),
        "/sign-up" if runtime.app.sign_up.is_some() => sign_up_form(&query.next),
        "/setup" if runtime.auth.may_set_up(&query.token).await? => set_up_form(&query.token),
        _ => return Ok(None),
    };
    let html = runtime.pages.form(caller.visitor(), &form, nonce)?;
    Ok(Some(page(StatusCode::OK, nonce, html)))
}

fn sign_in_form<'a>(app: &App, next: &'a str) -> BuiltInForm<'a> {
    let instead = FormLink { question: "No account yet?", path: "/sign-up", label: "Make one" };
    BuiltInForm {
        title: "Sign in",
        hint: "Use the e-mail address and password of your account.",
        action: "/api/auth/sign-in/email",
        submit: "Sign in",
        hidden: vec![("next", own_path(next))],
        instead: app.sign_up.is_some().then_some(instead),
        ..BuiltInForm::default()
    }
}

fn sign_up_form(next: &str) -> BuiltInForm<'_> {
    BuiltInForm {
        title: "Make an account",
        hint: "You will sign in with your e-mail address and this password.",
        action: "/api/auth/sign-up/email",
        submit: "Make the account",
        asks_name: true,
        hidden: vec![("next", own_path(next))],
        instead: Some(FormLink { question: "You have one?", path: "/sign-in", label: "Sign in" }),
        ..BuiltInForm::default()
    }
}

fn set_up_form(token: &str) -> BuiltInForm<'_> {
    BuiltInForm {
        title: "Make the first account",
        hint: "It will be an admin: it may read and change everything.",
        action: "/api/auth/set-up",
        submit: "Make the account",
        asks_name: true,
        hidden: vec![("token", token)],
        ..BuiltInForm::default()
    }
}

/// The path to redirect to, if it is one of this server; else `/`. A link to the sign-in page must not lead
/// to another site: browsers read `//evil.example` and `/\evil.example` as hosts (URL standard, 4.4).
fn own_path(next: &str) -> &str {
    let is_own = next.starts_with('/')
        && !next.starts_with("//")
        && !next.contains('\\')
        && !next.contains(|c: char| c.is_control());
    if is_own { next } else { "/" }
}

/// Returns the page with the form again, and with the error above it.
fn form_again(
    runtime: &Runtime,
    caller: &Caller,
    form: BuiltInForm<'_>,
    error: &HttpError,
) -> Response {
    let nonce = nonce();
    let problem = error.to_string();
    let form = BuiltInForm { problem: Some(&problem), ..form };
    match runtime.pages.form(caller.visitor(), &form, &nonce) {
        Ok(html) => refused(error, &nonce, html),
        Err(error) => HttpError::from(error).into_response(),
    }
}

/// Returns a page that reports an error, with the status of the error and its `Retry-After`.
pub(super) fn refused(error: &HttpError, nonce: &str, html: String) -> Response {
    let mut response = page(poem::error::ResponseError::status(error), nonce, html);
    if let Some(seconds) = error.retry_after() {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

/// Returns the account as JSON, and sets the session cookie.
fn signed_in(status: StatusCode, caller: &Caller, session: StartedSession) -> Response {
    let told = SessionBody { user: Some(user_body(&session.user)) };
    let mut answer = answer::json(status, &told);
    caller.remember(&mut answer, session.token);
    answer
}

/// Redirects a browser to `next`, and sets the session cookie.
pub(super) fn gone_on(caller: &Caller, next: &str, session: StartedSession) -> Response {
    let mut response = see_other(own_path(next));
    caller.remember(&mut response, session.token);
    response
}

fn user_body(user: &User) -> UserBody<'_> {
    UserBody {
        id: user.id.as_str(),
        email: &user.email,
        name: &user.name,
        role: user.role.as_str(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_to_another_site() {
        for next in ["/orders", "/orders?sort=a", "/"] {
            assert_eq!(own_path(next), next);
        }
        for next in
            ["", "orders", "//evil.example", r"/\evil.example", "https://evil.example", "/a\r\nb"]
        {
            assert_eq!(own_path(next), "/");
        }
    }
}
