//! The cache of renderings: each is kept until a table that it was made of changes.
//!
//! A rendering may differ between viewers only by what its key names: the components that they see
//! (`seen`), the words about them (`said`) and what a `ViewKey` holds. So the templates of components
//! with records are given what was worked out for the scope, and never the viewer.
//!
//! The key says who may see it and from which version of the tables it was made, so there is
//! nothing to invalidate, and however many ask at once, it is made once.

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

/// Before the position from which a component goes on, up to the next quotation mark. It is no part of what is
/// shown: a client that continues from an earlier position receives the same.
const POSITION: &str = "data-position=\"";
/// How many renderings are kept of what is the same at every address. An app has fewer: its
/// components times the kinds of viewers.
const MAX_USUAL: usize = 4_096;
/// How many renderings are kept of what depends on values in the address, of which there is no end.
const MAX_VARIED: usize = 512;
/// How many bytes each of them has on average, at most: together 32 MiB, and 256 MiB of those above.
const LEAST_BYTES: usize = 64 << 10;

/// The key of a rendering: all components of a page or one of them, for viewers with the same rights.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct CacheKey {
    /// The path of the page.
    pub(super) path: Arc<str>,
    /// The parameters of the path and of the query string that the page knows.
    pub(super) values: RouteValues,
    /// `None` for the whole page.
    pub(super) component: Option<ComponentId>,
    /// The components that the viewer may see.
    pub(super) seen: Vec<ComponentId>,
    /// The values about the viewer in its texts, such as their name.
    pub(super) said: Vec<Arc<str>>,
    /// What the viewer may do with each component that shows records; nothing where they may not
    /// even know the table.
    pub(super) scopes: Vec<Option<ViewKey>>,
}

/// The part of the key for one component: the same for all viewers with the same rights.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct ViewKey {
    /// Which records they see, in which order.
    query: Query,
    /// The fields of these records that are shown.
    fields: FieldSet,
    /// The fields that have a column.
    columns: Vec<FieldAt>,
    /// The fields that have an entry in `details`.
    entries: FieldSet,
    /// The fields that they may edit in place.
    editable: FieldSet,
    /// The actions that they may do.
    actions: OpenActions,
    /// The relationships whose labels are shown, or whose records can be chosen.
    pub(super) related: Vec<Related>,
}

impl ViewKey {
    /// The key of a component with this query.
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

/// Renderings by place, each of one version.
#[derive(Clone, Debug, Default)]
pub(super) struct Cache {
    kept: Arc<Mutex<CachedRenderings>>,
    /// Random for each process, so that no one can make up two renderings with one hash.
    tags: RandomState,
}

/// The HTML of a place, with its hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rendered {
    /// The HTML of the place.
    pub(super) html: Arc<str>,
    hash: u64,
}

type Rendering = Arc<OnceCell<Rendered>>;

/// The renderings of what depends on values in the address are kept apart, so that made-up addresses push out only
/// their like.
#[derive(Debug)]
struct CachedRenderings {
    usual: BoundedCache<CacheKey, CachedRendering, InBytes>,
    varied: BoundedCache<CacheKey, CachedRendering, InBytes>,
}

/// A rendering of one version, which may be made or not.
#[derive(Clone, Debug)]
struct CachedRendering {
    version: Version,
    rendering: Rendering,
    /// The length of its HTML; 0 until it is made. The cache counts on it not to change, so it is not read off the cell.
    bytes: usize,
}

/// Weighs a rendering by the bytes of its HTML. One that is not made yet, or is small, weighs [`LEAST_BYTES`], so that
/// the number of renderings is bounded too.
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
    /// The rendering of a place at a version; made now unless it is kept or being made. Without a
    /// version it is not kept.
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

    fn rendered(&self, html: String) -> Rendered {
        let mut hasher = self.tags.build_hasher();
        let mut parts = html.split(POSITION);
        parts.next().hash(&mut hasher);
        for part in parts {
            part.split_once('"').map(|(_, rest)| rest).hash(&mut hasher);
        }
        Rendered { hash: hasher.finish(), html: html.into() }
    }

    /// The name of what is shown, as an ETag: it moves with what is shown alone, and tells nothing of rows that
    /// are not. `beside` is whatever else is shown with it.
    pub(super) fn tag(&self, place: &CacheKey, rendered: &Rendered, beside: impl Hash) -> String {
        format!("{:016x}", self.tags.hash_one((place, rendered.hash, beside)))
    }

    fn lock(&self) -> MutexGuard<'_, CachedRenderings> {
        // The maps are whole between any two statements, whoever panicked.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CachedRenderings {
    fn of(&mut self, place: &CacheKey) -> &mut BoundedCache<CacheKey, CachedRendering, InBytes> {
        if place.values.is_empty() { &mut self.usual } else { &mut self.varied }
    }

    /// The rendering of a place at a version. One of another version is replaced.
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

    /// Weighs a rendering once it is made, unless it was replaced meanwhile.
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
