//! Buttons that were pressed: an action is done to one record or to several.

use std::sync::Arc;

use crate::model::access::View;
use crate::model::action::{Action, ActionKind, OnSuccess};
use crate::model::components::component::{Component, ComponentKind};
use crate::model::field::FieldAt;
use crate::model::filter::{Filter, Test};
use crate::model::ids::RecordId;
use crate::model::query::{Answer, Ask, Query, Window};
use crate::model::record::Record;
use crate::model::shape::Shape;
use crate::model::value::Value;
use crate::model::viewer::Viewer;
use crate::pages::submission::{Done, Submission, Submitted};
use crate::pages::{Pages, PagesError};
use crate::records::{
    ExpectedState, FieldFault, MAX_RECORDS, Records, RecordsError, WriteObstacle,
};
use crate::render::{self, Confirm};
use crate::router::Address;

/// A press of a button: its action, and the records to do it to.
struct Press<'a> {
    view: View,
    action: &'a Action,
    /// The words on the button.
    label: Arc<str>,
    /// The message and the page that follow the action, as the author wrote them. `None` for the default
    /// message.
    on_success: Option<&'a OnSuccess>,
    /// The records, each once, in the order of their ids.
    ids: Vec<RecordId>,
    /// True for a bulk action, which takes any number of records.
    is_bulk: bool,
    /// True if the user has confirmed the action.
    is_confirmed: bool,
}

impl Pages {
    /// Carries out the action of a button that was pressed, or asks the user to confirm it first.
    pub(super) async fn press(
        &self,
        viewer: &Viewer,
        submission: &Submission<'_>,
        address: &Address,
        component: &Component,
        view: View,
    ) -> Result<Submitted, PagesError> {
        if submission.is_of_another(&Shape::of(&address.page, component, &view)) {
            // The page has changed since it was opened, so the button may do something else by now.
            let error = RecordsError::PageChanged;
            return self.refused(viewer, submission, address, component, error).await;
        }
        let mut press = Press::read(component, view, submission.pairs)?;
        if let ComponentKind::Button(button) = &component.kind {
            press.label = button.label.fill(viewer, &address.values).into();
        }
        let records = self.records_of(&press, address, component).await?;
        if let Some(confirm) = press.confirm() {
            return self.ask(viewer, submission, address, confirm);
        }
        let what = (submission.session, submission.url, submission.pairs, viewer);
        let work = press.work(self.records.clone(), &records);
        let done = match submission.session {
            // Without a session, a repeated submission cannot be told from one by somebody else.
            None => work.await,
            Some(_) => self.repeats.once(what, work).await,
        };
        match done {
            Ok(done) => Ok(Submitted::Done(done)),
            Err(
                error @ (RecordsError::NotFound | RecordsError::Faulty(_) | RecordsError::Store(_)),
            ) => Err(error.into()),
            Err(error) => self.refused(viewer, submission, address, component, error).await,
        }
    }

    /// Reads the records of a press. All must be records that the component can show and the action is open
    /// for.
    ///
    /// # Errors
    /// [`RecordsError::NotFound`] if a record is missing. [`RecordsError::Batch`] for a bulk action.
    async fn records_of(
        &self,
        press: &Press<'_>,
        address: &Address,
        component: &Component,
    ) -> Result<Vec<Record>, RecordsError> {
        let query = component.query(&press.view, &address.values).ok_or(RecordsError::NotFound)?;
        let ids = press.ids.iter().map(|id| Value::Integer(id.get())).collect();
        let meant = Filter::Test(FieldAt::ID, Test::In(ids));
        let filter = query.filter.and(press.action.scope(&press.view)).and(meant);
        let limit = u32::try_from(MAX_RECORDS).unwrap_or(u32::MAX);
        let ask = Ask::Rows(Window::first(limit, Vec::new()));
        let query = Query { filter, ask, ..query };
        let snapshot = self.records.snapshot(&[&query]).await?;
        let rows = snapshot.answers.into_iter().next().and_then(Answer::rows);
        let records = rows.map(|rows| rows.records).unwrap_or_default();
        match records.len() {
            found if found == press.ids.len() => Ok(records),
            _ if press.is_bulk => Err(gone()),
            _ => Err(RecordsError::NotFound),
        }
    }

    /// Returns the page that asks the user to confirm the action. A script gets the question alone.
    fn ask(
        &self,
        viewer: &Viewer,
        submission: &Submission<'_>,
        address: &Address,
        confirm: Confirm,
    ) -> Result<Submitted, PagesError> {
        let html = match submission.by_script {
            true => String::new(),
            false => {
                let menu = self.menu(viewer, &address.path);
                let frame = self.frame(viewer, &menu, submission.nonce);
                self.renderer.confirm(&frame, &confirm, submission.url, submission.pairs)?
            }
        };
        Ok(Submitted::Asked { html, confirm })
    }

