//! Decides whether a viewer may open a page at an address. Only viewers who may open it can be present on it.

use crate::model::app::App;
use crate::model::components::component::Component;
use crate::model::query::{Answer, Ask, Query, Window};
use crate::model::viewer::Viewer;
use crate::queries::view_of;
use crate::records::{Records, RecordsError};
use crate::router::Address;

/// The answer to a viewer who opens a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opening {
    /// It opens, for as long as each of these finds a record.
    Open(Vec<Query>),
    /// It is not for this viewer.
    Barred,
    /// The record that its address names is not there, or not for this viewer.
    Missing,
}

impl Opening {
    /// Whether the viewer may open the page at an address: it must be for them, and the record that its address names
    /// must be there for them.
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

/// The queries for the records without which there is no page at an address.
fn needed(records: &Records, viewer: &Viewer, address: &Address) -> Vec<Query> {
    let components = address.page.seen_by(viewer).into_iter();
    let needed = components.filter(|component| component.needs_record_of_address());
    let query = |component: &Component| {
        let view = view_of(component, records, viewer).ok()?;
        component.query(&view, &address.values)?;
        let source = component.data_source()?;
        let window = Window::first(1, Vec::new());
        // Whoever may not change the record sees a page without the form.
        let filter = source.scope(&view, &address.values);
        Some(Query { table: source.table.clone(), filter, ask: Ask::Rows(window) })
    };
    needed.filter_map(query).collect()
}
