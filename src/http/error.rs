//! Errors as answers: a status and the JSON body `{code, message, details?, record?}`.
//!
//! Status codes are chosen here alone, for the errors of all modules.

use poem::error::ResponseError;
use poem::http::{HeaderValue, StatusCode, header};
use poem::{IntoResponse, Response};
use serde::Serialize;
use serde_json::Value as Json;

use crate::auth::{self, AuthError};
use crate::http::answer;
use crate::limits::{Exceeded, Refusal};
use crate::live::LiveError;
use crate::pages::PagesError;
use crate::records::envelope::Envelope;
use crate::records::{RecordsError, Stale, WriteObstacle};
use crate::store::StoreError;

/// The reason why a request failed. Its text is the `message` of the answer, which anyone may read.
#[derive(Debug, thiserror::Error)]
pub(super) enum HttpError {
    #[error(transparent)]
    Exceeded(#[from] Exceeded),
    #[error(transparent)]
    Records(#[from] RecordsError),
    #[error(transparent)]
    Pages(#[from] PagesError),
    #[error(transparent)]
    Auth(#[from] AuthError),
    #[error(transparent)]
    Live(#[from] LiveError),
    #[error("{}", .0.told())]
    Store(#[from] StoreError),
    #[error("{0}")]
    Malformed(String),
    #[error("the record is no longer as `If-Match` has it")]
    Precondition(Box<Stale>),
    #[error("the body may have at most {0} MiB")]
    TooLarge(usize),
    #[error("the file may have at most {0} MiB")]
    FileTooLarge(usize),
    #[error("the body must be {0}")]
    NotOfType(&'static str),
    #[error("the body must be sent as it is, without `Content-Encoding`")]
    Encoded,
    #[error("sign in first")]
    Unauthenticated,
    #[error("this token is not valid, or no longer; send `Authorization: Bearer pt_…`, once")]
    BadToken,
    #[error("this is for admins, and for programs on the machine of the server")]
    ForAdmins,
    #[error("this is for people: sign in with your password")]
    NotByToken,
    #[error(
        "a token of the API has no session to end; revoke it on your account page, or with \
         `pagetide token revoke`"
    )]
    NoSession,
    #[error("an HTTP/1.1 request names the host that it is for, once (RFC 9112, 3.2)")]
    BadHost,
    #[error("the request took too long")]
    TooSlow,
    #[error(
        "this request seems to come from another site; a program that sends a session's cookie says where \
         it belongs: `Origin` with the scheme and host of this server"
    )]
    ForeignOrigin,
    #[error(
        "`{0}` is not a host that this dev server answers to; --allow-host {0} lets it, if it is \
         yours"
    )]
    ForeignHost(String),
    #[error("there is nothing here")]
    NoSuchRoute,
    #[error("this cannot be done here")]
    MethodNotAllowed(String),
    #[error("this is for WebSocket: ask with `Upgrade: websocket` and `Sec-WebSocket-Version: 13`")]
    NoUpgrade,
    #[error("you may hold {0} connections, and you do")]
    TooManyConnections(usize),
    #[error("changes are not told in time")]
    Behind,
    #[error("something went wrong here; it has been noted")]
    Internal,
}

impl HttpError {
    /// The limit that was exceeded, in whichever module. `None` if the error is another.
    fn exceeded(&self) -> Option<&Exceeded> {
        match (self, self.store_error()) {
            (Self::Exceeded(exceeded) | Self::Live(LiveError::Exceeded(exceeded)), _)
            | (_, Some(StoreError::Exceeded(exceeded))) => Some(exceeded),
            _ => None,
        }
    }

    /// The error of the database behind this one. `None` if the error is another.
    fn store_error(&self) -> Option<&StoreError> {
        match self {
            Self::Store(error)
            | Self::Auth(AuthError::Store(error))
            | Self::Records(RecordsError::Store(error))
            | Self::Pages(PagesError::Records(RecordsError::Store(error)))
            | Self::Live(LiveError::Records(RecordsError::Store(error))) => Some(error),
            _ => None,
        }
    }

