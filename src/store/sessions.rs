//! The rows of sessions and API tokens, by which people and programs are recognised. Both are stored under
//! the hash of the secret that the client sends, and a view joins them.

use std::collections::HashMap;
use std::sync::Arc;

use crate::model::ids::UserId;
use crate::model::value::Value;
use crate::model::viewer::User;
use crate::store::accounts::user;
use crate::store::own::{OwnRow, OwnStatement};
use crate::store::{Store, StoreError, on};

/// The values of a session that is to begin. Times are in Unix seconds.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// The hash of the session's token.
    pub token_hash: String,
    /// The account that signed in.
    pub user: UserId,
    /// The hash of the password that was checked. If the account has another one by now, no session begins.
    pub password_hash: Arc<str>,
    /// The `User-Agent` of the browser that opened it.
    pub agent: Option<String>,
    /// When the session begins, in Unix seconds.
    pub begun_at: i64,
    /// When the session ends, in Unix seconds.
    pub expires_at: i64,
}

/// A session as its owner sees it. Times are in Unix seconds.
#[derive(Clone, Debug)]
pub struct SessionSeen {
    /// The hash of the session's token.
    pub token_hash: String,
    /// The account that is signed in.
    pub user: User,
    /// When the session began, in Unix seconds; `None` if that is not known.
    pub begun_at: Option<i64>,
    /// When the session ends, in Unix seconds.
    pub expires_at: i64,
    /// The `User-Agent` of the browser that opened it.
    pub agent: Option<String>,
}

/// The values of an API token that is to be made. Times are in Unix seconds.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// The hash of the token.
    pub token_hash: String,
    /// The public id of the token, by which it is listed and revoked.
    pub id: String,
    /// The account whose rights the token gives.
    pub user: UserId,
    /// The name that its owner gave the token.
    pub name: String,
    /// When the token is made, in Unix seconds.
    pub created_at: i64,
    /// When the token ends, in Unix seconds; `None` if it does not.
    pub expires_at: Option<i64>,
}

/// An API token as its owner sees it. Times are in Unix seconds.
#[derive(Clone, Debug)]
pub struct ApiToken {
    /// The public id of the token, by which it is listed and revoked.
    pub id: String,
    /// The name that its owner gave the token.
    pub name: String,
    /// The account whose rights the token gives.
    pub user: User,
    /// When the token was made, in Unix seconds.
    pub created_at: i64,
    /// When the token ends, in Unix seconds; `None` if it does not.
    pub expires_at: Option<i64>,
    /// When the token was last used, to within minutes; `None` if it never was.
    pub last_used_at: Option<i64>,
}

