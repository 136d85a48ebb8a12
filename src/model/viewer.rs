//! The people that requests come from, as far as permissions know them.

use std::sync::Arc;

use crate::model::ids::{Role, UserId};

/// The guest or account that a request comes from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Viewer {
    /// Somebody who loaded a public page and has not signed in.
    Guest,
    /// An account that is signed in.
    User(User),
}

impl Viewer {
    /// Whether they look after the app.
    pub fn is_admin(&self) -> bool {
        matches!(self, Self::User(user) if user.role.as_str() == "admin")
    }
}

/// An account that is signed in, as far as permissions need to know it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct User {
    /// The identity of the account.
    pub id: UserId,
    /// What they sign in with.
    pub email: Arc<str>,
    /// The name that other people read.
    pub name: Arc<str>,
    /// What permissions go by.
    pub role: Role,
}
