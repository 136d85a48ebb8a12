//! Authentication: accounts, passwords, sessions, API tokens and guests.
//!
//! A session token or API token is 256 random bits, and the database holds only its SHA-256. A guest token is not
//! stored: it is signed (HMAC-SHA-256) with the secret of the database, so that opening a public page writes
//! nothing.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::model::viewer::{User, Viewer};
use crate::store::{Account, AccountsVersion, NewSession, Store, StoreError};

mod account;
mod password;
mod rate_limits;
mod session_cache;
mod token;

pub use account::NewPerson;
pub use token::{FreshToken, MAX_TOKEN_DAYS, is_api_token};

use password::Hashers;
use rate_limits::Attempts;
use session_cache::SessionCache;
use token::Uses;

/// How long a session lasts, used or not. After it, its user signs in again.
pub const SESSION_LIFETIME: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// How long a guest token lasts.
const GUEST_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);
/// The cookie that holds the token of a session.
pub const COOKIE: &str = "pagetide_session";
/// The longest name and e-mail address, in bytes (RFC 5321, 4.5.3.1 for the latter).
const MAX_NAME: usize = 254;
/// The most characters of a `User-Agent` that are stored with its session.
const MAX_AGENT: usize = 200;

/// Why a person could not sign in, or an account or token could not be made or changed.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// The e-mail address has no account, or the password is wrong. The answer does not say which.
    #[error("the e-mail address or the password is wrong")]
    WrongCredentials,
    /// The current password that a user gave is wrong.
    #[error("the current password is wrong")]
    WrongPassword,
    /// There is already an account with the e-mail address.
    #[error("there is an account with this e-mail address already")]
    Taken,
    /// The token is not that of the setup link, or the first account exists already.
    #[error("this link is no longer valid")]
    SetupOver,
    /// The values do not fit an account or token. Holds the faults.
    #[error("{}", .0.iter().map(|unfit| unfit.message).collect::<Vec<_>>().join("; "))]
    Unfit(Vec<InvalidInput>),
    /// Too many attempts: from one network, for one account, or at once from all. Holds the time to wait.
    #[error("too many attempts; try again in {} seconds", seconds(.0))]
    TooMany(Duration),
    /// There is no such account. Sign-in never returns this, since it would reveal who has an account.
    #[error("there is no such account")]
    UnknownAccount,
    /// An admin asked for a change of their own account that only another admin may make.
    #[error("this is your own account; another admin can do that")]
    OwnAccount,
    /// There is no such API token, or it belongs to another account.
    #[error("there is no such token")]
    UnknownToken,
    /// The database does not answer.
    #[error("{}", .0.told())]
    Store(#[from] StoreError),
}

/// The fault of one value that a person typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct InvalidInput {
    /// The name of the value as it was sent, such as `newPassword`.
    pub field: &'static str,
    /// The fault, as a sentence for the person who typed it.
    pub message: &'static str,
}

impl AuthError {
    fn unfit(field: &'static str, message: &'static str) -> Self {
        Self::Unfit(vec![InvalidInput { field, message }])
    }
}

/// The address and the browser that a request to sign in comes from.
#[derive(Clone, Debug)]
pub struct Visit {
    /// The IP address of the client.
    pub address: IpAddr,
    /// The `User-Agent` of the browser.
    pub agent: Option<String>,
}

/// A session that was just begun.
#[derive(Debug)]
pub struct StartedSession {
    /// The token for the cookie.
    pub token: String,
    /// The account that signed in.
    pub user: User,
}

/// The viewer whom a token authenticates.
#[derive(Clone, Debug)]
pub struct AuthenticatedViewer {
    /// The guest or account that the request comes from.
    pub viewer: Viewer,
    /// The end of the token, in Unix seconds.
    pub expires_at: i64,
}

/// Authenticates viewers: begins and ends sessions, and finds the viewer of a token. Clones share their caches and
/// rate limits.
#[derive(Clone)]
pub struct Auth {
    store: Store,
    secret: Arc<[u8]>,
    setup_token_hash: Option<Arc<str>>,
    hashers: Hashers,
    limits: Arc<Attempts>,
    seen: Arc<SessionCache>,
    uses: Arc<Uses>,
}

