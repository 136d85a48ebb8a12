//! `button`: leads somewhere, or does something to a record.

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

/// Leads somewhere, or does something to a record.
#[derive(Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct RawButton {
    /// The words on it. Values may stand in them, as in `Ship order {$params.id}`.
    #[validate(required, length(min = 1, message = "must not be empty"))]
    label: Option<String>,
    /// Where it leads: a path of this app, as in `/orders/new`, or an http, https, mailto or tel
    /// address. Values may stand in it, as in `/orders/{$params.id}/edit`. Give `action` instead to
    /// do something.
    href: Option<String>,
    /// What it does to the record of `dataSource`, as in `{type: set, field: status, value: done}`.
    #[validate(nested)]
    action: Option<RawAction>,
    /// The record that `action` is about: the first that the filter lets pass.
    #[validate(nested)]
    data_source: Option<RawDataSource>,
    /// How much it asks to be pressed. If you do not say: `danger` for what deletes, `secondary` for
    /// all else.
    variant: Option<ButtonVariant>,
    /// What happens once the action is done. If you do not say, people stay and are told.
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
                // One that does not fit has been reported.
                let is_known = |key: &str| around.problems().concern(&place.key(key));
                if !["href", "action"].into_iter().any(is_known) {
                    let message = "this button does nothing";
                    let problem = around.problems().report(place, message);
                    problem.help("add `href` to lead somewhere, or `action` to do something");
                }
                return None;
            }
        };
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
