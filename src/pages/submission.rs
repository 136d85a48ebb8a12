//! What is sent to a page, by a form or a button, and the outcome.

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
    /// The component that it was sent by.
    pub component: &'a str,
    /// The names and values, in their order.
    pub pairs: &'a [(String, String)],
    /// Whether only the component comes back, for a script that shows it.
    pub by_script: bool,
    /// The session that it was sent in.
    pub session: Option<&'a str>,
    /// The nonce that inline scripts of a page must carry to be run.
    pub nonce: &'a str,
}

/// The outcome of a submission.
#[derive(Debug)]
pub enum Submitted {
    /// The form was carried out.
    Done(Done),
    /// It must be asked first whether it is meant.
    Asked {
        /// The page that asks.
        html: String,
        /// The question that must be answered first.
        confirm: Confirm,
    },
    /// It could not be done. The page, or the component, says why.
    Again {
        /// The HTML to show.
        html: String,
        /// Why it was refused.
        error: RecordsError,
    },
    /// The page is for people who have signed in.
    SignIn,
}

/// The success of a submission, and what follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// The path that people are led to; they stay if there is none.
    pub navigate: Option<String>,
    /// The message to show.
    pub toast: Arc<str>,
}

impl<'a> Submission<'a> {
    /// Which of the component's buttons was pressed, where it has any.
    pub fn action(&self) -> &'a str {
        let action = self.pairs.iter().find(|(name, _)| name == "_action");
        let action = action.map_or("", |(_, action)| action);
        action.split(':').next().unwrap_or_default()
    }

    /// Whether the page that it was sent from has this component otherwise, if it says so.
    pub(super) fn is_of_another(&self, shape: &Shape) -> bool {
        let said = self.pairs.iter().find(|(name, _)| name == "_shape");
        said.is_some_and(|(_, said)| said != shape.as_str())
    }

    /// Returns what to render as the answer: the page, or for a script the component alone.
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
