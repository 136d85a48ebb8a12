//! Middleware for every request: checks of host and origin, limits, timeout, errors as answers, security
//! headers.
//!
//! A handler below it finds the app, the client ([`Peer`]) and, for exported pages, [`Shared`] in the
//! request's data.

use std::future::pending;
use std::net::Ipv4Addr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use poem::error::NotFoundError;
use poem::http::{HeaderName, HeaderValue, header};
use poem::{Endpoint, IntoResponse, Request, Response, Result, handler};
use tokio::time::timeout;

use crate::auth::AuthenticatedViewer;
use crate::http::acceptor::REQUEST;
use crate::http::cors::Shared;
use crate::http::error::HttpError;
use crate::http::peer::Peer;
use crate::http::{Site, Sockets, caller, csrf, host};
use crate::limits::{Requester, answering, on_behalf_of};
use crate::model::viewer::Viewer;
use crate::runtime::Runtime;

/// The security headers of every answer, unless a handler has set another value.
const HEADERS: [(HeaderName, &str); 3] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "strict-origin-when-cross-origin"),
    (header::X_FRAME_OPTIONS, "SAMEORIGIN"),
];

/// Answers a request by the endpoint. Errors, panics and requests that take longer than [`REQUEST`] get an
/// answer too.
pub(super) async fn every_request(
    endpoint: impl Endpoint,
    mut request: Request,
) -> Result<Response> {
    let shared = request.data::<Site>().cloned().and_then(|site| Shared::take(&mut request, &site));
    let budget = request.data::<Sockets>().map(|sockets| sockets.budget.clone());
    let answer = match admitted(&mut request, shared.as_ref()) {
        Ok(None) => {
            // The body is counted from before the handler reads it until the answer is made.
            let requester = requester(&request).await;
            let left = left(&request);
            let receipt = budget.as_ref().map(|budget| budget.receive(&mut request, &requester));
            let answer = on_behalf_of(requester.clone(), answering(endpoint.call(request)));
            let answer = AssertUnwindSafe(answer).catch_unwind();
            let answer = tokio::select! {
                // The deadline of the connection does not do: over HTTP/2, pings and other requests move it
                // on.
                answer = timeout(REQUEST, answer) => match answer {
                    Ok(answer) => answer.map(|answer| answer.map(IntoResponse::into_response)),
                    Err(_) => Ok(Err(HttpError::TooSlow.into())),
                },
                // The client has gone. The handler is dropped, and its queries of the database end with it.
                () = left => Ok(Err(HttpError::TooSlow.into())),
            };
            // If a limit ended the body, the handler only saw a connection that broke off; the limit is the
            // reason.
            let refused = receipt.and_then(|receipt| receipt.refused());
            match (answer, refused, budget) {
                (_, Some(exceeded), _) => Ok(Err(HttpError::from(exceeded).into())),
                (Ok(Ok(response)), None, Some(budget)) => {
                    let counted = budget.send(response, &requester);
                    Ok(counted.map_err(|exceeded| HttpError::from(exceeded).into()))
                }
                (answer, ..) => answer,
            }
        }
        Ok(Some(response)) => Ok(Ok(response)),
        Err(error) => Ok(Err(error.into())),
    };
    let mut response = match answer {
        Ok(Ok(response)) => response,
        Ok(Err(error)) => explained(error),
        // The panic handler has already written the panic to stderr.
        Err(_) => HttpError::Internal.into_response(),
    };
    if let Some(shared) = shared {
        shared.mark(response.headers_mut());
    }
    for (name, value) in HEADERS {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    Ok(response)
}

/// Waits until the client of a safe request (`GET`) has gone. Never ends for other methods: a write is
/// completed whether its answer is read or not.
fn left(request: &Request) -> impl Future<Output = ()> + use<> {
    let gone = request.data::<Sockets>().filter(|_| request.method().is_safe());
    let gone = gone.map(|sockets| sockets.peers.gone(request.remote_addr().as_socket_addr()));
    async move {
        match gone {
            Some(gone) => gone.cancelled().await,
            None => pending().await,
        }
    }
}

/// The requester that limits count a request for: the account of its token, or else the network of its
/// address.
async fn requester(request: &Request) -> Requester {
    let address = request.data::<Peer>().map_or(Ipv4Addr::LOCALHOST.into(), |peer| peer.address);
    let guest = Requester::guest(address);
    let Some(runtime) = request.data::<Arc<Runtime>>() else { return guest };
    let Some(token) = caller::token(request.headers()) else { return guest };
    // A token that is not valid is reported by `Caller`, for the routes that need one.
    match runtime.auth.known(token).await {
        Ok(Some(AuthenticatedViewer { viewer, .. })) => match &viewer {
            Viewer::User(user) => Requester::account(user.id.as_str(), viewer.is_admin()),
            Viewer::Guest => guest,
        },
        _ => guest,
    }
}

/// Checks a request, and puts the app that is served now into its data: the request keeps that app to its
/// end. Returns an answer if no handler is needed: to a CORS preflight, or while an author's app cannot be
/// served.
///
/// # Errors
/// If the host is not named once, another site may have made the request, or a dev server does not answer to
/// the host.
fn admitted(request: &mut Request, shared: Option<&Shared>) -> Result<Option<Response>, HttpError> {
    let Some(site) = request.data::<Site>().cloned() else { return Err(HttpError::Internal) };
    host::check(request)?;
    let peer = site.proxies().peer(request);
    // An exported page is allowed by its origin, and no cookie counts for it, so CSRF does not apply.
    match shared {
        Some(shared) => {
            if let Some(answer) = shared.preflight(request) {
                return Ok(Some(answer));
            }
            request.set_data(shared.clone());
        }
        None => csrf::check(request, &peer)?,
    }
    request.set_data(peer);
    if let Some(dev) = site.dev() {
        dev.check(request)?;
    }
    match (site.runtime(), site.dev()) {
        (Some(runtime), _) => request.set_data(runtime),
        (None, Some(dev)) => return Ok(dev.answer(request)),
        (None, None) => return Err(HttpError::Internal),
    }
    Ok(None)
}

/// Answers 404 for a path below `/api/` that has no route, instead of looking for a page.
#[handler]
pub(super) fn no_such_route() -> HttpError {
    HttpError::NoSuchRoute
}

/// Turns an error into an answer. Errors of poem are worded as ours, and those that are not the client's are
/// logged.
fn explained(error: poem::Error) -> Response {
    if error.is::<HttpError>() || error.is_from_response() {
        return error.into_response();
    }
    let status = error.status();
    let ours = if error.is::<NotFoundError>() {
        HttpError::NoSuchRoute
    } else if status.is_client_error() {
        HttpError::Malformed(error.to_string())
    } else {
        tracing::error!("a request failed: {error}");
        HttpError::Internal
    };
    ours.into_response()
}
