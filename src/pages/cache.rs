//! The cache of renderings. Each is kept until one of the tables that it depends on changes.
//!
//! A rendering may differ between viewers only by the parts of its cache key: the components that they see
//! (`seen`), the values about them in texts (`said`) and the parts of a [`ViewKey`]. So the templates of
//! components with records get the view of the table, and never the viewer.
//!
//! A rendering is found by its key and the version of its tables, so nothing has to be invalidated. Any
//! number of requests for it at the same time share one rendering.

use std::hash::{BuildHasher, Hash, Hasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use quick_cache::Weighter;
use quick_cache::unsync::Cache as BoundedCache;
use tokio::sync::OnceCell;

use crate::feed::Version;
use crate::model::action::OpenActions;
use crate::model::components::component::Component;
use crate::model::field::FieldAt;
use crate::model::ids::ComponentId;
use crate::model::query::Query;
use crate::model::record::FieldSet;
use crate::model::related::Related;
use crate::model::route::RouteValues;
use crate::queries::ComponentQuery;

/// The HTML before the position of a component. The position ends at the next quotation mark. It is left out
/// of the hash, since the page shows the same at any position: a client that continues from an earlier one
/// receives the changes that it can see.
const POSITION: &str = "data-position=\"";
/// The most renderings that are kept of pages and components without values in the address. An app has fewer:
/// its components times its kinds of viewers.
const MAX_USUAL: usize = 4_096;
/// The most renderings that are kept of pages and components with values in the address. Clients can make up
/// any number of such addresses.
const MAX_VARIED: usize = 512;
/// The least weight of a rendering, in bytes. With it, the two numbers above also bound the HTML: to 256 MiB
/// and 32 MiB.
const LEAST_BYTES: usize = 64 << 10;

/// The key of a rendering: all components of a page or one of them, for viewers with the same rights.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct CacheKey {
    /// The path of the page.
    pub(super) path: Arc<str>,
    /// The parameters of the path and of the query string that the page knows.
    pub(super) values: RouteValues,
    /// The component of a fragment. `None` for the whole page.
    pub(super) component: Option<ComponentId>,
    /// The components that the viewer may see.
    pub(super) seen: Vec<ComponentId>,
    /// The values about the viewer in the texts, such as their name.
    pub(super) said: Vec<Arc<str>>,
    /// The key of the view of each component that has a table. `None` if the viewer may not read what it shows.
    pub(super) scopes: Vec<Option<ViewKey>>,
}

/// The part of the key for one component. It is the same for all viewers with the same permissions.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct ViewKey {
    /// The query for the records that are shown, with its filter and order.
    query: Query,
    /// The fields of these records that the viewer may read.
    fields: FieldSet,
    /// The fields that have a column.
    columns: Vec<FieldAt>,
    /// The fields that have an entry in `details`, or on a card of a `gallery`.
    entries: FieldSet,
    /// The fields that the viewer may edit in place.
    editable: FieldSet,
    /// The actions that the viewer may do.
    actions: OpenActions,
    /// The relationships whose labels are shown, or whose records can be chosen.
    pub(super) related: Vec<Related>,
}

impl ViewKey {
    /// Returns the key of a component with its query.
    pub(super) fn new(component: &Component, asked: &ComponentQuery) -> Self {
        let ComponentQuery { view, query, chosen } = asked;
        let columns = chosen.iter().flat_map(|chosen| &chosen.table.columns);
        let chosen_from = component.chosen_from(view).into_iter().cloned();
        Self {
            query: query.clone(),
            fields: view.fields.clone(),
            columns: columns.map(|column| column.field).collect(),
            entries: component.entry_fields(view),
            editable: component.editable_fields(view),
            actions: component.open_actions(view),
            related: component.related(view).into_iter().chain(chosen_from).collect(),
        }
    }
}

/// The cache of renderings: for each key the one of the latest version. Clones share the renderings.
#[derive(Clone, Debug, Default)]
pub(super) struct Cache {
    kept: Arc<Mutex<CachedRenderings>>,
    /// The key of the hashes in ETags. It is random for each process, so that no one can construct two
    /// renderings with the same hash.
    tags: RandomState,
}

