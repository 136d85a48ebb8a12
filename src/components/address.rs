//! Addresses that an author writes: where links lead and where pictures are.

use crate::components::CheckContext;
use crate::model::problem::Place;

/// The schemes a link may have.
const SCHEMES: [&str; 4] = ["http", "https", "mailto", "tel"];

/// Why an address cannot be used, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BadAddress {
    pub(super) message: String,
    pub(super) help: String,
}

/// Where a link leads. Reports at `place` what is no path of this app and has no known scheme.
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

/// Where a link leads, without control characters: browsers drop them before they look at the
/// scheme. `subject` is what an author calls the address.
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

/// Where a picture is: a path of this app, or an https address.
pub(super) fn src(subject: &str, src: &str) -> Result<String, BadAddress> {
    let clean = clean(src);
    if let Some(bad) = braces(subject, &clean) {
        return Err(bad);
    }
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

/// Whether this is a path of this app. A backslash counts as a slash in browsers, and two slashes
/// lead to another host.
fn is_path(address: &str) -> bool {
    address.starts_with('/') && !address.starts_with("//") && !address.starts_with(r"/\")
}

fn scheme(address: &str) -> Option<String> {
    address.split_once(':').map(|(scheme, _)| scheme.to_ascii_lowercase())
}

/// Braces that hold no `{$…}`: no address of this app has any (RFC 3986, 2.2), so a field was meant.
fn braces(subject: &str, address: &str) -> Option<BadAddress> {
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
