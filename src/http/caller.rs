//! Authenticates a request: by its API token (`Authorization: Bearer`), or else by its session cookie.

use std::sync::Arc;
use std::time::Duration;

use poem::http::{HeaderMap, HeaderValue, header};
use poem::web::Data;
use poem::web::cookie::{Cookie, SameSite};
use poem::{FromRequest, Request, RequestBody, Response, Result};

use crate::auth::{COOKIE, SESSION_LIFETIME, Visit, is_api_token, is_guest};
use crate::http::cors::Shared;
use crate::http::error::HttpError;
use crate::http::peer::Peer;
use crate::live::Credential;
use crate::model::access::View;
use crate::model::ids::TableName;
use crate::model::permissions::Operation;
use crate::model::table::Table;
use crate::model::viewer::{User, Viewer};
use crate::records::RecordsError;
use crate::runtime::Runtime;

/// The sender of a request: who they are, and how they say so.
pub(super) struct Caller {
    /// The guest or account of the token. `None` if the request has no token, or only a cookie that is no
    /// longer valid.
    pub(super) viewer: Option<Viewer>,
    /// The token of the session or of the API, if it is valid.
    pub(super) token: Option<String>,
    /// The client's address, and the browser or program by its `User-Agent`.
    pub(super) visit: Visit,
    /// The time at which the token ends, in Unix seconds; 0 without a token.
    expires_at: i64,
    /// Whether the token is an API token.
    is_program: bool,
    /// Whether cookies get `Secure`, so that browsers send them over HTTPS only.
    secure: bool,
}

impl<'a> FromRequest<'a> for Caller {
    async fn from_request(request: &'a Request, body: &mut RequestBody) -> Result<Self> {
        let Data(runtime) = Data::<&Arc<Runtime>>::from_request(request, body).await?;
        let Data(peer) = Data::<&Peer>::from_request(request, body).await?;
        let headers = request.headers();
        // A request from an exported page on another site has a guest's token in its address. Its cookies do
        // not count: the person may be signed in here, and has not opened a page of ours.
        let shared = request.data::<Shared>();
        let bearer = if shared.is_none() { bearer(headers)? } else { None };
        let token = match shared {
            Some(shared) => shared.token.as_deref().filter(|token| is_guest(token)),
            None => {
                let cookie = session_cookie(headers).filter(|token| !is_api_token(token));
                bearer.or(cookie)
            }
        };
        let known = match token {
            Some(token) => runtime.auth.known(token).await.map_err(HttpError::from)?,
            None => None,
        };
        // A program whose token has ended must learn of it. A browser with an old cookie becomes a guest
        // instead.
        if bearer.is_some() && known.is_none() {
            return Err(HttpError::BadToken.into());
        }
        let token = token.filter(|_| known.is_some()).map(str::to_owned);
        let expires_at = known.as_ref().map_or(0, |known| known.expires_at);
        let agent = headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok());
        Ok(Self {
            viewer: known.map(|known| known.viewer),
            token,
            visit: Visit { address: peer.address, agent: agent.map(str::to_owned) },
            expires_at,
            is_program: bearer.is_some(),
            secure: peer.is_https == Some(true) || !peer.is_at_home(),
        })
    }
}

impl Caller {
    /// The viewer for pages: a guest if the request has no valid token.
    pub(super) fn visitor(&self) -> &Viewer {
        self.viewer.as_ref().unwrap_or(&Viewer::Guest)
    }

    /// Whether the caller is a program with an API token.
    pub(super) fn is_program(&self) -> bool {
        self.is_program
    }

    /// The account of a person who has signed in, for actions that an API token must not do, such as changing
    /// the password.
    ///
    /// # Errors
    /// [`HttpError::NotByToken`] for an API token, [`HttpError::Unauthenticated`] for a guest.
    pub(super) fn person(&self) -> Result<&User, HttpError> {
        match &self.viewer {
            Some(Viewer::User(_)) if self.is_program => Err(HttpError::NotByToken),
            Some(Viewer::User(user)) => Ok(user),
            Some(Viewer::Guest) | None => Err(HttpError::Unauthenticated),
        }
    }

    /// The credential of a live connection, by which it is closed when the session ends.
    ///
    /// # Errors
    /// [`HttpError::Unauthenticated`] without a valid token; that of a guest session will do.
    pub(super) fn credential(&self) -> Result<Credential, HttpError> {
        let (viewer, token) =
            self.viewer.clone().zip(self.token.as_deref()).ok_or(HttpError::Unauthenticated)?;
        let expires_at = self.expires_at;
        let address = self.visit.address;
        Ok(Credential { token: token.into(), viewer, expires_at, address })
    }

    /// The table as the caller sees it. A caller without a token sees the tables that guests may read.
    ///
    /// # Errors
    /// If the table is unknown or closed to the caller: [`HttpError::Unauthenticated`] without a token, else
    /// [`RecordsError::NotFound`]. Both cases have the same answer, so no one learns which tables there are.
    pub(super) fn view(&self, runtime: &Runtime, table: &str) -> Result<View, HttpError> {
        let name = self.table(runtime, table, &[Operation::Read])?;
        Ok(runtime.records.view(self.visitor(), &name)?)
    }

