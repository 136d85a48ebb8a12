//! A cache of totals: the number of records that pass a filter, valid until their table changes.
//!
//! Counting the records of a large table takes far longer than reading a page of them, so a list that is read
//! again counts nothing.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use quick_cache::sync::Cache;

use crate::feed::{Version, Versions};
use crate::model::filter::Filter;
use crate::model::ids::TableName;
use crate::model::query::{Answer, Ask, Query, Snapshot};

/// The most totals that the cache holds.
const MAX_KEPT: usize = 4_096;

/// The cache of totals. Each is kept with the version of its table, and is valid for that version only.
#[derive(Clone)]
pub(super) struct Totals {
    versions: Versions,
    kept: Arc<Cache<u64, (Version, u64)>>,
    /// The hasher of the cache keys: filters may be long, so the cache holds only a hash of table and filter. It
    /// has a random seed, so that no client can make two filters with the same hash.
    hashes: RandomState,
}

/// The totals that the cache has for some queries, read before the queries are answered.
pub(super) struct KnownTotals {
    of: Vec<Option<(u64, TableName, Version)>>,
    /// The total of each query, in their order. `None` if it must be counted.
    pub(super) totals: Vec<Option<u64>>,
}

impl Totals {
    pub(super) fn new(versions: Versions) -> Self {
        Self { versions, kept: Arc::new(Cache::new(MAX_KEPT)), hashes: RandomState::new() }
    }

    /// Returns the totals that the cache has for these queries. Queries for figures and groups have none.
    pub(super) async fn known(&self, queries: &[&Query]) -> KnownTotals {
        let mut known = KnownTotals { of: Vec::new(), totals: Vec::new() };
        for query in queries {
            let of = match query.ask {
                Ask::Rows(_) => self.version(&query.table).await,
                Ask::Figure(_) | Ask::Groups(_) => None,
            };
            let of = of.map(|version| {
                (self.hash(&query.table, &query.filter), query.table.clone(), version)
            });
            known.totals.push(of.as_ref().and_then(|(hash, _, version)| self.get(*hash, version)));
            known.of.push(of);
        }
        known
    }

    /// Whether the snapshot is right: no table of a cached total has changed since that total was read. If one has,
    /// the snapshot pairs new rows with an old total. Keeps the totals that the snapshot itself counted, if their
    /// table has not changed meanwhile.
    pub(super) async fn settle(&self, known: &KnownTotals, snapshot: &Snapshot) -> bool {
        for ((of, total), answer) in known.of.iter().zip(&known.totals).zip(&snapshot.answers) {
            let Some((hash, table, before)) = of else { continue };
            let is_same = self.version(table).await.as_ref() == Some(before);
            match (total, answer) {
                (Some(_), _) if !is_same => return false,
                (None, Answer::Rows(rows)) if is_same => self.keep(*hash, before, rows.total),
                _ => {}
            }
        }
        true
    }

    /// Returns the version of a table. `None` while the feed has not read all commits: the table may have changed.
    async fn version(&self, table: &TableName) -> Option<Version> {
        let version = self.versions.of(std::iter::once(table)).await;
        version.filter(Version::is_settled)
    }

    fn hash(&self, table: &TableName, filter: &Filter) -> u64 {
        self.hashes.hash_one((table, filter))
    }

    fn get(&self, hash: u64, version: &Version) -> Option<u64> {
        self.kept.get(&hash).filter(|(of, _)| of == version).map(|(_, total)| total)
    }

    fn keep(&self, hash: u64, version: &Version, total: u64) {
        self.kept.insert(hash, (version.clone(), total));
    }
}
