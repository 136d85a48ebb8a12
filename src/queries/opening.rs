//! Decides whether a viewer may open a page at an address. Presence on the page needs the same permission.

use crate::model::app::App;
use crate::model::components::component::Component;
use crate::model::query::{Answer, Ask, Query, Window};
use crate::model::viewer::Viewer;
use crate::queries::view_of;
use crate::records::{Records, RecordsError};
use crate::router::Address;

/// Whether a page opens for a viewer, and the reason if it does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opening {
    /// The page opens. The viewer may stay on it for as long as each of these queries finds a record.
    Open(Vec<Query>),
    /// The page is closed to this viewer.
    Barred,
    /// The record that the address names does not exist, or this viewer may not read it.
    Missing,
}

impl Opening {
    /// Decides whether the viewer may open the page at an address. The page must be open to them, and they must be
    /// able to read the record that the address names.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn of(
        app: &App,
        records: &Records,
        viewer: &Viewer,
        address: &Address,
    ) -> Result<Self, RecordsError> {
        if !app.may_open(&address.page, viewer) {
            return Ok(Self::Barred);
        }
        let needed = needed(records, viewer, address);
        if needed.is_empty() {
            return Ok(Self::Open(needed));
        }
        let snapshot = records.snapshot(&needed.iter().collect::<Vec<_>>()).await?;
        let is_there = snapshot.answers.iter().all(Answer::holds_a_record);
        Ok(if is_there { Self::Open(needed) } else { Self::Missing })
    }
}

/// Returns a query for each record without which there is no page at an address, as for a form that edits it.
fn needed(records: &Records, viewer: &Viewer, address: &Address) -> Vec<Query> {
    let components = address.page.seen_by(viewer).into_iter();
    let needed = components.filter(|component| component.needs_record_of_address());
    let query = |component: &Component| {
        let view = view_of(component, records, viewer).ok()?;
        component.query(&view, &address.values)?;
        let source = component.data_source()?;
        let window = Window::first(1, Vec::new());
        // The filter asks for records that the viewer may read, not change: a viewer who may only read the
        // record sees the page without the form.
        let filter = source.scope(&view, &address.values);
        Some(Query { table: source.table.clone(), filter, ask: Ask::Rows(window) })
    };
    needed.filter_map(query).collect()
}
