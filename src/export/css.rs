//! Finds and rewrites the addresses in CSS: of pictures, fonts and other stylesheets.

use std::ops::Range;

use cssparser::{ParseError, Parser, Token, serialize_string};

/// Returns the new form of an address, or `None` if it stays as it is.
type RewriteCssAddress<'a> = &'a mut dyn FnMut(&str) -> Option<String>;

/// Returns CSS with its addresses rewritten, and every other byte as it was. `None` if all addresses stay.
pub(super) fn rewritten(css: &str, lead: RewriteCssAddress<'_>) -> Option<String> {
    let mut found = Vec::new();
    // Where the parser gives up, so does a browser: it follows no address behind that point.
    let _ = find(&mut Parser::new(css), Strings::Words, &mut found);
    let changes: Vec<_> =
        found.into_iter().filter_map(|(at, old)| Some((at, lead(&old)?))).collect();
    if changes.is_empty() {
        return None;
    }
    let mut written = String::with_capacity(css.len());
    let mut copied = 0;
    for (at, address) in changes {
        written.push_str(&css[copied..at.start]);
        // `url(/a)` is one token, with its parentheses; the address within `url("/a")` is a token of its own.
        let is_bare = !css[at.clone()].starts_with(['"', '\'']);
        let mut quoted = String::new();
        serialize_string(&address, &mut quoted).expect("writing to a string cannot fail");
        written.push_str(&if is_bare { format!("url({quoted})") } else { quoted });
        copied = at.end;
    }
    written.push_str(&css[copied..]);
    Some(written)
}

/// The meaning of the strings in a block or function: `content: "a"` is text, `url("a")` is an address.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Strings {
    Words,
    Addresses,
}

/// Collects every address with the range of bytes to replace, here and in the blocks within.
fn find(
    parser: &mut Parser<'_>,
    strings: Strings,
    found: &mut Vec<(Range<usize>, String)>,
) -> Result<(), ParseError<()>> {
    let mut is_next_an_address = false;
    let mut is_a_name = false;
    loop {
        let start = parser.position().byte_index();
        let Ok(token) = parser.next_including_whitespace_and_comments().cloned() else {
            return Ok(());
        };
        let at = start..parser.position().byte_index();
        let inside = match &token {
            Token::WhiteSpace(_) | Token::Comment(_) => continue,
            Token::UnquotedUrl(address) if !is_a_name => {
                found.push((at, address.to_string()));
                None
            }
            Token::QuotedString(address) if is_next_an_address || strings == Strings::Addresses => {
                found.push((at, address.to_string()));
                None
            }
            Token::Function(name) => Some(match name.to_ascii_lowercase().as_str() {
                "url" | "src" if !is_a_name => Strings::Addresses,
                "image-set" | "-webkit-image-set" => Strings::Addresses,
                _ => Strings::Words,
            }),
            Token::ParenthesisBlock | Token::SquareBracketBlock | Token::CurlyBracketBlock => {
                Some(Strings::Words)
            }
            _ => None,
        };
        is_next_an_address =
            matches!(&token, Token::AtKeyword(name) if name.eq_ignore_ascii_case("import"));
        // The address in `@namespace` is a mere identifier, which a browser does not fetch; changed, it would name
        // another namespace.
        is_a_name = match &token {
            Token::AtKeyword(name) => name.eq_ignore_ascii_case("namespace"),
            Token::Semicolon => false,
            _ => is_a_name,
        };
        if let Some(strings) = inside {
            parser.parse_nested_block(|parser| find(parser, strings, found))?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(css: &str, expected: &str) {
        let mut lead = |address: &str| address.starts_with('/').then(|| format!("/site{address}"));
        assert_eq!(rewritten(css, &mut lead).as_deref().unwrap_or(css), expected, "{css}");
    }

    #[test]
    fn every_way_to_write_an_address_is_found() {
        for (css, expected) in [
            ("a{background:url(/a.png)}", "a{background:url(\"/site/a.png\")}"),
            ("a{background:URL( /a.png )}", "a{background:url(\"/site/a.png\")}"),
            ("a{background:url('/a.png') red}", "a{background:url(\"/site/a.png\") red}"),
            ("a{background:url( \"/a b.png\" )}", "a{background:url( \"/site/a b.png\" )}"),
            ("a{background:url(/a\\29.png)}", "a{background:url(\"/site/a).png\")}"),
            (
                "a{background:image-set('/a' 1x, url(/b) 2x type('/c'))}",
                "a{background:image-set(\"/site/a\" 1x, url(\"/site/b\") 2x type('/c'))}",
            ),
            ("@import '/a.css' screen;", "@import \"/site/a.css\" screen;"),
            ("@import url(/a.css);", "@import url(\"/site/a.css\");"),
            (
                "@media print{@font-face{src:local('/x'),url(/f.woff2)}}",
                "@media print{@font-face{src:local('/x'),url(\"/site/f.woff2\")}}",
            ),
            (
                "a{--x:url(/a)}a{cursor:url(/b),auto}",
                "a{--x:url(\"/site/a\")}a{cursor:url(\"/site/b\"),auto}",
            ),
            ("background:url(/a", "background:url(\"/site/a\")"),
        ] {
            check(css, expected);
        }
    }

    #[test]
    fn what_is_no_address_of_the_app_keeps_its_bytes() {
        for css in [
            "",
            "a{content:'/a.png'}",
            "/* url(/a.png) */ a{}",
            "a{background:url(a.png)}",
            "a{background:url(data:image/png;base64,AA==)}",
            "a[href='/x']{color:red}",
            "@namespace url(/x); @namespace svg url('/y');",
            "a{{{{[[[((('/x",
            "}}} ;; url",
        ] {
            check(css, css);
        }
    }
}
