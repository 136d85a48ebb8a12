//! `presence`: the people on the page.

use crate::model::components::component_type::ComponentType;

/// A `presence` component: the people on the page.
#[derive(Clone, Debug)]
pub struct PresenceList;

impl ComponentType for PresenceList {}
