//! Permissions of a table: which viewers may read, add, change and remove which of its records and fields.

use crate::model::field::FieldAt;
use crate::model::filter::Filter;
use crate::model::ids::Role;
use crate::model::operand::Operand;
use crate::model::value::Value;
use crate::model::viewer::Viewer;

/// The viewers to whom an author gives a permission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Grant {
    /// Every viewer is allowed, guests included.
    All,
    /// Everyone who is signed in.
    Authenticated,
    /// Users who are signed in and have one of these roles.
    Roles(Vec<Role>),
}

/// An operation on records that permissions allow or refuse.
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
    /// The viewers who may read records.
    pub read: Grant,
    /// The viewers who may add records.
    pub create: Grant,
    /// The viewers who may change records.
    pub update: Grant,
    /// The viewers who may remove records.
    pub delete: Grant,
    /// The rules of single fields, which narrow those of the table. A field without one follows the table's.
    pub fields: Vec<FieldRule>,
    /// The row rules: the records to which each operation is limited, even for viewers who may do it.
    pub rows: RowRules<Operand>,
}

/// The row rules of a table: one filter for each operation.
#[derive(Clone, Debug, PartialEq)]
pub struct RowRules<V = Value> {
    /// The filter that a record must pass to be read. For the viewer, others do not exist.
    pub read: Filter<V>,
    /// The filter that a new record must pass.
    pub create: Filter<V>,
    /// The filter that a record must pass both before and after a change.
    pub update: Filter<V>,
    /// The filter that a record must pass to be removed.
    pub delete: Filter<V>,
}

impl<V> Default for RowRules<V> {
    fn default() -> Self {
        let all = Filter::all;
        Self { read: all(), create: all(), update: all(), delete: all() }
    }
}

/// A rule for one field, which narrows the permissions of its table.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldRule {
    /// The field with this rule.
    pub field: FieldAt,
    /// The viewers who may read the field; `None` for all who may read the table.
    pub read: Option<Grant>,
    /// The viewers who may set the field; `None` for all who may add or change the record.
    pub write: Option<Grant>,
}

// Closed by default: an author who forgets `permissions` must not publish records to guests.
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
    /// Whether the grant includes the viewer.
    pub fn allows(&self, viewer: &Viewer) -> bool {
        match (self, viewer) {
            (Self::All, _) | (Self::Authenticated, Viewer::User(_)) => true,
            (Self::Roles(roles), Viewer::User(user)) => roles.contains(&user.role),
            (_, Viewer::Guest) => false,
        }
    }
}
