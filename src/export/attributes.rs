//! The HTML and SVG attributes that hold addresses, and the syntax in which each holds them.

use crate::export::css;

/// Returns the new form of an address, or `None` if it stays as it is.
type RewriteAddress<'a> = &'a mut dyn FnMut(&str) -> Option<String>;

/// The syntax in which an attribute holds addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holding {
    /// The whole value is one address.
    One,
    /// Several addresses with blanks between them.
    Several,
    /// A `srcset`: pictures, each with the width or density that it is for (HTML standard, 4.8.4.2).
    Pictures,
    /// The value is CSS with addresses in it.
    Css,
    /// The content of `<meta http-equiv=refresh>`: seconds, then an address or none (HTML standard, 4.2.5.3).
    Refresh,
    /// The value is a whole HTML document.
    Document,
}

/// Returns how an attribute of an element holds addresses. `None` if it holds none. `get` returns the value of another
/// attribute of the same element.
pub(super) fn holding(
    element: &str,
    attribute: &str,
    get: &dyn Fn(&str) -> Option<String>,
) -> Option<Holding> {
    Some(match (attribute, element) {
        (
            "href" | "xlink:href" | "src" | "action" | "formaction" | "poster" | "cite"
            | "background" | "longdesc",
            _,
        )
        | ("data" | "codebase" | "classid", "object")
        | ("manifest", "html") => Holding::One,
        ("ping", _) | ("archive", "object") => Holding::Several,
        ("srcset" | "imagesrcset", _) => Holding::Pictures,
        // SVG allows these CSS properties as attributes, with `url()` in them.
        (
            "style" | "fill" | "stroke" | "filter" | "mask" | "clip-path" | "cursor" | "marker"
            | "marker-start" | "marker-mid" | "marker-end",
            _,
        ) => Holding::Css,
        ("srcdoc", "iframe") => Holding::Document,
        ("content", "meta") => return meta(get),
        _ => return None,
    })
}

/// The same for the `content` of a `<meta>`, which depends on its other attributes.
fn meta(get: &dyn Fn(&str) -> Option<String>) -> Option<Holding> {
    if get("http-equiv").is_some_and(|name| name.eq_ignore_ascii_case("refresh")) {
        return Some(Holding::Refresh);
    }
    let name = get("property").or_else(|| get("name"))?.to_ascii_lowercase();
    let is_address = matches!(
        name.as_str(),
        "og:url"
            | "og:image"
            | "og:image:url"
            | "og:image:secure_url"
            | "og:video"
            | "og:video:url"
            | "og:audio"
            | "og:audio:url"
            | "twitter:image"
            | "twitter:player"
            | "msapplication-tileimage"
            | "msapplication-config"
    );
    is_address.then_some(Holding::One)
}

/// Returns an attribute's value with its addresses rewritten. `None` if it stays, and for whole documents, which the
/// caller rewrites as HTML.
pub(super) fn rewritten(holding: Holding, value: &str, lead: RewriteAddress<'_>) -> Option<String> {
    match holding {
        Holding::One => lead(value),
        Holding::Several => rewritten_list(value, lead),
        Holding::Pictures => pictures(value, lead),
        Holding::Css => css::rewritten(value, lead),
        Holding::Refresh => refresh(value, lead),
        Holding::Document => None,
    }
}

/// Rewrites addresses with blanks between them.
fn rewritten_list(value: &str, lead: RewriteAddress<'_>) -> Option<String> {
    let mut is_changed = false;
    let now: Vec<_> = value
        .split_ascii_whitespace()
        .map(|address| {
            let now = lead(address);
            is_changed |= now.is_some();
            now.unwrap_or_else(|| address.to_owned())
        })
        .collect();
    is_changed.then(|| now.join(" "))
}

