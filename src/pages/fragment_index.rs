//! Where fragments come from: what a viewer asks for again and again need be found only once.
//!
//! An app does not change while its pages stand, and neither does what a viewer may see of it: if
//! anything about them changes, they are another viewer.

use std::sync::Arc;

use quick_cache::Equivalent;
use quick_cache::sync::Cache;

use crate::model::ids::{ComponentId, TableName};
use crate::model::shape::Shape;
use crate::model::viewer::Viewer;
use crate::pages::cache::CacheKey;
use crate::router::Address;

/// How many spots are remembered.
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
    /// The shape of the component, as this viewer sees it.
    pub(super) shape: Shape,
}

/// Spots by viewer, address and id, as they were asked for.
#[derive(Clone)]
pub(super) struct Spots(Arc<Cache<SpotKey, Arc<Spot>>>);

type SpotKey = (Viewer, String, String);

/// A [`SpotKey`] that is only looked up.
#[derive(Hash)]
struct SpotRequest<'a>(&'a Viewer, &'a str, &'a str);

impl Equivalent<SpotKey> for SpotRequest<'_> {
    fn equivalent(&self, (viewer, url, component): &SpotKey) -> bool {
        self.0 == viewer && self.1 == url && self.2 == component
    }
}

impl Default for Spots {
    fn default() -> Self {
        Self(Arc::new(Cache::new(MAX_SPOTS)))
    }
}

impl Spots {
    /// The spot of a component, if it was found before.
    pub(super) fn get(&self, viewer: &Viewer, url: &str, component: &str) -> Option<Arc<Spot>> {
        self.0.get(&SpotRequest(viewer, url, component))
    }

    /// Remembers a spot, unless its address is longer than [`MAX_URL`].
    pub(super) fn keep(
        &self,
        viewer: &Viewer,
        url: &str,
        component: &str,
        spot: Spot,
    ) -> Arc<Spot> {
        let spot = Arc::new(spot);
        if url.len() <= MAX_URL {
            let key = (viewer.clone(), url.to_owned(), component.to_owned());
            self.0.insert(key, spot.clone());
        }
        spot
    }
}
