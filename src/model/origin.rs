//! Where a page of another site comes from, as browsers say it.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

/// A scheme and a host, as in `https://example.org` or `http://localhost:8000`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Origin(String);

/// A text that is no origin.
#[derive(Debug, thiserror::Error)]
#[error("an origin is a scheme and a host without a path, as in `https://example.org`")]
pub struct BadOrigin;

impl Origin {
    /// As browsers send it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Origin {
    type Err = BadOrigin;

    fn from_str(text: &str) -> Result<Self, BadOrigin> {
        let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
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
