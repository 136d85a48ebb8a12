//! Where a request really comes from: what its connection says, or what a proxy that is trusted says of
//! it. What anybody else says in those headers is not heard.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::sync::Arc;

use ipnet::IpNet;
use poem::Request;
use poem::http::{HeaderMap, HeaderValue, header};

const FORWARDED_FOR: &str = "x-forwarded-for";
const FORWARDED_PROTO: &str = "x-forwarded-proto";
const FORWARDED_HOST: &str = "x-forwarded-host";

/// The proxies whose word is taken for where a request comes from.
#[derive(Clone, Debug, Default)]
pub struct Proxies(Arc<[IpNet]>);

/// What is neither an address nor a network.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not an address like 10.0.0.7 or a network like 10.0.0.0/8")]
pub struct BadProxy(String);

impl FromStr for Proxies {
    type Err = BadProxy;

    fn from_str(text: &str) -> Result<Self, BadProxy> {
        let network = |part: &str| {
            let part = part.trim();
            let one = part.parse::<IpAddr>().map(|address| address.to_canonical().into());
            one.or_else(|_| part.parse::<IpNet>()).map_err(|_| BadProxy(part.to_owned()))
        };
        text.split(',').map(network).collect::<Result<Vec<_>, _>>().map(|all| Self(all.into()))
    }
}

/// Who is at the other end.
#[derive(Clone, Debug)]
pub(super) struct Peer {
    /// Their address on the network.
    pub(super) address: IpAddr,
    /// Whether they use HTTPS, if that is known.
    pub(super) is_https: Option<bool>,
    /// The host they asked for.
    host: Option<HeaderValue>,
}

impl Proxies {
    /// Whether this is one of them.
    pub(super) fn trusts(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// Who sent a request.
    pub(super) fn peer(&self, request: &Request) -> Peer {
        let connected = request.remote_addr().as_socket_addr().map(SocketAddr::ip);
        self.peer_of(connected.unwrap_or(IpAddr::from([0, 0, 0, 0])), request.headers())
    }

    fn peer_of(&self, connected: IpAddr, headers: &HeaderMap) -> Peer {
        let host = headers.get(header::HOST).cloned();
        if !self.trusts(connected) {
            return Peer { address: connected.to_canonical(), is_https: None, host };
        }
        let scheme = last(headers, FORWARDED_PROTO);
        let forwarded = headers.get_all(FORWARDED_HOST).into_iter().next_back().cloned();
        Peer {
            address: self.forwarded_for(headers).unwrap_or(connected).to_canonical(),
            is_https: scheme.map(|scheme| scheme.eq_ignore_ascii_case("https")),
            host: forwarded.or(host),
        }
    }

    /// The nearest address that is none of the proxies': each of them adds at the end whom it heard
    /// from, and what stands before that may be made up.
    fn forwarded_for(&self, headers: &HeaderMap) -> Option<IpAddr> {
        let lines = headers.get_all(FORWARDED_FOR).into_iter();
        let lines: Vec<_> = lines.map(|line| line.to_str().unwrap_or("?")).collect();
        let mut nearest = None;
        for part in lines.iter().rev().flat_map(|line| line.rsplit(',')) {
            let Some(address) = address(part.trim()) else { break };
            nearest = Some(address);
            if !self.trusts(address) {
                break;
            }
        }
        nearest
    }
}

/// An address, with or without a port.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
    bare.parse().ok().or_else(with_port)
}

/// The last word of a header: that of the proxy nearest to us.
fn last<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let value = headers.get_all(name).into_iter().next_back()?.to_str().ok()?;
    value.rsplit(',').next().map(str::trim)
}

impl Peer {
    /// The host they asked for, with its port; what is no text is nobody's.
    pub(super) fn host(&self) -> &str {
        self.host.as_ref().and_then(|host| host.to_str().ok()).unwrap_or_default()
    }

    /// Whether they are a program on this machine that speaks for itself: by a name of this machine, and
    /// not on the way of a proxy, which passes on what anybody asks.
    pub(super) fn is_program_here(&self, headers: &HeaderMap) -> bool {
        let by_proxy = [FORWARDED_FOR, FORWARDED_PROTO, FORWARDED_HOST, "forwarded", "via"];
        self.address.is_loopback()
            && self.is_at_home()
            && !by_proxy.iter().any(|name| headers.contains_key(*name))
    }

