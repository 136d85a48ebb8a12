//! Access of a viewer to a table. This is the one place where permissions are applied to a viewer.

use std::sync::Arc;

use crate::model::field::FieldAt;
use crate::model::filter::Filter;
use crate::model::permissions::{Operation, RowRules};
use crate::model::record::{FieldSet, Record};
use crate::model::related::Related;
use crate::model::route::RouteValues;
use crate::model::table::Table;
use crate::model::viewer::Viewer;

/// The part of a table that one viewer may see: which fields of which records.
#[derive(Clone, Debug)]
pub struct View {
    /// The table, with the parts that the viewer may not see.
    pub table: Arc<Table>,
    /// The viewer whose permissions are applied.
    pub viewer: Viewer,
    /// Whether the viewer may read records at all. `false` for one who may only add records to the table.
    pub is_open: bool,
    /// The fields that the viewer may read.
    pub fields: FieldSet,
    /// The fields that the viewer may know of, and so fill in: those that they may read or, if the table is
    /// closed to them, those that no field rule hides from them.
    pub known: FieldSet,
    /// The row rule for reading, with the viewer filled in: the records that the viewer may read.
    pub rows: Filter,
    /// For each relationship of the table, what the viewer may read of the related records.
    pub related: Vec<Related>,
}

impl View {
    /// Whether the viewer may do this operation on any record at all. The row rules are not asked.
    pub fn allows(&self, operation: Operation) -> bool {
        let may = self.table.allows(&self.viewer, operation);
        match operation {
            // A required field that the viewer may not know of cannot be filled in, so no record can be added.
            Operation::Create => may && self.table.needed().all(|at| self.known.contains(at)),
            // A viewer who may read no records may not change or remove any: they could try out what exists.
            _ => may && self.is_open,
        }
    }

    /// Whether the viewer may read this record.
    pub fn shows(&self, record: &Record) -> bool {
        self.is_open && self.rows.matches(record)
    }

    /// Whether the viewer may set this field when they change a record.
    pub fn may_set(&self, at: FieldAt) -> bool {
        self.allows(Operation::Update) && self.may_write(at)
    }

    /// Whether the viewer may set this field when they add a record.
    pub fn may_give(&self, at: FieldAt) -> bool {
        self.table.allows(&self.viewer, Operation::Create) && self.may_write(at)
    }

    fn may_write(&self, at: FieldAt) -> bool {
        !self.table.field(at).kind.is_system()
            && self.known.contains(at)
            && self.table.may_set(&self.viewer, at)
    }

    /// The row rules with the viewer filled in: for each operation, the records that they may do it on.
    pub fn rules(&self) -> RowRules {
        let rules = &self.table.permissions.rows;
        // Row rules know no page, so variables of an address have no values here.
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
    /// Returns the view of the table for a viewer, without related records: `App::view` adds those. `None` if
    /// the viewer may not read the table.
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

    /// Returns the view of the table for a viewer who adds a record, without related records. `None` if they
    /// may neither read the table nor add to it. A viewer who may only add sees no records and no field values.
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
