//! CORS for exported pages: pages on other sites that this server keeps live (Fetch standard, section 3.3).
//!
//! Such a page sends a guest's token in the query string. Cookies do not count for it, so it never acts for a
//! person who has signed in here.

use poem::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use poem::{Request, Response};

use crate::http::Site;

/// The paths that exported pages may request.
const PATHS: [&str; 4] =
    ["/api/auth/guest", "/api/fragments", "/api/realtime/subscribe", "/api/realtime/subscribe/sse"];

/// The origin and the token of a request that an exported page made.
#[derive(Clone)]
pub(super) struct Shared {
    origin: HeaderValue,
    /// The token in the query string. [`Caller`] accepts only that of a guest session.
    ///
    /// [`Caller`]: crate::http::caller::Caller
    pub(super) token: Option<String>,
}

impl Shared {
    /// Reads a request of an exported page, and takes the token out of its address. `None` if the request has
    /// no `Origin`, is for another path, or comes from a site that is not allowed.
    pub(super) fn take(request: &mut Request, site: &Site) -> Option<Self> {
        let origin = request.headers().get(header::ORIGIN)?.clone();
        if !PATHS.contains(&request.uri().path()) {
            return None;
        }
        // The token is taken out also if the site is not allowed. The route would otherwise refuse `token` as
        // an unknown parameter, and so tell that site which sites are allowed.
        let (token, uri) = without_token(request.uri());
        *request.uri_mut() = uri;
        let is_known = origin.to_str().is_ok_and(|origin| site.allows(origin));
        is_known.then_some(Self { origin, token })
    }

    /// Returns the answer to a CORS preflight request (Fetch standard, section 4.8). `None` for any other
    /// method.
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

    /// Adds the CORS headers with which the browser lets the page read an answer and its ETag.
    pub(super) fn mark(&self, headers: &mut HeaderMap) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, self.origin.clone());
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("ETag"));
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
    }
}

/// Returns the value of the parameter `token`, if there is one, and the address without that parameter.
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
