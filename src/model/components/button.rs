//! `button`: a button that runs an action on a record, or opens another page.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::access::View;
use crate::model::action::{Action, ActionKind, OnSuccess, OpenActions};
use crate::model::components::component_type::ComponentType;
use crate::model::data_source::DataSource;
use crate::model::field::FieldAt;
use crate::model::filter::Filter;
use crate::model::phrase::Phrase;
use crate::model::query::{Ask, Sort, Window};

/// A `button` component: a button that runs an action on a record, or opens another page.
#[derive(Clone, Debug)]
pub struct Button {
    /// The text on the button, which may contain variables.
    pub label: Phrase,
    /// The look of the button.
    pub variant: ButtonVariant,
    /// The target of a press.
    pub does: ButtonTarget,
}

/// The target of a button.
#[derive(Clone, Debug)]
pub enum ButtonTarget {
    /// Opens the page at this path or address, which may contain variables.
    Lead(Phrase),
    /// Runs an action on a record.
    Act(Box<Act>),
}

/// An action on one record, and what the browser does after it.
#[derive(Clone, Debug)]
pub struct Act {
    /// The action of the button.
    pub action: Action,
    /// The records, of which the first is acted on.
    pub data_source: DataSource,
    /// The order in which the first record is found.
    pub sort: Vec<Sort>,
    /// The path to open and the message to show after the action has succeeded.
    pub on_success: OnSuccess,
}

/// The look of a button. The default is `danger` for an action that deletes, else `secondary`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ButtonVariant {
    /// The main button of the page, in the accent colour.
    Primary,
    /// A button of normal weight.
    Secondary,
    /// A button whose action cannot be undone, in a warning colour.
    Danger,
    /// A button that looks like plain text.
    Quiet,
}

impl Act {
    /// The window of the first record in the order.
    pub fn window(&self) -> Window {
        Window::first(1, self.sort.clone())
    }
}

impl Button {
    /// The action on a record; `None` for a button that opens a page.
    pub fn act(&self) -> Option<&Act> {
        match &self.does {
            ButtonTarget::Act(act) => Some(act),
            ButtonTarget::Lead(_) => None,
        }
    }
}

impl ComponentType for Button {
    fn data_source(&self) -> Option<&DataSource> {
        self.act().map(|act| &act.data_source)
    }

    fn ask(&self) -> Option<Ask> {
        self.act().map(|act| Ask::Rows(act.window()))
    }

    fn narrow(&self, scope: Filter, view: &View) -> Option<Filter> {
        let action = &self.act()?.action;
        action.is_open(view).then(|| scope.and(action.scope(view)))
    }

    fn shown_fields(&self, _: &View) -> Vec<FieldAt> {
        let field = self.act().and_then(|act| match &act.action.deed {
            ActionKind::Set(field, _) => Some(*field),
            ActionKind::Delete => None,
        });
        let sort = self.act().into_iter().flat_map(|act| act.sort.iter().map(|term| term.field));
        field.into_iter().chain(sort).collect()
    }

    fn open_actions(&self, view: &View) -> OpenActions {
        let open = self.act().filter(|act| act.action.is_open(view));
        let row = open.into_iter().map(|_| 0).collect();
        OpenActions { row, ..OpenActions::default() }
    }

    fn action(&self, list: &str, _: usize) -> Option<(&Action, Option<&OnSuccess>)> {
        let act = self.act().filter(|_| list.is_empty())?;
        Some((&act.action, Some(&act.on_success)))
    }

    fn phrases(&self) -> Vec<&Phrase> {
        match &self.does {
            ButtonTarget::Lead(href) => vec![href, &self.label],
            ButtonTarget::Act(_) => vec![&self.label],
        }
    }

    fn changes_records(&self) -> bool {
        true
    }
}
