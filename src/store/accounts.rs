//! The rows of accounts. The rules of signing in are in `auth`.

use std::sync::Arc;

use crate::model::ids::{Role, UserId};
use crate::model::value::Value;
use crate::model::viewer::User;
use crate::store::own::{OwnRow, OwnStatement};
use crate::store::{Store, StoreError, on};

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
        let any = OwnStatement::new("select id from _pagetide_users limit 1", Vec::new());
        Ok(!self.own_rows(any).await?.is_empty())
    }

    /// Makes the first account. Returns `false` if there is an account already.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn add_first_account(&self, account: NewAccount) -> Result<bool, StoreError> {
        let sql = "insert into _pagetide_users (id, email, name, role, password_hash)
                   select $1, $2, $3, $4, $5 where not exists (select 1 from _pagetide_users)";
        self.insert_account(sql, account).await
    }

    /// Makes an account. Returns `false` if there is one with this e-mail address already.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn add_account(&self, account: NewAccount) -> Result<bool, StoreError> {
        let sql = "insert into _pagetide_users (id, email, name, role, password_hash)
                   values ($1, $2, $3, $4, $5) on conflict do nothing";
        self.insert_account(sql, account).await
    }

    async fn insert_account(
        &self,
        sql: &'static str,
        account: NewAccount,
    ) -> Result<bool, StoreError> {
        let (id, name) = (account.id.clone(), account.name.clone());
        let added = self.execute(OwnStatement::new(sql, account.values())).await? > 0;
        if added {
            on!(self, engine => engine.people.add(id, name.into()));
        }
        Ok(added)
    }

    /// Returns the account of an e-mail address, ASCII case ignored. `None` if there is none.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn account(&self, email: &str) -> Result<Option<Account>, StoreError> {
        let sql = "select id, email, name, role, password_hash, disabled_at
                   from _pagetide_users where email = $1";
        let rows = self.own_rows(OwnStatement::new(sql, vec![Value::text(email)])).await?;
        Ok(rows.first().and_then(|row| {
            let password_hash = row.always_text(4).into();
            let is_disabled = row.text(5).is_some();
            user(row).map(|user| Account { user, password_hash, is_disabled })
        }))
    }

    /// Returns all accounts by e-mail address, with the number of sessions that have not ended at `now`, in
    /// Unix seconds.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn all_people(&self, now: i64) -> Result<Vec<AccountSummary>, StoreError> {
        let sql = "select id, email, name, role, disabled_at, created_at,
                     (select count(*) from _pagetide_sessions where user_id = id and expires_at > $1)
                   from _pagetide_users order by email";
        let rows = self.own_rows(OwnStatement::new(sql, vec![Value::Integer(now)])).await?;
        let person = |row: &OwnRow| {
            Some(AccountSummary {
                user: user(row)?,
                is_disabled: row.text(4).is_some(),
                created_at: row.always_text(5).to_owned(),
                sessions: row.always_integer(6),
            })
        };
        Ok(rows.iter().filter_map(person).collect())
    }

    /// Sets the role of an account. Returns whether the account exists.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn set_role(&self, id: &UserId, role: &Role) -> Result<bool, StoreError> {
        let sql = "update _pagetide_users set role = $1 where id = $2";
        let values = vec![Value::text(role.as_str()), Value::text(id.as_str())];
        Ok(self.execute(OwnStatement::new(sql, values)).await? > 0)
    }

    /// Disables an account and ends its sessions. Returns whether the account exists.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn disable(&self, id: &UserId) -> Result<bool, StoreError> {
        let sql =
            "update _pagetide_users set disabled_at = coalesce(disabled_at, $1) where id = $2";
        let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string();
        let values = vec![Value::text(now), Value::text(id.as_str())];
        let disabled = self.execute(OwnStatement::new(sql, values)).await? > 0;
        self.end_sessions(id).await?;
        Ok(disabled)
    }

    /// Enables a disabled account again. Returns whether the account exists.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn enable(&self, id: &UserId) -> Result<bool, StoreError> {
        let sql = "update _pagetide_users set disabled_at = null where id = $1";
        let values = vec![Value::text(id.as_str())];
        Ok(self.execute(OwnStatement::new(sql, values)).await? > 0)
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
        let sql = "update _pagetide_users set password_hash = $1
                   where id = $2 and (cast($3 as text) is null or password_hash = $3)";
        let before = before.map_or(Value::Null, Value::text);
        let values = vec![Value::text(password_hash), Value::text(id.as_str()), before];
        Ok(self.execute(OwnStatement::new(sql, values)).await? > 0)
    }

    /// Returns the version of all accounts. It changes when a session or token is deleted or an account is
    /// made or changed, by this or another program.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn accounts_version(&self) -> Result<AccountsVersion, StoreError> {
        let epoch = on!(self, engine => engine.log.epoch_name());
        let sql = "select cast(value as bigint) from _pagetide_meta where key = 'accounts'";
        let rows = self.own_rows(OwnStatement::new(sql, Vec::new())).await?;
        let number = rows.first().map_or(0, |row| row.always_integer(0));
        Ok(AccountsVersion { epoch, number })
    }

    /// Returns the secret of this database, for signing values that are not stored. If it has none yet,
    /// `candidate` becomes the secret.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn secret(&self, candidate: &str) -> Result<String, StoreError> {
        let sql = "insert into _pagetide_meta (key, value) values ('secret', $1)
                   on conflict (key) do nothing";
        self.execute(OwnStatement::new(sql, vec![Value::text(candidate)])).await?;
        let sql = "select value from _pagetide_meta where key = 'secret'";
        let rows = self.own_rows(OwnStatement::new(sql, Vec::new())).await?;
        Ok(rows.first().map_or(candidate, |row| row.always_text(0)).to_owned())
    }
}

/// Reads a user from the first four columns of a row: id, e-mail address, name and role. `None` if the role is
/// not valid: such an account has no rights.
pub(super) fn user(row: &OwnRow) -> Option<User> {
    Some(User {
        id: UserId::new(row.always_text(0)),
        email: row.always_text(1).into(),
        name: row.always_text(2).into(),
        role: row.always_text(3).parse().ok()?,
    })
}
