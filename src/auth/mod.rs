//! Who is asking: passwords, sessions, guests.
//!
//! A session token is 256 random bits, kept only as its SHA-256. A guest's token is not kept at
//! all: it is signed, so that opening a public page writes nothing.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;

use crate::model::access::{User, Viewer};
use crate::model::ids::{Role, UserId};
use crate::store::{NewAccount, Store, StoreError};

mod seen;

use seen::Seen;

/// How long a session lasts.
pub const SESSION_LIFETIME: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// How long a guest's token lasts.
const GUEST_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);
/// The shortest password, in characters (NIST SP 800-63B, 5.1.1.2).
const MIN_PASSWORD: usize = 8;
/// The longest password, in bytes: hashing takes time by length.
const MAX_PASSWORD: usize = 1_024;
/// The longest name and e-mail address, in bytes (RFC 5321, 4.5.3.1 for the latter).
const MAX_NAME: usize = 254;
/// How many passwords are hashed at once: each takes a core and 19 MiB for some milliseconds.
const HASHERS: usize = 2;

/// Why somebody could not be let in.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// No such account, or another password: nobody learns which.
    #[error("the e-mail address or the password is wrong")]
    WrongCredentials,
    /// The token is not the one that was printed, or the first account exists already.
    #[error("this link is no longer valid")]
    SetupOver,
    /// What was typed cannot be an account.
    #[error("{0}")]
    Unfit(&'static str),
    /// The database does not answer.
    #[error("the database does not answer")]
    Store(#[from] StoreError),
}

/// A session that was just begun.
#[derive(Debug)]
pub struct Session {
    /// What the cookie holds.
    pub token: String,
    /// Who it is.
    pub user: User,
}

/// Somebody who was known again.
#[derive(Clone, Debug)]
pub struct Known {
    /// Who.
    pub viewer: Viewer,
    /// When they will no longer be known, in Unix seconds.
    pub expires_at: i64,
}

/// Lets people in, and knows them again.
#[derive(Clone)]
pub struct Auth {
    store: Store,
    secret: Arc<[u8]>,
    setup_token_hash: Option<Arc<str>>,
    hashers: Arc<Semaphore>,
    seen: Arc<Seen>,
}

/// What is needed to make the first admin.
#[derive(Clone, Debug)]
pub struct FirstAdmin {
    /// What others read.
    pub name: String,
    /// What they sign in with.
    pub email: String,
    /// What proves it.
    pub password: String,
}

impl Auth {
    /// Starts with the accounts of the database. While there is none, the second value is the
    /// token with which the first can be made, once.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn open(store: Store) -> Result<(Self, Option<String>), StoreError> {
        let secret = store.secret(&random_token()).await?;
        let setup = (!store.has_accounts().await?).then(random_token);
        let auth = Self {
            store,
            secret: secret.into_bytes().into(),
            setup_token_hash: setup.as_deref().map(|token| hash(token).into()),
            hashers: Arc::new(Semaphore::new(HASHERS)),
            seen: Arc::default(),
        };
        Ok((auth, setup))
    }

    /// The same over the same database, opened anew.
    #[must_use]
    pub fn over(&self, store: Store) -> Self {
        self.seen.forget();
        Self { store, ..self.clone() }
    }

    /// Begins a session for whoever knows the password.
    ///
    /// # Errors
    /// When they don't, or the database does not answer.
    pub async fn sign_in(&self, email: &str, password: String) -> Result<Session, AuthError> {
        if email.len() > MAX_NAME || password.len() > MAX_PASSWORD {
            return Err(AuthError::WrongCredentials);
        }
        let account = self.store.account(email).await?;
        // An unknown address costs as much time as a known one, so nobody can ask who has one.
        let hash = account.as_ref().map(|account| account.password_hash.clone());
        let right = self.verify(password, hash).await;
        let account = account.filter(|_| right).ok_or(AuthError::WrongCredentials)?;
        self.begin(account.user).await
    }

    /// Ends a session; an unknown one is as well as ended.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn sign_out(&self, token: &str) -> Result<(), AuthError> {
        let ended = self.store.end_session(&hash(token), now()).await;
        self.seen.forget();
        Ok(ended?)
    }

    /// Whom a token belongs to; nobody if it has expired or is none of ours.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn known(&self, token: &str) -> Result<Option<Known>, StoreError> {
        if is_guest(token) {
            let expires_at = self.guest_until(token);
            return Ok(expires_at.map(|expires_at| Known { viewer: Viewer::Guest, expires_at }));
        }
        let (token_hash, now) = (hash(token), now());
        let round = match self.seen.get(&token_hash) {
            Ok(known) => return Ok(Some(known).filter(|known| known.expires_at > now)),
            Err(round) => round,
        };
        let session = Box::pin(self.store.session(&token_hash, now)).await?;
        let known =
            session.map(|(user, expires_at)| Known { viewer: Viewer::User(user), expires_at });
        if let Some(known) = &known {
            self.seen.put(round, token_hash, known.clone());
        }
        Ok(known)
    }

    /// Forgets what was known of sessions and accounts: they may have changed.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn refresh(&self) -> Result<(), StoreError> {
        self.seen.forget();
        self.store.reload_people().await
    }

    /// Whom each of these session tokens stands for now, in their order; nobody where it has ended.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn all_known(&self, tokens: &[&str]) -> Result<Vec<Option<User>>, StoreError> {
        let hashes: Vec<_> = tokens.iter().map(|token| hash(token)).collect();
        let sessions = self.store.sessions(&hashes, now()).await?;
        Ok(hashes.iter().map(|hash| sessions.get(hash).cloned()).collect())
    }

    /// A number that grows when sessions may have ended early or stand for somebody else.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn version(&self) -> Result<i64, StoreError> {
        self.store.accounts_version().await
    }

    /// A token for somebody who opened a public page.
    pub fn guest_token(&self) -> String {
        let expires_at = now() + i64::try_from(GUEST_LIFETIME.as_secs()).unwrap_or_default();
        // Something random, so that no two guests are one.
        let claim = format!("{GUEST_PREFIX}{expires_at}.{:016x}", rand::random::<u64>());
        let signature = URL_SAFE_NO_PAD.encode(self.signer(&claim).finalize().into_bytes());
        format!("{claim}.{signature}")
    }

    /// Makes the first admin, if nobody has an account yet.
    ///
    /// # Errors
    /// When what was given cannot be an account, or the database does not answer.
    pub async fn add_first_admin(&self, admin: FirstAdmin) -> Result<bool, AuthError> {
        let email = admin.email.trim();
        if email.len() > MAX_NAME || !validator::ValidateEmail::validate_email(&email) {
            return Err(AuthError::Unfit("this is not an e-mail address"));
        }
        let name = admin.name.trim();
        if name.is_empty() || name.len() > MAX_NAME || name.contains(char::is_control) {
            return Err(AuthError::Unfit("a name is one line of text"));
        }
        if admin.password.chars().count() < MIN_PASSWORD {
            return Err(AuthError::Unfit("a password needs at least 8 characters"));
        }
        if admin.password.len() > MAX_PASSWORD {
            return Err(AuthError::Unfit("a password may have at most 1,024 bytes"));
        }
        let account = NewAccount {
            id: UserId::new(random_token()),
            email: email.to_owned(),
            name: name.to_owned(),
            role: "admin".parse::<Role>().expect("`admin` is a role"),
            password_hash: self.hash_password(admin.password).await,
        };
        Ok(self.store.add_first_account(account).await?)
    }

    /// Makes the first admin for whoever has the link that was printed, and begins their session.
    ///
    /// # Errors
    /// When the link is no longer valid, or the account cannot be made.
    pub async fn set_up(&self, token: &str, admin: FirstAdmin) -> Result<Session, AuthError> {
        if !self.may_set_up(token).await? {
            return Err(AuthError::SetupOver);
        }
        let email = admin.email.trim().to_owned();
        if !self.add_first_admin(admin).await? {
            return Err(AuthError::SetupOver);
        }
        let account = self.store.account(&email).await?.ok_or(AuthError::SetupOver)?;
        self.begin(account.user).await
    }

    /// Whether the link that was printed is still valid.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn may_set_up(&self, token: &str) -> Result<bool, AuthError> {
        let known = self.setup_token_hash.as_deref() == Some(hash(token).as_str());
        Ok(known && !self.store.has_accounts().await?)
    }

    async fn begin(&self, user: User) -> Result<Session, AuthError> {
        let token = random_token();
        let lifetime = i64::try_from(SESSION_LIFETIME.as_secs()).unwrap_or_default();
        self.store.add_session(&hash(&token), &user.id, now() + lifetime).await?;
        Ok(Session { token, user })
    }

    async fn verify(&self, password: String, hash: Option<Arc<str>>) -> bool {
        let work = move || match hash {
            Some(hash) => password_auth::verify_password(password, &hash).is_ok(),
            None => {
                password_auth::generate_hash(password);
                false
            }
        };
        self.aside(work).await.unwrap_or(false)
    }

    async fn hash_password(&self, password: String) -> String {
        self.aside(move || password_auth::generate_hash(password)).await.unwrap_or_default()
    }

    /// Runs slow work beside the threads that serve; few at a time.
    async fn aside<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let _permit = self.hashers.acquire().await.ok()?;
        tokio::task::spawn_blocking(work).await.ok()
    }

    /// When a guest's token ends, if it is one of ours and has not.
    fn guest_until(&self, token: &str) -> Option<i64> {
        let expires_at = self.seen.guest(token).or_else(|| self.verified(token))?;
        Some(expires_at).filter(|expires_at| *expires_at > now())
    }

    /// When a guest's token ends, if it was signed by us.
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

/// What guests' tokens begin with. Session tokens hold no dot.
const GUEST_PREFIX: &str = "guest.";

/// Whether a token can only be a guest's.
pub fn is_guest(token: &str) -> bool {
    token.starts_with(GUEST_PREFIX)
}

fn random_token() -> String {
    URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>())
}

fn hash(token: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(token))
}

/// The time, in Unix seconds.
pub fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
