//! Whether a request comes from a page of ours. Cookies go along with requests that other sites
//! make, so a request that changes something must show where it comes from.

use poem::Request;
use poem::http::{HeaderMap, Method, header};

use crate::http::caller::{carries_bearer, session_cookie};
use crate::http::error::HttpError;
use crate::http::peer::Peer;

/// Refuses a request that another site may have made in a visitor's name: one that is unsafe, or
/// opens a socket, which no browser rule keeps within its site.
pub(super) fn check(request: &Request, peer: &Peer) -> Result<(), HttpError> {
    let headers = request.headers();
    // No browser sends such a token for another site, and beside one the cookie is not looked at.
    if carries_bearer(headers) {
        return Ok(());
    }
    // A stream of events is one too: it would be held open in the visitor's name.
    let opens_socket = headers.contains_key(header::UPGRADE) || is_stream(request.uri().path());
    let is_safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let is_ours = match (text(headers, "sec-fetch-site"), text(headers, "origin")) {
        _ if is_safe && !opens_socket => true,
        (Some(site), _) if !opens_socket => is_own(site),
        (_, Some(origin)) => is_same(origin, peer),
        // A link, a frame or an image of another site, which carry no `Origin`.
        (Some(site), None) => is_own(site),
        // A program, not a browser; it has no cookie unless it was given one.
        (None, None) => opens_socket || session_cookie(headers).is_none(),
    };
    if is_ours || (opens_socket && session_cookie(headers).is_none()) {
        Ok(())
    } else {
        Err(HttpError::ForeignOrigin)
    }
}

fn is_stream(path: &str) -> bool {
    path.starts_with("/api/") && path.ends_with("/sse")
}

/// Whether a browser says that a request is made by a page of ours, or by the visitor.
fn is_own(site: &str) -> bool {
    matches!(site, "same-origin" | "none")
}

/// The scheme counts only where a proxy says it: one that speaks HTTPS speaks HTTP to us.
fn is_same(origin: &str, peer: &Peer) -> bool {
    let Some((scheme, host)) = origin.split_once("://") else { return false };
    let is_https = scheme == "https";
    host == peer.host() && peer.is_https.is_none_or(|known| known == is_https)
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    // A header that is no text is there all the same, and is nobody's.
    headers.get(name).map(|value| value.to_str().unwrap_or("?"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::COOKIE;
    use crate::http::peer::tests::peer;

    /// `headers` as lines; `host` and the session cookie are always there.
    #[track_caller]
    fn check_with(method: Method, headers: &str, allowed: bool) {
        check_at("/", method, headers, allowed);
    }

    #[track_caller]
    fn check_at(path: &'static str, method: Method, headers: &str, allowed: bool) {
        let mut request = Request::builder().method(method).uri_str(path);
        request = request.header("host", "desk.example:3000");
        request = request.header("cookie", format!("a=b; {COOKIE}=x"));
        for line in headers.lines() {
            let (name, value) = line.split_once(": ").unwrap();
            request = request.header(name, value);
        }
        let all = format!("host: desk.example:3000\n{headers}");
        let peer = peer("10.0.0.1", "10.0.0.1", &all);
        assert_eq!(check(&request.finish(), &peer).is_ok(), allowed, "{headers}");
    }

    #[test]
    fn another_site_can_read_but_not_write() {
        check_with(Method::GET, "sec-fetch-site: cross-site", true);
        check_with(Method::POST, "sec-fetch-site: cross-site", false);
        check_with(Method::POST, "sec-fetch-site: same-site", false);
        check_with(Method::DELETE, "origin: https://evil.example", false);
        check_with(Method::POST, "origin: null", false);
        check_with(Method::POST, "", false);
    }

    #[test]
    fn our_own_pages_can_write() {
        check_with(Method::POST, "sec-fetch-site: same-origin", true);
        check_with(Method::POST, "origin: https://desk.example:3000", true);
        check_with(Method::PATCH, "origin: http://desk.example:3000", true);
    }

    #[test]
    fn behind_a_proxy_our_pages_are_those_that_it_serves() {
        let proxied = "x-forwarded-proto: https\nx-forwarded-host: desk.example\norigin: ";
        let check = |origin: &str, allowed| {
            check_with(Method::POST, &format!("{proxied}{origin}"), allowed);
        };
        check("https://desk.example", true);
        check("http://desk.example", false);
        check("https://desk.example:3000", false);
    }

    #[test]
    fn a_token_of_the_api_needs_no_origin() {
        let from = "authorization: Bearer x\norigin: https://other.example";
        check_with(Method::POST, from, true);
        check_with(Method::POST, "authorization: Basic eDp5", false);
    }

    #[test]
    fn another_site_cannot_open_a_socket() {
        let from = |origin: &str| format!("upgrade: websocket\norigin: {origin}");
        check_with(Method::GET, &from("http://desk.example:3000"), true);
        check_with(Method::GET, &from("http://desk.example"), false);
        check_with(Method::GET, &from("null"), false);
        check_with(Method::GET, "upgrade: websocket", true);
    }

    #[test]
    fn another_site_cannot_open_a_stream_not_even_by_a_link() {
        let check = |headers, allowed| {
            check_at("/api/tables/orders/subscribe/sse", Method::GET, headers, allowed);
        };
        check("", true);
        check("sec-fetch-site: same-origin", true);
        check("sec-fetch-site: none", true);
        check("sec-fetch-site: cross-site", false);
        check("sec-fetch-site: same-site", false);
        check("origin: null", false);
        check("origin: https://evil.example", false);
        // A page that only has such a name may be linked to.
        check_at("/sse", Method::GET, "sec-fetch-site: cross-site", true);
    }
}
