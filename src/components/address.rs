//! Checks the addresses of links and pictures that an author writes.

use crate::components::CheckContext;
use crate::model::problem::Place;

/// The URL schemes that a link may have. `javascript:` and `data:` could run scripts, so they are refused.
const SCHEMES: [&str; 4] = ["http", "https", "mailto", "tel"];

/// An address that cannot be used: the reason, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BadAddress {
    pub(super) message: String,
    pub(super) help: String,
}

/// Returns the address of a link, cleaned as by [`href`]. `None`, and a report at `place`, if it is faulty.
pub(super) fn check_href(
    href: &str,
    place: Place,
    around: &mut dyn CheckContext,
) -> Option<String> {
    match self::href("href", href) {
        Ok(clean) => Some(clean),
        Err(bad) => {
            around.problems().report(place, bad.message).help(bad.help);
            None
        }
    }
}

/// Returns the address of a link without control characters and outer blanks. Browsers drop tabs and line ends
/// before they look at the scheme (URL standard, section 4.4), so `java\tscript:` would pass a check of the
/// text as written. `subject` names the address in messages.
///
/// # Errors
/// If it is neither a path of this app nor an address with a known scheme, or holds a field in braces.
pub(super) fn href(subject: &str, href: &str) -> Result<String, BadAddress> {
    let clean = clean(href);
    if let Some(bad) = braces(subject, &clean) {
        return Err(bad);
    }
    if is_path(&clean) || scheme(&clean).is_some_and(|scheme| SCHEMES.contains(&scheme.as_str())) {
        return Ok(clean);
    }
    let allowed = "a path that begins with / or an http, https, mailto or tel address";
    Err(bad(subject, &clean, allowed, "/about or https://example.org"))
}

/// Returns the address of a picture, cleaned as by [`href`].
///
/// # Errors
/// If it is neither a path of this app nor an https address, or holds a field in braces.
pub(super) fn src(subject: &str, src: &str) -> Result<String, BadAddress> {
    let clean = clean(src);
    if let Some(bad) = braces(subject, &clean) {
        return Err(bad);
    }
    // Pictures over http are refused, because browsers may block them on a page over https (Mixed Content, W3C).
    if is_path(&clean) || scheme(&clean).is_some_and(|scheme| scheme == "https") {
        return Ok(clean);
    }
    let allowed = "a path that begins with / or an https address";
    Err(bad(subject, &clean, allowed, "/harbour.jpg or https://example.org/harbour.jpg"))
}

fn clean(address: &str) -> String {
    let clean: String = address.chars().filter(|c| !c.is_control()).collect();
    clean.trim().to_owned()
}

/// Returns whether this is a path of this app. Two slashes lead to another host, and browsers read a
/// backslash as a slash (URL standard, section 4.4).
fn is_path(address: &str) -> bool {
    address.starts_with('/') && !address.starts_with("//") && !address.starts_with(r"/\")
}

fn scheme(address: &str) -> Option<String> {
    address.split_once(':').map(|(scheme, _)| scheme.to_ascii_lowercase())
}

/// Returns a fault if the address has braces that hold no `{$…}`. Braces may not stand in a URI (RFC 3986,
/// section 2), so the author meant a field of a record, as in the `href` of a row. An address with a scheme
/// may have any, since it belongs to another site.
fn braces(subject: &str, address: &str) -> Option<BadAddress> {
    // In `/a{b:c}` the text before the colon is no scheme. A scheme has neither braces nor slashes.
    let is_elsewhere = scheme(address).is_some_and(|scheme| !scheme.contains(['{', '/']));
    let pieces = address.split('{').skip(1);
    let mut named = pieces.filter(|piece| !piece.starts_with('$') && !is_elsewhere);
    let name = named.next()?.split('}').next().unwrap_or_default();
    Some(BadAddress {
        message: format!(
            "`{{{name}}}` has no meaning in {subject}: it is the same for every record"
        ),
        help: "fields stand in the `href` of a list's item or of a row".to_owned(),
    })
}

fn bad(subject: &str, clean: &str, allowed: &str, example: &str) -> BadAddress {
    let message = match clean {
        "" => format!("{subject} must not be empty"),
        _ if clean.starts_with('/') => format!("{subject} must not begin with two slashes"),
        _ => format!("{subject} must be {allowed}"),
    };
    let help = match clean.split_once(':') {
        // `about` without a slash would be relative to the page's path, and lead elsewhere from each page.
        None if !clean.starts_with(['/', '#', '.']) && !clean.is_empty() => {
            format!("write `/{clean}`")
        }
        _ => format!("as in {example}"),
    };
    BadAddress { message, help }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_and_known_schemes_are_safe() {
        for safe in ["/", "/a?b=c", "https://example.org", "MAILTO:a@b.c", "tel:+49", "http://x"] {
            assert_eq!(href("href", safe).as_deref(), Ok(safe));
        }
        for unsafe_one in
            ["", "a", "//evil.example", r"/\evil.example", "javascript:alert(1)", "data:x", "#top"]
        {
            assert!(href("href", unsafe_one).is_err(), "{unsafe_one}");
        }
    }

    #[test]
    fn braces_that_name_nothing_are_refused() {
        for braces in ["/{id}", "{photo}", "/a?b={id}", "/orders/{$params.id}/{id}"] {
            let told = href("href", braces).unwrap_err().message;
            assert!(told.contains("` has no meaning in href"), "{braces}: {told}");
            assert!(src("src", braces).is_err());
        }
        for fine in ["/orders/{$params.id}", "https://example.org/{id}", "mailto:{a}@b.c"] {
            assert!(href("href", fine).is_ok(), "{fine}");
        }
    }

    #[test]
    fn control_characters_hide_no_scheme() {
        assert!(href("href", "java\tscript:alert(1)").is_err());
        assert!(href("href", "\u{1}javascript:alert(1)").is_err());
        assert_eq!(href("href", " /a\nb ").as_deref(), Ok("/ab"));
    }

    #[test]
    fn a_picture_is_here_or_comes_over_https() {
        for safe in ["/harbour.jpg", "https://example.org/a.png", "HTTPS://example.org/a.png"] {
            assert!(src("src", safe).is_ok(), "{safe}");
        }
        for unsafe_one in ["", "a.png", "http://x/a.png", "data:image/png;base64,x", "//x/a.png"] {
            assert!(src("src", unsafe_one).is_err(), "{unsafe_one}");
        }
    }
}
