//! How many records pass a filter, for as long as their table does not change.
//!
//! To count the records of a large table takes far longer than to read a page of them.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use quick_cache::sync::Cache;

use crate::feed::{Version, Versions};
use crate::model::filter::Filter;
use crate::model::ids::TableName;
use crate::model::query::{Answer, Ask, Query, Snapshot};

/// How many totals are kept.
const MAX_KEPT: usize = 4_096;

/// Totals, each of one version of its table.
#[derive(Clone)]
pub(super) struct Totals {
    versions: Versions,
    kept: Arc<Cache<u64, (Version, u64)>>,
    /// Filters may be long, so they are kept by their hash. The keys are random, so that nobody
    /// can find two filters with one hash.
    hashes: RandomState,
}

/// The known totals of queries, before these are answered.
pub(super) struct KnownTotals {
    of: Vec<Option<(u64, TableName, Version)>>,
    /// How many records each has, where that is known.
    pub(super) totals: Vec<Option<u64>>,
}

impl Totals {
    pub(super) fn new(versions: Versions) -> Self {
        Self { versions, kept: Arc::new(Cache::new(MAX_KEPT)), hashes: RandomState::new() }
    }

    /// Returns the totals of these queries that are known now.
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

    /// Whether the totals are those of the rows that were read, and not of rows before them. If they
    /// are, they are kept.
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

    /// Returns the version of a table. `None` while it is about to change.
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
