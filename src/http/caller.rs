//! Who sent a request: read from its token of the API, or else from its cookie.

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

/// Who sent a request.
pub(super) struct Caller {
    /// Nobody, if there was no token or one that is no longer good.
    pub(super) viewer: Option<Viewer>,
    /// The token, if it is good.
    pub(super) token: Option<String>,
    /// The address and the proxies that the request came through.
    pub(super) visit: Visit,
    /// When the token ends, in Unix seconds.
    expires_at: i64,
    /// Whether it is one of the API.
    is_program: bool,
    /// Whether the cookie must stay on encrypted connections.
    secure: bool,
}

impl<'a> FromRequest<'a> for Caller {
    async fn from_request(request: &'a Request, body: &mut RequestBody) -> Result<Self> {
        let Data(runtime) = Data::<&Arc<Runtime>>::from_request(request, body).await?;
        let Data(peer) = Data::<&Peer>::from_request(request, body).await?;
        let headers = request.headers();
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
    /// Who is to be asked about a page: without a token, a guest.
    pub(super) fn visitor(&self) -> &Viewer {
        self.viewer.as_ref().unwrap_or(&Viewer::Guest)
    }

    /// Whether it is a program with a token of the API.
    pub(super) fn is_program(&self) -> bool {
        self.is_program
    }

    /// Whose account it is, for what only they themselves may do: a token of the API may not.
    pub(super) fn person(&self) -> Result<&User, HttpError> {
        match &self.viewer {
            Some(Viewer::User(_)) if self.is_program => Err(HttpError::NotByToken),
            Some(Viewer::User(user)) => Ok(user),
            Some(Viewer::Guest) | None => Err(HttpError::Unauthenticated),
        }
    }

    /// What a connection is opened with.
    pub(super) fn credential(&self) -> Result<Credential, HttpError> {
        let (viewer, token) =
            self.viewer.clone().zip(self.token.as_deref()).ok_or(HttpError::Unauthenticated)?;
        let expires_at = self.expires_at;
        let address = self.visit.address;
        Ok(Credential { token: token.into(), viewer, expires_at, address })
    }

    /// A table as the caller sees it. Without a token only what everyone may read is there; and nobody learns what
    /// else there is.
    ///
    /// # Errors
    /// [`HttpError::Unauthenticated`] without a token, else [`RecordsError::NotFound`].
    pub(super) fn view(&self, runtime: &Runtime, table: &str) -> Result<View, HttpError> {
        let name = self.table(runtime, table, &[Operation::Read])?;
        Ok(runtime.records.view(self.visitor(), &name)?)
    }

    /// A table as the caller sees it who adds to it. Without a token only what everyone may add to or read is there.
    ///
    /// # Errors
    /// [`HttpError::Unauthenticated`] without a token, else [`RecordsError::NotFound`].
    pub(super) fn view_to_add(&self, runtime: &Runtime, table: &str) -> Result<View, HttpError> {
        let name = self.table(runtime, table, &[Operation::Read, Operation::Create])?;
        Ok(runtime.records.view_to_add(self.visitor(), &name)?)
    }

    /// The name of a table, unless a caller without a token may not know whether there is one.
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

    /// Gives the browser a token to come back with.
    pub(super) fn remember(&self, response: &mut Response, token: String) {
        self.set_cookie(response, COOKIE, token, SESSION_LIFETIME);
    }

    /// Gives the browser a cookie for so long.
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

    /// Takes the token from the browser.
    pub(super) fn forget(&self, response: &mut Response) {
        self.remove_cookie(response, COOKIE);
    }

    /// Takes a cookie from the browser.
    pub(super) fn remove_cookie(&self, response: &mut Response, name: &str) {
        let mut cookie = self.cookie(name, String::new());
        cookie.make_removal();
        set_cookie(response, &cookie);
    }

    fn cookie(&self, name: &str, value: String) -> Cookie {
        let mut cookie = Cookie::new_with_str(name, value);
        cookie.set_path("/");
        cookie.set_http_only(true);
        cookie.set_same_site(SameSite::Lax);
        cookie.set_secure(self.secure);
        cookie
    }
}

/// The token that came with a request, whether it is good or not.
pub(super) fn session_cookie(headers: &HeaderMap) -> Option<&str> {
    cookie(headers, COOKIE)
}

/// The cookie of this name that came with a request.
pub(super) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let all = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    let mut cookies = all.flat_map(|cookies| cookies.split(';'));
    cookies.find_map(|cookie| cookie.trim().strip_prefix(name)?.strip_prefix('='))
}

/// The token that a request comes with, of the API or of a session, whether it is good or not.
pub(super) fn token(headers: &HeaderMap) -> Option<&str> {
    bearer(headers).ok().flatten().or_else(|| session_cookie(headers))
}

/// Whether a request says who it is by a token, good or not.
pub(super) fn carries_bearer(headers: &HeaderMap) -> bool {
    headers.get_all(header::AUTHORIZATION).into_iter().any(is_bearer)
}

/// The token of the API that came with a request. Other ways to say who one is may be for a proxy.
fn bearer(headers: &HeaderMap) -> Result<Option<&str>, HttpError> {
    if !carries_bearer(headers) {
        return Ok(None);
    }
    let mut all = headers.get_all(header::AUTHORIZATION).into_iter();
    let (Some(value), None) = (all.next(), all.next()) else { return Err(HttpError::BadToken) };
    let token = value.to_str().ok().and_then(|value| value.split_once(' ')).map(|(_, token)| token);
    token.filter(|token| is_api_token(token)).map(Some).ok_or(HttpError::BadToken)
}

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
