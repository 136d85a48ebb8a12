//! Whether a page may be opened at an address. Whoever may open it may be present on it, nobody else.

use crate::model::components::component::Component;
use crate::model::query::{Answer, Ask, Query, Window};
use crate::model::viewer::Viewer;
use crate::records::{Records, RecordsError};
use crate::router::Address;

/// What comes of opening a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opening {
    /// It opens, for as long as each of these finds a record.
    Open(Vec<Query>),
    /// It is not for this viewer.
    Barred,
    /// The record that its address names is not there, or not for this viewer.
    Missing,
}

impl Records {
    /// Whether the viewer may open the page at an address: it must be for them, and the record that
    /// its address names must be there for them.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn opening(
        &self,
        viewer: &Viewer,
        address: &Address,
    ) -> Result<Opening, RecordsError> {
        if !self.app.may_open(&address.page, viewer) {
            return Ok(Opening::Barred);
        }
        let needed = self.needed(viewer, address);
        if needed.is_empty() {
            return Ok(Opening::Open(needed));
        }
        let snapshot = self.store.snapshot(&needed.iter().collect::<Vec<_>>(), &[]).await?;
        let is_there = snapshot.answers.iter().all(Answer::holds_a_record);
        Ok(if is_there { Opening::Open(needed) } else { Opening::Missing })
    }

    /// The records without which there is no page at an address.
    fn needed(&self, viewer: &Viewer, address: &Address) -> Vec<Query> {
        let components = address.page.seen_by(viewer).into_iter();
        let needed = components.filter(|component| component.needs_record_of_address());
        let query = |component: &Component| {
            let view = self.question(viewer, component, address).ok()?.view;
            let source = component.data_source()?;
            let window = Window::first(1, Vec::new());
            // Whoever may not change the record sees a page without the form.
            let filter = source.scope(&view, &address.values);
            Some(Query { table: source.table.clone(), filter, ask: Ask::Rows(window) })
        };
        needed.filter_map(query).collect()
    }
}
