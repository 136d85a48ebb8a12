//! The history of a record, from the change log: each change, its author and its time.

use crate::model::access::View;
use crate::model::change::Change;
use crate::model::field::FieldAt;
use crate::model::ids::RecordId;
use crate::model::record::Record;
use crate::model::viewer::Viewer;
use crate::records::{Records, RecordsError};

/// The most changes of a record that are returned.
const MAX_CHANGES: u32 = 500;

/// The changes of a record.
#[derive(Clone, Debug)]
pub struct History {
    /// The table as the viewer sees it.
    pub view: View,
    /// The changes, the newest first.
    pub changes: Vec<Change>,
}

impl Records {
    /// Returns the last changes of a record, at most `MAX_CHANGES`. Changes from or to a state that the viewer may
    /// not read are left out.
    ///
    /// # Errors
    /// If the viewer is no admin; [`RecordsError::NotFound`] if no change is left and the viewer may read no record
    /// of this id.
    pub async fn history(&self, view: View, id: RecordId) -> Result<History, RecordsError> {
        if !view.viewer.is_admin() {
            return Err(match view.viewer {
                Viewer::Guest => RecordsError::Unauthenticated,
                Viewer::User(_) => RecordsError::Forbidden,
            });
        }
        let mut changes = self.store.log().history(&view.table.name, id, MAX_CHANGES).await?;
        let sees =
            |record: &Option<_>| record.as_ref().is_none_or(|record| view.rows.matches(record));
        changes.retain(|change| sees(&change.old) && sees(&change.new));
        if changes.is_empty() {
            // A record whose last change the log no longer keeps has an empty history. It is no error.
            self.get(view.clone(), id).await?;
        }
        Ok(History { view, changes })
    }
}

impl History {
    /// The fields that the viewer may read whose value differs before and after a change.
    pub fn changed(&self, change: &Change) -> Vec<FieldAt> {
        let value = |record: &Option<Record>, at: FieldAt| {
            record.as_ref().map(|record| record[at].clone()).filter(|value| !value.is_null())
        };
        let fields = self.view.fields.iter();
        fields.filter(|at| value(&change.old, *at) != value(&change.new, *at)).collect()
    }
}
