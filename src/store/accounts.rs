//! Accounts and sessions as rows. What they mean is decided in `auth`.

use std::collections::HashMap;
use std::sync::Arc;

use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use crate::model::access::User;
use crate::model::ids::{Role, UserId};
use crate::model::value::Value;
use crate::store::writer::Statement;
use crate::store::{Store, StoreError};

/// An account with what proves it.
#[derive(Clone, Debug)]
pub struct Account {
    /// Who it is.
    pub user: User,
    /// The password's hash, as a PHC string.
    pub password_hash: Arc<str>,
}

/// What is needed to make an account.
#[derive(Clone, Debug)]
pub struct NewAccount {
    /// A new random id.
    pub id: UserId,
    /// What they will sign in with.
    pub email: String,
    /// What others read.
    pub name: String,
    /// What permissions go by.
    pub role: Role,
    /// The password's hash, as a PHC string.
    pub password_hash: String,
}

impl Store {
    /// Whether anybody has an account.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn has_accounts(&self) -> Result<bool, StoreError> {
        let any = sqlx::query_scalar("select exists (select 1 from _pagetide_users)");
        Ok(any.fetch_one(&self.readers).await?)
    }

    /// Makes the first account of all; says no if there is one already.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn add_first_account(&self, account: NewAccount) -> Result<bool, StoreError> {
        let sql = "insert into _pagetide_users (id, email, name, role, password_hash)
                   select ?, ?, ?, ?, ? where not exists (select 1 from _pagetide_users)";
        let (id, name) = (account.id.clone(), account.name.clone());
        let values = vec![
            Value::text(account.id.as_str()),
            Value::text(account.email),
            Value::text(account.name),
            Value::text(account.role.as_str()),
            Value::text(account.password_hash),
        ];
        let added = self.execute(Statement { sql, values }).await? > 0;
        if added {
            self.people.add(id, name.into());
        }
        Ok(added)
    }

    /// The account of an e-mail address, ASCII case ignored.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn account(&self, email: &str) -> Result<Option<Account>, StoreError> {
        let row = sqlx::query(
            "select id, email, name, role, password_hash from _pagetide_users where email = ?",
        )
        .bind(email)
        .fetch_optional(&self.readers)
        .await?;
        Ok(row.and_then(|row| {
            let password_hash = row.get::<String, _>("password_hash").into();
            user(&row).map(|user| Account { user, password_hash })
        }))
    }

    /// Remembers a session by the hash of its token until `expires_at`, in Unix seconds.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn add_session(
        &self,
        token_hash: &str,
        user: &UserId,
        expires_at: i64,
    ) -> Result<(), StoreError> {
        let sql =
            "insert into _pagetide_sessions (token_hash, user_id, expires_at) values (?, ?, ?)";
        let values =
            vec![Value::text(token_hash), Value::text(user.as_str()), Value::Integer(expires_at)];
        self.execute(Statement { sql, values }).await?;
        Ok(())
    }

    /// Whose session it is and when it ends, in Unix seconds, if that is after `now`.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn session(
        &self,
        token_hash: &str,
        now: i64,
    ) -> Result<Option<(User, i64)>, StoreError> {
        let row = sqlx::query(
            "select id, email, name, role, expires_at from _pagetide_sessions
             join _pagetide_users on id = user_id where token_hash = ? and expires_at > ?",
        )
        .bind(token_hash)
        .bind(now)
        .fetch_optional(&self.readers)
        .await?;
        Ok(row.and_then(|row| Some((user(&row)?, row.get("expires_at")))))
    }

    /// Whose these sessions are; those that have ended at `now` are left out.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn sessions(
        &self,
        token_hashes: &[String],
        now: i64,
    ) -> Result<HashMap<String, User>, StoreError> {
        let rows = sqlx::query(
            "select token_hash, id, email, name, role from _pagetide_sessions
             join _pagetide_users on id = user_id
             where token_hash in (select value from json_each(?)) and expires_at > ?",
        )
        .bind(serde_json::to_string(token_hashes).unwrap_or_default())
        .bind(now)
        .fetch_all(&self.readers)
        .await?;
        Ok(rows.iter().filter_map(|row| Some((row.get("token_hash"), user(row)?))).collect())
    }

    /// A number that grows when a session ends early or an account is made or changes, whoever did it.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn accounts_version(&self) -> Result<i64, StoreError> {
        let version = "select cast(value as integer) from _pagetide_meta where key = 'accounts'";
        Ok(sqlx::query_scalar(version).fetch_optional(&self.readers).await?.unwrap_or(0))
    }

    /// Forgets a session, and those that have expired at `now`, in Unix seconds.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn end_session(&self, token_hash: &str, now: i64) -> Result<(), StoreError> {
        let sql = "delete from _pagetide_sessions where token_hash = ? or expires_at <= ?";
        let values = vec![Value::text(token_hash), Value::Integer(now)];
        self.execute(Statement { sql, values }).await?;
        Ok(())
    }

    /// A secret of this database, made once, for signing what need not be stored.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn secret(&self, candidate: &str) -> Result<String, StoreError> {
        let sql = "insert or ignore into _pagetide_meta (key, value) values ('secret', ?)";
        self.execute(Statement { sql, values: vec![Value::text(candidate)] }).await?;
        let secret = sqlx::query_scalar("select value from _pagetide_meta where key = 'secret'");
        Ok(secret.fetch_one(&self.readers).await?)
    }
}

/// Nothing for a role that is no role: such an account may do nothing.
fn user(row: &SqliteRow) -> Option<User> {
    Some(User {
        id: UserId::new(row.get::<String, _>("id")),
        email: row.get::<String, _>("email").into(),
        name: row.get::<String, _>("name").into(),
        role: row.get::<String, _>("role").parse().ok()?,
    })
}
