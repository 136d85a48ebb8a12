//! Edits in progress: the fields of a record that a user has announced to be editing. If another user changes
//! one of them meanwhile, the editing user receives `conflict`.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::live::message::{Author, Body, Conflict, Message};
use crate::live::outbox::Outbox;
use crate::live::presence::ConnectionId;
use crate::model::access::View;
use crate::model::change::Change;
use crate::model::field::FieldAt;
use crate::model::ids::{RecordId, TableName, UserId};
use crate::model::record::FieldSet;
use crate::model::value::UserRef;
use crate::records::envelope::Envelope;

/// The most records that one connection may be editing at a time.
const MAX_EDITS: usize = 100;

/// The edits that all connections have announced.
#[derive(Default)]
pub(super) struct Editing {
    editors: HashMap<Edited, HashMap<ConnectionId, ActiveEdit>>,
    /// The edited records of each connection, so that a closing connection does not cost a search through all
    /// edits.
    edited: HashMap<ConnectionId, HashSet<Edited>>,
}

/// The record that is being edited.
type Edited = (TableName, RecordId);

/// An edit that a user has announced and not yet saved.
pub(super) struct ActiveEdit {
    pub(super) user: UserId,
    /// The fields that the user is editing.
    pub(super) editing: FieldSet,
    /// The table as the user sees it.
    pub(super) view: View,
    pub(super) outbox: Arc<Outbox>,
}

/// The error of a connection that announces more edits than it may.
#[derive(Debug, thiserror::Error)]
#[error("a connection may announce at most {MAX_EDITS} edits")]
pub struct TooManyEdits;

impl Editing {
    /// Notes an edit. It replaces an earlier edit of the same record by the same connection. An edit of no
    /// fields only removes the earlier one.
    ///
    /// # Errors
    /// If the connection has [`MAX_EDITS`] edits already.
    pub(super) fn announce(
        &mut self,
        connection: ConnectionId,
        table: &TableName,
        id: RecordId,
        editor: ActiveEdit,
    ) -> Result<(), TooManyEdits> {
        let key = (table.clone(), id);
        self.remove(&key, connection);
        if editor.editing.is_empty() {
            return Ok(());
        }
        let edited = self.edited.entry(connection).or_default();
        if edited.len() >= MAX_EDITS {
            return Err(TooManyEdits);
        }
        edited.insert(key.clone());
        self.editors.entry(key).or_default().insert(connection, editor);
        Ok(())
    }

    /// Removes all edits of a connection.
    pub(super) fn end(&mut self, connection: ConnectionId) {
        for key in self.edited.remove(&connection).unwrap_or_default() {
            self.remove(&key, connection);
        }
    }

    /// Sends `conflict` to the users who are editing fields that another user's change has set. Does nothing
    /// for inserted and deleted records.
    pub(super) fn tell(&self, change: &Change) {
        if self.editors.is_empty() {
            return;
        }
        let Some(editors) = self.editors.get(&(change.table.clone(), change.record_id)) else {
            return;
        };
        let (Some(old), Some(new)) = (&change.old, &change.new) else { return };
        for editor in editors.values() {
            let overwritten: Vec<_> =
                editor.editing.iter().filter(|at| old[*at] != new[*at]).collect();
            let own = change.by.as_ref().is_some_and(|by| by.id == editor.user);
            // The message would give away the content of a record that the user may no longer read.
            if own || overwritten.is_empty() || !editor.view.rows.matches(new) {
                continue;
            }
            let View { table, fields, .. } = &editor.view;
            let envelope = Envelope { table, record: new, fields };
            let by = change.by.as_ref();
            editor.outbox.push([conflict(&envelope, overwritten, by, &change.at)]);
        }
    }

    fn remove(&mut self, key: &Edited, connection: ConnectionId) {
        if let Some(editors) = self.editors.get_mut(key) {
            editors.remove(&connection);
            if editors.is_empty() {
                self.editors.remove(key);
            }
        }
        if let Some(edited) = self.edited.get_mut(&connection) {
            edited.remove(key);
            if edited.is_empty() {
                self.edited.remove(&connection);
            }
        }
    }
}

/// Returns the `conflict` message: the fields that another user has overwritten, who that was, and the record
/// as it is now.
pub(super) fn conflict(
    now: &Envelope<'_>,
    overwritten: impl IntoIterator<Item = FieldAt>,
    by: Option<&UserRef>,
    timestamp: &str,
) -> Message {
    let Envelope { table, record, fields } = *now;
    let name = |at| table.field(at).name.as_str();
    Message::new(&Body::Conflict(Conflict {
        table: table.name.as_str(),
        record_id: record.id(),
        overwritten_fields: overwritten.into_iter().map(name).collect(),
        overwritten_by: Author {
            id: by.map(|by| by.id.as_str()),
            name: by.and_then(|by| by.name.as_deref()),
        },
        authoritative_record: Envelope { table, record, fields },
        timestamp,
    }))
}
