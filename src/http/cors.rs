//! Pages of other sites that may show what guests see: exported ones, which this server keeps live.
//!
//! They know a guest's token and send it themselves; a cookie of ours does not count for them, so
//! nobody who has signed in here is at their mercy.

use poem::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use poem::{Request, Response};

use crate::http::Site;

/// What such pages may ask for.
const PATHS: [&str; 4] =
    ["/api/auth/guest", "/api/fragments", "/api/realtime/subscribe", "/api/realtime/subscribe/sse"];

/// A request by such a page.
#[derive(Clone)]
pub(super) struct Shared {
    origin: HeaderValue,
    /// The token of a guest's session.
    pub(super) token: Option<String>,
}

impl Shared {
    /// Takes the token out of a request by such a page; nothing if it is by no such page.
    pub(super) fn take(request: &mut Request, site: &Site) -> Option<Self> {
        let origin = request.headers().get(header::ORIGIN)?.clone();
        if !PATHS.contains(&request.uri().path()) {
            return None;
        }
        // From any other site it does not count; that it is no parameter is nothing they need to know.
        let (token, uri) = without_token(request.uri());
        *request.uri_mut() = uri;
        let is_known = origin.to_str().is_ok_and(|origin| site.allows(origin));
        is_known.then_some(Self { origin, token })
    }

    /// What a browser asks before it asks.
    pub(super) fn preflight(&self, request: &Request) -> Option<Response> {
        let headers = [
            (header::ACCESS_CONTROL_ALLOW_METHODS, "GET"),
            (header::ACCESS_CONTROL_ALLOW_HEADERS, "If-None-Match"),
            (header::ACCESS_CONTROL_MAX_AGE, "86400"),
        ];
        let answer = Response::builder().status(StatusCode::NO_CONTENT);
        let answer =
            headers.into_iter().fold(answer, |answer, (name, value)| answer.header(name, value));
        (*request.method() == Method::OPTIONS).then(|| answer.finish())
    }

    /// Lets the page read an answer.
    pub(super) fn mark(&self, headers: &mut HeaderMap) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, self.origin.clone());
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("ETag"));
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
    }
}

/// The token of an address, and the address without it.
fn without_token(uri: &Uri) -> (Option<String>, Uri) {
    let query = uri.query().unwrap_or_default();
    let token = query.split('&').find_map(|pair| pair.strip_prefix("token=")).map(str::to_owned);
    let rest: Vec<_> = query.split('&').filter(|pair| !pair.starts_with("token=")).collect();
    let bare = format!("{}?{}", uri.path(), rest.join("&"));
    let bare = bare.trim_end_matches('?').parse().unwrap_or_else(|_| uri.clone());
    (token, bare)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_taken_out_of_an_address() {
        let check = |given: &str, token: Option<&str>, left: &str| {
            let (taken, uri) = without_token(&given.parse().unwrap());
            assert_eq!((taken.as_deref(), uri.to_string().as_str()), (token, left), "{given}");
        };
        check("/a?token=guest.1.x", Some("guest.1.x"), "/a");
        check("/a?b=1&token=t&c=%3F", Some("t"), "/a?b=1&c=%3F");
        check("/a?b=token=1", None, "/a?b=token=1");
        check("/a", None, "/a");
    }
}
