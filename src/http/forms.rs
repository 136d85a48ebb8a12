//! Forms, sent to the path of their page: by a browser, which is then led somewhere, or by a script of
//! ours, which shows what comes back.
//!
//! What is told after a success waits in a cookie for the next page. The cookie only says which form
//! it was, so nobody can have a text of their own shown.

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

/// The cookie that says which form was saved.
const TOAST: &str = "pagetide_toast";
/// How long what is to be told waits for a page.
const TOAST_WAITS: Duration = Duration::from_secs(60);

/// What a script is told.
#[derive(Default, Serialize)]
struct ScriptBody<'a> {
    /// The path to go on to.
    #[serde(skip_serializing_if = "Option::is_none")]
    navigate: Option<&'a str>,
    /// What people are told, where they stay.
    #[serde(skip_serializing_if = "Option::is_none")]
    toast: Option<&'a str>,
    /// What is to be asked first.
    #[serde(skip_serializing_if = "Option::is_none")]
    confirm: Option<ConfirmBody<'a>>,
    /// The form as it is to stand now.
    #[serde(skip_serializing_if = "Option::is_none")]
    html: Option<&'a str>,
}

#[derive(Serialize)]
struct ConfirmBody<'a> {
    text: &'a str,
    /// What is on the button that does it.
    label: &'a str,
    /// Whether something is deleted by it.
    danger: bool,
}

/// `POST <page path>` takes a form that was sent without JavaScript.
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

/// Tells a script what to show after a success.
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

/// Whether a script of ours asks, which shows what comes back by itself.
fn is_by_script(request: &Request) -> bool {
    request.header(header::ACCEPT) == Some("application/json")
}

fn remember_toast(caller: &Caller, submission: &Submission<'_>, response: &mut Response) {
    // The query string may be long, and says nothing about the form.
    let path = submission.url.split('?').next().unwrap_or_default();
    let form = format!("{}~{}:{path}", submission.component, submission.action());
    caller.set_cookie(response, TOAST, URL_SAFE_NO_PAD.encode(form), TOAST_WAITS);
}

/// What is to be told on the next page.
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

/// What has been told is told once.
pub(super) fn forget_toast(caller: &Caller, headers: &HeaderMap, response: &mut Response) {
    if caller::cookie(headers, TOAST).is_some() {
        caller.remove_cookie(response, TOAST);
    }
}
