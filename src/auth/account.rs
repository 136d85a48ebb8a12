//! Accounts: how they are made, and what becomes of them.

use std::net::IpAddr;

use crate::auth::{
    Auth, AuthError, InvalidInput, MAX_NAME, StartedSession, Visit, hash, is_one_line, now,
    password, random_token,
};
use crate::model::ids::{Role, UserId};
use crate::model::viewer::User;
use crate::store::{Account, AccountSummary, NewAccount, SessionSeen, StoreError};

/// The values of a new account.
#[derive(Clone, Debug)]
pub struct NewPerson {
    /// The name that other people read.
    pub name: String,
    /// The e-mail address to sign in with.
    pub email: String,
    /// The password as it was typed, which proves who they are.
    pub password: String,
}

impl NewPerson {
    /// The same without blanks around it, if it can be an account.
    fn fit(self) -> Result<Self, AuthError> {
        let (name, email) = (self.name.trim().to_owned(), self.email.trim().to_owned());
        let mut faults = Vec::new();
        let mut fault = |field, message| faults.push(InvalidInput { field, message });
        if email.len() > MAX_NAME || !validator::ValidateEmail::validate_email(&email) {
            fault("email", "this is not an e-mail address");
        }
        if !is_one_line(&name) {
            fault("name", "a name is one line of text");
        }
        if let Some(message) = password::fault(&self.password) {
            fault("password", message);
        }
        if faults.is_empty() {
            Ok(Self { name, email, ..self })
        } else {
            Err(AuthError::Unfit(faults))
        }
    }
}

impl Auth {
    /// Makes an account for a person who signs up, and begins their session.
    ///
    /// # Errors
    /// If it cannot be made, or somebody there asks too often.
    pub async fn sign_up(
        &self,
        person: NewPerson,
        role: &Role,
        visit: &Visit,
    ) -> Result<StartedSession, AuthError> {
        let person = person.fit()?;
        self.limits.signs_up(visit.address).map_err(AuthError::TooMany)?;
        let email = person.email.clone();
        self.add_fit(person, role).await?;
        self.begin_for(&email, visit).await
    }

    /// Makes an account.
    ///
    /// # Errors
    /// If it cannot be made.
    pub async fn add(&self, person: NewPerson, role: &Role) -> Result<(), AuthError> {
        self.add_fit(person.fit()?, role).await
    }

    async fn add_fit(&self, person: NewPerson, role: &Role) -> Result<(), AuthError> {
        let account = self.account(person, role.clone()).await?;
        if self.store.add_account(account).await? { Ok(()) } else { Err(AuthError::Taken) }
    }

    /// Makes the first admin, if there is no account yet.
    ///
    /// # Errors
    /// If what was given cannot be an account, or the database does not answer.
    pub async fn add_first_admin(&self, admin: NewPerson) -> Result<bool, AuthError> {
        let role = "admin".parse::<Role>().expect("`admin` is a role");
        let account = self.account(admin.fit()?, role).await?;
        Ok(self.store.add_first_account(account).await?)
    }

    async fn account(&self, person: NewPerson, role: Role) -> Result<NewAccount, AuthError> {
        let NewPerson { name, email, password } = person;
        let password_hash = self.hashers.hash(password).await?;
        Ok(NewAccount { id: UserId::new(random_token()), email, name, role, password_hash })
    }

    /// Makes the first admin for a person with the link that was printed, and begins their session.
    ///
    /// # Errors
    /// If the link is no longer valid, or the account cannot be made.
    pub async fn set_up(
        &self,
        token: &str,
        admin: NewPerson,
        visit: &Visit,
    ) -> Result<StartedSession, AuthError> {
        if !self.may_set_up(token).await? {
            return Err(AuthError::SetupOver);
        }
        let email = admin.email.trim().to_owned();
        if !self.add_first_admin(admin).await? {
            return Err(AuthError::SetupOver);
        }
        self.begin_for(&email, visit).await
    }

