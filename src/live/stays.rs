//! Being on a page ends with what the page needs: whoever would no longer find it at its address is not
//! on it, and hears nobody's name.

use std::collections::HashMap;
use std::sync::Arc;

use crate::live::hub::Hub;
use crate::live::message::now;
use crate::live::presence::PageVisit;
use crate::model::change::Change;
use crate::model::query::{Answer, Query};

impl Hub {
    /// Looks again at everybody on a page that these changes concern, or at all of them.
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
        let mut found: HashMap<&Query, bool> = HashMap::new();
        for query in held.iter().flat_map(|held| held.needed.iter()) {
            if found.contains_key(query) {
                continue;
            }
            match self.store.snapshot(&[query], &[]).await {
                Ok(snapshot) => {
                    found.insert(query, snapshot.answers.iter().all(Answer::holds_a_record));
                }
                // Nobody is taken for gone because the database did not answer.
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
