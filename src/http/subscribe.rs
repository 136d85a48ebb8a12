//! The routes of live connections: for one table or for any subscriptions, by WebSocket or Server-Sent Events
//! (SSE).
//!
//! They authenticate the caller and open a [`Session`]; `websocket` and `sse` carry its messages.

use std::sync::Arc;

use poem::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use poem::web::{Data, Path, Query};
use poem::{OnUpgrade, Request, Response, Result, handler};
use serde::Deserialize;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::http::caller::Caller;
use crate::http::error::HttpError;
use crate::http::{Sockets, sse, websocket};
use crate::limits::{on_behalf_of, requester};
use crate::live::{Handshake, Outbox, Session, SessionContext};
use crate::model::ids::SealedPosition;
use crate::records::RecordsError;
use crate::runtime::Runtime;

/// The query parameters of a connection for one table, as text.
#[derive(Deserialize)]
pub(super) struct TableQuery {
    filter: Option<String>,
    fields: Option<String>,
    sort: Option<String>,
    since: Option<String>,
}

/// The query parameters of an event stream. They have all its subscriptions, since a client cannot send
/// anything later.
#[derive(Deserialize)]
pub(super) struct StreamQuery {
    /// A JSON array of handshakes.
    subscribe: String,
}

/// `GET /api/tables/:table/subscribe` opens a WebSocket that is subscribed to the table.
#[handler]
pub(super) async fn one_table(
    request: &Request,
    Path(table): Path<String>,
    query: Result<Query<TableQuery>>,
    caller: Caller,
    runtime: Data<&Arc<Runtime>>,
    sockets: Data<&Sockets>,
) -> Result<Response> {
    let handshake = table_handshake(&caller, &runtime, &table, query)?;
    open_socket(request, &caller, &runtime, &sockets, Some((table, handshake))).await
}

/// `GET /api/realtime/subscribe` opens a WebSocket over which the client sends handshakes.
#[handler]
pub(super) async fn everything(
    request: &Request,
    caller: Caller,
    runtime: Data<&Arc<Runtime>>,
    sockets: Data<&Sockets>,
) -> Result<Response> {
    open_socket(request, &caller, &runtime, &sockets, None).await
}

/// `GET /api/tables/:table/subscribe/sse` streams the changes of the table as Server-Sent Events.
#[handler]
pub(super) async fn one_table_sse(
    request: &Request,
    Path(table): Path<String>,
    query: Result<Query<TableQuery>>,
    caller: Caller,
    runtime: Data<&Arc<Runtime>>,
    sockets: Data<&Sockets>,
) -> Result<Response> {
    let mut handshake = table_handshake(&caller, &runtime, &table, query)?;
    handshake.table = Some(table.clone());
    open_stream(request, &caller, &runtime, &sockets, Some(table), vec![handshake]).await
}

/// `GET /api/realtime/subscribe/sse?subscribe=[…]` streams several subscriptions as Server-Sent Events.
#[handler]
pub(super) async fn everything_sse(
    request: &Request,
    query: Result<Query<StreamQuery>>,
    caller: Caller,
    runtime: Data<&Arc<Runtime>>,
    sockets: Data<&Sockets>,
) -> Result<Response> {
    // A caller without a token gets 401, before any fault of the query is reported.
    caller.credential()?;
    let malformed = |message: String| HttpError::Malformed(message);
    let Query(asked) = query.map_err(|error| malformed(error.to_string()))?;
    let handshakes: Vec<Handshake> = serde_json::from_str(&asked.subscribe).map_err(|error| {
        malformed(format!("subscribe must be a JSON array of handshakes: {error}"))
    })?;
    open_stream(request, &caller, &runtime, &sockets, None, handshakes).await
}

/// Returns the handshake for a table that the query of a per-table route stands for.
///
/// # Errors
/// If the caller has no token, the table is unknown or closed to them, or the filter cannot be read.
fn table_handshake(
    caller: &Caller,
    runtime: &Runtime,
    table: &str,
    query: Result<Query<TableQuery>>,
) -> Result<Handshake, HttpError> {
    let viewer = caller.viewer.as_ref().ok_or(HttpError::Unauthenticated)?;
    let table = table.parse().map_err(|_| RecordsError::NotFound)?;
    let view = runtime.records.view(viewer, &table)?;
    let Query(asked) = query.map_err(|error| HttpError::Malformed(error.to_string()))?;
    Ok(Handshake {
        filter: asked.filter.as_deref().map(|text| view.filter_text(text)).transpose()?,
        fields: asked.fields.map(|names| names.split(',').map(str::to_owned).collect()),
        sort: asked.sort,
        since: asked.since.map(SealedPosition::new),
        ..Handshake::default()
    })
}