/// A rendering that is finished and can be served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rendered {
    /// The HTML of all components of the key.
    pub(super) html: Arc<str>,
    /// The hash of the HTML without positions.
    hash: u64,
}

/// A rendering that is finished or being made. All requests for it wait on the same cell.
type Rendering = Arc<OnceCell<Rendered>>;

/// The kept renderings. Those with values in the address are kept apart, so that made-up addresses push out
/// only renderings of their kind.
#[derive(Debug)]
struct CachedRenderings {
    usual: BoundedCache<CacheKey, CachedRendering, InBytes>,
    varied: BoundedCache<CacheKey, CachedRendering, InBytes>,
}

/// A rendering of one version in the cache.
#[derive(Clone, Debug)]
struct CachedRendering {
    version: Version,
    rendering: Rendering,
    /// The length of the HTML, in bytes; 0 until it is made. It is not taken from the cell, since the weight of
    /// an entry must not change while the entry is in the cache.
    bytes: usize,
}

/// The weight of a rendering in the cache: the length of its HTML in bytes, and at least [`LEAST_BYTES`], so
/// that the number of renderings is bounded too.
#[derive(Clone, Debug)]
struct InBytes;

impl Weighter<CacheKey, CachedRendering> for InBytes {
    fn weight(&self, _: &CacheKey, kept: &CachedRendering) -> u64 {
        kept.bytes.max(LEAST_BYTES) as u64
    }
}

impl Default for CachedRenderings {
    fn default() -> Self {
        let cache = |most| BoundedCache::with_weighter(most, (most * LEAST_BYTES) as u64, InBytes);
        Self { usual: cache(MAX_USUAL), varied: cache(MAX_VARIED) }
    }
}

impl Cache {
    /// Returns the rendering of a key at a version, and calls `make` if it is neither kept nor being made.
    /// Without a version, it is always made and not kept.
    ///
    /// # Errors
    /// Fails with the error of `make`, which is not kept.
    pub(super) async fn get<E>(
        &self,
        place: &CacheKey,
        version: Option<&Version>,
        make: impl AsyncFnOnce() -> Result<String, E>,
    ) -> Result<Rendered, E> {
        let Some(version) = version else { return Ok(self.rendered(make().await?)) };
        let rendering = self.lock().rendering(place, version);
        let is_made = rendering.initialized();
        let made = rendering.get_or_try_init(async || Ok(self.rendered(make().await?))).await;
        let made = made?.clone();
        if !is_made {
            self.lock().weigh(place, &rendering, made.html.len());
        }
        Ok(made)
    }

    /// Hashes HTML without the positions in it.
    fn rendered(&self, html: String) -> Rendered {
        let mut hasher = self.tags.build_hasher();
        let mut parts = html.split(POSITION);
        parts.next().hash(&mut hasher);
        for part in parts {
            part.split_once('"').map(|(_, rest)| rest).hash(&mut hasher);
        }
        Rendered { hash: hasher.finish(), html: html.into() }
    }

    /// Returns the ETag of a rendering. It depends on the key and the HTML, and not on the version of the
    /// tables, so it gives away no changes of records that the viewer does not see. `beside` is anything else
    /// that the answer depends on.
    pub(super) fn tag(&self, place: &CacheKey, rendered: &Rendered, beside: impl Hash) -> String {
        format!("{:016x}", self.tags.hash_one((place, rendered.hash, beside)))
    }

    fn lock(&self) -> MutexGuard<'_, CachedRenderings> {
        // A poisoned lock is no fault: the maps are consistent after each statement that may panic.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CachedRenderings {
    /// Returns the cache that a key belongs to.
    fn of(&mut self, place: &CacheKey) -> &mut BoundedCache<CacheKey, CachedRendering, InBytes> {
        if place.values.is_empty() { &mut self.usual } else { &mut self.varied }
    }

    /// Returns the rendering of a key at a version, which may still have to be made. One of another version is
    /// replaced.
    fn rendering(&mut self, place: &CacheKey, version: &Version) -> Rendering {
        let cache = self.of(place);
        if let Some(kept) = cache.get(place).filter(|kept| kept.version == *version) {
            return kept.rendering.clone();
        }
        let rendering = Rendering::default();
        let version = version.clone();
        let kept = CachedRendering { version, rendering: rendering.clone(), bytes: 0 };
        cache.insert(place.clone(), kept);
        rendering
    }

