//! The query of a component, for one viewer at one address.

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
    /// Its table as the viewer sees it.
    pub view: View,
    /// The query for its records.
    pub query: Query,
    /// The columns that the viewer sees and what they chose; `None` if it is no `dataTable`.
    pub chosen: Option<Chosen>,
}

/// The table of a component as a viewer sees it who uses it.
///
/// # Errors
/// [`RecordsError::NotFound`] if the component has no table, or the viewer may not know of it.
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
    /// The query of a component.
    ///
    /// # Errors
    /// [`RecordsError::NotFound`] if it shows no records, or none that the viewer may read.
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

    /// Turns back to the last page, if the answer says that the one asked for lies beyond it.
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
