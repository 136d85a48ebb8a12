//! Where fragments come from: what a viewer asks for again and again need be found only once.
//!
//! An app does not change while its pages stand, and neither does what a viewer may see of it: if
//! anything about them changes, they are another viewer.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::model::access::Viewer;
use crate::model::ids::{ComponentId, TableName};
use crate::model::page::Page;
use crate::pages::cache::Place;

/// How many viewers are remembered. Past it all are forgotten.
const MAX_VIEWERS: usize = 1_000;

/// A component that a viewer may see.
#[derive(Debug)]
pub(super) struct Spot {
    pub(super) page: Arc<Page>,
    pub(super) component: ComponentId,
    pub(super) place: Place,
    /// The tables that it is made of.
    pub(super) tables: Vec<TableName>,
}

/// Spots by viewer, path and id, as they were asked for.
#[derive(Clone, Debug, Default)]
pub(super) struct Spots(Arc<Mutex<HashMap<Viewer, Known>>>);

/// There are no more than the app has components: only what was found is kept.
type Known = HashMap<String, HashMap<String, Arc<Spot>>>;

impl Spots {
    pub(super) fn get(&self, viewer: &Viewer, path: &str, component: &str) -> Option<Arc<Spot>> {
        self.lock().get(viewer)?.get(path)?.get(component).cloned()
    }

    pub(super) fn keep(
        &self,
        viewer: &Viewer,
        path: &str,
        component: &str,
        spot: Spot,
    ) -> Arc<Spot> {
        let mut viewers = self.lock();
        if viewers.len() >= MAX_VIEWERS && !viewers.contains_key(viewer) {
            viewers.clear();
        }
        let spot = Arc::new(spot);
        let paths = viewers.entry(viewer.clone()).or_default();
        paths.entry(path.to_owned()).or_default().insert(component.to_owned(), spot.clone());
        spot
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Viewer, Known>> {
        // The map is whole between any two statements, whoever panicked.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
