//! `link`: opens another page. As an author writes it, and its checks.

use schemars::JsonSchema;
use serde::Deserialize;
use validator::Validate;

use crate::components::{CheckContext, ComponentSpec, phrase};
use crate::model::components::component::ComponentKind;
use crate::model::components::link::Link;

/// A link to another page.
#[derive(Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct RawLink {
    /// The page that the link opens: a path of this app, as in `/about`, or an http, https, mailto or tel address.
    /// Values may stand in it, as in `/orders/{$params.id}/edit`.
    #[validate(required)]
    href: Option<String>,
    /// The text of the link, in which values may stand, as in `Order {$params.id}`.
    #[validate(required)]
    label: Option<String>,
}

impl ComponentSpec for RawLink {
    fn check(self, around: &mut dyn CheckContext) -> Option<ComponentKind> {
        let href = self.href.and_then(|href| phrase::check_href(&href, around));
        let label = self.label.map(|label| phrase::check(&label, "label", around));
        Some(Link { href: href?, label: label? }.into())
    }
}
