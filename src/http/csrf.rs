//! Protection against cross-site request forgery (CSRF).
//!
//! Browsers send cookies along with requests that other sites make. So a request that changes something, or
//! opens a live connection, must show by `Sec-Fetch-Site` or `Origin` that a page of this server made it.

use poem::Request;
use poem::http::{HeaderMap, Method, header};

use crate::http::caller::{carries_bearer, session_cookie};
use crate::http::error::HttpError;
use crate::http::peer::Peer;

/// Refuses a request that another site may have made with the visitor's cookie: one with an unsafe method, or
/// one that opens a WebSocket or an event stream. Browsers do not apply CORS to WebSockets.
///
/// # Errors
/// [`HttpError::ForeignOrigin`], which is a 403.
pub(super) fn check(request: &Request, peer: &Peer) -> Result<(), HttpError> {
    let headers = request.headers();
    // Browsers never add this header by themselves, and a request that has it is not authenticated by its
    // cookie.
    if carries_bearer(headers) {
        return Ok(());
    }
    // An event stream counts too: another site could use up the visitor's connections with links to it.
    let opens_socket = headers.contains_key(header::UPGRADE) || is_stream(request.uri().path());
    let is_safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let is_ours = match (text(headers, "sec-fetch-site"), text(headers, "origin")) {
        _ if is_safe && !opens_socket => true,
        (Some(site), _) if !opens_socket => is_own(site),
        // `Origin` decides for sockets, and where an older browser does not send `Sec-Fetch-Site`.
        (_, Some(origin)) => is_same(origin, peer),
        // Links, frames and images have no `Origin`, but `Sec-Fetch-Site`.
        (Some(site), None) => is_own(site),
        // A program, since browsers send one of the two headers. If it has a session cookie, it must say
        // `Origin` to change something: a browser that is too old to send the headers looks the same.
        (None, None) => opens_socket || session_cookie(headers).is_none(),
    };
    // A socket without a cookie acts for no one, so it does not matter who opens it.
    if is_ours || (opens_socket && session_cookie(headers).is_none()) {
        Ok(())
    } else {
        Err(HttpError::ForeignOrigin)
    }
}

/// Whether a path is that of an event stream: see `http/routes.rs`.
fn is_stream(path: &str) -> bool {
    path.starts_with("/api/") && path.ends_with("/sse")
}

/// Whether `Sec-Fetch-Site` says that a page of ours made the request, or the visitor by typing the address
/// (`none`). Another subdomain (`same-site`) may belong to someone else.
fn is_own(site: &str) -> bool {
    matches!(site, "same-origin" | "none")
}

/// Whether an `Origin` is this server, by its host and port. The scheme is compared only if a trusted proxy
/// says which one the browser used: this server itself speaks HTTP, also behind a proxy that speaks HTTPS.
fn is_same(origin: &str, peer: &Peer) -> bool {
    let Some((scheme, host)) = origin.split_once("://") else { return false };
    let is_https = scheme == "https";
    host == peer.host() && peer.is_https.is_none_or(|known| known == is_https)
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    // A header with other bytes than ASCII is present, but matches nothing.
    headers.get(name).map(|value| value.to_str().unwrap_or("?"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::COOKIE;
    use crate::http::peer::tests::peer;

    /// Checks whether a request with these header lines is allowed. `host` and a session cookie are always
    /// present.
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
        // A page whose path only ends like a stream's may be linked to.
        check_at("/sse", Method::GET, "sec-fetch-site: cross-site", true);
    }
}
