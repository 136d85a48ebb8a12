//! What has been rendered, for as long as the tables it was made of have not changed.
//!
//! The key says who may see it and from which version of the tables it was made, so there is
//! nothing to invalidate, and however many ask at once, it is made once.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;

use crate::feed::Version;
use crate::model::filter::Filter;
use crate::model::ids::ComponentId;
use crate::model::record::FieldSet;

/// How many renderings are kept. An app has fewer: its components times the kinds of viewers.
const MAX_KEPT: usize = 4_096;

/// What is shown: all components of a page or one of them, to viewers with the same rights.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Place {
    pub(super) page: Arc<str>,
    /// Nothing for the whole page.
    pub(super) component: Option<ComponentId>,
    /// What the viewer may do with each component that shows records; nothing where they may not
    /// even know the table.
    pub(super) scopes: Vec<Option<Scope>>,
}

/// What viewers with the same rights have in common, as far as one component goes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Scope {
    /// Which records they see.
    pub(super) rows: Filter,
    /// What of them.
    pub(super) fields: FieldSet,
    /// What they may edit in place.
    pub(super) editable: FieldSet,
}

/// Renderings by place, each of one version.
#[derive(Clone, Debug, Default)]
pub(super) struct Cache {
    kept: Arc<Mutex<HashMap<Place, (Version, Rendering)>>>,
    /// Random for each process: another one may render the same rows in another way.
    tags: RandomState,
}

type Rendering = Arc<OnceCell<Arc<str>>>;

impl Cache {
    /// The rendering of a place at a version; made now unless it is kept or being made. Without a
    /// version nothing is kept.
    pub(super) async fn get<E>(
        &self,
        place: &Place,
        version: Option<&Version>,
        make: impl AsyncFnOnce() -> Result<String, E>,
    ) -> Result<Arc<str>, E> {
        let Some(version) = version else { return Ok(make().await?.into()) };
        let rendering = self.rendering(place, version);
        let made = rendering.get_or_try_init(async || Ok(make().await?.into())).await?;
        Ok(made.clone())
    }

    /// The name of what is shown, as an ETag. `beside` is whatever else is shown with it.
    pub(super) fn tag(&self, place: &Place, version: &Version, beside: impl Hash) -> String {
        format!("{:016x}", self.tags.hash_one((place, version, beside)))
    }

    fn rendering(&self, place: &Place, version: &Version) -> Rendering {
        // The map is whole between any two statements, whoever panicked.
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, rendering)) = kept.get(place)
            && of == version
        {
            return rendering.clone();
        }
        if kept.len() >= MAX_KEPT {
            kept.clear();
        }
        let rendering = Rendering::default();
        kept.insert(place.clone(), (version.clone(), rendering.clone()));
        rendering
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use crate::model::ids::Position;

    use super::*;

    fn place(page: &str) -> Place {
        Place { page: page.into(), component: None, scopes: Vec::new() }
    }

    fn version(position: &str) -> Version {
        Version::Tables(vec![Position::new(position.to_owned())])
    }

    async fn get(cache: &Cache, version: Option<&Version>, html: &str) -> Arc<str> {
        let make = async || Ok::<_, Infallible>(html.to_owned());
        cache.get(&place("/"), version, make).await.unwrap()
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
        assert_eq!(failed, Err("no"));
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
        assert_eq!((&*slow.unwrap(), &*other), ("slow", "slow"));
    }

    #[test]
    fn a_tag_names_place_version_and_what_is_beside() {
        let cache = Cache::default();
        let tag = |page, position, beside| cache.tag(&place(page), &version(position), beside);
        assert_eq!(tag("/", "1", "a"), tag("/", "1", "a"));
        let others = [tag("/x", "1", "a"), tag("/", "2", "a"), tag("/", "1", "b")];
        assert!(!others.contains(&tag("/", "1", "a")));
    }
}
