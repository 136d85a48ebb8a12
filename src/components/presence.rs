//! `presence`: the people who have the page open. As an author writes it, and its checks.

use schemars::JsonSchema;
use serde::Deserialize;
use validator::Validate;

use crate::components::{CheckContext, ComponentSpec, NoPresence};
use crate::model::components::component::ComponentKind;
use crate::model::components::presence::PresenceList;

/// Shows the people who have the page open, here instead of at the top. The page must have
/// `presence: true`, and one such component at most.
#[derive(Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct RawPresence {}

impl ComponentSpec for RawPresence {
    fn check(self, around: &mut dyn CheckContext) -> Option<ComponentKind> {
        let why = match around.place_presence() {
            Ok(()) => return Some(PresenceList.into()),
            Err(why) => why,
        };
        let (message, help) = match why {
            NoPresence::Off => (
                "this page does not show who is on it",
                "add `presence: true` to the page, beside its path",
            ),
            NoPresence::Placed => {
                ("the people on this page have a place already", "remove one of the two")
            }
        };
        let place = around.place().key("type");
        around.problems().report(place, message).help(help);
        None
    }
}
