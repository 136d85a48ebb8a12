//! The index of fragments. A client requests the fragment of a component again after every change, so the
//! component, its cache key and its tables are found once for a viewer, URL and id.
//!
//! An entry never becomes outdated: [`Pages`](crate::pages::Pages) serve one app that does not change, and a
//! viewer with another account or role is another key.

use std::sync::Arc;

use quick_cache::Equivalent;
use quick_cache::sync::Cache;

use crate::model::ids::{ComponentId, TableName};
use crate::model::shape::Shape;
use crate::model::viewer::Viewer;
use crate::pages::cache::CacheKey;
use crate::router::Address;

/// The most spots that are kept.
const MAX_SPOTS: usize = 4_096;
/// The longest URL whose spot is kept, in bytes.
const MAX_URL: usize = 2_000;

/// The source of a fragment: a component at an address, as one viewer may see it.
#[derive(Debug)]
pub(super) struct Spot {
    pub(super) address: Address,
    pub(super) component: ComponentId,
    pub(super) place: CacheKey,
    /// The tables that the fragment depends on.
    pub(super) tables: Vec<TableName>,
    /// The shape of the component, as this viewer sees it.
    pub(super) shape: Shape,
}

/// The index of spots by viewer, URL and component id, as they were requested.
#[derive(Clone)]
pub(super) struct Spots(Arc<Cache<SpotKey, Arc<Spot>>>);

/// The viewer, the URL and the component id of a spot.
type SpotKey = (Viewer, String, String);

/// A borrowed [`SpotKey`], which looks up an entry without copying the texts.
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
    /// Returns the spot of a component. `None` if it is not kept.
    pub(super) fn get(&self, viewer: &Viewer, url: &str, component: &str) -> Option<Arc<Spot>> {
        self.0.get(&SpotRequest(viewer, url, component))
    }

    /// Keeps a spot, unless its URL is longer than [`MAX_URL`], and returns it.
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