    /// The `code` of the answer: the kind of error, for programs.
    fn code(&self) -> &'static str {
        if let Some(Exceeded { limit, .. }) = self.exceeded() {
            return limit.code();
        }
        match self {
            Self::Exceeded(_) | Self::Live(LiveError::Exceeded(_)) => "BUSY",
            Self::Records(error) | Self::Pages(PagesError::Records(error)) => error.code(),
            Self::Live(LiveError::Records(error)) => error.code(),
            Self::Live(LiveError::Malformed(_))
            | Self::Malformed(_)
            | Self::NoSession
            | Self::BadHost => "BAD_REQUEST",
            Self::Precondition(_) => "PRECONDITION_FAILED",
            Self::TooSlow => "TIMEOUT",
            Self::Live(LiveError::TooManyEdits(_)) => "TOO_MANY_EDITS",
            Self::Auth(AuthError::WrongCredentials | AuthError::WrongPassword) => {
                "WRONG_CREDENTIALS"
            }
            Self::Auth(AuthError::Taken) => "CONFLICT",
            Self::Auth(AuthError::OwnAccount) => "FORBIDDEN",
            Self::Auth(AuthError::TooMany(_)) => "TOO_MANY_ATTEMPTS",
            Self::Auth(
                AuthError::SetupOver | AuthError::UnknownAccount | AuthError::UnknownToken,
            ) => "NOT_FOUND",
            Self::Auth(AuthError::Unfit(_)) => "VALIDATION_FAILED",
            Self::Auth(AuthError::Store(_)) | Self::Store(_) => "UNAVAILABLE",
            Self::TooLarge(_) | Self::FileTooLarge(_) => "TOO_LARGE",
            Self::NotOfType(_) | Self::Encoded => "UNSUPPORTED_MEDIA_TYPE",
            Self::Unauthenticated | Self::BadToken => "UNAUTHENTICATED",
            Self::NotByToken | Self::ForAdmins => "FORBIDDEN",
            Self::ForeignOrigin => "FOREIGN_ORIGIN",
            Self::ForeignHost(_) => "FOREIGN_HOST",
            Self::NoSuchRoute => "NOT_FOUND",
            Self::MethodNotAllowed(_) => "METHOD_NOT_ALLOWED",
            Self::NoUpgrade => "UPGRADE_REQUIRED",
            Self::TooManyConnections(_) => "TOO_MANY_CONNECTIONS",
            Self::Behind => "BEHIND",
            Self::Pages(PagesError::Render(_)) | Self::Internal => "INTERNAL",
        }
    }

    /// The `details` of the answer: a list of faults, by field, by record of a batch or by line of a file.
    /// `None` for an error that is one fault.
    fn details(&self) -> Option<Json> {
        match self {
            Self::Records(
                RecordsError::Unfit(faults)
                | RecordsError::UnknownFields(faults)
                | RecordsError::NotToSet(faults)
                | RecordsError::Batch(_, faults),
            ) => serde_json::to_value(faults).ok(),
            Self::Records(RecordsError::BadLines(faults) | RecordsError::RefusedLines(faults)) => {
                serde_json::to_value(faults).ok()
            }
            Self::Auth(AuthError::Unfit(faults)) => serde_json::to_value(faults).ok(),
            _ => None,
        }
    }

    /// The seconds after which the client may try again, for `Retry-After`. `None` if waiting does not help,
    /// or the time is not known.
    pub(super) fn retry_after(&self) -> Option<u64> {
        if let Some(wait) = self.exceeded().and_then(|exceeded| exceeded.retry_after) {
            return Some(auth::seconds(&wait));
        }
        match self {
            Self::Auth(AuthError::TooMany(wait)) => Some(auth::seconds(wait)),
            Self::TooManyConnections(_) | Self::Records(RecordsError::TooManyExports) => Some(30),
            _ => None,
        }
    }
}

