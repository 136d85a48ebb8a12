//! Forms that are sent from an outdated page: the app has changed since the page was opened, so that the form
//! has another shape now.
//!
//! Nothing is saved, since an entry may mean something else in the new form. The user gets the new form with
//! their own entries in it. Texts that the controls only showed are left out. Entries for one record are not
//! put into the controls of another; a message repeats them instead.

use std::collections::HashSet;

use crate::model::components::form::Purpose;
use crate::model::query::Answer;
use crate::model::record::Record;
use crate::model::viewer::Viewer;
use crate::pages::form_data::FormData;
use crate::pages::save::Target;
use crate::pages::submission::{Submission, Submitted};
use crate::pages::{Pages, PagesError};
use crate::records::RecordsError;
use crate::render::Draft;

impl Pages {
    /// Answers a form that was sent from an outdated page with the form as it is now, and the user's entries.
    ///
    /// # Errors
    /// [`RecordsError::NotFound`] if there is no record any more for the form to change.
    pub(super) async fn sent_from_another(
        &self,
        viewer: &Viewer,
        submission: &Submission<'_>,
        target: &Target<'_>,
    ) -> Result<Submitted, PagesError> {
        let Target { component, form, view, open, .. } = target;
        let (kept, dropped) = divided(target, submission.pairs);
        let sent = FormData::read(form, &view.table, open, &kept)?;
        let shown = submission.shown(viewer, target.address, component);
        let mut data = self.data(&shown).await?;
        let now = data.get_mut(&component.id).ok_or(RecordsError::NotFound)?;
        let record = match &now.answer {
            Answer::Rows(rows) => rows.records.first(),
            Answer::Figure(_) | Answer::Groups(_) => None,
        };
        // A form that changes a record is not shown without one.
        if form.purpose == Purpose::Update && record.is_none() {
            return Err(RecordsError::NotFound.into());
        }
        let error = RecordsError::PageChanged;
        let is_same = is_same(target, submission.pairs, record);
        let message = Some(message(&sent, &dropped, is_same));
        now.draft = Some(match is_same {
            true => Draft { message, ..sent.draft(&error, record) },
            false => Draft { message, ..Draft::default() },
        });
        let html = self.shown_again(submission, &shown, &data, None)?;
        Ok(Submitted::Again { html, error })
    }
}

/// Names and texts that a form sent, in order.
type Pairs = Vec<(String, String)>;

/// Returns whether the form is for the same record as when it was opened, or still for a new one.
fn is_same(target: &Target<'_>, pairs: &[(String, String)], now: Option<&Record>) -> bool {
    let said = |name: &str| pairs.iter().find(|(said, _)| said == name).map(|(_, text)| text);
    let (table, record) = (said("_table"), said("_record"));
    match target.form.purpose {
        Purpose::Create => record.is_none(),
        Purpose::Update => {
            table.is_none_or(|table| table == target.view.table.name.as_str())
                && record.cloned() == now.map(|now| now.id().to_string())
        }
    }
}

/// Splits the sent pairs into two lists: the fields that the form still has, with `_base` and `_keep.…`, and
/// the fields that it no longer has.
fn divided(target: &Target<'_>, pairs: &[(String, String)]) -> (Pairs, Pairs) {
    let fields = target.form.fields.iter().filter(|field| !field.hidden);
    let fields = fields.filter(|field| target.open.contains(field.field));
    let table = &target.view.table;
    let names: HashSet<_> = fields.map(|field| table.field(field.field).name.as_str()).collect();
    let is_update = target.form.purpose == Purpose::Update;
    let is_asked = |name: &str| {
        let kept = name.strip_prefix("_keep.").filter(|_| is_update);
        name == "_base" || names.contains(kept.unwrap_or(name))
    };
    let (kept, dropped): (Pairs, Pairs) =
        pairs.iter().cloned().partition(|(name, _)| is_asked(name));
    (kept, dropped.into_iter().filter(|(name, _)| !name.starts_with('_')).collect())
}

/// Returns the message that the page has changed. It repeats the entries that the new form does not show: those
/// for another record, and those without a field.
fn message(sent: &FormData<'_>, dropped: &Pairs, is_same: bool) -> String {
    let mut message =
        "This page has changed since it was opened, so nothing was saved. Look through \
                       the form as it is now, and save again."
            .to_owned();
    if !is_same {
        let typed = sent.typed().map(|(name, text)| match text.trim().is_empty() {
            true => format!("{name}: (empty)"),
            false => format!("{name}: {text}"),
        });
        let typed: Vec<_> = typed.collect();
        if !typed.is_empty() {
            message.push_str(" It is for another record now. You had entered ");
            message.push_str(&typed.join("; "));
        }
    }
    let is_typed =
        |(name, text): &&(String, String)| !text.trim().is_empty() && !sent.showed(name, text);
    let entered = dropped.iter().filter(is_typed);
    let entered: Vec<_> = entered.map(|(name, text)| format!("{name}: {text}")).collect();
    if !entered.is_empty() {
        message.push_str(if message.ends_with('.') { " " } else { ". " });
        message.push_str("It no longer asks for ");
        message.push_str(&entered.join("; "));
    }
    message
}