impl Auth {
    /// Opens the accounts of a database. If there are none, also returns the setup token, with which the
    /// first account can be made, once.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn open(store: Store) -> Result<(Self, Option<String>), StoreError> {
        let secret = store.secret(&random_token()).await?;
        let setup = (!store.has_accounts().await?).then(random_token);
        let auth = Self {
            store,
            secret: secret.into_bytes().into(),
            setup_token_hash: setup.as_deref().map(|token| hash(token).into()),
            hashers: Hashers::default(),
            limits: Arc::default(),
            seen: Arc::default(),
            uses: Arc::default(),
        };
        Ok((auth, setup))
    }

    /// The same authentication over another store of the same database. Cached sessions are forgotten.
    #[must_use]
    pub fn over(&self, store: Store) -> Self {
        self.seen.forget();
        Self { store, ..self.clone() }
    }

    /// Begins a session for a person who knows the password. Its token is always a new one, which prevents session
    /// fixation.
    ///
    /// # Errors
    /// If the address or password is wrong, there were too many attempts, or the database does not answer.
    pub async fn sign_in(
        &self,
        email: &str,
        password: String,
        visit: &Visit,
    ) -> Result<StartedSession, AuthError> {
        let account = self.proven(email, password, visit.address).await?;
        self.begin(account, visit).await
    }

    /// Ends the session of a token. An unknown token is no error.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn sign_out(&self, token: &str) -> Result<(), AuthError> {
        let ended = self.store.end_session(&hash(token), now()).await;
        self.seen.forget();
        Ok(ended?)
    }

    /// Returns the viewer of a session token, API token or guest token. `None` if it has ended or is none of
    /// these.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn known(&self, token: &str) -> Result<Option<AuthenticatedViewer>, StoreError> {
        if is_guest(token) {
            let expires_at = self.guest_until(token);
            return Ok(expires_at
                .map(|expires_at| AuthenticatedViewer { viewer: Viewer::Guest, expires_at }));
        }
        let token_hash = hash(token);
        let now = now();
        let known = self.looked_up(&token_hash, now).await?;
        if known.is_some() && is_api_token(token) {
            Box::pin(self.note_use(&token_hash, now)).await;
        }
        Ok(known)
    }

    async fn looked_up(
        &self,
        token_hash: &str,
        now: i64,
    ) -> Result<Option<AuthenticatedViewer>, StoreError> {
        let round = match self.seen.get(token_hash) {
            Ok(known) => return Ok(Some(known).filter(|known| known.expires_at > now)),
            Err(round) => round,
        };
        let found = Box::pin(self.store.credential(token_hash, now)).await?;
        let known = found.map(|(user, expires_at)| AuthenticatedViewer {
            viewer: Viewer::User(user),
            expires_at,
        });
        if let Some(known) = &known {
            self.seen.put(round, token_hash.to_owned(), known.clone());
        }
        Ok(known)
    }

    /// Forgets the cached sessions and reads the names of all accounts again, since they may have changed.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn refresh(&self) -> Result<(), StoreError> {
        self.seen.forget();
        self.store.reload_people().await
    }

    /// Returns the user of each of these session and API tokens, in their order. `None` for one that has ended.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn all_known(&self, tokens: &[&str]) -> Result<Vec<Option<User>>, StoreError> {
        let hashes: Vec<_> = tokens.iter().map(|token| hash(token)).collect();
        let known = self.store.credentials(&hashes, now()).await?;
        Ok(hashes.iter().map(|hash| known.get(hash).cloned()).collect())
    }

    /// Returns the version of all accounts. It changes when an account changes, or a session or token ends early.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn version(&self) -> Result<AccountsVersion, StoreError> {
        self.store.accounts_version().await
    }

    /// Makes a token for a guest who opened a public page.
    pub fn guest_token(&self) -> String {
        let expires_at = now() + i64::try_from(GUEST_LIFETIME.as_secs()).unwrap_or_default();
        // The random part tells apart the guests of one second.
        let claim = format!("{GUEST_PREFIX}{expires_at}.{:016x}", rand::random::<u64>());
        let signature = URL_SAFE_NO_PAD.encode(self.signer(&claim).finalize().into_bytes());
        format!("{claim}.{signature}")
    }

    async fn begin(&self, account: Account, visit: &Visit) -> Result<StartedSession, AuthError> {
        let token = random_token();
        let lifetime = i64::try_from(SESSION_LIFETIME.as_secs()).unwrap_or_default();
        let agent = visit.agent.as_ref().map(|agent| agent.chars().take(MAX_AGENT).collect());
        let session = NewSession {
            token_hash: hash(&token),
            user: account.user.id.clone(),
            password_hash: account.password_hash,
            agent,
            begun_at: now(),
            expires_at: now() + lifetime,
        };
        if !self.store.add_session(session).await? {
            return Err(AuthError::WrongCredentials);
        }
        Ok(StartedSession { token, user: account.user })
    }

    /// Whether a session in a list, which holds only the hash of its token, is the one with this token.
    pub fn is_of(token: &str, token_hash: &str) -> bool {
        hash(token) == token_hash
    }

    /// Returns the end of a guest token, in Unix seconds. `None` if its signature is wrong, or it has ended.
    fn guest_until(&self, token: &str) -> Option<i64> {
        let expires_at = self.seen.guest(token).or_else(|| self.verified(token))?;
        Some(expires_at).filter(|expires_at| *expires_at > now())
    }

    /// Verifies the signature of a guest token, and returns its end in Unix seconds. `None` if the signature
    /// is wrong.
    fn verified(&self, token: &str) -> Option<i64> {
        let (claim, signature) = token.rsplit_once('.')?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        self.signer(claim).verify_slice(&signature).ok()?;
        let (expires_at, _) = claim.strip_prefix(GUEST_PREFIX)?.split_once('.')?;
        let expires_at = expires_at.parse().ok()?;
        self.seen.put_guest(token, expires_at);
        Some(expires_at)
    }

    fn signer(&self, claim: &str) -> Hmac<Sha256> {
        let mut signer =
            Hmac::<Sha256>::new_from_slice(&self.secret).expect("HMAC takes a key of any length");
        signer.update(claim.as_bytes());
        signer
    }
}

/// The prefix of guest tokens. Session and API tokens are Base64url, which has no dot.
const GUEST_PREFIX: &str = "guest.";

/// Whether a token has the form of a guest token. Its signature is not verified.
pub fn is_guest(token: &str) -> bool {
    token.starts_with(GUEST_PREFIX)
}

fn random_token() -> String {
    URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>())
}

fn hash(token: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(token))
}

/// Whether a text can be a name: 1 to [`MAX_NAME`] bytes without control characters.
fn is_one_line(name: &str) -> bool {
    !name.is_empty() && name.len() <= MAX_NAME && !name.contains(char::is_control)
}

/// A time to wait in whole seconds, rounded up so that the next attempt does not come too early.
pub fn seconds(wait: &Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

/// The time, in Unix seconds.
pub fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