impl ResponseError for HttpError {
    fn status(&self) -> StatusCode {
        if let Some(Exceeded { limit, .. }) = self.exceeded() {
            return match limit.refusal() {
                Refusal::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
                Refusal::TooMuch => StatusCode::UNPROCESSABLE_ENTITY,
                Refusal::TooMany => StatusCode::TOO_MANY_REQUESTS,
                Refusal::Busy | Refusal::Silent => StatusCode::SERVICE_UNAVAILABLE,
            };
        }
        match self {
            Self::Exceeded(_) | Self::Live(LiveError::Exceeded(_)) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::Records(error) | Self::Pages(PagesError::Records(error)) => records(error),
            Self::Live(LiveError::Records(error)) => records(error),
            Self::Live(LiveError::Malformed(_))
            | Self::Malformed(_)
            | Self::NoSession
            | Self::BadHost => StatusCode::BAD_REQUEST,
            Self::Precondition(_) => StatusCode::PRECONDITION_FAILED,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Live(LiveError::TooManyEdits(_)) => StatusCode::TOO_MANY_REQUESTS,
            Self::Auth(AuthError::WrongCredentials) => StatusCode::UNAUTHORIZED,
            Self::Auth(AuthError::WrongPassword | AuthError::OwnAccount) => StatusCode::FORBIDDEN,
            Self::Auth(AuthError::Taken) => StatusCode::CONFLICT,
            Self::Auth(AuthError::TooMany(_)) => StatusCode::TOO_MANY_REQUESTS,
            Self::Auth(
                AuthError::SetupOver | AuthError::UnknownAccount | AuthError::UnknownToken,
            ) => StatusCode::NOT_FOUND,
            Self::Auth(AuthError::Unfit(_)) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Auth(AuthError::Store(_)) | Self::Store(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::TooLarge(_) | Self::FileTooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::NotOfType(_) | Self::Encoded => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Unauthenticated | Self::BadToken => StatusCode::UNAUTHORIZED,
            Self::NotByToken | Self::ForAdmins | Self::ForeignOrigin | Self::ForeignHost(_) => {
                StatusCode::FORBIDDEN
            }
            Self::NoSuchRoute => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::NoUpgrade => StatusCode::UPGRADE_REQUIRED,
            Self::TooManyConnections(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Behind => StatusCode::SERVICE_UNAVAILABLE,
            Self::Pages(PagesError::Render(_)) | Self::Internal => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
        }
    }

    fn as_response(&self) -> Response {
        // A line for each request would let anyone fill the log. So errors that are recorded elsewhere are
        // not logged: limits are counted in the metrics, and a database that is not ready is logged once,
        // when its state changes.
        let is_known = match self.store_error() {
            Some(StoreError::Exceeded(_) | StoreError::Misplaced | StoreError::Unfit(_)) => true,
            Some(_) => false,
            None => self.exceeded().is_some(),
        };
        if self.status().is_server_error() && !is_known {
            tracing::error!("{self}: {self:?}");
        }
        let record = match self {
            Self::Records(RecordsError::Conflict(stale)) | Self::Precondition(stale) => {
                Some(Envelope {
                    table: &stale.shown.view.table,
                    record: &stale.shown.record,
                    fields: &stale.shown.view.fields,
                })
            }
            _ => None,
        };
        let message = self.to_string();
        let told =
            ErrorBody { code: self.code(), message: &message, details: self.details(), record };
        let mut response = answer::json(self.status(), &told);
        let headers = response.headers_mut();
        // RFC 9110 asks for these headers with a 426 (15.5.22), 405 (15.5.6), 415 (15.5.16) and, for a bad
        // token, a 401 (15.5.2).
        match self {
            Self::NoUpgrade => {
                headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
            }
            Self::MethodNotAllowed(allowed) => {
                headers.extend(HeaderValue::try_from(allowed).ok().map(|all| (header::ALLOW, all)));
            }
            Self::Encoded => {
                headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
            }
            Self::BadToken => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            _ => {}
        }
        if let Some(seconds) = self.retry_after() {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}

impl IntoResponse for HttpError {
    fn into_response(self) -> Response {
        self.as_response()
    }
}

/// The body of an answer that reports an error.
#[derive(Serialize)]
struct ErrorBody<'a> {
    code: &'a str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<Json>,
    /// The record as it is now, for a write that began from an earlier state.
    #[serde(skip_serializing_if = "Option::is_none")]
    record: Option<Envelope<'a>>,
}

/// The status for an error of `records`, which pages and live connections report too.
fn records(error: &RecordsError) -> StatusCode {
    match error {
        RecordsError::NotFound | RecordsError::Batch(WriteObstacle::Missing, _) => {
            StatusCode::NOT_FOUND
        }
        RecordsError::Unauthenticated => StatusCode::UNAUTHORIZED,
        RecordsError::Forbidden
        | RecordsError::Barred
        | RecordsError::NotToSet(_)
        | RecordsError::Batch(WriteObstacle::Barred, _) => StatusCode::FORBIDDEN,
        RecordsError::Malformed(_)
        | RecordsError::UnknownFields(_)
        | RecordsError::BadFilter(_) => StatusCode::BAD_REQUEST,
        RecordsError::Unfit(_)
        | RecordsError::BadLines(_)
        | RecordsError::Batch(WriteObstacle::Unfit, _) => StatusCode::UNPROCESSABLE_ENTITY,
        RecordsError::TooManyExports => StatusCode::TOO_MANY_REQUESTS,
        RecordsError::NotUnique(_)
        | RecordsError::Conflict(_)
        | RecordsError::Referred
        | RecordsError::PageChanged
        | RecordsError::Refused(_)
        | RecordsError::RefusedLines(_)
        | RecordsError::Batch(
            WriteObstacle::NotUnique
            | WriteObstacle::Referred
            | WriteObstacle::Refused
            | WriteObstacle::Stale,
            _,
        ) => StatusCode::CONFLICT,
        RecordsError::Faulty(_) => StatusCode::INTERNAL_SERVER_ERROR,
        RecordsError::Store(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}