    /// Whether the link that was printed is still valid.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn may_set_up(&self, token: &str) -> Result<bool, AuthError> {
        let known = self.setup_token_hash.as_deref() == Some(hash(token).as_str());
        Ok(known && !self.store.has_accounts().await?)
    }

    /// Begins a session of an account that was just made.
    async fn begin_for(&self, email: &str, visit: &Visit) -> Result<StartedSession, AuthError> {
        let account = self.store.account(email).await?.ok_or(AuthError::WrongCredentials)?;
        self.begin(account, visit).await
    }

    /// Changes the password of a user who knows the current one. All their sessions end, and a new one begins.
    ///
    /// # Errors
    /// If they do not know it, the new one cannot be one, or they try too often.
    pub async fn change_password(
        &self,
        user: &User,
        current: String,
        new: String,
        visit: &Visit,
    ) -> Result<StartedSession, AuthError> {
        if let Some(fault) = password::fault(&new) {
            return Err(AuthError::unfit("newPassword", fault));
        }
        let account = self.proven(&user.email, current, visit.address).await;
        let account = account.map_err(|error| match error {
            AuthError::WrongCredentials => AuthError::WrongPassword,
            other => other,
        })?;
        let password_hash = self.hashers.hash(new).await?;
        let before = Some(account.password_hash.as_ref());
        // Somebody who was faster has made the current password a wrong one.
        if !self.store.set_password(&user.id, &password_hash, before).await? {
            return Err(AuthError::WrongPassword);
        }
        self.seen.forget();
        self.begin(Account { password_hash: password_hash.into(), ..account }, visit).await
    }

    /// Ends every session of an account.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn sign_out_everywhere(&self, user: &UserId) -> Result<(), StoreError> {
        let ended = self.store.end_sessions(user).await;
        self.seen.forget();
        ended
    }

    /// The sessions that have not ended: those of one account, or everybody's.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn sessions(&self, of: Option<&UserId>) -> Result<Vec<SessionSeen>, StoreError> {
        self.store.sessions(of, now()).await
    }

    /// Everybody with an account, by e-mail address.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn people(&self) -> Result<Vec<AccountSummary>, AuthError> {
        Ok(self.store.all_people(now()).await?)
    }

    /// Returns the account of an e-mail address.
    ///
    /// # Errors
    /// If it is nobody's, or the database does not answer.
    pub async fn person(&self, email: &str) -> Result<User, AuthError> {
        let account = self.store.account(email.trim()).await?.ok_or(AuthError::UnknownAccount)?;
        Ok(account.user)
    }

    /// Gives an account another password, which ends its sessions.
    ///
    /// # Errors
    /// If it cannot be one, or there is no such account.
    pub async fn set_password(&self, user: &UserId, password: String) -> Result<(), AuthError> {
        if let Some(fault) = password::fault(&password) {
            return Err(AuthError::unfit("password", fault));
        }
        let password_hash = self.hashers.hash(password).await?;
        self.done(self.store.set_password(user, &password_hash, None).await)
    }

    /// Gives an account another role.
    ///
    /// # Errors
    /// If there is no such account, or the database does not answer.
    pub async fn set_role(&self, user: &UserId, role: &Role) -> Result<(), AuthError> {
        self.done(self.store.set_role(user, role).await)
    }

    /// Disables an account: its sessions end within a second.
    ///
    /// # Errors
    /// If there is no such account, or the database does not answer.
    pub async fn disable(&self, user: &UserId) -> Result<(), AuthError> {
        self.done(self.store.disable(user).await)
    }

    /// Opens an account again.
    ///
    /// # Errors
    /// If there is no such account, or the database does not answer.
    pub async fn enable(&self, user: &UserId) -> Result<(), AuthError> {
        self.done(self.store.enable(user).await)
    }

    fn done(&self, found: Result<bool, StoreError>) -> Result<(), AuthError> {
        self.seen.forget();
        if found? { Ok(()) } else { Err(AuthError::UnknownAccount) }
    }

    /// The account that this address and password open.
    pub(super) async fn proven(
        &self,
        email: &str,
        password: String,
        from: IpAddr,
    ) -> Result<Account, AuthError> {
        self.limits.tries(email, from).map_err(AuthError::TooMany)?;
        if email.len() > MAX_NAME || password.len() > password::MAX_PASSWORD {
            return Err(AuthError::WrongCredentials);
        }
        let account = self.store.account(email.trim()).await?;
        // An unknown address costs as much time as a known one, so nobody can ask who has one.
        let hash = account.as_ref().map(|account| account.password_hash.clone());
        let right = self.hashers.verify(password, hash).await?;
        let open = account.filter(|account| right && !account.is_disabled);
        open.ok_or(AuthError::WrongCredentials)
    }
}
