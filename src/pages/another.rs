//! A form that was sent from a page that has changed since it was opened: nothing of it is saved, since
//! what was entered may mean something else now. It comes back as it is now, with what was entered by
//! hand: what its controls only showed is not said again, and what was entered for one record is not
//! put into the controls of another.

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
    /// Returns the form as it is now, for a user who sent it as it was.
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
        // Then there is no form that could come back.
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

type Pairs = Vec<(String, String)>;

/// Whether the form was and is for the same record, or was and is for a new one.
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

/// Splits what was sent into the fields that the form still has, with what their controls showed, and the others.
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

/// Returns the message that the page has changed, with what was entered and has no field any more.
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
