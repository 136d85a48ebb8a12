//! A table as declared: its fields, what each may hold, who may do what.

use crate::model::field::{Field, FieldAt, FieldKind, OnDelete};
use crate::model::ids::TableName;
use crate::model::permissions::{FieldRule, Operation, Permissions};
use crate::model::record::{FieldSet, Record};
use crate::model::viewer::Viewer;

/// One declared table. `fields[0]` is always the `id`.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// The name in YAML, URLs and the database.
    pub name: TableName,
    /// All fields, the `id` first, then as declared.
    pub fields: Vec<Field>,
    /// Who may do what.
    pub permissions: Permissions,
    /// Rows the table is filled with when it is first created; their `id`s are `Value::Null`
    /// where the seed file names none.
    pub seed: Vec<Record>,
    /// What the table was called before.
    pub renamed_from: Option<TableName>,
    /// The text that its records go by where others refer to them; nothing if it has no text.
    pub display_field: Option<FieldAt>,
}

impl Table {
    /// The field of this name, `id` included.
    pub fn at(&self, name: &str) -> Option<FieldAt> {
        self.fields.iter().position(|field| field.name.as_str() == name).map(FieldAt::nth)
    }

    /// The field at this place.
    pub fn field(&self, at: FieldAt) -> &Field {
        &self.fields[at.index()]
    }

    /// Every field with its place, `id` first.
    pub fn all(&self) -> impl Iterator<Item = (FieldAt, &Field)> {
        self.fields.iter().enumerate().map(|(index, field)| (FieldAt::nth(index), field))
    }

    /// The fields that whoever adds a record must give a value.
    pub fn needed(&self) -> impl Iterator<Item = FieldAt> {
        let is_needed =
            |field: &Field| field.required && !field.kind.is_system() && field.default.is_null();
        self.all().filter(move |(_, field)| is_needed(field)).map(|(at, _)| at)
    }

    /// Every field that refers to records, with their table and what becomes of it without them.
    pub fn links(&self) -> impl Iterator<Item = (FieldAt, &TableName, OnDelete)> {
        self.all().filter_map(|(at, field)| match &field.kind {
            FieldKind::Relationship(table, on_delete) => Some((at, table, *on_delete)),
            _ => None,
        })
    }

    /// The field that optimistic locking compares, where the table has one.
    pub fn updated_at(&self) -> Option<FieldAt> {
        self.all().find(|(_, field)| field.kind == FieldKind::UpdatedAt).map(|(at, _)| at)
    }
}

impl Table {
    /// Whether the viewer may do this to some record of the table.
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

    /// The fields the viewer may see; none if the table is closed to them.
    pub fn readable(&self, viewer: &Viewer) -> FieldSet {
        match self.allows(viewer, Operation::Read) {
            true => self.not_hidden(viewer),
            false => FieldSet::new([]),
        }
    }

    /// The fields that no rule of their own hides from the viewer.
    pub(super) fn not_hidden(&self, viewer: &Viewer) -> FieldSet {
        let may = |at: &FieldAt| {
            let rule = self.rule(*at).and_then(|rule| rule.read.as_ref());
            rule.is_none_or(|grant| grant.allows(viewer))
        };
        FieldSet::new(self.all().map(|(at, _)| at).filter(may))
    }

    /// Whether the viewer may set the field, given that they may write the record.
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
