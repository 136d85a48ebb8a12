//! `link`: a way to another page.

use schemars::JsonSchema;
use serde::Deserialize;
use validator::Validate;

use crate::components::{Around, Given};
use crate::model::component::{ComponentKind, Link};

/// The schemes a link may have.
const SCHEMES: [&str; 4] = ["http", "https", "mailto", "tel"];

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
        let href = self.href.and_then(|href| check_href(&href, around));
        Some(ComponentKind::Link(Link { href: href?.into(), label: self.label?.into() }))
    }
}

/// The address without control characters: browsers drop them before they look at the scheme.
fn check_href(href: &str, around: &mut dyn Around) -> Option<String> {
    let clean: String = href.chars().filter(|c| !c.is_control()).collect();
    let clean = clean.trim();
    if is_safe(clean) {
        return Some(clean.to_owned());
    }
    let place = around.place().key("href");
    let message = match clean {
        "" => "href must not be empty".to_owned(),
        _ if clean.starts_with("//") || clean.starts_with(r"/\") => {
            "href must not begin with two slashes".to_owned()
        }
        _ => format!(
            "href must be a path that begins with / or an {} address",
            "http, https, mailto or tel"
        ),
    };
    around.problems().report(place, message).help(match clean.split_once(':') {
        None if !clean.starts_with('/') && !clean.is_empty() => format!("write `/{clean}`"),
        _ => "as in /about or https://example.org".to_owned(),
    });
    None
}

fn is_safe(href: &str) -> bool {
    if href.starts_with('/') {
        // A backslash counts as a slash in browsers, and two lead to another host.
        return !href.starts_with("//") && !href.starts_with(r"/\");
    }
    let scheme = href.split_once(':').map(|(scheme, _)| scheme.to_ascii_lowercase());
    scheme.is_some_and(|scheme| SCHEMES.contains(&scheme.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_and_known_schemes_are_safe() {
        for href in ["/", "/a?b=c", "https://example.org", "MAILTO:a@b.c", "tel:+49", "http://x"] {
            assert!(is_safe(href), "{href}");
        }
        for href in
            ["", "a", "//evil.example", r"/\evil.example", "javascript:alert(1)", "data:x", "#top"]
        {
            assert!(!is_safe(href), "{href}");
        }
    }
}
