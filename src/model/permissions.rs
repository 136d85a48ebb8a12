//! What an author lets viewers do to the records of a table.

use crate::model::field::FieldAt;
use crate::model::filter::Filter;
use crate::model::ids::Role;
use crate::model::operand::Operand;
use crate::model::value::Value;
use crate::model::viewer::Viewer;

/// Whom an author lets do something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Grant {
    /// Everyone, and guests too.
    All,
    /// Everyone who is signed in.
    Authenticated,
    /// Signed-in people with one of these roles.
    Roles(Vec<Role>),
}

/// What can be done to records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Read the records of the table.
    Read,
    /// Add a record to the table.
    Create,
    /// Change a record of the table.
    Update,
    /// Remove a record from the table.
    Delete,
}

/// The permissions of one table.
#[derive(Clone, Debug, PartialEq)]
pub struct Permissions {
    /// Who may see records.
    pub read: Grant,
    /// Who may add records.
    pub create: Grant,
    /// Who may change records.
    pub update: Grant,
    /// Who may remove records.
    pub delete: Grant,
    /// Fields with rules of their own.
    pub fields: Vec<FieldRule>,
    /// Which records those who may do something to some may do it to.
    pub rows: RowRules<Operand>,
}

/// For each thing that can be done to records, to which.
#[derive(Clone, Debug, PartialEq)]
pub struct RowRules<V = Value> {
    /// What a record must pass to be seen; what does not is as good as not there.
    pub read: Filter<V>,
    /// What a record must pass to be added.
    pub create: Filter<V>,
    /// What a record must pass to be changed, before and after.
    pub update: Filter<V>,
    /// What a record must pass to be removed.
    pub delete: Filter<V>,
}

impl<V> Default for RowRules<V> {
    fn default() -> Self {
        let all = Filter::all;
        Self { read: all(), create: all(), update: all(), delete: all() }
    }
}

/// A narrower rule for one field.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldRule {
    /// The field it is about.
    pub field: FieldAt,
    /// Who may see it; absent: who may see the table.
    pub read: Option<Grant>,
    /// Who may set it; absent: who may write the record.
    pub write: Option<Grant>,
}

impl Default for Permissions {
    fn default() -> Self {
        let admins = || Grant::Roles(vec!["admin".parse().expect("`admin` is a role")]);
        Self {
            read: Grant::Authenticated,
            create: admins(),
            update: admins(),
            delete: admins(),
            fields: Vec::new(),
            rows: RowRules::default(),
        }
    }
}

impl Grant {
    /// Whether the viewer is among those meant.
    pub fn allows(&self, viewer: &Viewer) -> bool {
        match (self, viewer) {
            (Self::All, _) | (Self::Authenticated, Viewer::User(_)) => true,
            (Self::Roles(roles), Viewer::User(user)) => roles.contains(&user.role),
            (_, Viewer::Guest) => false,
        }
    }
}
