//! A form that was sent from a page that has changed since it was opened: nothing of it is saved, since
//! what was entered may mean something else now. It comes back as it is now, with all that was entered.

use std::collections::HashSet;

use crate::model::access::Viewer;
use crate::model::form::Draft;
use crate::model::query::Answer;
use crate::pages::save::Target;
use crate::pages::sent::Sent;
use crate::pages::submit::{Submission, Submitted};
use crate::pages::{Pages, PagesError};
use crate::records::RecordsError;

impl Pages {
    /// The form as it is now, for whoever sent it as it was.
    pub(super) async fn sent_from_another(
        &self,
        viewer: &Viewer,
        submission: &Submission<'_>,
        target: &Target<'_>,
    ) -> Result<Submitted, PagesError> {
        let Target { component, form, view, open, .. } = target;
        let (kept, dropped) = divided(target, submission.pairs);
        let sent = Sent::read(form, &view.table, open, &kept)?;
        let shown = submission.shown(viewer, target.address, component);
        let mut data = self.data(&shown).await?;
        let now = data.get_mut(&component.id).ok_or(RecordsError::NotFound)?;
        let record = match &now.answer {
            Answer::Rows(rows) => rows.records.first(),
            Answer::Figure(_) | Answer::Groups(_) => None,
        };
        let error = RecordsError::PageChanged;
        let message = Some(message(&dropped));
        now.draft = Some(Draft { message, ..sent.draft(&error, record) });
        let html = self.shown_again(submission, &shown, &data, None)?;
        Ok(Submitted::Again { html, error })
    }
}

type Pairs = Vec<(String, String)>;

/// What the form still asks for, and what it does not.
fn divided(target: &Target<'_>, pairs: &[(String, String)]) -> (Pairs, Pairs) {
    let fields = target.form.fields.iter().filter(|field| !field.hidden);
    let fields = fields.filter(|field| target.open.contains(field.field));
    let table = &target.view.table;
    let names: HashSet<_> = fields.map(|field| table.field(field.field).name.as_str()).collect();
    // What was held against the record then says nothing of the fields there are now.
    let pairs = pairs.iter().filter(|(name, _)| !name.starts_with('_')).cloned();
    pairs.partition(|(name, _)| names.contains(name.as_str()))
}

/// What is told, so that nothing that was entered is lost without a word.
fn message(dropped: &Pairs) -> String {
    let mut message =
        "This page has changed since it was opened, so nothing was saved. Look through \
                       the form as it is now, and save again."
            .to_owned();
    let entered = dropped.iter().filter(|(_, text)| !text.trim().is_empty());
    let entered: Vec<_> = entered.map(|(name, text)| format!("{name}: {text}")).collect();
    if !entered.is_empty() {
        message.push_str(" It no longer asks for ");
        message.push_str(&entered.join("; "));
    }
    message
}
