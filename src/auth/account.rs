//! Accounts: makes them, changes their passwords and roles, disables them and lists their sessions.

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
    /// The name that other users see.
    pub name: String,
    /// The e-mail address to sign in with.
    pub email: String,
    /// The password, as it was typed.
    pub password: String,
}

impl NewPerson {
    /// Trims the name and the e-mail address, and checks all values. [`AuthError::Unfit`] holds a fault for
    /// each that does not fit.
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
    /// If the values do not fit, the e-mail address is taken, or too many accounts were made from the same
    /// network.
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

    /// Makes an account with this role.
    ///
    /// # Errors
    /// If the values do not fit, the e-mail address is taken, or the database does not answer.
    pub async fn add(&self, person: NewPerson, role: &Role) -> Result<(), AuthError> {
        self.add_fit(person.fit()?, role).await
    }

    async fn add_fit(&self, person: NewPerson, role: &Role) -> Result<(), AuthError> {
        let account = self.account(person, role.clone()).await?;
        if self.store.add_account(account).await? { Ok(()) } else { Err(AuthError::Taken) }
    }

    /// Makes the first account, with the role `admin`. Returns false, and makes none, if there is an account
    /// already.
    ///
    /// # Errors
    /// If the values do not fit, or the database does not answer.
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

    /// Makes the first account, an admin, for a person who has opened the setup link, and begins their
    /// session. The link holds the token; the server prints it when it starts without accounts.
    ///
    /// # Errors
    /// [`AuthError::SetupOver`] if the link is no longer valid; or if the values do not fit.
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

    /// Whether the token is that of the setup link, and the link is still valid: there is no account yet.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn may_set_up(&self, token: &str) -> Result<bool, AuthError> {
        let known = self.setup_token_hash.as_deref() == Some(hash(token).as_str());
        Ok(known && !self.store.has_accounts().await?)
    }

    /// Begins a session for the account with this e-mail address, which was just made.
    async fn begin_for(&self, email: &str, visit: &Visit) -> Result<StartedSession, AuthError> {
        let account = self.store.account(email).await?.ok_or(AuthError::WrongCredentials)?;
        self.begin(account, visit).await
    }

    /// Changes the password of a user who knows the current one. All their sessions end, and a new one begins.
    ///
    /// # Errors
    /// [`AuthError::WrongPassword`] if the current password is wrong; or if the new one does not fit, or the
    /// user tries too often.
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
        // Another request may have changed the password since it was verified. It is not overwritten.
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

    /// Returns the sessions that have not ended: those of one account, or of all accounts if `of` is `None`.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn sessions(&self, of: Option<&UserId>) -> Result<Vec<SessionSeen>, StoreError> {
        self.store.sessions(of, now()).await
    }

    /// Returns all accounts, sorted by e-mail address.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn people(&self) -> Result<Vec<AccountSummary>, AuthError> {
        Ok(self.store.all_people(now()).await?)
    }

    /// Returns the user with this e-mail address.
    ///
    /// # Errors
    /// [`AuthError::UnknownAccount`] if there is none, or the database does not answer.
    pub async fn person(&self, email: &str) -> Result<User, AuthError> {
        let account = self.store.account(email.trim()).await?.ok_or(AuthError::UnknownAccount)?;
        Ok(account.user)
    }

    /// Gives an account another password, which ends its sessions. The current one is not asked for.
    ///
    /// # Errors
    /// If the password does not fit, or there is no such account.
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

    /// Enables an account that was disabled.
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

    /// Returns the account with this e-mail address, if the password is right.
    /// [`AuthError::WrongCredentials`] if it is wrong, the address has no account or the account is disabled;
    /// [`AuthError::TooMany`] after too many attempts.
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
        // An unknown address takes as long as a known one, or the time would show who has an account.
        let hash = account.as_ref().map(|account| account.password_hash.clone());
        let right = self.hashers.verify(password, hash).await?;
        let open = account.filter(|account| right && !account.is_disabled);
        open.ok_or(AuthError::WrongCredentials)
    }
}
