//! Reviews presence when records change. Some pages need a record, such as the one that a form changes. If a
//! viewer can no longer read it, they are no longer present on the page and receive no names of other people.

use std::collections::HashMap;
use std::sync::Arc;

use crate::live::hub::Hub;
use crate::live::message::now;
use crate::live::presence::PageVisit;
use crate::model::change::Change;
use crate::model::query::{Answer, Query};

impl Hub {
    /// Checks whether pages are still open to the connections on them: those for which these changes may
    /// matter, or with `all` every connection on a page that needs a record.
    pub(super) async fn review_stays(&self, changes: &[Arc<Change>], all: bool) {
        let held = match all {
            true => self.presence().all_held(),
            false => {
                let presence = self.presence();
                changes.iter().flat_map(|change| presence.concerned_by(change)).collect()
            }
        };
        self.review(held).await;
    }

    async fn review(&self, held: Vec<PageVisit>) {
        // Many viewers need the same record, so each query is asked once.
        let mut found: HashMap<&Query, bool> = HashMap::new();
        for query in held.iter().flat_map(|held| held.needed.iter()) {
            if found.contains_key(query) {
                continue;
            }
            match self.store.snapshot(&[query], &[]).await {
                Ok(snapshot) => {
                    found.insert(query, snapshot.answers.iter().all(Answer::holds_a_record));
                }
                // A database that does not answer says nothing about the records, so presence stays as it is.
                Err(error) => return tracing::warn!("cannot look after presence: {error}"),
            }
        }
        let at = now().into();
        for held in &held {
            let is_open =
                held.needed.iter().all(|query| found.get(query).is_none_or(|found| *found));
            self.presence().bar(held, !is_open, &at, self.transport.max_presence_entries);
        }
    }
}