    /// Returns the page with a message that says why the action was not done. A script gets the error alone.
    async fn refused(
        &self,
        viewer: &Viewer,
        submission: &Submission<'_>,
        address: &Address,
        component: &Component,
        error: RecordsError,
    ) -> Result<Submitted, PagesError> {
        let html = match submission.by_script {
            true => String::new(),
            false => {
                let shown = submission.shown(viewer, address, component);
                let data = self.data(&shown).await?;
                let words = error.to_string();
                let toast = format!("Not done: {}.", words.trim_end_matches('.'));
                self.shown_again(submission, &shown, &data, Some(&toast))?
            }
        };
        Ok(Submitted::Again { html, error })
    }
}

impl<'a> Press<'a> {
    /// Reads the names and values that a button sends.
    fn read(
        component: &'a Component,
        view: View,
        pairs: &[(String, String)],
    ) -> Result<Self, RecordsError> {
        let mut name = "";
        let mut one = None;
        let mut many = Vec::new();
        let mut is_confirmed = false;
        let mut unknown = Vec::new();
        for (key, value) in pairs {
            match key.as_str() {
                "_component" | "_key" | "_shape" => {}
                "_action" => match value.split_once(':') {
                    Some((action, id)) => (name, one) = (action, Some(record_id(id)?)),
                    None => name = value,
                },
                "_record" => many.push(record_id(value)?),
                "_confirmed" => is_confirmed = value == "yes",
                _ => unknown.push(FieldFault {
                    record: None,
                    field: key.clone(),
                    message: "is unknown".to_owned(),
                }),
            }
        }
        if !unknown.is_empty() {
            return Err(RecordsError::UnknownFields(unknown));
        }
        let (action, on_success) =
            component.open_action(&view, name).ok_or(RecordsError::NotFound)?;
        let is_bulk = name.starts_with("bulk");
        // A button in a row is for the record of that row, even if the checkboxes of others are ticked.
        let mut ids = one.map_or(many, |id| vec![id]);
        ids.sort_unstable();
        ids.dedup();
        match ids.len() {
            0 if is_bulk => Err(RecordsError::Malformed("choose a record first".to_owned())),
            2.. if !is_bulk => Err(RecordsError::NotFound),
            number if number > MAX_RECORDS => {
                Err(RecordsError::Malformed(format!("at most {MAX_RECORDS} records at once")))
            }
            _ => {
                let label = action.label.clone();
                Ok(Self { view, action, label, on_success, ids, is_bulk, is_confirmed })
            }
        }
    }

    /// Returns the question to confirm before the action. `None` if there is none, or the user has confirmed
    /// it.
    fn confirm(&self) -> Option<Confirm> {
        let number = self.ids.len();
        let is_deletion = matches!(self.action.deed, ActionKind::Delete);
        let text = match &self.action.confirm {
            Some(text) if self.is_bulk => format!("{text} ({})", counted(number)),
            Some(text) => text.to_string(),
            None if is_deletion && self.is_bulk => format!("Delete {}?", counted(number)),
            None if is_deletion => "Delete this?".to_owned(),
            None => return None,
        };
        let label = self.label.clone();
        (!self.is_confirmed).then_some(Confirm { text, label, is_deletion })
    }

    /// Returns the future that does the action. It borrows nothing, so it can go on after the request has
    /// ended.
    fn work(
        &self,
        records: Records,
        found: &[Record],
    ) -> impl Future<Output = Result<Done, RecordsError>> + Send + 'static {
        let view = self.view.clone();
        let fields = self.view.fields.clone();
        let deed = self.action.deed.clone();
        let is_bulk = self.is_bulk;
        let ids: Vec<_> = found.iter().map(Record::id).collect();
        let toast = self.on_success.map_or_else(|| self.action.toast(), |then| then.toast.clone());
        let parts = self.on_success.and_then(|then| then.navigate.clone());
        async move {
            let record = match (deed, ids.as_slice()) {
                (ActionKind::Delete, ids) if is_bulk => {
                    records.delete_many(view, ids).await?;
                    None
                }
                (ActionKind::Set(field, value), ids) if is_bulk => {
                    records.set_many(view, ids, field, &value).await?;
                    None
                }
                (ActionKind::Delete, [id, ..]) => {
                    Some(records.delete(view, *id, ExpectedState::Any).await?.record)
                }
                (ActionKind::Set(field, value), [id, ..]) => {
                    Some(records.set(view, *id, field, value).await?.record)
                }
                (ActionKind::Delete | ActionKind::Set(..), []) => {
                    return Err(RecordsError::NotFound);
                }
            };
            let path = |record: Record| render::path(&parts?, &fields, &record);
            Ok(Done { navigate: record.and_then(path), toast })
        }
    }
}

/// Reads the id of a record. A text that is not an id gets the same answer as a record that does not exist.
fn record_id(text: &str) -> Result<RecordId, RecordsError> {
    text.parse().map_err(|_| RecordsError::NotFound)
}

/// Returns a number of records as text, such as `2 records`.
fn counted(number: usize) -> String {
    match number {
        1 => "1 record".to_owned(),
        _ => format!("{number} records"),
    }
}

/// Returns the error of a bulk action of which some records are not there, or not open to the action.
fn gone() -> RecordsError {
    let fault = FieldFault {
        record: None,
        field: "some of these records".to_owned(),
        message: "are gone or may not be changed, so none was".to_owned(),
    };
    RecordsError::Batch(WriteObstacle::Missing, vec![fault])
}
