//! `presence`: the users who are on the page now.

use crate::model::components::component_type::ComponentType;

/// A `presence` component: the list of the users who are on the page now. Its content is sent over the live
/// connection, so it reads no records.
#[derive(Clone, Debug)]
pub struct PresenceList;

impl ComponentType for PresenceList {}
