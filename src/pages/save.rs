//! Forms that are saved: a record is added or changed, or the form comes back with the entries and their
//! faults.

use crate::model::access::View;
use crate::model::action::OnSuccess;
use crate::model::components::component::Component;
use crate::model::components::form::{Form, Purpose};
use crate::model::data_source::HrefPart;
use crate::model::field::FieldAt;
use crate::model::filter::{Filter, Test};
use crate::model::input::Inputs;
use crate::model::query::Answer;
use crate::model::record::FieldSet;
use crate::model::value::Value;
use crate::model::viewer::Viewer;
use crate::pages::form_data::FormData;
use crate::pages::submission::{Done, Submission, Submitted};
use crate::pages::{Pages, PagesError};
use crate::records::{self, ExpectedState, RecordsError};
use crate::render;
use crate::render::Draft;
use crate::router::Address;

/// The number of times that a change is tried if other users keep changing other fields of its record.
const MOST_TRIES: usize = 3;

/// The form that a submission is for, as one viewer sees it.
pub(super) struct Target<'a> {
    pub(super) address: &'a Address,
    pub(super) component: &'a Component,
    pub(super) form: &'a Form,
    pub(super) view: View,
    /// The fields that the viewer may set with the form.
    pub(super) open: FieldSet,
}

impl Pages {
    /// Saves a form. If the user can correct what is wrong, the form comes back with the error in it.
    ///
    /// # Errors
    /// For all other failures: those of the database, and a form or record that is not there for this viewer.
    pub(super) async fn save(
        &self,
        viewer: &Viewer,
        submission: &Submission<'_>,
        target: Target<'_>,
    ) -> Result<Submitted, PagesError> {
        let table = target.view.table.clone();
        let sent = FormData::read(target.form, &table, &target.open, submission.pairs)?;
        let done = match target.form.purpose {
            Purpose::Create => self.add(viewer, submission, &target, &sent).await,
            Purpose::Update => self.change(&target, &sent).await,
        };
        match done {
            Ok(done) => Ok(Submitted::Done(done)),
            Err(error) if is_told(&error) => {
                let html = self.again(viewer, submission, &target, &sent, &error).await?;
                Ok(Submitted::Again { html, error })
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Adds a record. A repeated submission of the same session adds it once.
    async fn add(
        &self,
        viewer: &Viewer,
        submission: &Submission<'_>,
        target: &Target<'_>,
        sent: &FormData<'_>,
    ) -> Result<Done, RecordsError> {
        let records = self.records.clone();
        let values = sent.values()?;
        let view = target.view.clone();
        let on_success = target.form.on_success.clone();
        let work = async move {
            let added = records.create(view, &values).await?;
            Ok(done(&on_success, &added))
        };
        // Without a session, a repeated submission cannot be told from one by somebody else.
        match submission.session {
            None => work.await,
            Some(session) => {
                let what = (session, submission.url, submission.pairs, viewer);
                self.repeats.once(what, work).await
            }
        }
    }

    /// Changes the record of a form. Only the fields that the sender has changed are written.
    ///
    /// # Errors
    /// [`RecordsError::Conflict`] if another user has meanwhile changed one of these fields.
    async fn change(&self, target: &Target<'_>, sent: &FormData<'_>) -> Result<Done, RecordsError> {
        let now = self.record(target, sent.record.as_deref().unwrap_or_default()).await?;
        let values = sent.values()?;
        let saved = if values.is_empty() {
            now
        } else if sent.overtaken(&now.record).is_empty() {
            self.update(target, sent, &values, now).await?
        } else {
            return Err(stale(now));
        };
        Ok(done(&target.form.on_success, &saved))
    }

    /// Writes the values. If other users have meanwhile changed other fields only, tries again on the new
    /// state of the record.
    async fn update(
        &self,
        target: &Target<'_>,
        sent: &FormData<'_>,
        values: &Inputs,
        mut now: records::RecordView,
    ) -> Result<records::RecordView, RecordsError> {
        let id = now.record.id();
        for tries in 1.. {
            let view = target.view.clone();
            let written = self.records.update(view, id, values, ExpectedState::of(&now)).await;
            match written {
                Err(RecordsError::Conflict(stale)) if tries < MOST_TRIES => {
                    now = stale.shown;
                    if !sent.overtaken(&now.record).is_empty() {
                        break;
                    }
                }
                written => return written,
            }
        }
        Err(stale(now))
    }

    /// Reads the record with the id that the form sent.
    ///
    /// # Errors
    /// [`RecordsError::NotFound`] if it is not a record that the form can show.
    async fn record(
        &self,
        target: &Target<'_>,
        id: &str,
    ) -> Result<records::RecordView, RecordsError> {
        let id = id.parse::<i64>().map_err(|_| RecordsError::NotFound)?;
        let values = &target.address.values;
        let query = target.component.query(&target.view, values);
        let mut query = query.ok_or(RecordsError::NotFound)?;
        query.filter = query.filter.and(Filter::Test(FieldAt::ID, Test::Eq(Value::Integer(id))));
        let snapshot = self.records.snapshot(&[&query]).await?;
        let rows = snapshot.answers.into_iter().next().and_then(Answer::rows);
        let record = rows.and_then(|rows| rows.records.into_iter().next());
        let view = target.view.clone();
        Ok(records::RecordView { view, record: record.ok_or(RecordsError::NotFound)? })
    }

    /// Renders the form again, with the entries and their faults.
    async fn again(
        &self,
        viewer: &Viewer,
        submission: &Submission<'_>,
        target: &Target<'_>,
        sent: &FormData<'_>,
        error: &RecordsError,
    ) -> Result<String, PagesError> {
        let component = target.component;
        let shown = submission.shown(viewer, target.address, component);
        let mut data = self.data(&shown).await?;
        let form = data.get_mut(&component.id).ok_or(RecordsError::NotFound)?;
        // The form shows the first record of its query, which may be another one by now. The entries belong
        // to the record that was sent.
        if let (Some(id), Answer::Rows(rows)) = (&sent.record, &mut form.answer)
            && rows.records.first().is_none_or(|first| first.id().to_string() != *id)
        {
            rows.records = vec![self.record(target, id).await?.record];
        }
        form.draft = Some(draft(sent, error, &form.answer));
        self.shown_again(submission, &shown, &data, None)
    }
}

/// Returns the message and the path that follow a saved record.
fn done(on_success: &OnSuccess, saved: &records::RecordView) -> Done {
    let records::RecordView { view, record } = saved;
    let names_it = |part: &HrefPart| matches!(part, HrefPart::Field(_));
    let lead = |parts: &Vec<_>| {
        // A path with values of the record is not followed if the viewer may not read the record: the values
        // would give away some of it.
        let is_open = view.shows(record) || !parts.iter().any(names_it);
        if is_open { render::path(parts, &view.fields, record) } else { None }
    };
    let navigate = on_success.navigate.as_ref().and_then(lead);
    Done { navigate, toast: on_success.toast.clone() }
}

/// Returns the draft to show again, compared with the record that the form shows now.
fn draft(sent: &FormData<'_>, error: &RecordsError, answer: &Answer) -> Draft {
    match answer {
        Answer::Rows(rows) => sent.draft(error, rows.records.first()),
        Answer::Figure(_) | Answer::Groups(_) => sent.draft(error, None),
    }
}

/// Returns whether the form comes back with the error in it. If not, the error is the whole answer.
fn is_told(error: &RecordsError) -> bool {
    !matches!(
        error,
        RecordsError::NotFound
            | RecordsError::Unauthenticated
            | RecordsError::Faulty(_)
            | RecordsError::Store(_)
    )
}

/// Returns the conflict of a form with the record as it is now. The draft shows which fields it is about.
fn stale(shown: records::RecordView) -> RecordsError {
    RecordsError::Conflict(Box::new(records::Stale { shown, overwritten: Vec::new() }))
}