/// Opens a WebSocket. `first` is the table of a per-table route with its handshake.
///
/// # Errors
/// If the handshake is refused: the client then gets an HTTP error, and no socket.
async fn open_socket(
    request: &Request,
    caller: &Caller,
    runtime: &Arc<Runtime>,
    sockets: &Sockets,
    first: Option<(String, Handshake)>,
) -> Result<Response> {
    caller.credential()?;
    let (response, upgrade) = switch(request)?;
    let (table, handshake) = first.unzip();
    let mut session = session(caller, runtime, table, "websocket")?;
    if let Some(handshake) = handshake {
        session.handle(handshake).await.map_err(HttpError::from)?;
    }
    let talking = websocket::run(upgrade, session, sockets.stop.clone());
    sockets.tasks.spawn(on_behalf_of(requester(), talking));
    Ok(response)
}

/// Opens an event stream that is subscribed to the handshakes. `table` is that of a per-table route.
async fn open_stream(
    request: &Request,
    caller: &Caller,
    runtime: &Arc<Runtime>,
    sockets: &Sockets,
    table: Option<String>,
    mut handshakes: Vec<Handshake>,
) -> Result<Response> {
    sse::resume(request.headers(), &mut handshakes)?;
    let is_for_one = table.is_some();
    let mut session = session(caller, runtime, table, "sse")?;
    let names = handshakes.iter().map(|handshake| session.name(handshake)).collect();
    for handshake in handshakes {
        // A per-table stream whose handshake is refused is an HTTP error. Among several handshakes, each
        // refused one is answered with an `error` message, and the others stay.
        match is_for_one {
            true => session.handle(handshake).await.map_err(HttpError::from)?,
            false => session.take(handshake).await,
        }
    }
    let gone = sockets.peers.gone(request.remote_addr().as_socket_addr());
    Ok(sse::open(session, names, gone, sockets))
}

/// Begins the session of a new connection. `table` is that of a per-table route, `via` is `websocket` or
/// `sse`.
///
/// # Errors
/// [`HttpError::TooManyConnections`] if the viewer has as many connections as one may hold.
fn session(
    caller: &Caller,
    runtime: &Runtime,
    table: Option<String>,
    via: &'static str,
) -> Result<Session, HttpError> {
    let credential = caller.credential()?;
    let hub = runtime.hub.clone();
    let outbox = Arc::new(Outbox::default());
    let viewer = credential.viewer.clone();
    let most = hub.transport().max_connections_per_user;
    let admission = hub.admit(credential, &outbox).ok_or(HttpError::TooManyConnections(most))?;
    let (app, records) = (runtime.app.clone(), runtime.records.clone());
    Ok(Session::new(SessionContext { hub, app, records, viewer, outbox, admission, via }, table))
}

/// Returns the answer that switches a connection to WebSocket, and the future of the switched connection.
///
/// # Errors
/// [`HttpError::NoUpgrade`], a 426, if the request is not a WebSocket handshake.
pub(super) fn switch(request: &Request) -> Result<(Response, OnUpgrade), HttpError> {
    let accept = accept_key(request).ok_or(HttpError::NoUpgrade)?;
    let upgrade = request.take_upgrade().map_err(|_| HttpError::NoUpgrade)?;
    let response = Response::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header(header::CONNECTION, HeaderValue::from_static("upgrade"))
        .header(header::UPGRADE, HeaderValue::from_static("websocket"))
        .header(header::SEC_WEBSOCKET_ACCEPT, accept)
        .finish();
    Ok((response, upgrade))
}

/// The value of `Sec-WebSocket-Accept`, by which the client knows that the server has read its handshake (RFC
/// 6455, 4.2.2). `None` if the request is not a handshake of version 13 (4.2.1).
fn accept_key(request: &Request) -> Option<String> {
    let headers = request.headers();
    let opens = *request.method() == Method::GET
        && has_word(headers, header::CONNECTION, "upgrade")
        && has_word(headers, header::UPGRADE, "websocket")
        && has_word(headers, header::SEC_WEBSOCKET_VERSION, "13");
    let key = headers.get(header::SEC_WEBSOCKET_KEY).filter(|_| opens)?;
    Some(derive_accept_key(key.as_bytes()))
}

/// Whether a header that is a comma-separated list has a word, in any case.
fn has_word(headers: &HeaderMap, name: header::HeaderName, word: &str) -> bool {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|part| part.trim().eq_ignore_ascii_case(word))
}
