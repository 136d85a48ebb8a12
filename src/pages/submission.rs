//! The submissions that forms and buttons send to their page, and the outcomes.

use std::sync::Arc;

use crate::model::components::component::Component;
use crate::model::shape::Shape;
use crate::model::viewer::Viewer;
use crate::pages::RenderRequest;
use crate::records::RecordsError;
use crate::render::Confirm;
use crate::router::Address;

/// A request that a form or a button sent to its page.
#[derive(Clone, Copy, Debug)]
pub struct Submission<'a> {
    /// The path and query that it was sent to.
    pub url: &'a str,
    /// The id of the component that sent it.
    pub component: &'a str,
    /// The names and values, in the order in which they were sent.
    pub pairs: &'a [(String, String)],
    /// True if a script sent it. The answer is then the component alone, not the whole page.
    pub by_script: bool,
    /// The token of the session that it was sent in.
    pub session: Option<&'a str>,
    /// The nonce that inline scripts must carry to be run (Content Security Policy).
    pub nonce: &'a str,
}

/// The outcome of a submission.
#[derive(Debug)]
pub enum Submitted {
    /// The form was saved, or the action of the button is done.
    Done(Done),
    /// The user must confirm the action first.
    Asked {
        /// The page that asks the user. Empty for a script.
        html: String,
        /// The question to confirm.
        confirm: Confirm,
    },
    /// The submission was refused. The page or component is shown again, and says why.
    Again {
        /// The HTML to show. Empty for a script that pressed a button.
        html: String,
        /// The reason of the refusal.
        error: RecordsError,
    },
    /// The page is only for people who have signed in.
    SignIn,
}

/// The success of a submission, with the message and the page that follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// The path of the page to open. `None` to stay on the page.
    pub navigate: Option<String>,
    /// The message to show.
    pub toast: Arc<str>,
}

impl<'a> Submission<'a> {
    /// The name of the action whose button was pressed (`_action`, without the id of a record). Empty if none was
    /// sent.
    pub fn action(&self) -> &'a str {
        let action = self.pairs.iter().find(|(name, _)| name == "_action");
        let action = action.map_or("", |(_, action)| action);
        action.split(':').next().unwrap_or_default()
    }

    /// Returns whether it was sent with another shape of the component (`_shape`), so from an outdated page.
    /// `false` if no shape was sent.
    pub(super) fn is_of_another(&self, shape: &Shape) -> bool {
        let said = self.pairs.iter().find(|(name, _)| name == "_shape");
        said.is_some_and(|(_, said)| said != shape.as_str())
    }

    /// Returns the components to render as the answer: those of the page, or for a script the one that sent it.
    pub(super) fn shown<'s>(
        &self,
        viewer: &'s Viewer,
        address: &'s Address,
        component: &'s Component,
    ) -> RenderRequest<'s> {
        let of = match self.by_script {
            true => vec![component],
            false => address.page.components.iter().collect(),
        };
        RenderRequest::new(viewer, address, None, of)
    }
}
