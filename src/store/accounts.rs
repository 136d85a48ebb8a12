//! The rows of accounts. The rules of signing in are in `auth`.

use std::sync::Arc;

use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use crate::model::ids::{Role, UserId};
use crate::model::value::Value;
use crate::model::viewer::User;
use crate::store::readers::settled;
use crate::store::write::SystemStatement;
use crate::store::{Store, StoreError};

/// An account with the hash of its password.
#[derive(Clone, Debug)]
pub struct Account {
    /// The account as permissions know it.
    pub user: User,
    /// The password's hash, as a PHC string.
    pub password_hash: Arc<str>,
    /// Whether the account is disabled, so that no one can sign in with it.
    pub is_disabled: bool,
}

/// The values of an account that is to be made.
#[derive(Clone, Debug)]
pub struct NewAccount {
    /// A new random id.
    pub id: UserId,
    /// The e-mail address to sign in with.
    pub email: String,
    /// The name that other people read.
    pub name: String,
    /// The role, on which permissions depend.
    pub role: Role,
    /// The password's hash, as a PHC string.
    pub password_hash: String,
}

/// An account as an admin sees it.
#[derive(Clone, Debug)]
pub struct AccountSummary {
    /// The account as permissions know it.
    pub user: User,
    /// Whether the account is disabled.
    pub is_disabled: bool,
    /// When the account was made, as `2026-04-05T12:00:00.000Z`.
    pub created_at: String,
    /// How many sessions of the account have not ended.
    pub sessions: i64,
}

/// The version of all accounts, sessions and tokens. While it is the same, none has been changed or ended
/// early.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountsVersion {
    /// The epoch of the log. In a restored database, the number alone may stand for another state.
    epoch: Arc<str>,
    /// A number that grows with each change.
    number: i64,
}

impl NewAccount {
    fn values(self) -> Vec<Value> {
        vec![
            Value::text(self.id.as_str()),
            Value::text(self.email),
            Value::text(self.name),
            Value::text(self.role.as_str()),
            Value::text(self.password_hash),
        ]
    }
}

