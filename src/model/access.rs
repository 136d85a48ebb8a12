//! A table as one viewer sees it: the one place where a viewer is held against permissions.

use std::sync::Arc;

use crate::model::field::FieldAt;
use crate::model::filter::Filter;
use crate::model::permissions::{Operation, RowRules};
use crate::model::record::{FieldSet, Record};
use crate::model::related::Related;
use crate::model::route::RouteValues;
use crate::model::table::Table;
use crate::model::viewer::Viewer;

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
        let rules = &self.table.permissions.rows;
        let none = RouteValues::default();
        RowRules {
            read: self.rows.clone(),
            create: rules.create.fill(&self.viewer, &none),
            update: rules.update.fill(&self.viewer, &none),
            delete: rules.delete.fill(&self.viewer, &none),
        }
    }
}

impl Table {
    /// The table as the viewer sees it, by itself; nothing if it is closed to them. See `App::view`
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
}
