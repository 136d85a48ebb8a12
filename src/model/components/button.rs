//! `button`: a press does something to a record or leads to another page.

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

/// A `button` component: a press does something to a record or leads to another page.
#[derive(Clone, Debug)]
pub struct Button {
    /// The words on it.
    pub label: Phrase,
    /// How much it asks to be pressed.
    pub variant: ButtonVariant,
    /// What a press of the button does.
    pub does: ButtonTarget,
}

/// What a button does.
#[derive(Clone, Debug)]
pub enum ButtonTarget {
    /// It opens the page at this path.
    Lead(Phrase),
    /// It does something to a record.
    Act(Box<Act>),
}

/// What is done to one record, and what happens then.
#[derive(Clone, Debug)]
pub struct Act {
    /// The action that it takes.
    pub action: Action,
    /// The record: the first of these.
    pub data_source: DataSource,
    /// In which order the first is looked for.
    pub sort: Vec<Sort>,
    /// What happens once it is done.
    pub on_success: OnSuccess,
}

/// How much a button asks to be pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ButtonVariant {
    /// It is what the page is for.
    Primary,
    /// One of several buttons of equal weight.
    Secondary,
    /// What it does cannot be undone.
    Danger,
    /// Hardly more than a word.
    Quiet,
}

impl Act {
    /// The one record that it is about.
    pub fn window(&self) -> Window {
        Window::first(1, self.sort.clone())
    }
}

impl Button {
    /// What it does to a record, where it does.
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
