//! Receives the forms and buttons of pages, which are sent to the path of their page: by a browser, which
//! gets a page or a redirect, or by the client's script, which gets JSON.
//!
//! After a redirect, the next page shows a toast. A cookie keeps it until then. The cookie has only the name
//! of the form, not the text, so no one can make a page show a text of theirs.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use poem::error::ResponseError;
use poem::http::{HeaderMap, StatusCode, header};
use poem::web::Data;
use poem::{Body, IntoResponse, Request, Response, handler};
use serde::Serialize;

use crate::http::caller::{self, Caller};
use crate::http::error::HttpError;
use crate::http::html::{nonce, page, refusal, see_other, to_sign_in, url};
use crate::http::{answer, json};
use crate::pages::{Done, Fragment, Submission, Submitted};
use crate::runtime::Runtime;

/// The cookie with the form or button whose toast the next page shows.
const TOAST: &str = "pagetide_toast";
/// The time for which a toast waits for the next page.
const TOAST_WAITS: Duration = Duration::from_secs(60);

/// The body of an answer to the client's script.
#[derive(Default, Serialize)]
struct ScriptBody<'a> {
    /// The path to go on to.
    #[serde(skip_serializing_if = "Option::is_none")]
    navigate: Option<&'a str>,
    /// The text of the toast, if the person stays on the page.
    #[serde(skip_serializing_if = "Option::is_none")]
    toast: Option<&'a str>,
    /// The question to ask first. The script then sends the form again, with the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    confirm: Option<ConfirmBody<'a>>,
    /// The component as it is to be shown now. Empty if it has not changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    html: Option<&'a str>,
}

#[derive(Serialize)]
struct ConfirmBody<'a> {
    text: &'a str,
    /// The label of the button that confirms.
    label: &'a str,
    /// Whether the action deletes something.
    danger: bool,
}

/// `POST <page path>` does what a form or button of the page says. Errors are answered as JSON to a script,
/// as a page to a browser.
#[handler]
pub(super) async fn submit(
    request: &Request,
    body: Body,
    caller: Caller,
    runtime: Data<&Arc<Runtime>>,
) -> Response {
    let nonce = nonce();
    match submitted(request, body, &caller, &runtime, &nonce).await {
        Ok(response) => response,
        Err(error) if is_by_script(request) => error.into_response(),
        Err(error) => refusal(&runtime, &caller, &nonce, &error),
    }
}

async fn submitted(
    request: &Request,
    body: Body,
    caller: &Caller,
    runtime: &Runtime,
    nonce: &str,
) -> Result<Response, HttpError> {
    let pairs = json::pairs(request, body).await?;
    let component = pairs.iter().find(|(name, _)| name == "_component");
    let (url, by_script) = (url(request), is_by_script(request));
    let submission = Submission {
        url,
        component: component.map_or("", |(_, id)| id),
        pairs: &pairs,
        by_script,
        session: caller.token.as_deref(),
        nonce,
    };
    match runtime.pages.submit(caller.visitor(), &submission).await? {
        Submitted::Done(done) if by_script => tell(caller, runtime, &submission, &done).await,
        Submitted::Done(done) => {
            let mut response = see_other(done.navigate.as_deref().unwrap_or(url));
            remember_toast(caller, &submission, &mut response);
            Ok(response)
        }
        Submitted::Asked { confirm, .. } if by_script => {
            let text = &*confirm.text;
            let label = &*confirm.label;
            let danger = confirm.is_deletion;
            let confirm = Some(ConfirmBody { text, label, danger });
            Ok(answer::json(StatusCode::OK, &ScriptBody { confirm, ..ScriptBody::default() }))
        }
        Submitted::Asked { html, .. } => Ok(page(StatusCode::OK, nonce, html)),
        // A button has no form to be shown again, so the script gets the error alone.
        Submitted::Again { html, error } if by_script && html.is_empty() => Err(error.into()),
        Submitted::Again { html, error } => {
            let status = HttpError::from(error).status();
            Ok(if by_script {
                answer::json(status, &ScriptBody { html: Some(&html), ..ScriptBody::default() })
            } else {
                page(status, nonce, html)
            })
        }
        Submitted::SignIn if by_script => Err(HttpError::Unauthenticated),
        Submitted::SignIn => Ok(to_sign_in(url)),
    }
}

/// Returns the answer to a script after a success: the path to go to, or the toast with the component as it
/// is now.
async fn tell(
    caller: &Caller,
    runtime: &Runtime,
    submission: &Submission<'_>,
    done: &Done,
) -> Result<Response, HttpError> {
    if let Some(path) = &done.navigate {
        let told = ScriptBody { navigate: Some(path), ..ScriptBody::default() };
        let mut response = answer::json(StatusCode::OK, &told);
        remember_toast(caller, submission, &mut response);
        return Ok(response);
    }
    let Submission { url, component, .. } = submission;
    let html = match runtime.pages.fragment(caller.visitor(), url, component, None, None).await {
        Ok(Fragment::Html(html, _)) => html,
        Ok(Fragment::Unchanged(_)) => "".into(),
        Err(error) => return Err(error.into()),
    };
    let toast = Some(&*done.toast);
    let html = Some(&*html);
    let told = ScriptBody { toast, html, ..ScriptBody::default() };
    Ok(answer::json(StatusCode::OK, &told))
}

/// Whether the client's script sent the request. Only the script accepts nothing but JSON.
fn is_by_script(request: &Request) -> bool {
    request.header(header::ACCEPT) == Some("application/json")
}

fn remember_toast(caller: &Caller, submission: &Submission<'_>, response: &mut Response) {
    // The query string may be long, and says nothing about the form.
    let path = submission.url.split('?').next().unwrap_or_default();
    let form = format!("{}~{}:{path}", submission.component, submission.action());
    caller.set_cookie(response, TOAST, URL_SAFE_NO_PAD.encode(form), TOAST_WAITS);
}

/// Returns the toast that the cookie of a request asks for. `None` without the cookie, or if its form has no
/// toast that the caller may see.
pub(super) fn waiting_toast(
    runtime: &Runtime,
    caller: &Caller,
    headers: &HeaderMap,
) -> Option<Arc<str>> {
    let form = URL_SAFE_NO_PAD.decode(caller::cookie(headers, TOAST)?).ok()?;
    let (sender, url) = str::from_utf8(&form).ok()?.split_once(':')?;
    let (component, action) = sender.split_once('~')?;
    runtime.pages.toast(caller.visitor(), url, component, action)
}

/// Removes the cookie once a page has shown its toast.
pub(super) fn forget_toast(caller: &Caller, headers: &HeaderMap, response: &mut Response) {
    if caller::cookie(headers, TOAST).is_some() {
        caller.remove_cookie(response, TOAST);
    }
}
