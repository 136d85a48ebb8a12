//! Checks the `Host` of a request. Caches, virtual hosts and the check of `Origin` ([`csrf`]) depend on it,
//! so a request that names no host, or two, is refused (RFC 9112, 3.2).
//!
//! [`csrf`]: crate::http::csrf

use std::net::Ipv4Addr;

use poem::Request;
use poem::http::{HeaderMap, Uri, Version, header};

use crate::http::error::HttpError;

/// Checks that a request names exactly one host.
///
/// # Errors
/// [`HttpError::BadHost`], which is a 400.
pub(super) fn check(request: &Request) -> Result<(), HttpError> {
    let is_sound = is_named_once(request.version(), request.uri(), request.headers());
    if is_sound { Ok(()) } else { Err(HttpError::BadHost) }
}

/// Whether the header `Host` and the authority of the target, where a request has both, name one host.
fn is_named_once(version: Version, uri: &Uri, headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(header::HOST).into_iter();
    let (host, more) = (hosts.next(), hosts.next());
    let target = uri.authority().map(|authority| authority.as_str());
    match (host.map(|host| host.to_str()), target) {
        _ if more.is_some() => false,
        (Some(Err(_)), _) => false,
        (Some(Ok(host)), Some(target)) => host.eq_ignore_ascii_case(without_user(target)),
        (Some(Ok(host)), None) => !host.contains([' ', '\t', ',', '/', '@']),
        // HTTP/2 has `:authority` in place of the header (RFC 9113, 8.3.1), and HTTP/1.0 requires neither.
        (None, Some(_)) => version != Version::HTTP_11,
        (None, None) => version < Version::HTTP_11,
    }
}

/// The name in a host such as `desk.example:3000`, without the port.
pub(super) fn name(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    }
}

/// Whether a name without a port is one of this machine: a loopback address, `localhost` or a name below it
/// (RFC 6761, 6.3). Anyone can register `127.evil.example`, which is none.
pub(super) fn is_of_this_machine(name: &str) -> bool {
    let is_loopback = || name.parse().is_ok_and(|ip: Ipv4Addr| ip.is_loopback());
    name == "localhost" || name.ends_with(".localhost") || name == "[::1]" || is_loopback()
}

/// The host and port of an authority such as `ada@desk.example:3000`.
fn without_user(authority: &str) -> &str {
    authority.rsplit_once('@').map_or(authority, |(_, host)| host)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::peer::tests::headers;

    #[track_caller]
    fn check(version: Version, target: &str, lines: &str, is_sound: bool) {
        let uri: Uri = target.parse().unwrap();
        assert_eq!(is_named_once(version, &uri, &headers(lines)), is_sound, "{target} {lines}");
    }

    #[test]
    fn a_request_names_its_host_once() {
        let one = Version::HTTP_11;
        check(one, "/", "host: desk.example:3000", true);
        check(one, "/", "host: [::1]:3000", true);
        check(one, "/", "", false);
        check(one, "/", "host: a\nhost: a", false);
        check(one, "/", "host: a, b", false);
        check(one, "http://desk.example/", "host: Desk.example", true);
        check(one, "http://evil.example/", "host: desk.example", false);
        check(one, "http://desk.example/", "", false);
        check(Version::HTTP_10, "/", "", true);
        check(Version::HTTP_2, "http://desk.example/", "", true);
        check(Version::HTTP_2, "http://desk.example/", "host: evil.example", false);
    }
}