    /// The table for a caller who adds records to it, even if they may not read it. A caller without a token
    /// sees the tables that guests may add to or read.
    ///
    /// # Errors
    /// The same as of [`Caller::view`].
    pub(super) fn view_to_add(&self, runtime: &Runtime, table: &str) -> Result<View, HttpError> {
        let name = self.table(runtime, table, &[Operation::Read, Operation::Create])?;
        Ok(runtime.records.view_to_add(self.visitor(), &name)?)
    }

    /// Checks the name of a table. A caller without a token gets [`HttpError::Unauthenticated`] for every
    /// name whose table does not grant guests one of the operations, whether it exists or not.
    fn table(
        &self,
        runtime: &Runtime,
        table: &str,
        operations: &[Operation],
    ) -> Result<TableName, HttpError> {
        let name = table.parse::<TableName>().ok();
        let may = |table: &Arc<Table>| {
            operations.iter().any(|operation| table.allows(&Viewer::Guest, *operation))
        };
        let is_open = name.as_ref().and_then(|name| runtime.app.table(name)).is_some_and(may);
        if self.viewer.is_none() && !is_open {
            return Err(HttpError::Unauthenticated);
        }
        name.ok_or(RecordsError::NotFound.into())
    }

    /// Sets the session cookie: the browser sends the token from now on.
    pub(super) fn remember(&self, response: &mut Response, token: String) {
        self.set_cookie(response, COOKIE, token, SESSION_LIFETIME);
    }

    /// Sets a cookie that lasts for `lifetime`.
    pub(super) fn set_cookie(
        &self,
        response: &mut Response,
        name: &str,
        value: String,
        lifetime: Duration,
    ) {
        let mut cookie = self.cookie(name, value);
        cookie.set_max_age(lifetime);
        set_cookie(response, &cookie);
    }

    /// Removes the session cookie from the browser.
    pub(super) fn forget(&self, response: &mut Response) {
        self.remove_cookie(response, COOKIE);
    }

    /// Removes a cookie from the browser.
    pub(super) fn remove_cookie(&self, response: &mut Response, name: &str) {
        let mut cookie = self.cookie(name, String::new());
        cookie.make_removal();
        set_cookie(response, &cookie);
    }

    /// A cookie of ours. `HttpOnly` keeps it from scripts, and `SameSite=Lax` from requests that other sites
    /// make, except for links to our pages.
    fn cookie(&self, name: &str, value: String) -> Cookie {
        let mut cookie = Cookie::new_with_str(name, value);
        cookie.set_path("/");
        cookie.set_http_only(true);
        cookie.set_same_site(SameSite::Lax);
        cookie.set_secure(self.secure);
        cookie
    }
}

/// The value of the session cookie of a request, valid or not. `None` if it has none.
pub(super) fn session_cookie(headers: &HeaderMap) -> Option<&str> {
    cookie(headers, COOKIE)
}

/// The value of the first cookie of this name. `None` if the request has none.
pub(super) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let all = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    let mut cookies = all.flat_map(|cookies| cookies.split(';'));
    cookies.find_map(|cookie| cookie.trim().strip_prefix(name)?.strip_prefix('='))
}

/// The API token of a request, or else its session cookie, valid or not. `None` if it has neither.
pub(super) fn token(headers: &HeaderMap) -> Option<&str> {
    bearer(headers).ok().flatten().or_else(|| session_cookie(headers))
}

/// Whether a request has an `Authorization: Bearer` header, valid or not.
pub(super) fn carries_bearer(headers: &HeaderMap) -> bool {
    headers.get_all(header::AUTHORIZATION).into_iter().any(is_bearer)
}

/// The API token of a request. `None` without a `Bearer` header: other schemes, such as `Basic`, may be meant
/// for a proxy before this server.
///
/// # Errors
/// [`HttpError::BadToken`] if there are several `Authorization` headers, or the token has not the form of
/// ours.
fn bearer(headers: &HeaderMap) -> Result<Option<&str>, HttpError> {
    if !carries_bearer(headers) {
        return Ok(None);
    }
    let mut all = headers.get_all(header::AUTHORIZATION).into_iter();
    let (Some(value), None) = (all.next(), all.next()) else { return Err(HttpError::BadToken) };
    let token = value.to_str().ok().and_then(|value| value.split_once(' ')).map(|(_, token)| token);
    token.filter(|token| is_api_token(token)).map(Some).ok_or(HttpError::BadToken)
}

/// Whether a header has the scheme `Bearer`, in any case (RFC 9110, 11.1).
fn is_bearer(value: &HeaderValue) -> bool {
    let scheme = value.as_bytes().split(|byte| byte.is_ascii_whitespace()).next();
    scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"bearer"))
}

fn set_cookie(response: &mut Response, cookie: &Cookie) {
    let cookie = HeaderValue::try_from(cookie.to_string());
    response
        .headers_mut()
        .append(header::SET_COOKIE, cookie.expect("what is put into cookies is plain text"));
}
