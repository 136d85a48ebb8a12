//! Origins of other sites, in the form that browsers send in the header `Origin` (RFC 6454).

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

/// The origin of a site: the scheme http or https, a host in lower case and perhaps a port, without a path,
/// such as `https://example.org` or `http://localhost:8000`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Origin(String);

/// The error for a text that is no origin.
#[derive(Debug, thiserror::Error)]
#[error("an origin is a scheme and a host without a path, as in `https://example.org`")]
pub struct BadOrigin;

impl Origin {
    /// The text of the origin, as browsers send it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Origin {
    type Err = BadOrigin;

    fn from_str(text: &str) -> Result<Self, BadOrigin> {
        let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        // Browsers send hosts in lower case, and origins are compared as text.
        let allowed = |c: char| {
            c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '-' | ':' | '[' | ']')
        };
        match host {
            Some(host) if !host.is_empty() && host.chars().all(allowed) => {
                Ok(Self(text.to_owned()))
            }
            _ => Err(BadOrigin),
        }
    }
}

impl TryFrom<String> for Origin {
    type Error = BadOrigin;

    fn try_from(text: String) -> Result<Self, BadOrigin> {
        text.parse()
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_a_scheme_and_a_host() {
        for good in ["https://example.org", "http://localhost:8000", "http://[::1]:3000"] {
            assert_eq!(good.parse::<Origin>().unwrap().as_str(), good);
        }
        for bad in [
            "*",
            "null",
            "example.org",
            "https://",
            "https://Example.org",
            "https://a.b/",
            "https://a b",
            "ftp://a.b",
            "https://*.a.b",
        ] {
            assert!(bad.parse::<Origin>().is_err(), "{bad}");
        }
    }
}
