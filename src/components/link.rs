//! `link`: a way to another page.

use schemars::JsonSchema;
use serde::Deserialize;
use validator::Validate;

use crate::components::{Around, Given, address};
use crate::model::component::{ComponentKind, Link};

/// A way to another page.
#[derive(Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct RawLink {
    /// Where it leads: a path of this app, as in `/about`, or an http, https, mailto or tel address.
    #[validate(required)]
    href: Option<String>,
    /// The words to click.
    #[validate(required)]
    label: Option<String>,
}

impl Given for RawLink {
    fn check(self, around: &mut dyn Around) -> Option<ComponentKind> {
        let place = around.place().key("href");
        let href = self.href.and_then(|href| address::check_href(&href, place, around));
        Some(ComponentKind::Link(Link { href: href?.into(), label: self.label?.into() }))
    }
}