impl Store {
    /// Begins a session, unless the account has another password by now or is disabled. Returns whether it
    /// began.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn add_session(&self, session: NewSession) -> Result<bool, StoreError> {
        let sql =
            "insert into _pagetide_sessions (token_hash, user_id, begun_at, expires_at, agent)
                   select $1, id, $2, $3, $4 from _pagetide_users
                   where id = $5 and password_hash = $6 and disabled_at is null";
        let values = vec![
            Value::text(session.token_hash),
            Value::Integer(session.begun_at),
            Value::Integer(session.expires_at),
            session.agent.map_or(Value::Null, Value::text),
            Value::text(session.user.as_str()),
            Value::text(session.password_hash),
        ];
        Ok(self.execute(OwnStatement::new(sql, values)).await? > 0)
    }

    /// Returns the user of a session or token, and when it ends, in Unix seconds. `None` if there is none
    /// with this hash, it has ended at `now`, or the account is disabled.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn credential(
        &self,
        token_hash: &str,
        now: i64,
    ) -> Result<Option<(User, i64)>, StoreError> {
        let sql = "select id, email, name, role, expires_at from _pagetide_credentials
                   join _pagetide_users on id = user_id
                   where token_hash = $1 and expires_at > $2 and disabled_at is null";
        let values = vec![Value::text(token_hash), Value::Integer(now)];
        let rows = self.own_rows(OwnStatement::new(sql, values)).await?;
        Ok(rows.first().and_then(|row| Some((user(row)?, row.always_integer(4)))))
    }

    /// Returns the users of these sessions and tokens, by hash. Those that have ended at `now` are left out.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn credentials(
        &self,
        token_hashes: &[String],
        now: i64,
    ) -> Result<HashMap<String, User>, StoreError> {
        let listed = on!(self, engine => engine.texts_of("$1"));
        let sql = format!(
            "select id, email, name, role, token_hash from _pagetide_credentials
             join _pagetide_users on id = user_id
             where token_hash in ({listed}) and expires_at > $2 and disabled_at is null"
        );
        let hashes = serde_json::to_string(token_hashes).unwrap_or_default();
        let values = vec![Value::text(hashes), Value::Integer(now)];
        let rows = self.own_rows(OwnStatement::new(sql, values)).await?;
        let users = rows.iter().filter_map(|row| Some((row.always_text(4).to_owned(), user(row)?)));
        Ok(users.collect())
    }

    /// Returns the sessions that have not ended at `now`, the newest first, at most 1,000: those of one
    /// account, or of all.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn sessions(
        &self,
        of: Option<&UserId>,
        now: i64,
    ) -> Result<Vec<SessionSeen>, StoreError> {
        let sql = "select id, email, name, role, token_hash, begun_at, expires_at, agent
                   from _pagetide_sessions join _pagetide_users on id = user_id
                   where expires_at > $1 and (cast($2 as text) is null or id = $2)
                     and disabled_at is null
                   order by coalesce(begun_at, 0) desc, expires_at desc limit 1000";
        let values = vec![Value::Integer(now), of_user(of)];
        let rows = self.own_rows(OwnStatement::new(sql, values)).await?;
        let session = |row: &OwnRow| {
            Some(SessionSeen {
                user: user(row)?,
                token_hash: row.always_text(4).to_owned(),
                begun_at: row.integer(5),
                expires_at: row.always_integer(6),
                agent: row.text(7).map(str::to_owned),
            })
        };
        Ok(rows.iter().filter_map(session).collect())
    }

    /// Deletes a session, and all that have expired at `now`, in Unix seconds.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn end_session(&self, token_hash: &str, now: i64) -> Result<(), StoreError> {
        let sql = "delete from _pagetide_sessions where token_hash = $1 or expires_at <= $2";
        let values = vec![Value::text(token_hash), Value::Integer(now)];
        self.execute(OwnStatement::new(sql, values)).await?;
        Ok(())
    }

    /// Deletes all sessions of an account.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn end_sessions(&self, of: &UserId) -> Result<(), StoreError> {
        let sql = "delete from _pagetide_sessions where user_id = $1";
        self.execute(OwnStatement::new(sql, vec![Value::text(of.as_str())])).await?;
        Ok(())
    }

    /// Stores an API token. Returns whether its account exists; if not, nothing is stored.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn add_token(&self, token: NewToken) -> Result<bool, StoreError> {
        let sql =
            "insert into _pagetide_tokens (token_hash, id, user_id, name, created_at, expires_at)
                   select $1, $2, id, $3, $4, $5 from _pagetide_users where id = $6";
        let values = vec![
            Value::text(token.token_hash),
            Value::text(token.id),
            Value::text(token.name),
            Value::Integer(token.created_at),
            token.expires_at.map_or(Value::Null, Value::Integer),
            Value::text(token.user.as_str()),
        ];
        Ok(self.execute(OwnStatement::new(sql, values)).await? > 0)
    }

    /// Returns the API tokens, the newest first, at most 1,000: those of one account, or of all.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn tokens(&self, of: Option<&UserId>) -> Result<Vec<ApiToken>, StoreError> {
        let sql = "select people.id, email, people.name, role, tokens.id, tokens.name,
                          tokens.created_at, expires_at, last_used_at
                   from _pagetide_tokens as tokens join _pagetide_users as people
                     on people.id = tokens.user_id
                   where cast($1 as text) is null or people.id = $1
                   order by tokens.created_at desc, tokens.id limit 1000";
        let rows = self.own_rows(OwnStatement::new(sql, vec![of_user(of)])).await?;
        let token = |row: &OwnRow| {
            Some(ApiToken {
                user: user(row)?,
                id: row.always_text(4).to_owned(),
                name: row.always_text(5).to_owned(),
                created_at: row.always_integer(6),
                expires_at: row.integer(7),
                last_used_at: row.integer(8),
            })
        };
        Ok(rows.iter().filter_map(token).collect())
    }

    /// Deletes an API token, if it belongs to the account `of` or that is `None`. Returns whether there was
    /// one.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn end_token(&self, id: &str, of: Option<&UserId>) -> Result<bool, StoreError> {
        let sql = "delete from _pagetide_tokens where id = $1 and (cast($2 as text) is null or user_id = $2)";
        let values = vec![Value::text(id), of_user(of)];
        Ok(self.execute(OwnStatement::new(sql, values)).await? > 0)
    }

    /// Stores the time at which an API token was used, in Unix seconds.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn note_use(&self, token_hash: &str, at: i64) -> Result<(), StoreError> {
        let sql = "update _pagetide_tokens set last_used_at = $1 where token_hash = $2";
        let values = vec![Value::Integer(at), Value::text(token_hash)];
        self.execute(OwnStatement::new(sql, values)).await?;
        Ok(())
    }
}

/// The parameter that restricts a statement to one account; null restricts it to none.
fn of_user(of: Option<&UserId>) -> Value {
    of.map_or(Value::Null, |of| Value::text(of.as_str()))
}
