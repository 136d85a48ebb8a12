//! The viewer of a request: a guest or an account, with the data that permissions use.

use std::sync::Arc;

use crate::model::ids::{Role, UserId};

/// The guest or account that a request comes from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Viewer {
    /// A viewer who has not signed in, and sees public pages.
    Guest,
    /// An account that is signed in.
    User(User),
}

impl Viewer {
    /// Whether the viewer has the role `admin`.
    pub fn is_admin(&self) -> bool {
        matches!(self, Self::User(user) if user.role.as_str() == "admin")
    }
}

/// An account that is signed in, with the data that permissions use.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct User {
    /// The id of the account.
    pub id: UserId,
    /// The e-mail address that the user signs in with.
    pub email: Arc<str>,
    /// The name that other users see.
    pub name: Arc<str>,
    /// The role, which decides the user's permissions.
    pub role: Role,
}
