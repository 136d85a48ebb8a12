//! What becomes of a form that was sent: a record is written, or the form comes back with what is
//! wrong.

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

/// How often a change is tried again because other fields of its record have changed.
const MOST_TRIES: usize = 3;

/// A form as one viewer sees it.
pub(super) struct Target<'a> {
    pub(super) address: &'a Address,
    pub(super) component: &'a Component,
    pub(super) form: &'a Form,
    pub(super) view: View,
    /// The fields that the viewer may set by it.
    pub(super) open: FieldSet,
}

impl Pages {
    /// Does what was sent by a form.
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
        // Without a session nobody can be known again.
        match submission.session {
            None => work.await,
            Some(session) => {
                let what = (session, submission.url, submission.pairs, viewer);
                self.repeats.once(what, work).await
            }
        }
    }

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

    /// Writes the values; again if meanwhile others have changed other fields only.
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

    /// The record that a form changes, if it is the one that was sent.
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

    /// The form with what was entered, and what is wrong with it.
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
        // Another record may be the first by now: what was entered is of the one that was sent.
        if let (Some(id), Answer::Rows(rows)) = (&sent.record, &mut form.answer)
            && rows.records.first().is_none_or(|first| first.id().to_string() != *id)
        {
            rows.records = vec![self.record(target, id).await?.record];
        }
        form.draft = Some(draft(sent, error, &form.answer));
        self.shown_again(submission, &shown, &data, None)
    }
}

fn done(on_success: &OnSuccess, saved: &records::RecordView) -> Done {
    let records::RecordView { view, record } = saved;
    let names_it = |part: &HrefPart| matches!(part, HrefPart::Field(_));
    let lead = |parts: &Vec<_>| {
        // To a record that they may not read, nobody is led.
        let is_open = view.shows(record) || !parts.iter().any(names_it);
        if is_open { render::path(parts, &view.fields, record) } else { None }
    };
    let navigate = on_success.navigate.as_ref().and_then(lead);
    Done { navigate, toast: on_success.toast.clone() }
}

fn draft(sent: &FormData<'_>, error: &RecordsError, answer: &Answer) -> Draft {
    match answer {
        Answer::Rows(rows) => sent.draft(error, rows.records.first()),
        Answer::Figure(_) | Answer::Groups(_) => sent.draft(error, None),
    }
}

/// Whether the sender can do something about it, in the form.
fn is_told(error: &RecordsError) -> bool {
    !matches!(
        error,
        RecordsError::NotFound
            | RecordsError::Unauthenticated
            | RecordsError::Faulty(_)
            | RecordsError::Store(_)
    )
}

fn stale(shown: records::RecordView) -> RecordsError {
    RecordsError::Conflict(Box::new(records::Stale { shown, overwritten: Vec::new() }))
}
