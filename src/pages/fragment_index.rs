//! Where fragments come from: what a viewer asks for again and again need be found only once.
//!
//! An app does not change while its pages stand, and neither does what a viewer may see of it: if
//! anything about them changes, they are another viewer.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::model::ids::{ComponentId, TableName};
use crate::model::shape::Shape;
use crate::model::viewer::Viewer;
use crate::pages::cache::CacheKey;
use crate::router::Address;

/// How many spots are remembered. Past it all are forgotten.
const MAX_SPOTS: usize = 4_096;
/// The longest address that is remembered, in bytes.
const MAX_URL: usize = 2_000;

/// A component that a viewer may see.
#[derive(Debug)]
pub(super) struct Spot {
    pub(super) address: Address,
    pub(super) component: ComponentId,
    pub(super) place: CacheKey,
    /// The tables that it is made of.
    pub(super) tables: Vec<TableName>,
    /// What it means to the viewer.
    pub(super) shape: Shape,
}

/// Spots by viewer, address and id, as they were asked for.
#[derive(Clone, Debug, Default)]
pub(super) struct Spots(Arc<Mutex<IndexedFragments>>);

#[derive(Debug, Default)]
struct IndexedFragments {
    viewers: HashMap<Viewer, HashMap<String, HashMap<String, Arc<Spot>>>>,
    count: usize,
}

impl Spots {
    pub(super) fn get(&self, viewer: &Viewer, url: &str, component: &str) -> Option<Arc<Spot>> {
        self.lock().viewers.get(viewer)?.get(url)?.get(component).cloned()
    }

    /// Remembers a spot. Only what was found is kept, but addresses can be made up without end.
    pub(super) fn keep(
        &self,
        viewer: &Viewer,
        url: &str,
        component: &str,
        spot: Spot,
    ) -> Arc<Spot> {
        let spot = Arc::new(spot);
        if url.len() > MAX_URL {
            return spot;
        }
        let mut known = self.lock();
        if known.count >= MAX_SPOTS {
            *known = IndexedFragments::default();
        }
        known.count += 1;
        let urls = known.viewers.entry(viewer.clone()).or_default();
        urls.entry(url.to_owned()).or_default().insert(component.to_owned(), spot.clone());
        spot
    }

    fn lock(&self) -> MutexGuard<'_, IndexedFragments> {
        // The maps are whole between any two statements, whoever panicked.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
