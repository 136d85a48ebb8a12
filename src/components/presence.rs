//! `presence`: the people on the page.

use schemars::JsonSchema;
use serde::Deserialize;
use validator::Validate;

use crate::components::{CheckContext, ComponentSpec, NoPresence};
use crate::model::components::component::ComponentKind;
use crate::model::components::presence::PresenceList;

/// The people on the page, here instead of at its top. The page must say `presence: true`.
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
