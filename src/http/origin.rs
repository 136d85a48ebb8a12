//! Whether a request comes from a page of ours. Cookies go along with requests that other sites
//! make, so a request that changes something must show where it comes from.

use poem::Request;
use poem::http::{HeaderMap, Method, header};

use crate::http::caller::session_cookie;
use crate::http::error::HttpError;

/// Refuses a request that another site may have made in a visitor's name: one that is unsafe, or
/// opens a socket, which no browser rule keeps within its site.
pub(super) fn check(request: &Request) -> Result<(), HttpError> {
    let headers = request.headers();
    // A stream of events is one too: it would be held open in the visitor's name.
    let opens_socket = headers.contains_key(header::UPGRADE) || is_stream(request.uri().path());
    let is_safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let is_ours = match (text(headers, "sec-fetch-site"), text(headers, "origin")) {
        _ if is_safe && !opens_socket => true,
        (Some(site), _) if !opens_socket => is_own(site),
        (_, Some(origin)) => is_same(origin, headers),
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

/// The scheme is left out: a proxy that speaks HTTPS speaks HTTP to us.
fn is_same(origin: &str, headers: &HeaderMap) -> bool {
    let host = origin.split_once("://").map(|(_, host)| host);
    host.is_some() && host == text(headers, "host")
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    // A header that is no text is there all the same, and is nobody's.
    headers.get(name).map(|value| value.to_str().unwrap_or("?"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::caller::COOKIE;

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
        assert_eq!(check(&request.finish()).is_ok(), allowed, "{headers}");
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
