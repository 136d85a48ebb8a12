//! A table as declared: its name, fields, permissions and seed.

use crate::model::field::{Field, FieldAt, FieldKind, OnDelete};
use crate::model::ids::TableName;
use crate::model::permissions::{FieldRule, Operation, Permissions};
use crate::model::record::{FieldSet, Record};
use crate::model::viewer::Viewer;

/// A table as declared in YAML and checked. `fields[0]` is always the `id`.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// The name in YAML, URLs and the database.
    pub name: TableName,
    /// All fields: the `id` first, then the others in the order of their declaration.
    pub fields: Vec<Field>,
    /// The permissions, which say which viewers may read, add, change and remove records.
    pub permissions: Permissions,
    /// The records that are inserted when the table is first created. An `id` that the seed does not give is
    /// [`Value::Null`](crate::model::value::Value::Null).
    pub seed: Vec<Record>,
    /// The table's former name, so that it is renamed rather than replaced; `None` if it had no other.
    pub renamed_from: Option<TableName>,
    /// The field whose value labels a record where a relationship refers to it; `None` if the table has no text
    /// field.
    pub display_field: Option<FieldAt>,
}

impl Table {
    /// Returns the index of the field with this name, `id` included. `None` if there is none.
    pub fn at(&self, name: &str) -> Option<FieldAt> {
        self.fields.iter().position(|field| field.name.as_str() == name).map(FieldAt::nth)
    }

    /// Returns the field at this index.
    pub fn field(&self, at: FieldAt) -> &Field {
        &self.fields[at.index()]
    }

    /// Iterates over every field with its index, the `id` first.
    pub fn all(&self) -> impl Iterator<Item = (FieldAt, &Field)> {
        self.fields.iter().enumerate().map(|(index, field)| (FieldAt::nth(index), field))
    }

    /// Returns the fields that a new record must have a value sent for: those that are required, have no
    /// default and are not set by the database.
    pub fn needed(&self) -> impl Iterator<Item = FieldAt> {
        // Only fields that a client can set: the database gives system fields their values.
        let is_needed =
            |field: &Field| field.required && !field.kind.is_system() && field.default.is_null();
        self.all().filter(move |(_, field)| is_needed(field)).map(|(at, _)| at)
    }

    /// Returns every relationship with the table that it refers to, and the effect of a deletion there.
    pub fn links(&self) -> impl Iterator<Item = (FieldAt, &TableName, OnDelete)> {
        self.all().filter_map(|(at, field)| match &field.kind {
            FieldKind::Relationship(table, on_delete) => Some((at, table, *on_delete)),
            _ => None,
        })
    }

    /// Returns the updated-at field, which serves as the version for optimistic locking. `None` if the table
    /// has no such field.
    pub fn updated_at(&self) -> Option<FieldAt> {
        self.all().find(|(_, field)| field.kind == FieldKind::UpdatedAt).map(|(at, _)| at)
    }
}

impl Table {
    /// Whether the viewer may do this operation on any record of the table. The row rules are not asked.
    pub fn allows(&self, viewer: &Viewer, operation: Operation) -> bool {
        let permissions = &self.permissions;
        match operation {
            Operation::Read => &permissions.read,
            Operation::Create => &permissions.create,
            Operation::Update => &permissions.update,
            Operation::Delete => &permissions.delete,
        }
        .allows(viewer)
    }

    /// Returns the fields that the viewer may read. Empty if they may not read the table.
    pub fn readable(&self, viewer: &Viewer) -> FieldSet {
        match self.allows(viewer, Operation::Read) {
            true => self.not_hidden(viewer),
            false => FieldSet::new([]),
        }
    }

    /// Returns the fields that no field rule hides from the viewer, whether or not they may read the table.
    pub(super) fn not_hidden(&self, viewer: &Viewer) -> FieldSet {
        let may = |at: &FieldAt| {
            let rule = self.rule(*at).and_then(|rule| rule.read.as_ref());
            rule.is_none_or(|grant| grant.allows(viewer))
        };
        FieldSet::new(self.all().map(|(at, _)| at).filter(may))
    }

    /// Whether the field rules let the viewer set this field. They must also be allowed to write the record.
    pub fn may_set(&self, viewer: &Viewer, at: FieldAt) -> bool {
        let rule = self.rule(at).and_then(|rule| rule.write.as_ref());
        rule.is_none_or(|grant| grant.allows(viewer))
    }

    fn rule(&self, at: FieldAt) -> Option<&FieldRule> {
        self.permissions.fields.iter().find(|rule| rule.field == at)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::model::ids::UserId;
    use crate::model::permissions::Grant;
    use crate::model::value::Value;
    use crate::model::viewer::User;

    /// A table of text fields, for tests that need nothing more.
    pub(crate) fn table(name: &str, fields: &[&str]) -> Table {
        let field = |name: &str, kind| Field {
            name: name.parse().unwrap(),
            label: name.into(),
            kind,
            required: false,
            unique: false,
            default: Value::Null,
            renamed_from: None,
        };
        let id = std::iter::once(field("id", FieldKind::Id));
        let rest = fields.iter().map(|name| field(name, FieldKind::SingleLineText));
        Table {
            name: name.parse().unwrap(),
            fields: id.chain(rest).collect(),
            permissions: Permissions::default(),
            seed: Vec::new(),
            renamed_from: None,
            display_field: None,
        }
    }

    /// A table with fields of these kinds, called f0, f1 and so on.
    pub(crate) fn table_of(kinds: impl IntoIterator<Item = FieldKind>) -> Table {
        let mut table = table("things", &[]);
        table.fields.extend(kinds.into_iter().enumerate().map(|(index, kind)| Field {
            name: format!("f{index}").parse().unwrap(),
            label: "".into(),
            kind,
            required: false,
            unique: false,
            default: Value::Null,
            renamed_from: None,
        }));
        table
    }

    fn user(role: &str) -> Viewer {
        Viewer::User(User {
            id: UserId::new("u1"),
            email: "ada@example.org".into(),
            name: "Ada".into(),
            role: role.parse().unwrap(),
        })
    }

    #[test]
    fn what_is_not_said_is_closed_to_guests_and_written_by_admins() {
        let table = table("orders", &["customer"]);
        assert!(!table.allows(&Viewer::Guest, Operation::Read));
        assert!(table.allows(&user("viewer"), Operation::Read));
        assert!(!table.allows(&user("member"), Operation::Update));
        assert!(table.allows(&user("admin"), Operation::Delete));
    }

    #[test]
    fn a_field_rule_hides_the_field_from_others() {
        let mut table = table("orders", &["customer", "total"]);
        let total = table.at("total").unwrap();
        table.permissions.read = Grant::All;
        let admins = Some(Grant::Roles(vec!["admin".parse().unwrap()]));
        table.permissions.fields.push(FieldRule { field: total, read: admins, write: None });
        assert!(!table.readable(&Viewer::Guest).contains(total));
        assert!(!table.readable(&user("member")).contains(total));
        assert!(table.readable(&user("admin")).contains(total));
    }

    #[test]
    fn a_closed_table_shows_no_field() {
        assert_eq!(table("orders", &["customer"]).readable(&Viewer::Guest).iter().count(), 0);
    }
}
