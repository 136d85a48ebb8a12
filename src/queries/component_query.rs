//! Makes the query for the records of a component, for one viewer at one address.

use crate::model::access::View;
use crate::model::components::component::{Component, ComponentKind};
use crate::model::components::data_table::Chosen;
use crate::model::query::{Answer, Ask, Query};
use crate::model::viewer::Viewer;
use crate::records::{Records, RecordsError};
use crate::router::Address;

/// The query of a component, for one viewer at one address.
#[derive(Clone, Debug)]
pub struct ComponentQuery {
    /// The table of the component, as the viewer sees it.
    pub view: View,
    /// The query for the records of the component.
    pub query: Query,
    /// The columns of a `dataTable` that the viewer sees, with their choices. `None` for other components.
    pub chosen: Option<Chosen>,
}

/// Returns the table of a component, as the viewer sees it. A component that adds records also has a view for
/// viewers who may add to its table but not read it.
///
/// # Errors
/// [`RecordsError::NotFound`] if the component has no table, or the table is closed to the viewer.
pub fn view_of(
    component: &Component,
    records: &Records,
    viewer: &Viewer,
) -> Result<View, RecordsError> {
    let source = component.data_source().ok_or(RecordsError::NotFound)?;
    if component.adds_records() {
        records.view_to_add(viewer, &source.table)
    } else {
        records.view(viewer, &source.table)
    }
}

impl ComponentQuery {
    /// Makes the query of a component. For a `dataTable`, it includes the sort, filters and page that the
    /// address holds.
    ///
    /// # Errors
    /// [`RecordsError::NotFound`] if the component shows no records, or its table is closed to the viewer.
    pub fn new(
        component: &Component,
        records: &Records,
        viewer: &Viewer,
        address: &Address,
    ) -> Result<Self, RecordsError> {
        let view = view_of(component, records, viewer)?;
        let query = component.query(&view, &address.values).ok_or(RecordsError::NotFound)?;
        let ComponentKind::DataTable(table) = &component.kind else {
            return Ok(Self { view, query, chosen: None });
        };
        let prefix = address.page.prefix(&component.id);
        let choice = view.choice(table, &prefix, &address.values);
        let filter = query.filter.and(choice.filter.clone());
        let table = table.seen_by(&view, &choice);
        let query = Query { filter, ask: Ask::Rows(table.window.clone()), ..query };
        Ok(Self { view, query, chosen: Some(Chosen { table, choice }) })
    }

    /// Turns back to the last page of a `dataTable`, if the answer shows that the chosen page lies beyond it.
    /// Returns whether it did: then the query must be answered again.
    pub fn turn_back(&mut self, answer: &Answer) -> bool {
        let (Some(Chosen { table, choice }), Answer::Rows(rows)) = (&mut self.chosen, answer)
        else {
            return false;
        };
        if !rows.records.is_empty() || choice.page == 1 {
            return false;
        }
        choice.page = rows.total.div_ceil(u64::from(choice.limit)).max(1);
        table.window.offset = (choice.page - 1) * u64::from(choice.limit);
        self.query.ask = Ask::Rows(table.window.clone());
        true
    }
}
