//! The client behind a request: its address, its host and whether it uses HTTPS.
//!
//! They come from the connection, or from the `X-Forwarded-…` headers if the connection is that of a trusted
//! proxy. From anyone else these headers are ignored, since any client can write them.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::sync::Arc;

use ipnet::IpNet;
use poem::Request;
use poem::http::{HeaderMap, HeaderValue, header};

use crate::http::host;

const FORWARDED_FOR: &str = "x-forwarded-for";
const FORWARDED_PROTO: &str = "x-forwarded-proto";
const FORWARDED_HOST: &str = "x-forwarded-host";

/// The addresses and networks of the proxies whose `X-Forwarded-…` headers are trusted. None by default.
#[derive(Clone, Debug, Default)]
pub struct Proxies(Arc<[IpNet]>);

/// A text that is neither an IP address nor a network. The item is the faulty part.
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

/// The client that sent a request.
#[derive(Clone, Debug)]
pub(super) struct Peer {
    /// The IP address of the client.
    pub(super) address: IpAddr,
    /// Whether the client uses HTTPS. `None` if no trusted proxy says so.
    pub(super) is_https: Option<bool>,
    /// The host that the client asked for.
    host: Option<HeaderValue>,
}

impl Proxies {
    /// Whether an address is that of a trusted proxy.
    pub(super) fn trusts(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// Returns the client that sent a request.
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
        let forwarded =
            last(headers, FORWARDED_HOST).and_then(|host| HeaderValue::from_str(host).ok());
        Peer {
            address: self.forwarded_for(headers).unwrap_or(connected).to_canonical(),
            is_https: scheme.map(|scheme| scheme.eq_ignore_ascii_case("https")),
            host: forwarded.or(host),
        }
    }

    /// The client's address by `X-Forwarded-For`: the last address that is not a trusted proxy. `None` if the
    /// header is missing or its last part is not an address.
    ///
    /// Each proxy appends the address that it got the request from. So the list is read from its end; what
    /// comes before the first address that is not trusted may be made up by the client.
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

/// Reads an IP address, with or without a port: `192.0.2.1`, `192.0.2.1:80`, `[2001:db8::1]:80`.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
    bare.parse().ok().or_else(with_port)
}

/// The last part of a header that is a list: the one that the nearest proxy wrote.
fn last<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let value = headers.get_all(name).into_iter().next_back()?.to_str().ok()?;
    value.rsplit(',').next().map(str::trim)
}

impl Peer {
    /// The host that the client asked for, with its port. Empty if it is missing or not ASCII, which matches
    /// no host.
    pub(super) fn host(&self) -> &str {
        self.host.as_ref().and_then(|host| host.to_str().ok()).unwrap_or_default()
    }

    /// Whether the client is a program on this machine: it connects over loopback by a name of this machine,
    /// and without the headers of a proxy. A proxy on this machine passes on the requests of anyone.
    pub(super) fn is_program_here(&self, headers: &HeaderMap) -> bool {
        let by_proxy = [FORWARDED_FOR, FORWARDED_PROTO, FORWARDED_HOST, "forwarded", "via"];
        self.address.is_loopback()
            && self.is_at_home()
            && !by_proxy.iter().any(|name| headers.contains_key(*name))
    }

    /// Whether the client asked for a name of its own machine, such as `localhost`. There a session cookie
    /// has to work without HTTPS.
    pub(super) fn is_at_home(&self) -> bool {
        host::is_of_this_machine(host::name(self.host()))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Reads headers from lines of `name: value`.
    pub(crate) fn headers(lines: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines.lines() {
            let (name, value) = line.trim().split_once(": ").unwrap();
            let name = poem::http::HeaderName::from_bytes(name.as_bytes()).unwrap();
            headers.append(name, value.parse().unwrap());
        }
        headers
    }

    /// Returns the client of a request with these header lines, on a connection from the address `from`.
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
                     x-forwarded-host: evil.example, desk.example";
        let peer = peer("10.0.0.1", "10.0.0.1", lines);
        assert_eq!((peer.is_https, peer.host()), (Some(true), "desk.example"));
        assert!(!peer.is_at_home());
    }

    #[test]
    fn a_name_that_anyone_can_register_is_none_of_this_machine() {
        let check = |host: &str, is_here: bool| {
            let lines = format!("host: {host}");
            let peer = peer("10.0.0.1", "127.0.0.1", &lines);
            assert_eq!(peer.is_program_here(&headers(&lines)), is_here, "{host}");
        };
        for host in ["localhost", "localhost:3000", "127.0.0.1:3000", "127.9.9.9", "[::1]:3000"] {
            check(host, true);
        }
        // Such a name can lead to this machine (DNS rebinding), and a browser here then sends what the page
        // of another site asks for.
        for host in ["127.evil.example", "127.0.0.1.evil.example:3000", "localhost.evil.example"] {
            check(host, false);
        }
    }

    #[test]
    fn what_is_no_network_is_no_proxy() {
        assert!("10.0.0.0/8,192.0.2.1, fd00::/8".parse::<Proxies>().is_ok());
        for text in ["", "10.0.0.0/33", "10.0.0", "desk.example", "10.0.0.1,"] {
            assert!(text.parse::<Proxies>().is_err(), "{text}");
        }
    }
}
