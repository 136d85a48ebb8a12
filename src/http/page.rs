//! Serves pages as complete HTML, and single components of them as fragments.

use std::sync::Arc;

use percent_encoding::percent_decode_str;
use poem::http::{HeaderMap, StatusCode};
use poem::web::{Data, Query};
use poem::{Request, Response, Result, handler};
use serde::Deserialize;

use crate::http::caller::Caller;
use crate::http::error::HttpError;
use crate::http::html::{
    fresh, known_tag, nonce, not_modified, page, refusal, see_other, tagged, to_sign_in, url,
};
use crate::http::{accounts, admin, forms, profile};
use crate::model::viewer::Viewer;
use crate::pages::{Fragment, PageRequest, PageResponse};
use crate::runtime::Runtime;

/// `GET <page path>` serves a page of the author as complete HTML, or else a built-in page: `/sign-in`,
/// `/account`, `/admin/…`. Errors are answered with a page too.
#[handler]
pub(super) async fn show(
    request: &Request,
    caller: Caller,
    runtime: Data<&Arc<Runtime>>,
) -> Response {
    let path = path(request);
    let url = url(request);
    let nonce = nonce();
    // A visitor without a session gets a guest session with the page, since live updates need one. Such a
    // visitor gets the full page, not a 304: the cookie goes with it.
    let newcomer = caller.viewer.is_none();
    let known = known_tag(request.headers()).filter(|_| !newcomer);
    let toast = forms::waiting_toast(&runtime, &caller, request.headers());
    let toast = toast.as_deref();
    let below = match admin::below(&runtime, &caller, url).await {
        Ok(below) => below,
        Err(error) => return refusal(&runtime, &caller, &nonce, &error),
    };
    let viewer = caller.visitor();
    let below = below.as_deref();
    let answer = match runtime
        .pages
        .open(viewer, PageRequest { url, known, nonce: &nonce, toast, below })
        .await
    {
        Ok(PageResponse::Html(html, tag)) => {
            let mut response = tagged(page(StatusCode::OK, &nonce, html), tag);
            forms::forget_toast(&caller, request.headers(), &mut response);
            if newcomer {
                caller.remember(&mut response, runtime.auth.guest_token());
            }
            return response;
        }
        // A 304 has no new policy: the browser keeps the headers of the stored page, whose HTML has their
        // nonce.
        Ok(PageResponse::Unchanged(tag)) => return tagged(not_modified(), Some(tag)),
        Ok(PageResponse::Redirect(path)) => return see_other(&path),
        Ok(PageResponse::SignIn) => return to_sign_in(url),
        Ok(PageResponse::NotFound) if path.starts_with("/admin/") => {
            admin::built_in(&runtime, &caller, &path, request, &nonce).await
        }
        Ok(PageResponse::NotFound) if path == "/account" => match &caller.viewer {
            Some(Viewer::User(_)) => {
                profile::show(&runtime, &caller, request, &nonce).await.map(Some)
            }
            Some(Viewer::Guest) | None => return to_sign_in(&path),
        },
        Ok(PageResponse::NotFound) => {
            accounts::built_in(&runtime, &caller, &path, request, &nonce).await
        }
        Err(error) => Err(HttpError::from(error)),
    };
    match answer {
        Ok(Some(response)) => response,
        Ok(None) => refusal(&runtime, &caller, &nonce, &HttpError::NoSuchRoute),
        Err(error) => refusal(&runtime, &caller, &nonce, &error),
    }
}

/// The query parameters of a fragment.
#[derive(Deserialize)]
pub(super) struct FragmentQuery {
    /// The path and query of its page.
    url: String,
    /// The id of the component.
    component: String,
    /// The shape of the component that the client shows. If the component has another now, the answer is 409.
    shape: Option<String>,
}

/// `GET /api/fragments?url=&component=&shape=` returns the HTML of one component as its page shows it now, or
/// 304 if the client has it.
#[handler]
pub(super) async fn fragment(
    query: Result<Query<FragmentQuery>>,
    headers: &HeaderMap,
    caller: Caller,
    runtime: Data<&Arc<Runtime>>,
) -> Result<Response> {
    let Query(asked) = query.map_err(|error| HttpError::Malformed(error.to_string()))?;
    let known = known_tag(headers);
    let FragmentQuery { url, component, shape } = &asked;
    let viewer = caller.visitor();
    let made = runtime.pages.fragment(viewer, url, component, shape.as_deref(), known).await;
    Ok(match made.map_err(HttpError::from)? {
        Fragment::Html(html, tag) => {
            tagged(fresh(StatusCode::OK).body(html.to_string()), Some(tag))
        }
        Fragment::Unchanged(tag) => tagged(not_modified(), Some(tag)),
    })
}

/// The path of a request, percent-decoded. Bytes that are not UTF-8 become `U+FFFD`, which is in no page's
/// path.
fn path(request: &Request) -> String {
    percent_decode_str(request.uri().path()).decode_utf8_lossy().into_owned()
}