/// Rewrites a `srcset` such as `small.png 1x, large.png 2x`. An address ends at the next blank and may hold commas,
/// except at its end; its width or density goes on to the next comma outside parentheses.
fn pictures(value: &str, lead: RewriteAddress<'_>) -> Option<String> {
    let mut written = String::new();
    let mut rest = value;
    let mut is_changed = false;
    loop {
        let start = rest.find(|c: char| !c.is_ascii_whitespace() && c != ',');
        let (before, after) = rest.split_at(start.unwrap_or(rest.len()));
        written.push_str(before);
        if after.is_empty() {
            return is_changed.then_some(written);
        }
        let end = after.find(|c: char| c.is_ascii_whitespace()).unwrap_or(after.len());
        let address = after[..end].trim_end_matches(',');
        let now = lead(address);
        is_changed |= now.is_some();
        written.push_str(now.as_deref().unwrap_or(address));
        rest = &after[address.len()..];
        if address.len() == end {
            let said = rest.len().min(end_of_words(rest));
            written.push_str(&rest[..said]);
            rest = &rest[said..];
        }
    }
}

/// The length of a picture's width or density: up to the next comma outside parentheses.
fn end_of_words(words: &str) -> usize {
    let mut depth = 0_usize;
    let end = words.find(|c: char| {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == ',' && depth == 0
    });
    end.unwrap_or(words.len())
}

/// Rewrites a refresh such as `5; url='/there'`. `url=` and the quotes may be missing.
fn refresh(value: &str, lead: RewriteAddress<'_>) -> Option<String> {
    let blank = |c: char| c.is_ascii_whitespace();
    let waits = |c: char| c.is_ascii_digit() || c == '.';
    let after = value.trim_start_matches(blank).trim_start_matches(waits);
    let rest = after.trim_start_matches(blank);
    let rest = rest.strip_prefix([';', ',']).or((rest.len() < after.len()).then_some(rest))?;
    let mut rest = rest.trim_start_matches(blank);
    if rest.get(..3).is_some_and(|word| word.eq_ignore_ascii_case("url"))
        && let Some(named) = rest[3..].trim_start_matches(blank).strip_prefix('=')
    {
        rest = named.trim_start_matches(blank);
    }
    let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''));
    let rest = &rest[usize::from(quote.is_some())..];
    let address = quote.and_then(|quote| rest.split(quote).next()).unwrap_or(rest);
    let before = &value[..value.len() - rest.len()];
    lead(address).map(|now| format!("{before}{now}{}", &rest[address.len()..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(holding: Holding, value: &str, expected: &str) {
        let mut lead = |address: &str| address.starts_with('/').then(|| format!("/site{address}"));
        let now = rewritten(holding, value, &mut lead);
        assert_eq!(now.as_deref().unwrap_or(value), expected, "{value}");
    }

    #[test]
    fn every_picture_of_a_set_is_found() {
        for (value, expected) in [
            ("/a.png", "/site/a.png"),
            ("/a.png 1x, /b.png 2x", "/site/a.png 1x, /site/b.png 2x"),
            ("/a.png, /b.png 2x", "/site/a.png, /site/b.png 2x"),
            (" /a,b.png 100w,\n/b.png 200w ", " /site/a,b.png 100w,\n/site/b.png 200w "),
            ("/a 1x (/c, /d), /b", "/site/a 1x (/c, /d), /site/b"),
            ("data:image/png;base64,AA== 1x, /b 2x", "data:image/png;base64,AA== 1x, /site/b 2x"),
            ("a.png 1x, b.png 2x", "a.png 1x, b.png 2x"),
            (",, /a ,,", ",, /site/a ,,"),
            ("", ""),
        ] {
            check(Holding::Pictures, value, expected);
        }
    }

    #[test]
    fn a_refresh_leads_somewhere_or_only_waits() {
        for (value, expected) in [
            ("0; url=/a", "0; url=/site/a"),
            ("5;URL='/a' x", "5;URL='/site/a' x"),
            ("0, url = \"/a\"", "0, url = \"/site/a\""),
            ("0;/a", "0;/site/a"),
            ("1.5 /a", "1.5 /site/a"),
            ("30", "30"),
            ("0; url=https://example.org/", "0; url=https://example.org/"),
            ("", ""),
        ] {
            check(Holding::Refresh, value, expected);
        }
    }

    #[test]
    fn each_of_several_addresses_is_found() {
        check(Holding::Several, "/a https://x.example /b", "/site/a https://x.example /site/b");
    }
}