impl Store {
    /// Whether there is any account.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn has_accounts(&self) -> Result<bool, StoreError> {
        let any = sqlx::query_scalar("select exists (select 1 from _pagetide_users)");
        Ok(settled!(self.readers.sessions(), reader => any.fetch_one(reader)))
    }

    /// Makes the first account. Returns `false` if there is an account already.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn add_first_account(&self, account: NewAccount) -> Result<bool, StoreError> {
        let sql = "insert into _pagetide_users (id, email, name, role, password_hash)
                   select ?, ?, ?, ?, ? where not exists (select 1 from _pagetide_users)";
        self.insert_account(sql, account).await
    }

    /// Makes an account. Returns `false` if there is one with this e-mail address already.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn add_account(&self, account: NewAccount) -> Result<bool, StoreError> {
        let sql = "insert into _pagetide_users (id, email, name, role, password_hash)
                   values (?, ?, ?, ?, ?) on conflict (email) do nothing";
        self.insert_account(sql, account).await
    }

    async fn insert_account(
        &self,
        sql: &'static str,
        account: NewAccount,
    ) -> Result<bool, StoreError> {
        let (id, name) = (account.id.clone(), account.name.clone());
        let added = self.execute(SystemStatement { sql, values: account.values() }).await? > 0;
        if added {
            self.people.add(id, name.into());
        }
        Ok(added)
    }

    /// Returns the account of an e-mail address, ASCII case ignored. `None` if there is none.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn account(&self, email: &str) -> Result<Option<Account>, StoreError> {
        let row = sqlx::query("select * from _pagetide_users where email = ?").bind(email);
        let row = settled!(self.readers.sessions(), reader => row.fetch_optional(reader));
        Ok(row.and_then(|row| {
            let password_hash = row.get::<String, _>("password_hash").into();
            let is_disabled = is_disabled(&row);
            user(&row).map(|user| Account { user, password_hash, is_disabled })
        }))
    }

    /// Returns all accounts by e-mail address, with the number of sessions that have not ended at `now`, in
    /// Unix seconds.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn all_people(&self, now: i64) -> Result<Vec<AccountSummary>, StoreError> {
        let rows = sqlx::query(
            "select *, (select count(*) from _pagetide_sessions
                        where user_id = id and expires_at > ?) as sessions
             from _pagetide_users order by email",
        )
        .bind(now);
        let rows = settled!(self.readers.sessions(), reader => rows.fetch_all(reader));
        let person = |row: &SqliteRow| {
            let (created_at, sessions) = (row.get("created_at"), row.get("sessions"));
            let is_disabled = is_disabled(row);
            user(row).map(|user| AccountSummary { user, is_disabled, created_at, sessions })
        };
        Ok(rows.iter().filter_map(person).collect())
    }

    /// Sets the role of an account. Returns whether the account exists.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn set_role(&self, id: &UserId, role: &Role) -> Result<bool, StoreError> {
        let sql = "update _pagetide_users set role = ? where id = ?";
        let values = vec![Value::text(role.as_str()), Value::text(id.as_str())];
        Ok(self.execute(SystemStatement { sql, values }).await? > 0)
    }

    /// Disables an account and ends its sessions. Returns whether the account exists.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn disable(&self, id: &UserId) -> Result<bool, StoreError> {
        let sql = "update _pagetide_users
                   set disabled_at = coalesce(disabled_at, strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
                   where id = ?";
        let disabled =
            self.execute(SystemStatement { sql, values: vec![Value::text(id.as_str())] });
        let disabled = disabled.await? > 0;
        self.end_sessions(id).await?;
        Ok(disabled)
    }

    /// Enables a disabled account again. Returns whether the account exists.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn enable(&self, id: &UserId) -> Result<bool, StoreError> {
        let sql = "update _pagetide_users set disabled_at = null where id = ?";
        let values = vec![Value::text(id.as_str())];
        Ok(self.execute(SystemStatement { sql, values }).await? > 0)
    }

    /// Sets the password of an account, which ends its sessions. If `before` is given, only while that is
    /// still the hash of its password. Returns whether the password was set.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn set_password(
        &self,
        id: &UserId,
        password_hash: &str,
        before: Option<&str>,
    ) -> Result<bool, StoreError> {
        let sql = "update _pagetide_users set password_hash = ?1
                   where id = ?2 and (?3 is null or password_hash = ?3)";
        let before = before.map_or(Value::Null, Value::text);
        let values = vec![Value::text(password_hash), Value::text(id.as_str()), before];
        Ok(self.execute(SystemStatement { sql, values }).await? > 0)
    }

    /// Returns the version of all accounts. It changes when a session or token is deleted or an account is
    /// made or changed, by this or another program.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn accounts_version(&self) -> Result<AccountsVersion, StoreError> {
        let epoch = self.log.epoch.now().as_str().into();
        let version = "select cast(value as integer) from _pagetide_meta where key = 'accounts'";
        let version = sqlx::query_scalar(version);
        let number = settled!(self.readers.sessions(), reader => version.fetch_optional(reader));
        Ok(AccountsVersion { epoch, number: number.unwrap_or(0) })
    }

    /// Returns the secret of this database, for signing values that are not stored. If it has none yet,
    /// `candidate` becomes the secret.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn secret(&self, candidate: &str) -> Result<String, StoreError> {
        let sql = "insert or ignore into _pagetide_meta (key, value) values ('secret', ?)";
        self.execute(SystemStatement { sql, values: vec![Value::text(candidate)] }).await?;
        let secret = sqlx::query_scalar("select value from _pagetide_meta where key = 'secret'");
        Ok(settled!(self.readers.sessions(), reader => secret.fetch_one(reader)))
    }
}

/// Reads a user from a row of accounts. `None` if the role in it is not valid: such an account has no rights.
pub(super) fn user(row: &SqliteRow) -> Option<User> {
    Some(User {
        id: UserId::new(row.get::<String, _>("id")),
        email: row.get::<String, _>("email").into(),
        name: row.get::<String, _>("name").into(),
        role: row.get::<String, _>("role").parse().ok()?,
    })
}

fn is_disabled(row: &SqliteRow) -> bool {
    row.get::<Option<String>, _>("disabled_at").is_some()
}
