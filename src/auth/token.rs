//! API tokens: a program sends one to act for an account, without a password or a cookie.

use quick_cache::sync::Cache;
use rand::distr::{Alphanumeric, SampleString};

use crate::auth::{Auth, AuthError, hash, is_one_line, now, random_token};
use crate::model::ids::UserId;
use crate::store::{ApiToken, NewToken};

/// The prefix of an API token, by which people and secret scanners recognise one.
const PREFIX: &str = "pt_";
/// The length of an API token, in characters: the prefix, and 256 bits as Base64url.
const LENGTH: usize = PREFIX.len() + 43;
/// The most API tokens of one account.
const MAX_TOKENS: usize = 100;
/// The shortest time between two notes of the use of a token, in seconds: not each use is worth a write.
const NOTED_EVERY: i64 = 600;
/// The most tokens whose last note is held in memory.
const MAX_NOTED: usize = 10_000;
/// The longest life of a token, in days.
pub const MAX_TOKEN_DAYS: u32 = 3_650;

/// Whether a token has the form of an API token. Session tokens are shorter.
pub fn is_api_token(token: &str) -> bool {
    token.len() == LENGTH && token.starts_with(PREFIX)
}

/// An API token that was just made. Its secret is shown to its owner now and never again.
#[derive(Clone, Debug)]
pub struct FreshToken {
    /// The text that a program sends as a bearer token.
    pub secret: String,
    /// The id of the token, which is no secret.
    pub id: String,
    /// The end of the token, in Unix seconds; `None` if it does not end.
    pub expires_at: Option<i64>,
}

impl Auth {
    /// Makes a token with the rights of an account, as they are whenever it is used. It ends after `days`, or
    /// never.
    ///
    /// # Errors
    /// If the name or days do not fit, the account has `MAX_TOKENS` tokens or does not exist, or the
    /// database does not answer.
    pub async fn make_token(
        &self,
        user: &UserId,
        name: &str,
        days: Option<u32>,
    ) -> Result<FreshToken, AuthError> {
        let name = name.trim();
        if !is_one_line(name) {
            return Err(AuthError::unfit("name", "a name is one line of text"));
        }
        if days.is_some_and(|days| !(1..=MAX_TOKEN_DAYS).contains(&days)) {
            return Err(AuthError::unfit("expiresInDays", "a token lasts from 1 to 3,650 days"));
        }
        if self.store.tokens(Some(user)).await?.len() >= MAX_TOKENS {
            return Err(AuthError::unfit(
                "name",
                "there are 100 tokens already; revoke some first",
            ));
        }
        let secret = format!("{PREFIX}{}", random_token());
        // People type the id as an argument of a command, so it must not begin with `-`, as Base64url may.
        let id = Alphanumeric.sample_string(&mut rand::rng(), 12);
        let expires_at = days.map(|days| now() + i64::from(days) * 24 * 60 * 60);
        let token = NewToken {
            token_hash: hash(&secret),
            id: id.clone(),
            user: user.clone(),
            name: name.to_owned(),
            created_at: now(),
            expires_at,
        };
        if !self.store.add_token(token).await? {
            return Err(AuthError::UnknownAccount);
        }
        Ok(FreshToken { secret, id, expires_at })
    }

    /// Returns the tokens of one account, or of all accounts if `of` is `None`.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn tokens(&self, of: Option<&UserId>) -> Result<Vec<ApiToken>, AuthError> {
        Ok(self.store.tokens(of).await?)
    }

    /// Ends a token: one of this account, or of any account if `of` is `None`.
    ///
    /// # Errors
    /// [`AuthError::UnknownToken`] if there is no such token, or the database does not answer.
    pub async fn revoke(&self, id: &str, of: Option<&UserId>) -> Result<(), AuthError> {
        let ended = self.store.end_token(id, of).await?;
        self.seen.forget();
        if ended { Ok(()) } else { Err(AuthError::UnknownToken) }
    }

    /// Notes in the database that a token was used, unless that was noted lately. If it fails, the request
    /// goes on.
    pub(super) async fn note_use(&self, token_hash: &str, now: i64) {
        if !self.uses.is_due(token_hash, now) {
            return;
        }
        if let Err(error) = self.store.note_use(token_hash, now).await {
            tracing::warn!("cannot note the use of a token: {error}");
        }
    }
}

/// When the use of each token was last noted, in Unix seconds.
pub(super) struct Uses(Cache<String, i64>);

impl Default for Uses {
    fn default() -> Self {
        Self(Cache::new(MAX_NOTED))
    }
}

impl Uses {
    fn is_due(&self, token_hash: &str, now: i64) -> bool {
        if self.0.get(token_hash).is_some_and(|at| now - at < NOTED_EVERY) {
            return false;
        }
        self.0.insert(token_hash.to_owned(), now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_use_is_noted_now_and_then() {
        let uses = Uses::default();
        assert!(uses.is_due("a", 1_000));
        assert!(!uses.is_due("a", 1_599) && uses.is_due("b", 1_599));
        assert!(uses.is_due("a", 1_600));
    }
}
