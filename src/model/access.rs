//! Who may do what: the one place where a viewer is held against permissions.

use std::sync::Arc;

use crate::model::app::App;
use crate::model::filter::Filter;
use crate::model::ids::{Role, TableName, UserId};
use crate::model::operand::Operand;
use crate::model::record::{FieldSet, Record};
use crate::model::related::Related;
use crate::model::route::RouteValues;
use crate::model::table::{FieldAt, Table};
use crate::model::value::Value;

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

/// Whom an author lets do something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Grant {
    /// Everyone, guests included.
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

/// A table as one viewer sees it.
#[derive(Clone, Debug)]
pub struct View {
    /// The table that is looked at.
    pub table: Arc<Table>,
    /// The viewer who looks at it.
    pub viewer: Viewer,
    /// Whether there are any records for them: some may only add to a table.
    pub is_open: bool,
    /// What of its records they may read.
    pub fields: FieldSet,
    /// What of them they may know of: what they read, or could where the table is closed to them.
    pub known: FieldSet,
    /// Which of its records they may read.
    pub rows: Filter,
    /// What they may read of the records that its fields refer to.
    pub related: Vec<Related>,
}

impl App {
    /// A table as the viewer sees it; nothing if there is none, or it is closed to them.
    pub fn view(&self, table: &TableName, viewer: &Viewer) -> Option<View> {
        Some(self.with_related(self.table(table)?.view(viewer)?))
    }

    /// A table as the viewer sees it who adds a record to it; nothing if there is none, or they may
    /// neither read it nor add to it.
    pub fn view_to_add(&self, table: &TableName, viewer: &Viewer) -> Option<View> {
        Some(self.with_related(self.table(table)?.view_to_add(viewer)?))
    }

    fn with_related(&self, view: View) -> View {
        let viewer = &view.viewer;
        let related = view.table.links().filter_map(|(field, name, _)| {
            let table = self.table(name)?.clone();
            let seen = table.view(viewer);
            let display = table.display_field;
            let display =
                display.filter(|at| seen.as_ref().is_some_and(|view| view.fields.contains(*at)));
            // Of a table that is closed to them, there are no records for them.
            let rows = seen.map_or_else(Filter::none, |view| view.rows);
            Some(Related { field, table, display, rows })
        });
        View { related: related.collect(), ..view }
    }
}

impl View {
    /// Whether the viewer may do this to some record.
    pub fn allows(&self, operation: Operation) -> bool {
        let may = self.table.allows(&self.viewer, operation);
        match operation {
            // Nobody is told of a field that they may not know, so they could never give it.
            Operation::Create => may && self.table.needed().all(|at| self.known.contains(at)),
            _ => may && self.is_open,
        }
    }

    /// Whether a record is one that the viewer may read.
    pub fn shows(&self, record: &Record) -> bool {
        self.is_open && self.rows.matches(record)
    }

    /// Whether the viewer may set the field of a record that they see.
    pub fn may_set(&self, at: FieldAt) -> bool {
        self.allows(Operation::Update) && self.may_write(at)
    }

    /// Whether the viewer may give the field of a record that they add.
    pub fn may_give(&self, at: FieldAt) -> bool {
        self.table.allows(&self.viewer, Operation::Create) && self.may_write(at)
    }

    fn may_write(&self, at: FieldAt) -> bool {
        !self.table.field(at).kind.is_system()
            && self.known.contains(at)
            && self.table.may_set(&self.viewer, at)
    }

    /// Which records the viewer may do what to.
    pub fn rules(&self) -> RowRules {
        let (rules, none) = (&self.table.permissions.rows, RouteValues::default());
        RowRules {
            read: self.rows.clone(),
            create: rules.create.fill(&self.viewer, &none),
            update: rules.update.fill(&self.viewer, &none),
            delete: rules.delete.fill(&self.viewer, &none),
        }
    }
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

    /// The table as the viewer sees it, by itself; nothing if it is closed to them. See [`App::view`]
    /// for what its fields refer to.
    pub fn view(self: &Arc<Self>, viewer: &Viewer) -> Option<View> {
        let open = self.allows(viewer, Operation::Read);
        open.then(|| View {
            table: self.clone(),
            viewer: viewer.clone(),
            is_open: true,
            fields: self.readable(viewer),
            known: self.readable(viewer),
            rows: self.permissions.rows.read.fill(viewer, &RouteValues::default()),
            related: Vec::new(),
        })
    }

    /// The table as the viewer sees it who adds a record to it, by itself; nothing if they may neither
    /// read it nor add to it. Where they may not read it, they see no record and no field.
    pub fn view_to_add(self: &Arc<Self>, viewer: &Viewer) -> Option<View> {
        let closed = || View {
            table: self.clone(),
            viewer: viewer.clone(),
            is_open: false,
            fields: FieldSet::new([]),
            known: self.not_hidden(viewer),
            rows: Filter::none(),
            related: Vec::new(),
        };
        let may_add = self.allows(viewer, Operation::Create);
        self.view(viewer).or_else(|| may_add.then(closed))
    }

    /// The fields the viewer may see; none if the table is closed to them.
    pub fn readable(&self, viewer: &Viewer) -> FieldSet {
        match self.allows(viewer, Operation::Read) {
            true => self.not_hidden(viewer),
            false => FieldSet::new([]),
        }
    }

    /// The fields that no rule of their own hides from the viewer.
    fn not_hidden(&self, viewer: &Viewer) -> FieldSet {
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
mod tests {
    use super::*;
    use crate::model::table::tests::table;

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