    /// Sets the weight of a rendering after it was made, unless it was replaced meanwhile.
    fn weigh(&mut self, place: &CacheKey, rendering: &Rendering, bytes: usize) {
        let cache = self.of(place);
        let kept = cache.peek(place).filter(|kept| Arc::ptr_eq(&kept.rendering, rendering));
        if let Some(kept) = kept.cloned() {
            cache.insert(place.clone(), CachedRendering { bytes, ..kept });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use crate::model::ids::Position;

    use super::*;

    fn place(page: &str) -> CacheKey {
        CacheKey {
            path: page.into(),
            values: RouteValues::default(),
            component: None,
            seen: Vec::new(),
            said: Vec::new(),
            scopes: Vec::new(),
        }
    }

    fn version(position: &str) -> Version {
        Version::Tables(vec![Position::new(position.to_owned())])
    }

    async fn get(cache: &Cache, version: Option<&Version>, html: &str) -> Arc<str> {
        let make = async || Ok::<_, Infallible>(html.to_owned());
        cache.get(&place("/"), version, make).await.unwrap().html
    }

    #[tokio::test]
    async fn a_version_is_rendered_once() {
        let cache = Cache::default();
        let (first, second) = (version("1"), version("2"));
        assert_eq!(&*get(&cache, Some(&first), "a").await, "a");
        assert_eq!(&*get(&cache, Some(&first), "b").await, "a");
        assert_eq!(&*get(&cache, Some(&second), "c").await, "c");
        assert_eq!(&*get(&cache, None, "d").await, "d");
    }

    #[tokio::test]
    async fn a_failure_is_not_kept() {
        let cache = Cache::default();
        let (place, version) = (place("/"), version("1"));
        let failed = cache.get(&place, Some(&version), async || Err::<String, _>("no")).await;
        assert_eq!(failed.unwrap_err(), "no");
        assert_eq!(&*get(&cache, Some(&version), "a").await, "a");
    }

    #[tokio::test]
    async fn everyone_who_asks_at_once_gets_one_rendering() {
        let cache = Cache::default();
        let (place, version) = (place("/"), version("1"));
        let slow = cache.get(&place, Some(&version), async || {
            tokio::task::yield_now().await;
            Ok::<_, Infallible>("slow".to_owned())
        });
        let (slow, other) = tokio::join!(slow, get(&cache, Some(&version), "other"));
        assert_eq!((&*slow.unwrap().html, &*other), ("slow", "slow"));
    }

    #[tokio::test]
    async fn addresses_made_up_by_the_thousand_push_out_only_their_like() {
        let cache = Cache::default();
        let version = version("1");
        get(&cache, Some(&version), "kept").await;
        for nth in 0..2 * MAX_VARIED {
            let place = CacheKey { values: RouteValues::of(&nth.to_string()), ..place("/") };
            let make = async || Ok::<_, Infallible>("x".repeat(MAX_VARIED * LEAST_BYTES / 100));
            cache.get(&place, Some(&version), make).await.unwrap();
            assert!(cache.lock().varied.len() <= 101);
        }
        assert_eq!(&*get(&cache, Some(&version), "made again").await, "kept");
    }

    #[test]
    fn a_tag_names_place_html_and_what_is_beside() {
        let cache = Cache::default();
        let rendered = |html: &str| cache.rendered(html.to_owned());
        let tag = |page, html, beside| cache.tag(&place(page), &rendered(html), beside);
        assert_eq!(tag("/", "1", "a"), tag("/", "1", "a"));
        let others = [tag("/x", "1", "a"), tag("/", "2", "a"), tag("/", "1", "b")];
        assert!(!others.contains(&tag("/", "1", "a")));
        let at = |position| rendered(&format!("<b data-position=\"{position}\">1</b>")).hash;
        assert_eq!(at("x"), at("y"));
        assert_ne!(at("x"), rendered("<b data-position=\"x\">2</b>").hash);
    }
}
