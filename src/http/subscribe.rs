//! Upgrades to WebSocket: one table, or everything over one socket.

use std::sync::Arc;

use poem::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use poem::web::{Data, Path, Query};
use poem::{Request, Response, Result, handler};
use serde::Deserialize;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::http::Sockets;
use crate::http::caller::Caller;
use crate::http::error::HttpError;
use crate::http::websocket::{self, Opening};
use crate::live::{Handshake, Outbox, Session};
use crate::model::ids::Position;
use crate::runtime::Runtime;

/// How a per-table socket may be scoped from the beginning.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TableQuery {
    filter: Option<String>,
    fields: Option<String>,
    sort: Option<String>,
    since: Option<String>,
}

/// `GET /api/tables/:table/subscribe`: a WebSocket that is subscribed to the table on opening.
#[handler]
pub(super) async fn one_table(
    request: &Request,
    Path(table): Path<String>,
    query: Result<Query<TableQuery>>,
    caller: Caller,
    runtime: Data<&Arc<Runtime>>,
    sockets: Data<&Sockets>,
) -> Result<Response> {
    let viewer = caller.viewer.as_ref().ok_or(HttpError::Unauthenticated)?;
    let view = runtime.records.view(viewer, &table).map_err(HttpError::from)?;
    let Query(asked) = query.map_err(|error| HttpError::Malformed(error.to_string()))?;
    let filter = asked.filter.as_deref().map(|text| view.filter_text(text)).transpose();
    let handshake = Handshake {
        filter: filter.map_err(HttpError::from)?,
        fields: asked.fields.map(|names| names.split(',').map(str::to_owned).collect()),
        sort: asked.sort,
        since: asked.since.map(Position::new),
        ..Handshake::default()
    };
    open(request, &caller, &runtime, &sockets, Some((table, handshake))).await
}

/// `GET /api/realtime/subscribe`: a WebSocket for any number of subscriptions.
#[handler]
pub(super) async fn everything(
    request: &Request,
    caller: Caller,
    runtime: Data<&Arc<Runtime>>,
    sockets: Data<&Sockets>,
) -> Result<Response> {
    open(request, &caller, &runtime, &sockets, None).await
}

async fn open(
    request: &Request,
    caller: &Caller,
    runtime: &Arc<Runtime>,
    sockets: &Sockets,
    first: Option<(String, Handshake)>,
) -> Result<Response> {
    let viewer = caller.viewer.clone().ok_or(HttpError::Unauthenticated)?;
    let token = caller.token.as_deref().ok_or(HttpError::Unauthenticated)?;
    let accept = accept_key(request).ok_or(HttpError::NoUpgrade)?;
    let upgrade = request.take_upgrade().map_err(|_| HttpError::NoUpgrade)?;
    let outbox = Arc::new(Outbox::default());
    let most = runtime.hub.transport().max_connections_per_user;
    let admission = runtime.hub.admit(&viewer, token, &outbox);
    let admission = admission.ok_or(HttpError::TooManyConnections(most))?;
    let (table, handshake) = first.unzip();
    let (hub, app, records) = (runtime.hub.clone(), runtime.app.clone(), runtime.records.clone());
    let mut session = Session::new(hub, app, records, viewer, outbox.clone(), table);
    if let Some(handshake) = handshake {
        session.handle(handshake).await.map_err(HttpError::from)?;
    }
    let transport = *runtime.hub.transport();
    let stop = sockets.stop.clone();
    sockets
        .tasks
        .spawn(websocket::run(Opening { upgrade, session, outbox, transport, stop }, admission));
    Ok(Response::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header(header::CONNECTION, HeaderValue::from_static("upgrade"))
        .header(header::UPGRADE, HeaderValue::from_static("websocket"))
        .header(header::SEC_WEBSOCKET_ACCEPT, accept)
        .finish())
}

/// What the answer must prove, if the request opens a WebSocket (RFC 6455, 4.2.1).
fn accept_key(request: &Request) -> Option<String> {
    let headers = request.headers();
    let opens = *request.method() == Method::GET
        && has_word(headers, header::CONNECTION, "upgrade")
        && has_word(headers, header::UPGRADE, "websocket")
        && has_word(headers, header::SEC_WEBSOCKET_VERSION, "13");
    let key = headers.get(header::SEC_WEBSOCKET_KEY).filter(|_| opens)?;
    Some(derive_accept_key(key.as_bytes()))
}

fn has_word(headers: &HeaderMap, name: header::HeaderName, word: &str) -> bool {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|part| part.trim().eq_ignore_ascii_case(word))
}
