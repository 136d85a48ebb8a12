//! The admin page `/admin/tokens` and its forms: the API tokens of all accounts.

use std::sync::Arc;

use poem::http::StatusCode;
use poem::web::{Data, Path};
use poem::{Body, Response, Result, handler};
use serde::Deserialize;

use crate::auth;
use crate::http::admin::{admin_or_nothing, done, not_done};
use crate::http::caller::Caller;
use crate::http::error::HttpError;
use crate::http::html::{self, nonce};
use crate::http::json;
use crate::http::profile::days;
use crate::render::{AdminNotice, AdminPage, TokenRow};
use crate::runtime::Runtime;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct TokenForm {
    email: String,
    name: String,
    expires_in_days: String,
}

/// `POST /api/admin/tokens` makes an API token for the account with an email address. The answer is the page
/// with the secret, which is shown only this once; a redirect could not carry it.
#[handler]
pub(in crate::http) async fn make(
    body: Body,
    caller: Caller,
    runtime: Data<&Arc<Runtime>>,
) -> Result<Response> {
    let admin = admin_or_nothing(&caller)?;
    let TokenForm { email, name, expires_in_days } = json::form(body).await?;
    let days = days(&expires_in_days)?;
    let made = async {
        let owner = runtime.auth.person(&email).await?;
        runtime.auth.make_token(&owner.id, &name, days).await
    };
    let fresh = match made.await {
        Ok(fresh) => fresh,
        Err(error) => {
            return not_done(&runtime, &caller, admin, "/admin/tokens", error.into()).await;
        }
    };
    let nonce = nonce();
    let shown = self::page(&runtime, Some(fresh.secret)).await?;
    let viewer = caller.visitor();
    let html = runtime.pages.admin(viewer, "/admin/tokens", &shown, AdminNotice::default(), &nonce);
    Ok(html::page(StatusCode::CREATED, &nonce, html.map_err(HttpError::from)?))
}

/// `POST /api/admin/tokens/:id/revoke` revokes the API token of any account.
#[handler]
pub(in crate::http) async fn revoke(
    Path(id): Path<String>,
    caller: Caller,
    runtime: Data<&Arc<Runtime>>,
) -> Result<Response> {
    let admin = admin_or_nothing(&caller)?;
    match runtime.auth.revoke(&id, None).await {
        Ok(()) => Ok(done("/admin/tokens", "revoked")),
        Err(error) => not_done(&runtime, &caller, admin, "/admin/tokens", error.into()).await,
    }
}

/// Reads the content of `/admin/tokens`: all tokens, the addresses of possible owners, and in `fresh` the
/// secret of a token that was just made.
pub(super) async fn page(runtime: &Runtime, fresh: Option<String>) -> Result<AdminPage, HttpError> {
    let now = auth::now();
    let tokens = runtime.auth.tokens(None).await?.into_iter().map(|token| TokenRow {
        has_ended: token.expires_at.is_some_and(|at| at <= now),
        id: token.id,
        name: token.name,
        user: token.user,
        expires_at: token.expires_at,
        last_used_at: token.last_used_at,
    });
    let people = runtime.auth.people().await?;
    let owners = people.iter().map(|person| person.user.email.to_string());
    Ok(AdminPage::Tokens { tokens: tokens.collect(), owners: owners.collect(), fresh })
}
