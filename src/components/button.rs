//! `button`: opens a page or runs an action on a record. As an author writes it, and its checks.

use schemars::JsonSchema;
use serde::Deserialize;
use validator::Validate;

use crate::components::action::{self, RawAction};
use crate::components::data_source::{self, RawDataSource};
use crate::components::form::{RawOnSuccess, check_success};
use crate::components::{CheckContext, ComponentSpec, phrase};
use crate::model::action::ActionKind;
use crate::model::components::button::{Act, Button, ButtonTarget, ButtonVariant};
use crate::model::components::component::ComponentKind;

/// A button that opens a page (`href`) or runs an action on a record (`action` and `dataSource`).
#[derive(Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct RawButton {
    /// The text on the button, in which values may stand, as in `Ship order {$params.id}`.
    #[validate(required, length(min = 1, message = "must not be empty"))]
    label: Option<String>,
    /// The page that the button opens: a path of this app, as in `/orders/new`, or an http, https, mailto or
    /// tel address. Values may stand in it, as in `/orders/{$params.id}/edit`. Give either `href` or `action`.
    href: Option<String>,
    /// The action that the button runs on the record of `dataSource`, as in
    /// `{type: set, field: status, value: done}`.
    #[validate(nested)]
    action: Option<RawAction>,
    /// The record that `action` changes: the first one that passes the filter, in the order of `sort`, as in
    /// `{table: orders, filter: [{field: id, operator: eq, value: $params.id}]}`.
    #[validate(nested)]
    data_source: Option<RawDataSource>,
    /// The look of the button; `danger` for an action that deletes, `secondary` for all else if you do not
    /// say.
    variant: Option<ButtonVariant>,
    /// The message and the page that follow a successful action, as in `{toast: Shipped, navigate: /orders}`.
    /// By default, people stay on the page and read `Saved` or `Deleted`.
    #[validate(nested)]
    on_success: Option<RawOnSuccess>,
}

impl ComponentSpec for RawButton {
    fn check(mut self, around: &mut dyn CheckContext) -> Option<ComponentKind> {
        let (href, action) = (self.href.take(), self.action.take());
        let place = around.place();
        let does = match (href, action) {
            (Some(href), None) => {
                let useless = [
                    ("dataSource", self.data_source.is_some()),
                    ("onSuccess", self.on_success.is_some()),
                ];
                for (key, _) in useless.into_iter().filter(|(_, is_given)| *is_given) {
                    let message = format!("{key} has no effect without `action`");
                    around.problems().report(place.key(key), message).at_key().help("remove it");
                }
                ButtonTarget::Lead(phrase::check_href(&href, around)?)
            }
            (None, Some(action)) => ButtonTarget::Act(Box::new(self.check_act(action, around)?)),
            (Some(_), Some(_)) => {
                let message = "a button leads somewhere or does something, not both";
                let problem = around.problems().report(place.key("href"), message).at_key();
                problem.help("remove `href` or `action`");
                return None;
            }
            (None, None) => {
                // A value of the wrong type was reported and removed, so it only looks missing here.
                let is_known = |key: &str| around.problems().concern(&place.key(key));
                if !["href", "action"].into_iter().any(is_known) {
                    let message = "this button does nothing";
                    let problem = around.problems().report(place, message);
                    problem.help("add `href` to lead somewhere, or `action` to do something");
                }
                return None;
            }
        };
        // A deletion looks dangerous unless the author decides otherwise.
        let variant = match (self.variant, &does) {
            (Some(variant), _) => variant,
            (None, ButtonTarget::Act(act)) if matches!(act.action.deed, ActionKind::Delete) => {
                ButtonVariant::Danger
            }
            (None, _) => ButtonVariant::Secondary,
        };
        let label = phrase::check(&self.label?, "label", around);
        Some(Button { label, variant, does }.into())
    }
}

impl RawButton {
    fn check_act(&mut self, raw: RawAction, around: &mut dyn CheckContext) -> Option<Act> {
        let place = around.place();
        let Some(data_source) = self.data_source.take() else {
            if !around.problems().concern(&place.key("dataSource")) {
                let problem = around.problems().report(place, "`dataSource` is missing");
                problem.help("add `dataSource`: the record that the action is about");
            }
            return None;
        };
        let at = place.key("dataSource");
        let (data_source, table, sort) = data_source::check(data_source, &at, around)?;
        let label = self.label.as_deref().unwrap_or_default();
        let action = action::check(raw, Some(label), &table, &place.key("action"), around)?;
        let on_success = self.on_success.take().unwrap_or_default();
        let on_success = check_success(on_success, &action.toast(), &table, around);
        Some(Act { action, data_source, sort, on_success })
    }
}