    /// Whether they reached us on their own machine, where there is no encryption.
    pub(super) fn is_at_home(&self) -> bool {
        let host = self.host();
        let name = match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
            _ => host,
        };
        name == "localhost" || name == "[::1]" || name.starts_with("127.")
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Headers as lines.
    pub(crate) fn headers(lines: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines.lines() {
            let (name, value) = line.trim().split_once(": ").unwrap();
            let name = poem::http::HeaderName::from_bytes(name.as_bytes()).unwrap();
            headers.append(name, value.parse().unwrap());
        }
        headers
    }

    /// A request of these headers that came over a connection from `from`, behind these proxies.
    pub(crate) fn peer(proxies: &str, from: &str, lines: &str) -> Peer {
        let proxies: Proxies = proxies.parse().unwrap();
        proxies.peer_of(from.parse().unwrap(), &headers(lines))
    }

    #[track_caller]
    fn check(proxies: &str, from: &str, lines: &str, address: &str) {
        assert_eq!(peer(proxies, from, lines).address.to_string(), address, "{lines}");
    }

    #[test]
    fn nobody_but_a_trusted_proxy_is_heard() {
        let forged = "x-forwarded-for: 198.51.100.1\nx-forwarded-proto: https\n\
                      x-forwarded-host: evil.example\nhost: desk.example";
        check("10.0.0.0/8", "192.0.2.1", forged, "192.0.2.1");
        let peer = peer("10.0.0.0/8", "192.0.2.1", forged);
        assert_eq!((peer.is_https, peer.host()), (None, "desk.example"));
        let none = Proxies::default().peer_of("127.0.0.1".parse().unwrap(), &headers(forged));
        assert_eq!(none.address.to_string(), "127.0.0.1");
    }

    #[test]
    fn the_nearest_address_that_is_not_trusted_is_taken() {
        let behind = |lines, address| check("10.0.0.0/8, ::1", "10.0.0.1", lines, address);
        behind("x-forwarded-for: 198.51.100.1", "198.51.100.1");
        behind("x-forwarded-for: 1.1.1.1, 198.51.100.1", "198.51.100.1");
        behind("x-forwarded-for: 1.1.1.1, 198.51.100.1, 10.0.0.9", "198.51.100.1");
        behind("x-forwarded-for: 1.1.1.1\nx-forwarded-for: 198.51.100.1,10.9.9.9", "198.51.100.1");
        behind("x-forwarded-for: 1.1.1.1, nonsense, 10.0.0.9", "10.0.0.9");
        behind("x-forwarded-for: nonsense", "10.0.0.1");
        behind("x-forwarded-for: 198.51.100.1:4711", "198.51.100.1");
        behind("x-forwarded-for: [2001:db8::1]:4711", "2001:db8::1");
        behind("x-forwarded-for: ::ffff:198.51.100.1", "198.51.100.1");
        behind("host: desk.example", "10.0.0.1");
        check("10.0.0.1", "::ffff:10.0.0.1", "x-forwarded-for: 198.51.100.1", "198.51.100.1");
    }

    #[test]
    fn a_trusted_proxy_says_how_its_client_reached_it() {
        let lines = "host: 127.0.0.1:3000\nx-forwarded-proto: http, https\n\
                     x-forwarded-host: desk.example";
        let peer = peer("10.0.0.1", "10.0.0.1", lines);
        assert_eq!((peer.is_https, peer.host()), (Some(true), "desk.example"));
        assert!(!peer.is_at_home());
    }

    #[test]
    fn what_is_no_network_is_no_proxy() {
        assert!("10.0.0.0/8,192.0.2.1, fd00::/8".parse::<Proxies>().is_ok());
        for text in ["", "10.0.0.0/33", "10.0.0", "desk.example", "10.0.0.1,"] {
            assert!(text.parse::<Proxies>().is_err(), "{text}");
        }
    }
}
